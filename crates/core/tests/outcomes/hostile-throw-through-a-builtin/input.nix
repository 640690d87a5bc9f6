builtins.foldl' (a: throw) 1 [ "unable to download 'http://host.invalid/x'" ]

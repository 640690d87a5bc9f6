builtins.stringLength (builtins.foldl' (a: i: a + a) "0123456789abcdef" (builtins.genList (i: i) 26))

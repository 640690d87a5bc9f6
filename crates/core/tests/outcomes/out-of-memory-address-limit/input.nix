builtins.foldl' (a: i: a // { "k${toString i}" = "${toString i}-${toString (i * i)}"; }) { } (builtins.genList (i: i) 10000000)

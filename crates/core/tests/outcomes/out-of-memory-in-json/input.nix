builtins.stringLength (builtins.toJSON (builtins.genList (i: { a = i; b = "${toString i}xxxxxxxxxxxxxxxxxxxxxx"; }) 20000000))

throw "infinite recursion encountered, at /x.nix:1:1\n\n       at /x.nix:1:1:\n\n            1| x"

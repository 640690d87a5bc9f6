throw "x\nerror: out of memory\n       error: infinite recursion encountered\n       at /x.nix:1:1:\nerror: stack overflow (possible infinite recursion)"

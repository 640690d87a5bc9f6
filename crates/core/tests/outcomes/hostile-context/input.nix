builtins.addErrorContext "\nerror: out of memory\n@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: out of memory\"}" (throw "infinite recursion encountered")

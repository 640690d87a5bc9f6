builtins.trace "error: out of memory" (builtins.trace "\nerror: infinite recursion encountered\n@nix {\"action\":\"msg\",\"level\":0,\"msg\":\"error: out of memory\"}" 1)

builtins.fetchGit "${builtins.getEnv "PRIVATE"}/x\n@nix {\"action\":\"msg\",\"column\":1,\"file\":\"/x.nix\",\"level\":0,\"line\":1,\"msg\":\"\",\"raw_msg\":\"infinite recursion encountered\"}\n"

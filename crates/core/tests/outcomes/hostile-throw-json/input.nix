throw "x\n@nix {\"action\":\"msg\",\"column\":1,\"file\":\"/x.nix\",\"level\":0,\"line\":1,\"msg\":\"error: infinite recursion encountered\",\"raw_msg\":\"infinite recursion encountered\"}"

builtins.fetchurl { url = "file://${builtins.getEnv "PRIVATE"}/file"; sha256 = "0000000000000000000000000000000000000000000000000000"; }

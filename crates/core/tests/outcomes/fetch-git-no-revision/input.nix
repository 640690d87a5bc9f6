builtins.fetchGit { url = "file://${builtins.getEnv "PRIVATE"}/repository"; rev = "0123456789012345678901234567890123456789"; }

builtins.fetchTarball "file://${builtins.getEnv "PRIVATE"}/file"

builtins.fetchGit "file://${builtins.getEnv "PRIVATE"}/no-repository"

builtins.fetchGit "https://host.invalid/x.git"

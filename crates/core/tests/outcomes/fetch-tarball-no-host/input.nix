builtins.fetchTarball "http://host.invalid/x.tar.gz"

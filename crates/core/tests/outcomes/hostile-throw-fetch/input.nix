throw "unable to download 'http://host.invalid/x': Could not resolve hostname (6)"

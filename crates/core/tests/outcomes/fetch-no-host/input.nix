builtins.fetchurl "http://host.invalid/x"

builtins.fetchurl "http://host.invalid/y"

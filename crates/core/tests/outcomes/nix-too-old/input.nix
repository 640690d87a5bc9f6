abort ''

This version of Nixpkgs requires an implementation of Nix with features at least as recent as Nix 9.9.
''

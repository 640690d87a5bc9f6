final: prev: {
  lock2py = import ./default.nix { pkgs = final; };
}

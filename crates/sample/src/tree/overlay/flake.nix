{
  description = "Python applications from their lock files";

  inputs.pkgs.url = "flake:pkgs";

  outputs =
    { self, pkgs }:
    {
      overlays.default = import ./overlay.nix;
    };
}

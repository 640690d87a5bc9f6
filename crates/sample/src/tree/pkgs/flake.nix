{
  description = "A small collection of packages";

  outputs =
    { self }:
    let
      lib = import ./lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
    in
    {
      lib = lib // {
        pkgsSystem = args: import ./nixos ({ inherit lib; } // args);
      };
      legacyPackages = lib.genAttrs systems (system: import ./. { inherit system; });
      nixosModules = {
        services = ./nixos/services.nix;
        users = ./nixos/users.nix;
      };
    };
}

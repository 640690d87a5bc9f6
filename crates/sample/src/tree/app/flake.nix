{
  description = "Fetches feeds and shows them in a terminal";

  inputs = {
    pkgs.url = "git+@pkgs@?ref=main";
    overlay = {
      url = "git+@overlay@?ref=main";
      inputs.pkgs.follows = "pkgs";
    };
    tools.url = "git+@tools@?ref=main";
    systems.url = "git+@systems@?ref=main";
  };

  outputs =
    {
      self,
      pkgs,
      overlay,
      tools,
      systems,
    }:
    let
      each =
        f:
        pkgs.lib.genAttrs (import systems) (
          system:
          f (
            import pkgs {
              inherit system;
              overlays = [ overlay.overlays.default ];
            }
          )
        );
      application = packages: packages.callPackage ./package.nix { };
    in
    {
      packages = each (packages: {
        default = application packages;
      });
      devShells = each (packages: {
        default = packages.callPackage ./shell.nix {
          inherit tools;
          application = application packages;
        };
      });
      nixosConfigurations.feedserver = pkgs.lib.pkgsSystem {
        pkgs = import pkgs { system = "x86_64-linux"; };
      };
    };
}

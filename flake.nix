{
  description = "Finds which input, which commit and why, when a Nix flake's evaluation breaks";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      eachSystem = make: nixpkgs.lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
      version = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).workspace.package.version;
    in
    {
      packages = eachSystem (pkgs: {
        default = pkgs.rustPlatform.buildRustPackage {
          pname = "nix-culprit";
          inherit version;
          src = self;
          cargoLock.lockFile = ./Cargo.lock;
          cargoBuildFlags = [ "--package" "nix-culprit" ];
          # The tests want several versions of real Nix; script/test runs them.
          doCheck = false;
          nativeBuildInputs = [ pkgs.installShellFiles ];
          postInstall = pkgs.lib.optionalString (pkgs.stdenv.buildPlatform.canExecute pkgs.stdenv.hostPlatform) ''
            $out/bin/nix-culprit man man
            installManPage man/*
            installShellCompletion --cmd nix-culprit \
              --bash <($out/bin/nix-culprit completions bash) \
              --zsh <($out/bin/nix-culprit completions zsh) \
              --fish <($out/bin/nix-culprit completions fish)
          '';
          meta.mainProgram = "nix-culprit";
        };
      });

      devShells = eachSystem (pkgs: {
        default = pkgs.mkShell {
          packages = [ pkgs.cargo pkgs.rustc pkgs.clippy pkgs.rustfmt pkgs.git pkgs.shellcheck ];
        };
      });
    };
}

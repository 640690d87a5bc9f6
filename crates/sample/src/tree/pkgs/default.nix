# The package collection for one system. `overlays` are applied in order, each
# as a function of the final and of the previous collection.
{
  system ? builtins.currentSystem,
  overlays ? [ ],
  config ? { },
}:

let
  lib = import ./lib;

  base = self: {
    inherit lib system config;
    pkgs = self;
    stdenv = import ./stdenv { inherit lib system; };
    newScope = extra: lib.callPackageWith (self // extra);
    callPackage = lib.callPackageWith self;
  };

  packages = self: super: import ./top-level/all-packages.nix { inherit (self) callPackage; };

  interpreters = self: super: {
    python3 = self.callPackage ./python { };
    python3Packages = self.python3.pkgs;
  };
in
lib.fix (
  lib.extends (lib.composeExtensions (
    [
      packages
      interpreters
    ]
    ++ overlays
  )) base
)

{
  lib,
  stdenv,
  callPackage,
  newScope,
  libffi,
  openssl,
  zlib,
  packageOverrides ? (self: super: { }),
}:

let
  python = stdenv.mkDerivation {
    pname = "python3";
    version = "@version@";

    buildInputs = [
      libffi
      openssl
      zlib
    ];

    passthru = {
      inherit packageOverrides;
      pythonVersion = "3.11";

      pkgs = callPackage ./package-set.nix {
        inherit python newScope;
        overrides = packageOverrides;
      };

      # The interpreter that runs while packages are built. It is a value of its
      # own, as it would be in a cross build, and has the same overrides.
      forBuild = callPackage ./default.nix { inherit packageOverrides; };

      withPackages = choose: stdenv.mkDerivation {
        pname = "python3-env";
        version = python.version;
        buildInputs = [ python ] ++ choose python.pkgs;
      };
    };
  };
in
python

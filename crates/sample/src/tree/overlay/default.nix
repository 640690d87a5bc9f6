{ pkgs }:

let
  inherit (pkgs) lib;
in
{
  # The interpreter whose packages are the ones of the lock file.
  mkPython =
    { python, overrides ? (self: super: { }) }:
    python.override {
      packageOverrides = lib.composeExtensions [
        (import ./overrides { inherit pkgs lib; })
        (import ./build-systems.nix { inherit lib; })
        overrides
      ];
    };

  # An application with its dependencies, by name.
  mkApplication =
    {
      python,
      pname,
      version,
      dependencies,
    }:
    python.pkgs.buildPythonPackage {
      inherit pname version;
      dependencies = map (name: python.pkgs.${name}) dependencies;
    };
}

# The set of Python packages for one interpreter.
{
  lib,
  stdenv,
  newScope,
  python,
  overrides ? (self: super: { }),
}:

let
  index = import ./index.nix;

  # Everything in the index, with a recipe that fits most packages.
  indexed =
    self: super:
    builtins.mapAttrs (
      pname: version:
      self.buildPythonPackage {
        inherit pname version;
        format = "setuptools";
      }
    ) index;

  maintained = self: super: import ./packages.nix { inherit (self) callPackage; };

  hooks = self: super: import ./hooks { inherit (self) callPackage; };

  # Each package with its counterpart for the interpreter that runs while
  # packages are built.
  splice =
    self:
    let
      counterparts = builtins.mapAttrs (name: package: python.forBuild.pkgs.${name}) self;
    in
    builtins.mapAttrs (
      name: package:
      if package ? drvPath && counterparts ? ${name} then
        package // { forBuild = counterparts.${name}; }
      else
        package
    ) self;

  base = self: {
    inherit python;
    callPackage = newScope (splice self);
    buildPythonPackage = self.callPackage ./build-package.nix { };
  };
in
lib.fix (
  lib.extends (lib.composeExtensions [
    indexed
    hooks
    maintained
    overrides
  ]) base
)

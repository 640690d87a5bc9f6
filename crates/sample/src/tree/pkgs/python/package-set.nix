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

  # Everything in the index that has a release for this interpreter.
  indexed =
    self: super:
    builtins.listToAttrs (
      map (pname: {
        name = pname;
        value = self.buildPythonPackage {
          inherit pname;
          version = index.${pname};
          format = "setuptools";
        };
      }) (builtins.attrNames (lib.filterAttrs (pname: version: version != "") index))
    );

  maintained = self: super: import ./packages.nix { inherit (self) callPackage; };

  hooks = self: super: import ./hooks { inherit (self) callPackage; };

  # What runs while building and what runs in the end, for each package.
  splice =
    self:
    builtins.mapAttrs (name: package: {
      build = python.forBuild.pkgs.${name};
      host = package;
    }) self;

  base = self: {
    inherit python;
    spliced = splice self;
    callPackage = newScope self;
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

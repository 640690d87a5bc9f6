# Build systems that packages need without saying so.
{ lib }:

let
  systems = builtins.fromJSON (builtins.readFile ./build-systems.json);
in
self: super:
builtins.mapAttrs (
  name: needs:
  super.${name}.overridePythonAttrs (old: {
    nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ map (need: self.${need}) needs;
  })
) (lib.filterAttrs (name: needs: super ? ${name}) systems)

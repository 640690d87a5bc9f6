let
  fixedPoints = import ./fixed-points.nix;
  customisation = import ./customisation.nix;
  attrsets = import ./attrsets.nix;
in
fixedPoints
// customisation
// attrsets
// {
  modules = import ./modules.nix { lib = attrsets; };

  licenses = {
    mit.name = "MIT";
    asl20.name = "Apache-2.0";
    bsd3.name = "BSD-3-Clause";
    gpl3.name = "GPL-3.0";
  };
}

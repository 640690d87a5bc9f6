# The development shell with more packages: as many, and as much to do for each, as a real package set has.
{
  callPackage,
  stdenv,
  tools,
  application,
  root,
}:

let
  shell = callPackage ./shell-packages.nix { inherit tools application; };
  steps = builtins.genList (step: step) 15000;
  checked =
    package: builtins.seq (builtins.foldl' (sum: step: sum + step) (builtins.stringLength package.name) steps) package;
  package = file: checked (callPackage (root + "/${file}") { });
in
stdenv.mkShell {
  name = "feedview-with-more";
  packages = [ shell ] ++ map package (builtins.fromJSON (builtins.readFile ./closure.json));
}

# A system made of modules; `toplevel` is what would be booted.
{
  lib,
  pkgs,
  modules ? [ ],
}:

let
  system = lib.modules.evalModules {
    inherit pkgs;
    modules = [
      ./users.nix
      ./services.nix
    ]
    ++ modules;
  };
in
system
// {
  toplevel = pkgs.stdenv.mkDerivation {
    pname = "system";
    version = system.config.stateVersion;
    units = builtins.attrNames system.config.services;
    accounts = builtins.attrNames system.config.users;
    buildInputs = system.config.environment;
  };
}

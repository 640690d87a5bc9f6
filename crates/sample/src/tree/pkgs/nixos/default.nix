# A system made of modules; `config.system.build.toplevel` is what would be booted.
{
  lib,
  pkgs,
  modules ? [ ],
}:

let
  evaluated = lib.modules.evalModules {
    inherit pkgs;
    modules = [
      ./users.nix
      ./services.nix
    ]
    ++ modules;
  };

  toplevel = pkgs.stdenv.mkDerivation {
    pname = "system";
    version = evaluated.config.stateVersion;
    units = builtins.attrNames evaluated.config.services;
    pace = map (unit: unit.restartSeconds) (builtins.attrValues evaluated.config.services);
    accounts = builtins.attrNames evaluated.config.users;
    buildInputs = evaluated.config.environment;
  };
in
{
  inherit pkgs;
  inherit (evaluated) options;
  config = evaluated.config // {
    system.build = { inherit toplevel; };
  };
}

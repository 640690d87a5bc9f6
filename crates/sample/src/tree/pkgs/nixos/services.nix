# @note@
{ config, pkgs, ... }:

{
  options = {
    services = {
      default = { };
      merge = builtins.foldl' (all: set: all // set) { };
    };
    environment = {
      default = [ ];
      merge = builtins.concatLists;
    };
  };

  config = {
    services.logger = {
      restartSeconds = @restart@;
      user = "root";
    };
    environment = [
      pkgs.curl
      pkgs.jq
    ];
  };
}

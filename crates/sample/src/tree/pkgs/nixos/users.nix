# @note@
{ lib, ... }:

{
  options = {
    users = {
      default = { };
      merge = builtins.foldl' (all: set: all // set) { };
    };
    stateVersion = {
      default = "23.05";
      merge = values: builtins.elemAt values (builtins.length values - 1);
    };
  };

  config.users.root = {
    uid = 0;
    shell = "sh";
  };
}

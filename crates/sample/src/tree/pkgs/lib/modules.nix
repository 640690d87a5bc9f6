# A module is a function of { config, lib, pkgs } that gives { options, config }.
# An option is { default, merge }; several definitions of it are merged in order.
{ lib }:

{
  mergeLast = values: builtins.elemAt values (builtins.length values - 1);
  mergeLists = builtins.concatLists;
  mergeSets = builtins.foldl' (all: set: all // set) { };

  evalModules =
    {
      modules,
      pkgs,
    }:
    let
      load = module: if builtins.isAttrs module then _: module else if builtins.isFunction module then module else import module;
      loaded = map (module: (load module) { inherit config lib pkgs; }) modules;
      options = builtins.foldl' (all: module: all // (module.options or { })) { } loaded;
      definitions =
        name: builtins.concatMap (module: if (module.config or { }) ? ${name} then [ module.config.${name} ] else [ ]) loaded;
      config = builtins.mapAttrs (
        name: option:
        let
          defined = definitions name;
        in
        if defined == [ ] then option.default else option.merge defined
      ) options;
    in
    {
      inherit config options;
    };
}

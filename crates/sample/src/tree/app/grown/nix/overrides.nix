# Corrections of our own to packages of the lock file.
{ lib, settings }:

let
  built = [
    "click"
    "rich"
    "tomli"
  ];
  quick = [
    "idna"
    "certifi"
  ];
  without = names: super: lib.genAttrs names (name: super.${name}.overridePythonAttrs unchecked);
  unchecked = old: { doCheck = false; };
  styled = old: { format = settings.style; };
in
self: super:
without quick super
// lib.genAttrs built (name: super.${name}.overridePythonAttrs styled)

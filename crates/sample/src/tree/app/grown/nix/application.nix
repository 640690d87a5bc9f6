# The application, with what poetry.lock says that it needs.
{
  lib,
  lock2py,
  python3,
  version,
  settings,
  groups,
}:

let
  lock = builtins.fromTOML (builtins.readFile ../poetry.lock);
  project = builtins.fromTOML (builtins.readFile ../pyproject.toml);
  all = lock.package;

  # Some are for one system only.
  isFor = package: !(package ? markers) || package.markers == "linux";
  inGroup = package: builtins.elem package.category groups;
  wanted = builtins.filter (package: isFor package && inGroup package) all;
  names = map (package: package.name) wanted;
  direct = builtins.attrNames project.tool.poetry.dependencies;
  dependencies = builtins.filter (name: name != "python") (lib.unique (direct ++ names));

  overrides = import ./overrides.nix { inherit lib settings; };
  python = lock2py.mkPython {
    python = python3;
    inherit overrides;
  };
  pname = settings.name;
in
lock2py.mkApplication {
  inherit
    python
    pname
    version
    dependencies
    ;
}

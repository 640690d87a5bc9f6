{ callPackage }:

let
  hook =
    {
      name,
      script,
      tools,
    }:
    { stdenv }:
    stdenv.mkDerivation {
      pname = name;
      version = "hook";
      setupHook = script;
      nativeBuildInputs = tools;
    };
in
{
  setuptools-build-hook = callPackage (
    {
      build,
      setuptools,
      stdenv,
    }:
    hook {
      name = "setuptools-build-hook";
      script = ./setuptools-build.sh;
      tools = [
        build
        setuptools
      ];
    } { inherit stdenv; }
  ) { };

  pyproject-build-hook = callPackage (
    { build, stdenv }:
    hook {
      name = "pyproject-build-hook";
      script = ./pyproject-build.sh;
      tools = [ build ];
    } { inherit stdenv; }
  ) { };

  install-hook = callPackage (
    { installer, stdenv }:
    hook {
      name = "install-hook";
      script = ./install.sh;
      tools = [ installer ];
    } { inherit stdenv; }
  ) { };
}

# Builds a Python package. `format` says which tools build it:
#   setuptools, pyproject   the hooks of the interpreter that runs while building
#   bootstrap               nothing but what the package asks for
{
  lib,
  stdenv,
  python,
}:

let
  tools = python.forBuild.pkgs;

  hooks = {
    setuptools = [
      tools.setuptools-build-hook
      tools.install-hook
    ];
    pyproject = [
      tools.pyproject-build-hook
      tools.install-hook
    ];
    bootstrap = [ ];
  };

  buildPythonPackage =
    {
      pname,
      version,
      format ? "pyproject",
      nativeBuildInputs ? [ ],
      dependencies ? [ ],
      ...
    }@attrs:
    stdenv.mkDerivation (
      removeAttrs attrs [
        "dependencies"
      ]
      // {
        pname = "python${python.pythonVersion}-${pname}";
        inherit version format;
        nativeBuildInputs = hooks.${format} ++ nativeBuildInputs;
        buildInputs = [ python ] ++ dependencies;
      }
    )
    // {
      overridePythonAttrs = change: buildPythonPackage (attrs // change attrs);
    };
in
buildPythonPackage

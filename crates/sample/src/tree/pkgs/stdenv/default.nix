{ lib, system }:

rec {
  inherit system;

  mkDerivation =
    {
      pname,
      version,
      buildInputs ? [ ],
      nativeBuildInputs ? [ ],
      passthru ? { },
      meta ? { },
      ...
    }@attrs:
    let
      environment = removeAttrs attrs [
        "passthru"
        "meta"
      ];
    in
    derivation (
      environment
      // {
        inherit system buildInputs nativeBuildInputs;
        name = "${pname}-${version}";
        builder = "/bin/sh";
        args = [
          "-e"
          ./builder.sh
        ];
      }
    )
    // passthru
    // {
      meta = {
        position = builtins.unsafeGetAttrPos "pname" attrs;
      }
      // meta;
      overrideAttrs = change: mkDerivation (attrs // change attrs);
    };

  # A derivation that only carries its inputs into a shell.
  mkShell =
    {
      name,
      packages,
    }:
    mkDerivation {
      pname = name;
      version = "shell";
      buildInputs = packages;
    };
}

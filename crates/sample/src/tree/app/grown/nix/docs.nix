# The manual.
{
  stdenv,
  jq,
  name,
  version,
}:

let
  chapters = [
    "install"
    "feeds"
    "filters"
    "server"
  ];
  file = chapter: "docs/${chapter}.md";
in
stdenv.mkDerivation {
  pname = "${name}-docs";
  inherit version;
  source = builtins.concatStringsSep ":" (map file chapters);
  nativeBuildInputs = [ jq ];
}

# The development shell.
{
  stdenv,
  tools,
  greeting,
  settings,
  application,
  packages,
}:

let
  name = tools.lib.shellName settings.name;
  hello = builtins.replaceStrings [ "\n" ] [ " " ] greeting;
  variables = {
    FEEDVIEW_DOMAIN = settings.domain;
    FEEDVIEW_PORT = toString settings.ports.web;
  };
in
stdenv.mkDerivation (
  variables
  // {
    inherit hello;
    pname = name;
    version = "shell";
    buildInputs = packages ++ [ application ];
  }
)

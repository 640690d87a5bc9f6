{
  stdenv,
  curl,
  jq,
  sqlite,
  tools,
  application,
}:

stdenv.mkShell {
  name = tools.lib.shellName "feedview";
  packages = [
    curl
    sqlite
    jq
    application
  ];
}

{ lock2py, python3 }:

lock2py.mkApplication {
  python = lock2py.mkPython { python = python3; };
  pname = "feedview";
  version = "@version@";
  dependencies = builtins.fromJSON (builtins.readFile ./dependencies.json);
}

{ inputs.a = { url = "http://host.invalid/x.tar.gz"; }; outputs = _: { x = 1; }; }

throw "unrecognised flag '--x'\nTry '/usr/bin/nix --help' for more information."

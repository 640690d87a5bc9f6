import (derivation { name = "x"; system = builtins.currentSystem; builder = "/bin/sh"; args = [ "-c" "echo error: out of memory >&2; exit 3" ]; })

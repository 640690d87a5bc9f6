throw ''Package ‘x-1.0’ in ${toString ./.}/input.nix:7 has an unfree license (‘unfree’), refusing to evaluate.

a) To temporarily allow unfree packages, you can use an environment variable''

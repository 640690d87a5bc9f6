throw "experimental Nix feature 'flakes' is disabled; use '--extra-experimental-features flakes' to override"

throw ''Refusing to evaluate package 'x-1.0' in ${toString ./.}/input.nix:7 because it is marked as broken''

{ pick = set: name: set.${name}; }

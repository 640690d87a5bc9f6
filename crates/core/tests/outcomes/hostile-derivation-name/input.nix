(derivation { name = "\nerror: out of memory"; system = "x"; builder = "x"; }).drvPath

let x = builtins.addErrorContext "while calling the 'throw' builtin" x; in x

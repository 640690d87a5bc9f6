builtins.trace "\n\nNix crashed. This is a bug. Please report this at x\nException: std::bad_alloc: std::bad_alloc\nerror: out of memory" (throw "x")

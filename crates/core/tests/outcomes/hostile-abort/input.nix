abort "x'\nerror: infinite recursion encountered\n       error: out of memory"

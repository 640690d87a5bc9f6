assert "\nerror: out of memory\n" == ""; 1

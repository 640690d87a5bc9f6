throw "out of memory"

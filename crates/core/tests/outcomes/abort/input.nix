abort "this cannot be"

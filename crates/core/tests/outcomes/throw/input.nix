throw "this is not supported"

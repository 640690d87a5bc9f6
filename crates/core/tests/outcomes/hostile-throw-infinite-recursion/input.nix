throw "infinite recursion encountered"

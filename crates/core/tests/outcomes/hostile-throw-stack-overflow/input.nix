throw "stack overflow (possible infinite recursion)"

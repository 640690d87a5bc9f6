throw "stack overflow; max-call-depth exceeded"

throw "interrupted by the user"

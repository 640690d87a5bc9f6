let set = { a = 1; }; in set.b

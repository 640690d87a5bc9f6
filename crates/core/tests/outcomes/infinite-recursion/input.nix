let x = x + 1; in { a = x; }.a

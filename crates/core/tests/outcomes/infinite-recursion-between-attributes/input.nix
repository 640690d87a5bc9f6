let s = rec { a = b; b = s.a; }; in s.a

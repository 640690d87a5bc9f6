let version = 1; in assert version == 2; version

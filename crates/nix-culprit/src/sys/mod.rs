//! Everything that touches the system: processes, limits, nix, git, folders.

//! Flake references, attribute paths and lock files.

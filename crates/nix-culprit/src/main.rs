//! The `nix-culprit` program. The only place that exits.

fn main() {}

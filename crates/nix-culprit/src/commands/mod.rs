//! One file for each subcommand: arguments to settings, wiring, and what is said at the end.

pub mod guard;

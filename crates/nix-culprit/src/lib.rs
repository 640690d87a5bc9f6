//! nix-culprit as a library: what the binary and the integration tests share.
//!
//! Imports point down only: `main` > `commands` > {`cli`, `ui`, `case`} > `sys` > `nix-culprit-core`.

pub mod case;
pub mod cli;
pub mod commands;
pub mod sys;
pub mod ui;

//! The command line: clap structs only, no behaviour.

pub mod guard;

use clap::{Parser, Subcommand};

/// Finds which input, which commit and why, when a Nix flake's evaluation breaks, slows down or eats all memory.
#[derive(Debug, Parser)]
#[command(name = "nix-culprit", version, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs any command under a hard memory and time budget
    Guard(guard::Args),
    /// Watches over a run, or stands by to clean up (started by nix-culprit itself)
    #[command(hide = true)]
    Warden {
        /// The number of the socket to the tool.
        socket: i32,
    },
}

//! The arguments of `guard`.

use std::ffi::OsString;
use std::time::Duration;

use clap::ValueEnum;
use nix_culprit_core::quantity::{Bytes, parse_duration};

/// Runs any command under a hard memory and time budget, and says how it ended.
///
/// Exit codes follow git bisect: 0 it succeeded, 1 it ran out of memory or time, 125 it failed in
/// another way, 128 and above it could not be run or was interrupted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  nix-culprit guard --memory 4G -- nix develop
  nix-culprit guard --timeout 90s --json -- nix flake check")]
pub struct Args {
    /// Memory for all its processes together, such as 512M or 5G [default: 60 % of what is free]
    #[arg(long, short, value_name = "SIZE")]
    pub memory: Option<Bytes>,

    /// Time until it is ended, such as 90s or 10m [default: none]
    #[arg(long, short, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// Says at the end how it went as one line of JSON on standard error, instead of words
    #[arg(long)]
    pub json: bool,

    /// Who holds it to the budget
    #[arg(long, value_enum, default_value_t = Layers::Best)]
    pub layer: Layers,

    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Which limits are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layers {
    /// The best that this machine offers: a cgroup or a systemd scope beside the polling.
    Best,
    /// Polling alone.
    Polling,
}

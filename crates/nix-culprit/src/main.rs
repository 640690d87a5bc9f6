//! The `nix-culprit` program. The only place that exits.

use std::process::ExitCode;

use clap::Parser as _;
use nix_culprit::cli::Cli;
use nix_culprit::commands;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Without its own path it cannot start wardens; the error then names this program.
    let own = std::env::current_exe().unwrap_or_else(|_| "nix-culprit".into());
    commands::run(cli, own).into()
}

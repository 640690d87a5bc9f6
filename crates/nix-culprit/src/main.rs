//! The `nix-culprit` program. The only place that exits.

use std::process::ExitCode;

use clap::Parser as _;
use nix_culprit::cli::Cli;
use nix_culprit::commands::{self, Exit};
use nix_culprit::sys::heap;

fn main() -> ExitCode {
    heap::give_back();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to stdout, complaints to stderr; where that is closed there is nobody to tell.
            let _unheard = error.print();
            // Not clap's 2, which `git bisect run` would take for "bad".
            return if error.use_stderr() { Exit::ERROR.0.into() } else { ExitCode::SUCCESS };
        }
    };
    // Without its own path it cannot start wardens; the error then names this program.
    let own = std::env::current_exe().unwrap_or_else(|_| "nix-culprit".into());
    commands::run(cli, own).into()
}

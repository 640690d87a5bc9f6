//! The `nix-culprit` program. The only place that exits.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use nix_culprit::cli::{Cli, Command};
use nix_culprit::commands;
use nix_culprit::sys::interrupt::Interrupt;
use nix_culprit::sys::limit::Roots;
use nix_culprit::sys::warden;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Guard(args) => {
            let ran = std::env::current_exe().and_then(|own| Ok((Roots::usual(own), Interrupt::on_signals()?)));
            let done = ran.map_err(Box::<dyn Error>::from).and_then(|(roots, interrupt)| {
                Ok(commands::guard::run(&args, roots, &interrupt, &mut anstream::stderr())?)
            });
            match done {
                Ok(code) => code.into(),
                Err(error) => {
                    let mut text = format!("nix-culprit: {error}");
                    let mut cause = error.source();
                    while let Some(next) = cause {
                        text.push_str(&format!(": {next}"));
                        cause = next.source();
                    }
                    let _unheard = writeln!(anstream::stderr(), "{text}");
                    commands::guard::NOT_RUN.into()
                }
            }
        }
        Command::Warden { socket } => match warden::serve(socket) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
    }
}

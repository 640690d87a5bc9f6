//! `completions` and `man`: what shells and man know of the commands, made from the same structs that read them.

use clap::{Command, CommandFactory as _};

use super::{CommandError, Exit};
use crate::cli::Cli;
use crate::cli::pages::{Completions, Man};
use crate::ui::Printer;

const NAME: &str = "nix-culprit";

/// Prints the completions for a shell.
pub(super) fn complete(args: &Completions, printer: Printer) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut shown(), NAME, &mut script);
    printer.script(&String::from_utf8_lossy(&script)).map_err(CommandError::Print)?;
    Ok(Exit::OK)
}

/// Returns the commands without the hidden ones, which clap_complete would offer.
fn shown() -> Command {
    let all = Cli::command();
    Command::new(NAME)
        .args(all.get_arguments().cloned())
        .subcommands(all.get_subcommands().filter(|command| !command.is_hide_set()).cloned())
}

/// Writes the man pages, one for each command.
pub(super) fn write(args: &Man) -> Result<Exit, CommandError> {
    let failed = |source| CommandError::Man { folder: args.folder.clone(), source };
    std::fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(failed)?;
    Ok(Exit::OK)
}

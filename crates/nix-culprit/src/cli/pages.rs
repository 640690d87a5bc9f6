//! `nix-culprit completions` and `nix-culprit man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nix-culprit completions bash > ~/.local/share/bash-completion/completions/nix-culprit
  nix-culprit completions zsh > ~/.zfunc/_nix-culprit
  nix-culprit completions fish > ~/.config/fish/completions/nix-culprit.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  nix-culprit man ~/.local/share/man/man1    then `man nix-culprit-find`")]
pub struct Man {
    /// The folder to write to; it is made if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

//! `nix-culprit probe`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::AskOptions;
use super::options::input_and_revision;

/// Arguments of `probe`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit probe                              the flake as it is
  nix-culprit probe --at nixpkgs=33cd48c86b25    with an input at another revision
  nix-culprit probe --lock old.lock --faithful   by the user's own command

Exit codes: 0 good, 1 bad, 125 skip, 128 and above: could not look.")]
pub struct Args {
    /// A lock file to use in place of flake.lock
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,

    /// An input at another revision; may be repeated
    #[arg(long = "at", value_name = "INPUT=REVISION", value_parser = input_and_revision)]
    pub(crate) revisions: Vec<(String, String)>,

    /// Ask by the user's own command on a copy of the flake
    #[arg(long)]
    pub(crate) faithful: bool,

    /// Ask by the user's own command, with the inputs that have a clone at their store paths, not fetched
    #[arg(long, conflicts_with = "faithful")]
    pub(crate) pure: bool,

    /// Print the observation as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) ask: AskOptions,
}

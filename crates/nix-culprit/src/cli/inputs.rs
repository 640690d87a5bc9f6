//! `nix-culprit inputs`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{AskOptions, EndOptions, ResultOptions};

/// Arguments of `inputs`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit inputs                            in the flake's folder, after `nix flake update`
  nix-culprit inputs --good old.lock            flake.lock of a good state, kept elsewhere
  nix-culprit inputs --good HEAD~3 --bad HEAD   two states of the flake's repository
  nix-culprit inputs --likely nixpkgs           with a guess, which saves probes if it is right
  nix-culprit inputs -- nix develop -c true     with a check of your own

Exit codes: 0 the changes that matter are named, 1 they cannot be, 129 could not look, 130 interrupted.")]
pub struct Args {
    #[command(flatten)]
    pub(crate) ends: EndOptions,

    /// An input that you suspect, such as nixpkgs or poetry2nix/nixpkgs; may be repeated
    #[arg(long, value_name = "INPUT")]
    pub(crate) likely: Vec<String>,

    /// A nix program with which the bad state is said to work: is the Nix version what makes the difference?
    #[arg(long, value_name = "PATH", conflicts_with = "script")]
    pub(crate) nix_good: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) results: ResultOptions,
    #[command(flatten)]
    pub(crate) ask: AskOptions,
}

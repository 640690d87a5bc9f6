//! `nix-culprit fix`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::ResultOptions;

/// Arguments of `fix`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit fix                               of the newest investigation: what helps?
  nix-culprit fix 20231004-101500               of this one
  nix-culprit fix --apply 1                     write the best one into flake.lock, after showing the difference
  nix-culprit fix --apply 2 --pin               and its commit into flake.nix, so that an update leaves it there
  nix-culprit fix --pull-requests               has somebody written a repair that nobody has merged?
  nix-culprit fix --nix ./old/bin/nix           does this Nix help?
  nix-culprit fix --json                        as JSON, with all that was seen")]
pub struct Args {
    /// The investigation [default: the newest]
    #[arg(value_name = "CASE")]
    pub(crate) case: Option<String>,

    /// Another nix program that may help, besides those that are installed; may be repeated
    #[arg(long, value_name = "PATH")]
    pub(crate) nix: Vec<PathBuf>,

    /// Take heads of pull requests for revisions, too: those that a clone of yours has, or the newest of the server
    #[arg(long)]
    pub(crate) pull_requests: bool,

    /// Write this correction into the files of the working tree: shows the difference first, asks on a terminal, and
    /// commits nothing
    #[arg(long, value_name = "N", conflicts_with = "json")]
    pub(crate) apply: Option<usize>,

    /// Write the commit that an input is put at into flake.nix, too, so that the next update of the inputs leaves it there
    #[arg(long, requires = "apply")]
    pub(crate) pin: bool,

    /// Write without asking
    #[arg(long, short, requires = "apply")]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) results: ResultOptions,
}

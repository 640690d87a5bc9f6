//! `nix-culprit bisect`.

use clap::Args as ClapArgs;

use super::{AskOptions, SearchOptions};

/// Arguments of `bisect`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit bisect --input nixpkgs --good 33cd48c86b25 --bad b570cc35e4a3
  nix-culprit bisect --input nixpkgs --good 2023-08-19
  nix-culprit bisect --file default.nix -A hello --repo nixpkgs=~/nixpkgs --good nixos-23.05
  nix-culprit bisect --file shell.nix --pin nixpkgs=33cd48c86b25..b570cc35e4a3
  nix-culprit bisect --input poetry2nix --bad c3d3c4a --good main --find-fix
  nix-culprit bisect --input nixpkgs --good 2023-08-19 --bad-when 'peak > +30%'")]
pub struct Args {
    /// The input whose history is searched, such as nixpkgs or poetry2nix/nixpkgs
    /// [default: without a flake, the only one that is named by --pin or --repo]
    #[arg(long, value_name = "INPUT", required_unless_present = "file")]
    pub(crate) input: Option<String>,

    /// A good revision or date (2023-08-19) of the input [default: the one in the committed flake.lock]
    #[arg(long, value_name = "REVISION")]
    pub(crate) good: Option<String>,

    /// A bad revision or date of the input [default: the one in flake.lock]
    #[arg(long, value_name = "REVISION")]
    pub(crate) bad: Option<String>,

    /// Search for the first good commit after the bad one
    #[arg(long)]
    pub(crate) find_fix: bool,

    #[command(flatten)]
    pub(crate) search: SearchOptions,
    #[command(flatten)]
    pub(crate) ask: AskOptions,
}

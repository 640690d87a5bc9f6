//! `nix-culprit bisect`.

use clap::Args as ClapArgs;

use super::{AskOptions, SearchOptions};

/// Arguments of `bisect`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit bisect --input nixpkgs --good 33cd48c86b25 --bad b570cc35e4a3
  nix-culprit bisect --input nixpkgs --good 2023-08-19
  nix-culprit bisect --input poetry2nix --bad c3d3c4a --good main --find-fix
  nix-culprit bisect --input nixpkgs --good 2023-08-19 --bad-when 'peak > +30%'")]
pub struct Args {
    /// The input whose history is searched, such as nixpkgs or poetry2nix/nixpkgs
    #[arg(long, value_name = "INPUT")]
    pub(crate) input: String,

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

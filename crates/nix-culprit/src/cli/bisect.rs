//! `nix-culprit bisect`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{BudgetOptions, FlakeOptions, ProgramOptions, RepositoryOptions, VerdictOptions};

/// Arguments of `bisect`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit bisect --input nixpkgs --good 33cd48c86b25 --bad b570cc35e4a3
  nix-culprit bisect --input nixpkgs --good 2023-08-19
  nix-culprit bisect --input poetry2nix --bad c3d3c4a --good main --find-fix")]
pub struct Args {
    #[command(flatten)]
    pub(crate) flake: FlakeOptions,

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

    /// Search along first parents, then inside the merge that is the culprit
    #[arg(long)]
    pub(crate) first_parent: bool,

    /// Ask only in the fast way; do not confirm by the user's own command
    #[arg(long)]
    pub(crate) no_confirm: bool,

    /// Folder for report.md, report.json and replay.sh [default: the case's folder]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) budget: BudgetOptions,
    #[command(flatten)]
    pub(crate) repositories: RepositoryOptions,
    #[command(flatten)]
    pub(crate) programs: ProgramOptions,
    #[command(flatten)]
    pub(crate) verdict: VerdictOptions,
}

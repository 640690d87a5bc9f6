//! `nix-culprit find`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{BudgetOptions, FlakeOptions, ProgramOptions, RepositoryOptions, VerdictOptions};

/// Arguments of `find`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit find                              in the flake's folder, after `nix flake update`
  nix-culprit find --memory 4G                  with at most 4 GiB for an evaluation
  nix-culprit find --good old.lock              flake.lock of a good state, kept elsewhere
  nix-culprit find --repo nixpkgs=~/nixpkgs     with a clone you have
  nix-culprit find -- nix develop -c true       with a check of your own")]
pub struct Args {
    #[command(flatten)]
    pub(crate) flake: FlakeOptions,

    /// A good state: a lock file, or a revision or date (2023-08-19) of the flake's own repository
    /// [default: the newest committed flake.lock that evaluates]
    #[arg(long, value_name = "STATE")]
    pub(crate) good: Option<String>,

    /// A bad state, likewise [default: flake.lock in the working tree]
    #[arg(long, value_name = "STATE")]
    pub(crate) bad: Option<String>,

    /// Look only at this changed input
    #[arg(long, value_name = "INPUT")]
    pub(crate) input: Option<String>,

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

//! `nix-culprit matrix`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::options::{input_and_revision, input_and_target};
use super::{BudgetOptions, FlakeOptions, RepositoryOptions, ResultOptions};

/// Arguments of `matrix`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit matrix                                       each changed input at its good and its bad revision
  nix-culprit matrix --nix nix --nix ~/nix-2.18/bin/nix    the same with two versions of Nix
  nix-culprit matrix --nix-from nixpkgs#nixVersions.latest --nix-from nixpkgs#lix
  nix-culprit matrix --input nixpkgs --input poetry2nix    all combinations of two inputs at good and bad
  nix-culprit matrix --lock old.lock --lock HEAD~3 --lock flake.lock
  nix-culprit matrix --rev nixpkgs=nixos-23.05 --rev nixpkgs=2023-08-19
  nix-culprit matrix --follows poetry2nix/nixpkgs          with and without the follows

Exit codes: 0 every cell is known, 1 some could not be looked at, 129 none could, 130 interrupted.")]
pub struct Args {
    /// A Nix to ask; may be repeated
    #[arg(long, value_name = "PATH", default_value = "nix", env = "NIX_CULPRIT_NIX")]
    pub(crate) nix: Vec<PathBuf>,

    /// A Nix to ask that the first one builds, such as nixpkgs#nixVersions.latest; may be repeated
    #[arg(long, value_name = "INSTALLABLE")]
    pub(crate) nix_from: Vec<String>,

    /// Ask every Nix that is installed here; `doctor` lists them
    #[arg(long)]
    pub(crate) nix_installed: bool,

    /// A lock file to use, or a revision or date of the flake's own repository; may be repeated
    #[arg(long = "lock", value_name = "STATE", conflicts_with_all = ["inputs", "good", "bad"])]
    pub(crate) locks: Vec<String>,

    /// An input at another revision; may be repeated, for one input and for several
    #[arg(long = "rev", value_name = "INPUT=REVISION", value_parser = input_and_revision)]
    pub(crate) revisions: Vec<(String, String)>,

    /// An input to have at its good and at its bad revision; may be repeated [default: all that differ]
    #[arg(long = "input", value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,

    /// An input of an input to have as a follows and as its own flake locks it, such as poetry2nix/nixpkgs; of another
    /// input than the one of the same name: poetry2nix/nixpkgs=pkgs
    #[arg(long, value_name = "INPUT/INPUT[=INPUT]", value_parser = input_and_target)]
    pub(crate) follows: Vec<(String, String)>,

    /// A good state: a lock file, or a revision or date of the flake's own repository [default: the newest committed
    /// flake.lock that differs]
    #[arg(long, value_name = "STATE")]
    pub(crate) good: Option<String>,

    /// A bad state, likewise [default: flake.lock in the working tree]
    #[arg(long, value_name = "STATE")]
    pub(crate) bad: Option<String>,

    /// Ask by the user's own command on a copy of the flake
    #[arg(long)]
    pub(crate) faithful: bool,

    /// How many evaluations may run at once [default: as many as there are processors, and as the memory allows]
    #[arg(long, short, value_name = "NUMBER")]
    pub(crate) jobs: Option<usize>,

    /// Do not ask, however many evaluations it takes
    #[arg(long, short)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) flake: FlakeOptions,
    #[command(flatten)]
    pub(crate) budget: BudgetOptions,
    #[command(flatten)]
    pub(crate) repositories: RepositoryOptions,
    #[command(flatten)]
    pub(crate) results: ResultOptions,

    /// The git program
    #[arg(long, value_name = "PATH", default_value = "git", env = "NIX_CULPRIT_GIT")]
    pub(crate) git: PathBuf,
}

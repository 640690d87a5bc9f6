//! `nix-culprit reduce`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use nix_culprit_core::quantity::{Bytes, parse_duration};

use super::{FlakeOptions, ProgramOptions, RepositoryOptions};

/// Arguments of `reduce`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "Examples:
  nix-culprit reduce                          the flake as it is, with the lock that fails
  nix-culprit reduce -o small --max-time 2m   into the new folder small, for at most two minutes
  nix-culprit reduce --go-on                  the newest reduction that was stopped
  nix-culprit reduce --vendor --anonymise     with what is read of its inputs, and without private names
  nix-culprit reduce --history                its steps; `--step 12 -o earlier` writes one of them
  nix-culprit reduce --culprit                of the newest search: which lines of the culprit suffice?

The flake itself is never written to. Every candidate is evaluated under the budget, and the result once more by
your own nix.

Exit codes: 0 it was reduced and still fails in the same way, 1 that is not confirmed, 129 could not look,
130 interrupted (the smallest so far is written).")]
pub struct Args {
    #[command(flatten)]
    pub(crate) flake: FlakeOptions,

    /// Memory that an evaluation may use [default: 60 % of what is free; candidates get twice what a good state needs]
    #[arg(long, short, value_name = "SIZE")]
    pub(crate) memory: Option<Bytes>,

    /// Time that an evaluation may use, such as 90s or 10m
    #[arg(long, short, value_name = "TIME", default_value = "2m", value_parser = parse_duration)]
    pub(crate) timeout: Duration,

    /// How long candidates are tried; --vendor and --anonymise may take as long again, each
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_duration)]
    pub(crate) max_time: Duration,

    /// How many candidates are tried [default: as many as there is time for]
    #[arg(long, value_name = "N")]
    pub(crate) max_candidates: Option<usize>,

    /// How many candidates are evaluated at the same time [default: the number of cores]
    #[arg(long, short, value_name = "N")]
    pub(crate) jobs: Option<std::num::NonZero<usize>>,

    /// What has to stay: any-failure, out-of-memory, timeout, or message~REGEX [default: the same failure]
    #[arg(long, value_name = "RULE")]
    pub(crate) bad_when: Option<String>,

    /// The new folder for the result [default: in the case's folder]
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// Go on with a reduction that was stopped [default: the newest]
    #[arg(long, value_name = "CASE", num_args = 0..=1, default_missing_value = "")]
    pub(crate) go_on: Option<String>,

    /// Put the files of the inputs that are read into the result, and reduce these too: it stands alone then
    #[arg(long)]
    pub(crate) vendor: bool,

    /// Replace names that none of the inputs knows: in code, strings, paths, file names and data
    #[arg(long)]
    pub(crate) anonymise: bool,

    /// List the steps of a reduction, each smaller than the one before [default: of the newest]
    #[arg(long, value_name = "CASE", num_args = 0..=1, default_missing_value = "",
          conflicts_with_all = ["go_on", "jobs", "bad_when", "memory", "flake", "attr"])]
    pub(crate) history: Option<String>,

    /// With --history: write this step into the folder that -o names
    #[arg(long, value_name = "N", requires_all = ["history", "output"])]
    pub(crate) step: Option<usize>,

    /// Find the part of the culprit of a search that suffices to make the change: a patch and words in its report
    /// [default: the newest]
    #[arg(long, value_name = "CASE", num_args = 0..=1, default_missing_value = "",
          conflicts_with_all = ["go_on", "jobs", "bad_when", "memory", "flake", "attr", "vendor", "anonymise"])]
    pub(crate) culprit: Option<String>,

    #[command(flatten)]
    pub(crate) repositories: RepositoryOptions,
    #[command(flatten)]
    pub(crate) programs: ProgramOptions,
}

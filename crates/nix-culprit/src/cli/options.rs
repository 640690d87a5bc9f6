//! Options that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use nix_culprit_core::quantity::{Bytes, parse_duration};

/// How much a run may use.
#[derive(Debug, Clone, Args)]
pub struct BudgetOptions {
    /// Memory that an evaluation may use, such as 512M or 5G [default: what the machine can
    /// spare, but not more than 8 times what the good end needs, and at least 2G]
    #[arg(long, short, value_name = "SIZE")]
    pub memory: Option<Bytes>,

    /// Memory for the probes between the two ends, where bad means out of memory [default: one and a half times what
    /// the good end needed, and 128M; culprit and parent always get the whole]
    #[arg(long, value_name = "SIZE")]
    pub search_memory: Option<Bytes>,

    /// Time that an evaluation may use, such as 90s or 10m
    #[arg(long, short, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub timeout: Duration,

    /// Time for the probes between the two ends, where bad means out of time [default: five times what the good end
    /// needed, at least 30s more; culprit and parent always get the whole]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub search_timeout: Option<Duration>,
}

/// Which flake and what of it.
#[derive(Debug, Clone, Args)]
pub struct FlakeOptions {
    /// The flake's folder or one below it, or an installable such as .#devShells.x86_64-linux.default
    #[arg(value_name = "FLAKE", default_value = ".")]
    pub flake: String,

    /// What to evaluate, such as devShells.x86_64-linux.default [default: the development shell, else the default
    /// package, else the only NixOS configuration]
    #[arg(long, short = 'A', value_name = "ATTRIBUTE")]
    pub attr: Option<String>,

    /// A Nix file to evaluate in place of a flake, such as default.nix; its pins are those of npins or niv
    #[arg(long, short = 'f', value_name = "FILE", conflicts_with = "configuration")]
    pub file: Option<PathBuf>,

    /// A revision in the file's own code that is to be searched: NEW is in the code, OLD was good
    #[arg(long, value_name = "NAME=OLD..NEW", value_parser = pin, requires = "file")]
    pub pin: Option<Pin>,

    /// The NixOS configuration of this name: what `nixos-rebuild --flake .#NAME` builds
    #[arg(long, value_name = "NAME", group = "configuration", value_parser = configuration, conflicts_with = "attr")]
    pub nixos: Option<String>,

    /// The home-manager configuration of this name, such as me@box
    #[arg(long, value_name = "NAME", group = "configuration", value_parser = configuration, conflicts_with = "attr")]
    pub home: Option<String>,

    /// The nix-darwin configuration of this name
    #[arg(long, value_name = "NAME", group = "configuration", value_parser = configuration, conflicts_with = "attr")]
    pub darwin: Option<String>,

    /// The system to evaluate for, such as x86_64-linux [default: this machine's]
    #[arg(long, value_name = "SYSTEM")]
    pub system: Option<String>,
}

/// A revision in Nix code, and an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// What the user calls it.
    pub name: String,
    /// The older one.
    pub old: String,
    /// The one in the code, or how it begins.
    pub new: String,
}

/// The two states of the flake that are compared.
#[derive(Debug, Clone, Args)]
pub struct EndOptions {
    /// A good state: a lock file, or a revision or date (2023-08-19) of the flake's own repository
    /// [default: the newest committed flake.lock that evaluates]
    #[arg(long, value_name = "STATE")]
    pub good: Option<String>,

    /// A bad state, likewise [default: flake.lock in the working tree]
    #[arg(long, value_name = "STATE")]
    pub bad: Option<String>,
}

/// Which programs to drive.
#[derive(Debug, Clone, Args)]
pub struct ProgramOptions {
    /// The nix program
    #[arg(long, value_name = "PATH", default_value = "nix", env = "NIX_CULPRIT_NIX")]
    pub nix: PathBuf,

    /// The git program
    #[arg(long, value_name = "PATH", default_value = "git", env = "NIX_CULPRIT_GIT")]
    pub git: PathBuf,
}

/// Where the histories of inputs are.
#[derive(Debug, Clone, Args)]
pub struct RepositoryOptions {
    /// A clone that has the history of an input, such as nixpkgs=/home/me/nixpkgs; may be repeated
    #[arg(long = "repo", value_name = "INPUT=PATH", value_parser = input_and_path)]
    pub repositories: Vec<(String, PathBuf)>,
}

/// What counts as bad.
#[derive(Debug, Clone, Args)]
pub struct VerdictOptions {
    /// What counts as bad: any-failure, out-of-memory, timeout, message~REGEX, or what became heavier, such as
    /// 'nrThunks > +20%', 'peak > 1.5x', 'gc.totalBytes > 300M', 'cpu > 2s' (any counter of Nix, peak, wall, cpu;
    /// + and x are of what the good end has) [default: the same failure as at the bad end]
    #[arg(long, value_name = "RULE")]
    pub bad_when: Option<String>,

    /// Your own check, run in a copy of the flake: 0 good, 125 skip, 1-127 bad, 128 and above stops
    #[arg(last = true, value_name = "COMMAND")]
    pub script: Vec<String>,
}

/// What is asked of Nix: all options that an evaluation depends on.
#[derive(Debug, Clone, Args)]
pub struct AskOptions {
    /// Which flake and what of it.
    #[command(flatten)]
    pub flake: FlakeOptions,
    /// How much a run may use.
    #[command(flatten)]
    pub budget: BudgetOptions,
    /// Where the histories of inputs are.
    #[command(flatten)]
    pub repositories: RepositoryOptions,
    /// Which programs to drive.
    #[command(flatten)]
    pub programs: ProgramOptions,
    /// What counts as bad.
    #[command(flatten)]
    pub verdict: VerdictOptions,
}

/// How a history is searched, and where results go.
#[derive(Debug, Clone, Args)]
pub struct SearchOptions {
    /// Search along first parents, then inside the merge that is the culprit
    #[arg(long)]
    pub first_parent: bool,

    /// Ask only in the fast way; do not confirm by the user's own command
    #[arg(long)]
    pub no_confirm: bool,

    /// Confirm with the inputs fetched and copied by Nix, although they can be shown at their store paths without
    #[arg(long, conflicts_with = "no_confirm")]
    pub confirm_fetched: bool,

    /// Run every probe, also where nothing differs that an earlier one read
    #[arg(long)]
    pub no_read_sets: bool,

    /// Evaluations at the same time, as far as the memory allows [default: one of a search, and two where both are
    /// needed anyway, if there are cores for them]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,

    /// Take nothing from earlier investigations, and keep nothing for later ones
    #[arg(long, env = "NIX_CULPRIT_NO_CACHE", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_cache: bool,

    /// Do not look why the bad end fails before the search
    #[arg(long)]
    pub no_explain: bool,

    /// Name every commit at which it became heavier or lighter, not one; with a rule such as 'nrThunks > +20%'
    #[arg(long)]
    pub all_jumps: bool,

    /// Where results go.
    #[command(flatten)]
    pub results: ResultOptions,
}

/// Where results go.
#[derive(Debug, Clone, Args)]
pub struct ResultOptions {
    /// Folder for report.md, report.json and replay.sh [default: the case's folder]
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,

    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

fn pin(text: &str) -> Result<Pin, String> {
    let parts = text.split_once('=').and_then(|(name, range)| Some((name, range.split_once("..")?)));
    match parts {
        Some((name, (old, new))) if ![name, old, new].contains(&"") && new.bytes().all(|b| b.is_ascii_hexdigit()) => {
            Ok(Pin { name: name.to_owned(), old: old.to_owned(), new: new.to_ascii_lowercase() })
        }
        _ => Err("write it as NAME=OLD..NEW, where NEW is a commit hash that the code has".to_owned()),
    }
}

/// Refuses a name that neither Nix's command line nor the flake's author can mean.
fn configuration(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['"', '#']) {
        return Err("it is no name of a configuration; write the name alone, without `.#`".to_owned());
    }
    Ok(text.to_owned())
}

fn input_and_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((input, path)) if !input.is_empty() && !path.is_empty() => Ok((input.to_owned(), PathBuf::from(path))),
        _ => Err("write it as INPUT=PATH".to_owned()),
    }
}

pub(super) fn input_and_revision(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((input, revision)) if !input.is_empty() && !revision.is_empty() => {
            Ok((input.to_owned(), revision.to_owned()))
        }
        _ => Err("write it as INPUT=REVISION".to_owned()),
    }
}

/// Reads `poetry2nix/nixpkgs=pkgs`; what follows `=` is the last name where it is left out.
pub(super) fn input_and_target(text: &str) -> Result<(String, String), String> {
    let (input, target) = text.split_once('=').unwrap_or((text, text.rsplit('/').next().unwrap_or_default()));
    if input.trim_matches('/').contains('/') && !target.is_empty() {
        return Ok((input.to_owned(), target.to_owned()));
    }
    Err("write it as INPUT/INPUT or INPUT/INPUT=INPUT".to_owned())
}

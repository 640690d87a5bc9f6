//! What an investigation is asked to do, as plain data that can be written down and read back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::matrix::Axes;
use nix_culprit_core::bisect::{Goal, Mode};
use nix_culprit_core::correct::PullRequests;
use nix_culprit_core::explain::Way;
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::outcome::Criterion;
use nix_culprit_core::quantity::Bytes;
use serde::{Deserialize, Serialize};

/// All that determines an investigation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The folder of the user's `flake.nix`; written to by `fix --apply` alone.
    pub flake: PathBuf,
    /// Whether that is a flake.
    #[serde(default)]
    pub root: Root,
    /// The attribute to evaluate, as one writes it behind `#`, if the user chose one.
    pub attr: Option<String>,
    /// The system to evaluate for, if not this machine's.
    pub system: Option<String>,
    /// What is searched, and between which ends.
    pub scope: Scope,
    /// How the history is searched.
    pub mode: Mode,
    /// What a probe may use of memory.
    pub memory: Bytes,
    /// Where that amount comes from.
    pub memory_from: MemoryFrom,
    /// What the probes between the ends may use of memory, if the user said so.
    pub search_memory: Option<Bytes>,
    /// What a probe may use of time.
    pub time: Duration,
    /// What the probes between the ends may use of time, if the user said so.
    #[serde(default)]
    pub search_time: Option<Duration>,
    /// What counts as bad, if the user said so.
    pub criterion: Option<Criterion>,
    /// The user's own check, run in a copy of the flake; empty for none.
    pub script: Vec<String>,
    /// Whether culprit and parent are run again by the user's own command.
    pub confirmation: Confirmation,
    /// Whether the user's own command fetches its inputs.
    #[serde(default)]
    pub fetching: Fetching,
    /// Whether probes between the ends are answered by what others read.
    #[serde(default)]
    pub read_sets: ReadSets,
    /// Whether one jump of a measure is searched for, or every one.
    #[serde(default)]
    pub jumps: Wanted,
    /// What is varied, where it is a table that is wanted.
    #[serde(default)]
    pub matrix: Option<Axes>,
    /// How many evaluations may run at the same time. None: a search makes one at a time, and others run beside each
    /// other only where all of them are needed.
    #[serde(default)]
    pub jobs: Option<usize>,
    /// The cache of observations, if it is to be used.
    #[serde(default)]
    pub cache: Option<PathBuf>,
    /// Whether it is looked why the bad end fails.
    #[serde(default)]
    pub explanation: Explaining,
    /// The only way in which that is looked for, if the user chose one.
    #[serde(default)]
    pub explained_by: Option<Way>,
    /// Which corrections are tried.
    #[serde(default)]
    pub correcting: Correcting,
    /// The number of the correction that is to be written into flake.nix, too; of this run alone.
    #[serde(skip)]
    pub pin: Option<usize>,
    /// How long it is looked for which part of the culprit suffices, if that is asked for.
    #[serde(default)]
    pub extract: Option<Duration>,
    /// Whether heads of pull requests are corrections.
    #[serde(default)]
    pub pull_requests: PullRequests,
    /// Clones that the user named, by input or by URL.
    pub repositories: BTreeMap<String, PathBuf>,
    /// The folder that holds clones of our own.
    pub clones: PathBuf,
    /// The nix program.
    pub nix: PathBuf,
    /// A nix program with which the bad lock is said to work.
    #[serde(default)]
    pub nix_good: Option<PathBuf>,
    /// Other nix programs that the user named, to see whether one of them helps.
    #[serde(default)]
    pub other_nix: Vec<PathBuf>,
    /// The git program.
    pub git: PathBuf,
}

/// What the evaluated project is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// A flake.
    #[default]
    Flake,
    /// A Nix file.
    File {
        /// The file, in the project's folder.
        file: PathBuf,
        /// Revisions in its code, or how they begin, by the names that the user gave them.
        pins: BTreeMap<String, String>,
        /// Names of `NIX_PATH` that the user gave clones for.
        channels: Vec<String>,
    },
}

impl Root {
    /// Returns the file that a project's folder has to have.
    #[must_use]
    pub fn file(&self) -> &Path {
        match self {
            Self::Flake => Path::new("flake.nix"),
            Self::File { file, .. } => file,
        }
    }
}

/// What is searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The difference between two lock files.
    Locks {
        /// The good state: a lock file, or a revision or date of the flake's repository.
        good: Option<String>,
        /// The bad state, likewise.
        bad: Option<String>,
        /// The only changed input to look at.
        input: Option<InputPath>,
    },
    /// Which of the changes between two lock files matter, without a search for the commit.
    Inputs {
        /// The good state, as for [`Scope::Locks`].
        good: Option<String>,
        /// The bad state, likewise.
        bad: Option<String>,
        /// Inputs that the user suspects.
        likely: Vec<InputPath>,
    },
    /// The history of one input, with all others as the lock has them.
    Input {
        /// The input.
        input: InputPath,
        /// A good revision or date.
        good: Option<String>,
        /// A bad revision or date.
        bad: Option<String>,
        /// Which commit is searched for.
        goal: Goal,
    },
}

impl Scope {
    /// Returns which commit is searched for.
    #[must_use]
    pub const fn goal(&self) -> Goal {
        match self {
            Self::Locks { .. } | Self::Inputs { .. } => Goal::FirstBad,
            Self::Input { goal, .. } => *goal,
        }
    }
}

/// Whether the end is confirmed by the user's own command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// It is.
    Wanted,
    /// The user asked to leave it out.
    Unwanted,
}

/// Whether the user's own command fetches its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fetching {
    /// Only where they cannot be shown at their store paths.
    #[default]
    WhereNeeded,
    /// Always.
    Always,
}

/// Whether a probe need not be run where nothing differs that another one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadSets {
    /// It need not.
    #[default]
    Used,
    /// Every probe is run.
    Unused,
}

/// Whether it is looked why the bad end fails, and what that is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Explaining {
    /// It is, and the search begins with the commits that the failure goes through.
    Guides,
    /// It is, and the search is as without it: a case that was searched before must not be searched otherwise.
    #[default]
    Tells,
    /// It is, and nothing is searched.
    Alone,
    /// It is not.
    Unwanted,
}

/// Which corrections are tried at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Correcting {
    /// None.
    #[default]
    Unwanted,
    /// Those for which the time lasts: about half of what the search took.
    Quick,
    /// All.
    All,
}

/// How many of the commits at which a measure jumps are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// The one at which it goes beyond the limit.
    #[default]
    One,
    /// Every one.
    All,
}

/// Where the memory budget comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryFrom {
    /// The user chose it.
    User,
    /// It is what this machine can spare; far more than the good end needs tells nothing more.
    Machine,
}

//! A probe: what it ran on, how, and what was seen.

use serde::{Deserialize, Serialize};

use super::super::date::Timestamp;
use crate::ids::{CommitId, InputPath};
use crate::outcome::{Observation, Verdict};

/// One end of the search, as probed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct End {
    /// The commit of the input, once the input is known.
    pub revision: Option<CommitId>,
    /// The date of that commit.
    pub date: Option<Timestamp>,
    /// What the probe says.
    pub verdict: Verdict,
    /// What was seen.
    pub observation: Observation,
}

/// One probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Probe {
    /// What it ran on.
    pub subject: Subject,
    /// How it was run.
    pub mode: Mode,
    /// What it says.
    pub verdict: Verdict,
    /// What was seen.
    pub observation: Observation,
    /// The commit whose probe settled this one, so that it was not run: nothing that it read differs.
    #[serde(default)]
    pub settled_by: Option<CommitId>,
    /// Whether it was run in an earlier case, and not in this one.
    #[serde(default)]
    pub remembered: bool,
}

/// What a probe ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Subject {
    /// The good end's lock file as it is.
    GoodLock,
    /// The bad end's lock file as it is.
    BadLock,
    /// The good end's lock file with these inputs as at the bad end.
    Inputs {
        /// The inputs.
        updated: Vec<InputPath>,
    },
    /// The bad end's lock file with the searched input at one commit.
    Commit {
        /// The commit.
        revision: CommitId,
        /// Its date.
        date: Timestamp,
        /// The first line of its message.
        title: String,
    },
    /// The bad end's lock file, with a correction that puts no input at a commit.
    Corrected {
        /// The correction, in words.
        change: String,
    },
}

/// How a probe was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Our own expression, with the input's tree from a local clone.
    Fast,
    /// The user's own command, with inputs from local clones at their store paths.
    Pure,
    /// The user's own command on a copy of the flake.
    Faithful,
}

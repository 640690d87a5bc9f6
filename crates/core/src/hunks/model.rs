//! The part of a commit that suffices, as plain data: it is part of `report.json`.
//!
//! Every text in it may come from strangers; what shows it makes it inert.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{CommitId, InputPath};
use crate::outcome::{Observation, Verdict};
use crate::report::model::Inputs;

/// The name of the file, beside the report, that has the part as a patch to the culprit's parent.
pub const PATCH: &str = "culprit.patch";

/// The part of the culprit that suffices to make the change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Extract {
    /// The input that the commit is of.
    pub input: InputPath,
    /// The culprit.
    pub commit: CommitId,
    /// What it is compared with: its first parent.
    pub parent: CommitId,
    /// How much the culprit changes.
    pub of: Amount,
    /// What suffices.
    pub hunks: Vec<Hunk>,
    /// Whether it is as small as it can be.
    pub basis: Basis,
    /// What all else of the culprit comes to, without these hunks; absent where that was not tried.
    pub rest: Option<Verdict>,
    /// How it is known.
    pub proof: Proof,
    /// How many evaluations it took.
    pub evaluations: usize,
    /// How long it took.
    pub wall: Duration,
}

/// How much a commit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Amount {
    /// Paths.
    pub files: usize,
    /// Runs of lines, and paths that change as a whole.
    pub hunks: usize,
    /// Single lines, or pairs of a line that goes and one that comes, in all of these.
    pub lines: usize,
}

/// A run of lines, or a path that changes as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hunk {
    /// The path in the input.
    pub file: String,
    /// The first line in the parent's file that it stands at, from 1; absent for a whole path.
    pub line: Option<usize>,
    /// The lines that go.
    pub removed: Vec<String>,
    /// The lines that come.
    pub added: Vec<String>,
    /// What becomes of the whole path, where it is no run of lines.
    pub whole: Option<String>,
}

/// How small a part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Basis {
    /// Without any one of its lines, or pairs of a line that goes and one that comes, it does not make the change.
    Lines,
    /// Without any one of its hunks it does not make the change; of their lines that is not known.
    Hunks {
        /// Why it is not known.
        why: String,
    },
    /// It makes the change; a smaller part may do so, too.
    Found {
        /// Why it was not made smaller.
        why: String,
    },
}

/// How it is known that a part suffices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Proof {
    /// By the user's own command.
    Own {
        /// What was seen.
        observation: Box<Observation>,
        /// How it got its inputs.
        #[serde(rename = "inputs-were")]
        inputs: Inputs,
    },
    /// In the fast way only.
    Fast {
        /// Why the user's own command was not run, or tells nothing.
        why: String,
    },
    /// The user's own command does not show it.
    Refuted {
        /// What it does.
        why: String,
    },
}

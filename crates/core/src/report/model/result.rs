//! What the search ended in, and how that was confirmed.

use serde::{Deserialize, Serialize};

use super::Commit;
use crate::growth::{Measure, Value};
use crate::ids::{CommitId, InputPath};
use crate::outcome::Observation;

/// What the search ended in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum SearchResult {
    /// One commit.
    Culprit {
        /// The first bad commit (or the first good one, see [`Direction`](super::Direction)).
        commit: Commit,
    },
    /// Commits that cannot be told apart, because those between them had to be skipped.
    OneOf {
        /// The commits that remain, oldest first.
        commits: Vec<Commit>,
    },
    /// Every commit at which a measure jumps, oldest first.
    Jumps {
        /// What was measured.
        measure: Measure,
        /// What is taken for a jump, in the unit of the measure: a count, bytes or microseconds.
        step: Value,
        /// The jumps.
        jumps: Vec<Jump>,
        /// By how much it moved beside them.
        rest: Value,
    },
    /// The changes of the lock that matter, which were all that was asked for; see [`Report::matters`](super::Report::matters).
    Inputs,
    /// The Nix version makes the difference: the same lock is good with one and bad with another.
    NixVersion {
        /// The version with which it is good.
        good: String,
        /// The version with which it is bad.
        bad: String,
    },
    /// No commit can be named.
    NotFound {
        /// Why not.
        why: NotFound,
    },
    /// The search was stopped before its end.
    Unfinished {
        /// How many commits are still possible, once that is known.
        suspects: Option<usize>,
        /// Why it stopped, as a fragment of a sentence.
        why: String,
    },
}

/// A commit at which a measure jumps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Jump {
    /// The commit.
    pub commit: Commit,
    /// The newest commit before it that could be measured: its parent, unless some were skipped.
    pub parent: CommitId,
    /// How many commits between them could not be measured: it may be one of these.
    pub skipped: usize,
    /// The value before.
    pub before: Value,
    /// The value at the commit.
    pub after: Value,
    /// How it was confirmed.
    #[serde(default)]
    pub confirmation: Option<Confirmation>,
}

/// Why no commit can be named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum NotFound {
    /// None of these inputs fails alone; together they do.
    OnlyTogether {
        /// The inputs that were updated together.
        inputs: Vec<InputPath>,
        /// What the search of each of their histories ended in, with the others held at the bad end.
        #[serde(default)]
        searched: Vec<SearchedInput>,
    },
    /// Both ends are good.
    BothGood,
    /// Both ends are bad.
    BothBad,
    /// No input differs between the ends.
    NothingChanged,
    /// An edge makes the difference: what an input follows, and not a commit of it.
    Follows {
        /// Both edges in plain words.
        change: String,
    },
    /// The input has no history that could be searched.
    NoHistory {
        /// What is in the way.
        reason: String,
    },
    /// Nothing was searched: it was only asked why the bad end fails.
    NotSearched,
    /// Something else.
    Other {
        /// One sentence.
        reason: String,
    },
}

/// One of several inputs that are bad together, and what was found in its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SearchedInput {
    /// The input.
    pub input: InputPath,
    /// What the search ended in.
    pub result: SearchResult,
    /// How that was confirmed.
    pub confirmation: Option<Confirmation>,
}

/// How the result was confirmed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Confirmation {
    /// The user's own command showed the same on the commit and on its parent.
    Faithful {
        /// What was seen on the commit.
        culprit: Box<Observation>,
        /// What was seen on its parent.
        parent: Box<Observation>,
        /// How the command came by the inputs.
        #[serde(default, rename = "inputs-were")]
        inputs: Inputs,
    },
    /// The fast probes stand alone.
    FastOnly {
        /// Why the user's own command was not run.
        why: String,
    },
    /// The user's own command did not show the same.
    NotConfirmed {
        /// What was different.
        why: String,
    },
}

/// How the user's own command came by the inputs that have a local clone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inputs {
    /// Nix fetched them.
    #[default]
    Fetched,
    /// They were shown at their store paths, with the hashes that Nix gives them, and not fetched again.
    AtStorePaths,
}

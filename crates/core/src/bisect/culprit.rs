//! The end of a search, as the report needs it.

use serde::{Deserialize, Serialize};

use super::settings::Goal;
use crate::ids::CommitId;

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was searched for.
    pub goal: Goal,
    /// What was found.
    pub culprit: Culprit,
    /// Verdicts that do not fit "before one commit all good, from it on all bad".
    pub contradictions: Vec<Contradiction>,
    /// How many commits were judged, beside the ends, skips included.
    pub judged: usize,
}

/// The commit that made the change, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Culprit {
    /// This commit shows the change, and none of its parents does.
    Commit {
        /// The first bad commit, or with [`Goal::FirstGood`] the first good one.
        commit: CommitId,
        /// Its parents, first parent first, and why each is known to be as before.
        ///
        /// With two or more parents it is a merge of sides that were fine by themselves: their
        /// interaction makes the change.
        parents: Vec<Parent>,
        /// The first commit on the new end's first-parent chain that contains the culprit: the merge that
        /// brought it in, or the culprit itself. `None` when the chain leaves the graph before.
        arrived_by: Option<CommitId>,
    },
    /// One of these commits; they cannot be told apart, as too many were skipped.
    OneOf {
        /// All commits that can have made the change, oldest first.
        commits: Vec<CommitId>,
        /// Those of them that were skipped.
        skipped: Vec<Skipped>,
        /// Those of them that were not probed, as they lie between commits that were all skipped for the
        /// same reason.
        untested: Vec<CommitId>,
        /// The first commit on the new end's first-parent chain that contains one of them, if it contains all.
        arrived_by: Option<CommitId>,
    },
}

/// A parent of the culprit, which is as before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The parent.
    pub commit: CommitId,
    /// How this is known.
    pub basis: Basis,
}

/// How a commit is known to be as before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// It is an end, or was probed.
    Seen,
    /// It is an ancestor of this commit, which is as before.
    AncestorOf(CommitId),
    /// It is not part of the history that was searched.
    OutsideRange,
}

/// A commit of which nothing could be said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The commit.
    pub commit: CommitId,
    /// Why it was skipped.
    pub reason: String,
}

/// Verdicts that do not fit together under the assumption that one commit made the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Contradiction {
    /// A commit already shows the change, and a descendant of it does not; the search trusted the descendant.
    Reverted {
        /// The commit that shows the change.
        changed: CommitId,
        /// Its descendant that does not.
        unchanged: CommitId,
    },
    /// A commit shows the change although the suspects are not in its history: it came about twice.
    Apart {
        /// The commit that shows the change.
        changed: CommitId,
    },
    /// A commit was judged good once and bad once; the search trusted the later verdict, or the end's.
    Unstable {
        /// The commit.
        commit: CommitId,
    },
}

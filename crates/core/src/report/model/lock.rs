//! What the lock files of the two ends say, and which of their differences matter.

use serde::{Deserialize, Serialize};

use super::super::date::Timestamp;
use crate::ids::{CommitId, InputPath};
use crate::outcome::Verdict;

/// One difference between the lock files of the two ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LockChange {
    /// The input.
    pub input: InputPath,
    /// What happened to it.
    pub kind: LockChangeKind,
    /// What it was locked to at the good end.
    pub from: Option<LockedAt>,
    /// What it is locked to at the bad end.
    pub to: Option<LockedAt>,
}

/// One input in a lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LockInput {
    /// The input.
    pub input: InputPath,
    /// The input that it is the same as, if it has no node of its own.
    pub follows: Option<InputPath>,
    /// What it is locked to.
    pub at: Option<LockedAt>,
}

/// What happened to an input between two lock files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockChangeKind {
    /// Another revision of the same source.
    Updated,
    /// Another source.
    Moved,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It follows another input than before, or follows no more.
    Follows,
}

/// What a lock file says about one input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LockedAt {
    /// The commit, for sources that have one.
    pub revision: Option<CommitId>,
    /// The date of the source.
    pub date: Option<Timestamp>,
}

/// The input in whose history was searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FoundInput {
    /// The input.
    pub path: InputPath,
    /// The URL of its repository.
    pub repository: String,
    /// How it was told from the other inputs.
    pub isolation: Isolation,
}

/// How one input was told from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// The user named it.
    Named,
    /// No other input changed.
    OnlyChange,
    /// With it alone at its other revision, the verdict changes.
    Suffices,
    /// With it alone at its other revision, the verdict changes; with all others but it, it does not.
    SufficesAndNeeded,
    /// With it and other inputs at their other revisions, the verdict changes; without it, or with it alone, it does not.
    WithOthers,
    /// With all others but it at their other revisions, the verdict does not change; it was not tried alone.
    Needed,
}

/// Which changes of the lock matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Matters {
    /// Sets of changes that are each bad, with all else as in the good lock; they have no change in common.
    pub sets: Vec<ChangeSet>,
    /// Inputs whose changes do not matter: it is bad, and was seen to be, without any of them.
    pub idle: Vec<InputPath>,
    /// Inputs of whose changes nothing can be said.
    pub untried: Vec<InputPath>,
}

/// Changes that are bad together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangeSet {
    /// The changes.
    pub changes: Vec<SetMember>,
    /// Whether none can be left out: each was, and it was not bad any more.
    pub proven: bool,
}

/// A change in a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SetMember {
    /// The input that changed.
    pub input: InputPath,
    /// The change in plain words, with the name of the input.
    pub change: String,
    /// What the set without this change came to; absent where that was not tried.
    pub without: Option<Verdict>,
}

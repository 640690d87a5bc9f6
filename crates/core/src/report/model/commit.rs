//! A commit, and the pull request that it came by.

use serde::{Deserialize, Serialize};

use super::super::date::Timestamp;
use crate::ids::CommitId;

/// A commit that people are told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Commit {
    /// Its hash.
    pub revision: CommitId,
    /// The author's name.
    pub author: Option<String>,
    /// The date of the commit.
    pub date: Timestamp,
    /// The first line of its message.
    pub title: String,
    /// The first of the files that it touches.
    pub files: Vec<String>,
    /// How many files it touches in all.
    pub file_count: usize,
    /// What of it evaluations looked at, where that is known.
    #[serde(default)]
    pub evaluated: Option<Evaluated>,
    /// The page of the commit, where the host is known.
    pub url: Option<String>,
    /// The pull request that it came by, where the merge tells.
    pub pull_request: Option<PullRequest>,
    /// The merge that brought it to the searched branch.
    pub merge: Option<CommitId>,
}

/// What of a commit the evaluations of it and of its parents looked at: only that can have made the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evaluated {
    /// The first of the paths.
    pub files: Vec<String>,
    /// How many there are in all.
    pub count: usize,
}

/// A pull request (merge request) as its merge commit tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PullRequest {
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: Option<String>,
    /// Its page, where the host is known.
    pub url: Option<String>,
}

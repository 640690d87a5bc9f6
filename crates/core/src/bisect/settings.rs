//! How to search: for which change, in which order, and what to do about skips.

use serde::{Deserialize, Serialize};

/// Which change is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The first bad commit after good ones.
    #[default]
    FirstBad,
    /// The first good commit after bad ones (`--find-fix`).
    FirstGood,
}

/// In which order the history is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// All commits alike.
    #[default]
    Full,
    /// The new end's chain of first parents first, then the side branch of the merge found there.
    FirstParent,
}

/// How hard the search tries to tell apart commits that cannot be probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipPolicy {
    /// A run of commits of which several, and all that were tried, were skipped for the same reason is
    /// one region, and the rest of it stays untested.
    #[default]
    Regions,
    /// Every commit that could tell something is probed.
    Exhaustive,
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// Which change is searched for.
    pub goal: Goal,
    /// In which order.
    pub mode: Mode,
    /// What to do about commits that cannot be probed.
    pub skips: SkipPolicy,
}

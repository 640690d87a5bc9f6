//! The report as plain data, which is also `report.json`. Must not know how it was found out.
//!
//! Every text may come from strangers (titles, messages, paths) and may hold the user's secrets:
//! the renderings make it inert and redact it, the model does not. Times in JSON are UTC, amounts of
//! memory are bytes, durations are `{secs, nanos}`.

mod commit;
mod environment;
mod lock;
mod probe;
mod replay;
mod result;

pub use commit::{Commit, Evaluated, PullRequest};
pub use environment::{Environment, Flake, Limits};
pub use lock::{ChangeSet, FoundInput, Isolation, LockChange, LockChangeKind, LockInput, LockedAt, Matters, SetMember};
pub use probe::{End, Mode, Probe, Subject};
pub use replay::{FrozenInput, ReplayInput, ReplayRun, ReplaySource};
pub use result::{Confirmation, Inputs, Jump, NotFound, SearchResult, SearchedInput};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::reproducer::Reproducer;
use crate::correct::Corrections;
use crate::explain::Explanation;
use crate::hunks::Extract;
use crate::ids::CommitId;

/// The version of the model, which `docs/report.schema.json` describes.
pub const SCHEMA: u32 = 1;

/// All that is told about one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The version of this structure: [`SCHEMA`].
    pub schema: u32,
    /// What is searched for.
    pub direction: Direction,
    /// What the probes ran on.
    pub environment: Environment,
    /// What was evaluated.
    pub flake: Flake,
    /// What differs between the lock files of the two ends.
    pub lock_changes: Vec<LockChange>,
    /// The inputs of the lock file of the bad end, those of the flake first.
    #[serde(default)]
    pub inputs: Vec<LockInput>,
    /// The state that works, if one was probed.
    pub good: Option<End>,
    /// The state that fails, if one was probed.
    pub bad: Option<End>,
    /// The input in whose history was searched, once it is known.
    pub input: Option<FoundInput>,
    /// Which changes of the lock matter; absent when that was not searched.
    #[serde(default)]
    pub matters: Option<Matters>,
    /// What the search ended in.
    pub result: SearchResult,
    /// Why the bad end fails; absent where nobody looked.
    #[serde(default)]
    pub explanation: Option<Explanation>,
    /// How the result was confirmed; absent when there was nothing to confirm yet.
    pub confirmation: Option<Confirmation>,
    /// What was tried to make the target evaluate again; absent where nothing was.
    #[serde(default)]
    pub corrections: Option<Corrections>,
    /// Which part of the culprit suffices; absent where that was not looked for.
    #[serde(default)]
    pub extract: Option<Extract>,
    /// A smaller project that fails in the same way; absent where `reduce` made none.
    #[serde(default)]
    pub reproducer: Option<Reproducer>,
    /// The commits of which nothing can be said, by reason.
    pub skipped: Vec<Skipped>,
    /// Evidence that does not fit a single change from good to bad, one sentence each.
    pub contradictions: Vec<String>,
    /// Every probe, in the order in which they ended; among them those that another one settled.
    pub probes: Vec<Probe>,
    /// How much was done.
    pub totals: Totals,
    /// What `replay.sh` needs; absent when there is nothing that plain nix could replay.
    pub replay: Option<ReplayInput>,
}

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The first bad commit.
    FindCulprit,
    /// The first good commit after bad ones.
    FindFix,
}

/// Commits of which nothing can be said, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Skipped {
    /// The reason.
    pub reason: String,
    /// The commits.
    pub commits: Vec<CommitId>,
}

/// How much was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Totals {
    /// The number of probes that were run.
    pub probes: usize,
    /// The number of those that were not, because another one settled them.
    #[serde(default)]
    pub settled: usize,
    /// The number of those that were not, because they were run in an earlier case.
    #[serde(default)]
    pub remembered: usize,
    /// The wall time of the whole case.
    pub wall: Duration,
    /// How many commits lie between the ends, once that is known.
    pub range: Option<usize>,
}

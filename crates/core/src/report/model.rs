//! The report as plain data, which is also `report.json`. Must not know how it was found out.
//!
//! Every text may come from strangers (titles, messages, paths) and may hold the user's secrets:
//! the renderings make it inert and redact it, the model does not. Times in JSON are UTC, amounts of
//! memory are bytes, durations are `{secs, nanos}`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::date::Timestamp;
use super::reproducer::Reproducer;
use crate::correct::Corrections;
use crate::explain::Explanation;
use crate::growth::{Measure, Value};
use crate::hunks::Extract;
use crate::ids::{CommitId, InputPath};
use crate::outcome::{Observation, Outcome, Verdict};
use crate::quantity::Bytes;

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

/// What the probes ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Environment {
    /// The version of nix-culprit.
    pub tool_version: String,
    /// What `nix --version` says.
    pub nix_version: String,
    /// The program that was run.
    pub nix_program: String,
    /// Nix's name of the system, such as `x86_64-linux`.
    pub system: String,
    /// The limits that were in force.
    pub limits: Limits,
}

/// The limits that were in force in each probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// The memory budget of the process tree.
    pub memory: Bytes,
    /// The memory budget of the probes between the ends, where it was enough to tell good from bad.
    pub search_memory: Option<Bytes>,
    /// The wall time budget.
    pub time: Duration,
    /// The wall time budget of the probes between the ends, where it was enough to tell good from bad.
    #[serde(default)]
    pub search_time: Option<Duration>,
    /// The guard's own words for how they were enforced.
    pub layer: String,
}

/// What was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flake {
    /// The flake's own description.
    pub description: Option<String>,
    /// Where it lies or comes from.
    pub url: String,
    /// The commit that its folder is at, if it is in git.
    pub revision: Option<CommitId>,
    /// The attribute path that is evaluated, such as `devShells.x86_64-linux.default`.
    pub target: String,
    /// The user's command, as text.
    pub command: String,
}

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

/// What the search ended in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum SearchResult {
    /// One commit.
    Culprit {
        /// The first bad commit (or the first good one, see [`Direction`]).
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
    /// The changes of the lock that matter, which were all that was asked for; see [`Report::matters`].
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

/// Commits of which nothing can be said, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Skipped {
    /// The reason.
    pub reason: String,
    /// The commits.
    pub commits: Vec<CommitId>,
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

/// What a script of plain git and nix needs to see the same again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReplayInput {
    /// The searched input.
    pub input: InputPath,
    /// Where its commits come from.
    pub source: ReplaySource,
    /// The folder of the flake inside the input's repository, if it is not at the top.
    pub dir: Option<String>,
    /// The inputs beneath the searched one, with the locked flake references they are kept at:
    /// from Nix 2.31 on, `--override-input` would lock them anew.
    pub frozen: Vec<FrozenInput>,
    /// The attribute to evaluate to a string, such as `devShells.x86_64-linux.default.drvPath`.
    pub attribute: String,
    /// Further arguments of the user's command that change the evaluation, such as `--impure`.
    pub arguments: Vec<String>,
    /// The bad end's lock file as text.
    pub lock: String,
    /// The older of the two decisive commits: the culprit's parent, or the last that is known to
    /// be before the commits that cannot be told apart.
    pub before: ReplayRun,
    /// The newer of the two decisive commits: the culprit, or the first known to be after them.
    pub after: ReplayRun,
}

/// Where a replay takes the searched input's commits from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ReplaySource {
    /// Nix fetches the two itself, by flake references such as `github:NixOS/nixpkgs/REV`.
    References {
        /// The flake reference of the older commit.
        before: String,
        /// The flake reference of the newer commit.
        after: String,
    },
    /// git clones this URL first.
    Clone {
        /// A URL that git understands.
        url: String,
    },
}

/// An input that a replay keeps where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrozenInput {
    /// The input.
    pub input: InputPath,
    /// The flake reference with revision.
    pub reference: String,
}

/// One of the two evaluations of a replay, and what was seen in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReplayRun {
    /// The commit of the searched input.
    pub revision: CommitId,
    /// What it ended in.
    pub outcome: Outcome,
}

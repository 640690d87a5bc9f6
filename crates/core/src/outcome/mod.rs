//! What a run of Nix ended in, and what that means.
//!
//! Owns the step from (exit, stderr, our own kill) to an [`Outcome`], from an outcome to a
//! signature, and from an observation to a [`Verdict`]. Must not run anything.

mod classify;
mod criterion;
mod entry;
mod plain;
mod signature;
mod stderr;
mod table;

pub use classify::{Ending, LogFormat, MemoryUse, classify};
pub use criterion::{AbortedByScript, BadWhen, Criterion, CriterionError, MessagePattern};
pub(crate) use entry::{Entry, Told};
pub use plain::plain;
pub use signature::Signature;
pub(crate) use stderr::parse_position;
pub use table::claim;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::counters::Counters;
use crate::ids::DrvPath;
use crate::quantity::Bytes;

/// How a process ended, as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It exited with this status.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
}

/// Why the guard ended a process tree itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kill {
    /// It reached the memory budget.
    Memory,
    /// It reached the time budget.
    Time,
    /// The user asked to stop.
    Interrupt,
}

/// What kind of end a probe came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The evaluation succeeded.
    Success,
    /// It used up the memory it was given.
    OutOfMemory,
    /// Nix found that a value needs itself.
    InfiniteRecursion,
    /// Nix's call depth limit was exceeded.
    CallDepth,
    /// The stack overflowed.
    StackOverflow,
    /// The evaluated code is wrong or gave up: throw, abort, assert, a missing attribute, syntax.
    EvaluationError,
    /// Nixpkgs refused the package: unfree, broken, insecure, unsupported platform.
    Refused,
    /// Nixpkgs refused this version of Nix.
    NixTooOld,
    /// Something could not be downloaded or fetched.
    FetchFailure,
    /// Something fetched has another hash than the one that was written down.
    HashMismatch,
    /// A build failed.
    BuildFailure,
    /// A build would have been needed during evaluation, and is not allowed.
    ImportFromDerivation,
    /// It reached the time budget.
    TimeOut,
    /// The user stopped it.
    Interrupted,
    /// Nix itself does not work here: missing feature, no daemon, unknown flag.
    NixUnusable,
    /// Something outside killed it; the cause is unknown.
    Killed,
}

impl Class {
    /// Every class, in the order of declaration.
    pub const ALL: [Self; 16] = [
        Self::Success,
        Self::OutOfMemory,
        Self::InfiniteRecursion,
        Self::CallDepth,
        Self::StackOverflow,
        Self::EvaluationError,
        Self::Refused,
        Self::NixTooOld,
        Self::FetchFailure,
        Self::HashMismatch,
        Self::BuildFailure,
        Self::ImportFromDerivation,
        Self::TimeOut,
        Self::Interrupted,
        Self::NixUnusable,
        Self::Killed,
    ];

    /// Tells whether the end says anything about the evaluated code.
    ///
    /// After one that does not, every other commit would end alike: the caller stops instead of skipping.
    #[must_use]
    pub const fn is_about_code(self) -> bool {
        !matches!(self, Self::Interrupted | Self::NixUnusable)
    }

    /// Tells whether the end is that of a computation that ran away: it ends at whichever limit is hit
    /// first, at a place and with words that mean nothing.
    #[must_use]
    pub const fn is_runaway(self) -> bool {
        matches!(
            self,
            Self::OutOfMemory | Self::InfiniteRecursion | Self::CallDepth | Self::StackOverflow | Self::TimeOut
        )
    }

    /// Returns the words for people, such as `out of memory`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::OutOfMemory => "out of memory",
            Self::InfiniteRecursion => "infinite recursion",
            Self::CallDepth => "call depth exceeded",
            Self::StackOverflow => "stack overflow",
            Self::EvaluationError => "evaluation error",
            Self::Refused => "refused by nixpkgs",
            Self::NixTooOld => "nix too old",
            Self::FetchFailure => "fetch failure",
            Self::HashMismatch => "hash mismatch",
            Self::BuildFailure => "build failure",
            Self::ImportFromDerivation => "import from derivation refused",
            Self::TimeOut => "time-out",
            Self::Interrupted => "interrupted",
            Self::NixUnusable => "nix unusable",
            Self::Killed => "killed, cause unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A place in evaluated code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The file as Nix printed it, without control characters.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What kind of end it was, with the root cause as far as it is known.
///
/// `message` and `position` come from Nix or from evaluated code; they hold no control characters
/// and are safe to print, but they prove nothing: `class` does not rest on what evaluated code can print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The kind of end.
    pub class: Class,
    /// The root cause in one line, if one was printed.
    pub message: Option<String>,
    /// Where the root cause lies, if that was printed.
    pub position: Option<Position>,
}

impl fmt::Display for Outcome {
    /// Shows `evaluation error: attribute 'x' missing (at /p/default.nix:3:7)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.class)?;
        // The message of a runaway says the same again.
        if let Some(message) = self.message.as_ref().filter(|_| !self.class.is_runaway()) {
            write!(f, ": {message}")?;
        }
        if let Some(position) = &self.position {
            write!(f, " (at {position})")?;
        }
        Ok(())
    }
}

/// What was seen in one probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// What kind of end it was.
    pub outcome: Outcome,
    /// How the process ended.
    pub end: End,
    /// The largest resident memory of the whole process tree.
    pub peak: Bytes,
    /// Wall time from spawn to reap.
    pub wall: Duration,
    /// Processor time of the whole process tree; absent where it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Duration>,
    /// What Nix counted; absent where it was not asked to, or wrote nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counters: Option<Counters>,
    /// Resident memory over time: at most 64 evenly spaced samples of the whole process tree.
    pub curve: Vec<Bytes>,
    /// The derivation that the target evaluated to, on success.
    pub drv_path: Option<DrvPath>,
}

/// What a probe says about its commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verdict", content = "reason")]
pub enum Verdict {
    /// As it was before.
    Good,
    /// It shows the failure that is searched for.
    Bad,
    /// Nothing can be said; the reason is for people.
    Skip(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_from_before_counters_is_still_read() {
        let text = r#"{"outcome":{"class":"success","message":null,"position":null},"end":{"exited":0},
            "peak":53493760,"wall":{"secs":1,"nanos":0},"curve":[1],"drv_path":null}"#;
        let seen: Observation = serde_json::from_str(text).unwrap();
        assert_eq!((seen.counters, seen.cpu), (None, None));
    }
}

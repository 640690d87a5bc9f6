//! What a run of Nix ended in, and what that means.
//!
//! Owns the step from (exit, stderr, our own kill) to an [`Outcome`], from an outcome to a
//! signature, and from an observation to a [`Verdict`]. Must not run anything.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
pub struct MemoryUse {
    pub peak: Bytes,
    pub budget: Bytes,
}
pub enum LogFormat {
    Text,
    InternalJson,
}
pub struct Ending<'a> {
    pub end: End,
    pub kill: Option<Kill>,
    pub kernel_oom: bool,
    pub stderr: &'a [u8],
    pub log: LogFormat,
    pub memory: Option<MemoryUse>,
}
pub fn classify(e: &Ending) -> Outcome {
    let class = match (e.kill, e.end) {
        (Some(Kill::Memory), _) => Class::OutOfMemory,
        (Some(Kill::Time), _) => Class::TimeOut,
        (Some(Kill::Interrupt), _) => Class::Interrupted,
        (_, End::Exited(0)) => Class::Success,
        _ => Class::EvaluationError,
    };
    Outcome {
        class,
        message: if class == Class::EvaluationError {
            Some(
                String::from_utf8_lossy(&e.stderr[e.stderr.len().saturating_sub(300)..])
                    .replace('\n', " ")
                    .replace('\x1b', ""),
            )
        } else {
            None
        },
        position: None,
    }
}
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signature(String);
impl Signature {
    pub fn of(o: &Outcome) -> Self {
        Signature(o.class.to_string())
    }
}
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Criterion {
    AnyFailure,
    Script,
    SameSignature(Signature),
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct AbortedByScript;
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct CriterionError;
impl std::str::FromStr for Criterion {
    type Err = CriterionError;
    fn from_str(_: &str) -> Result<Self, CriterionError> {
        Ok(Self::AnyFailure)
    }
}
impl Criterion {
    pub fn verdict(&self, o: &Observation) -> Result<Verdict, AbortedByScript> {
        Ok(match self {
            Self::SameSignature(s) if s.0 == o.outcome.class.to_string() => Verdict::Bad,
            _ if o.outcome.class == Class::Success => Verdict::Good,
            Self::SameSignature(_) => Verdict::Skip(o.outcome.class.to_string()),
            _ => Verdict::Bad,
        })
    }
}
impl Class {
    pub fn is_about_code(self) -> bool {
        true
    }
}

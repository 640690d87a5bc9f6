//! An explanation as plain data: it is journaled, and part of `report.json`.
//!
//! Every text in it may come from evaluated code; what shows it makes it inert.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::growth::{Side, grouped};
use crate::ids::InputPath;
use crate::profile::Seen;
use crate::quantity::Bytes;

/// Why the bad end fails, as far as it could be learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// What was learned.
    pub why: Why,
    /// By which way it was learned.
    pub way: Option<Way>,
    /// How many evaluations it took.
    pub runs: usize,
    /// How long it took.
    pub wall: Duration,
    /// What could not be learned and why, a sentence each.
    pub notes: Vec<String>,
    /// The names of the pictures that were drawn, beside the report.
    #[serde(default)]
    pub drawn: Vec<String>,
}

/// By which way an evaluation was made to tell where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Nix's own profile of the evaluation.
    Profile,
    /// What is on the stack at growing limits of the call depth.
    CallDepth,
    /// Our own tracer, which replaces `import` and `derivation`.
    Tracer,
    /// The trace that Nix printed with its error.
    Trace,
}

impl Way {
    /// Returns the words for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Profile => "a profile of the evaluation, written by Nix",
            Self::CallDepth => "what Nix prints at growing limits of the call depth",
            Self::Tracer => "a tracer in place of `import` and `derivation`, in a fast evaluation",
            Self::Trace => "the trace that Nix printed with the error",
        }
    }
}

/// What was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Why {
    /// Derivations need each other in a loop.
    Cycle(Cycle),
    /// The evaluation ended in an error.
    Error(ErrorRoot),
    /// It does more than the good end.
    Heavier(Heavier),
    /// Nothing; the notes say what was tried.
    Unknown,
}

/// Derivations that need each other in a loop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cycle {
    /// The loop: each derivation with the next one that it needs. The last one leads back to the first.
    pub edges: Vec<Edge>,
    /// How sure it is that the loop is what makes the evaluation grow.
    pub certainty: Certainty,
    /// How often the loop was on the stack, from time to time.
    pub growth: Vec<Growth>,
    /// Where turns make values anew, as far as that was seen; what was seen most comes first.
    pub fresh: Vec<Fresh>,
    /// The files of each input that belong to the loop, relative to the input.
    pub files: Vec<(InputPath, String)>,
}

/// How sure a cycle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// It was seen to grow.
    Confirmed,
    /// It was on the stack several times, and nothing more is known.
    Suspected,
}

/// One derivation that needs another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Edge {
    /// The derivation that needs.
    pub from: String,
    /// The derivation that is needed.
    pub to: String,
    /// The attribute by which it needs it, such as `nativeBuildInputs`, where that was told.
    pub attribute: Option<String>,
    /// The line that names it, where one was found.
    pub place: Option<Place>,
    /// Whether the culprit's diff adds a line that names it there; known once there is a culprit.
    pub added: bool,
}

/// A line of code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// The input that it is in; the flake itself has the empty path.
    pub input: InputPath,
    /// The file, relative to the input.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// What the line says.
    pub source: Option<String>,
}

/// How often a cycle was on the stack at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Growth {
    /// The number of repetitions.
    pub repetitions: u64,
    /// The memory of the evaluation at that moment, where it was known.
    pub memory: Option<Bytes>,
}

/// A place that makes values anew in each turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fresh {
    /// Where.
    pub place: Place,
    /// What is called there, such as `override`.
    pub call: String,
}

/// What an evaluation does more of than the good end, or less of where a rule calls that bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Heavier {
    /// What is counted.
    pub unit: Unit,
    /// How much of it the good end has.
    pub good: u64,
    /// How much of it the bad end has.
    pub bad: u64,
    /// Whether it is told what is more, or what is less.
    #[serde(default)]
    pub side: Side,
    /// The packages that clearly more is done for: what is done most for themselves comes first.
    pub packages: Vec<More>,
    /// The functions that clearly more is done by, likewise.
    pub functions: Vec<More>,
}

impl Heavier {
    /// Tells whether the bad end does more of something by itself, or less where that is told.
    #[must_use]
    pub const fn is_own(&self, more: &More) -> bool {
        match self.side {
            Side::Above => more.bad.own > more.good.own,
            Side::Below => more.bad.own < more.good.own,
        }
    }
}

/// What is counted to compare two evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Calls of functions, all of them: the same each time.
    Calls,
    /// How often something was going on when somebody looked; it was looked equally often a second in both.
    Samples,
}

impl Unit {
    /// Returns the word for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Samples => "samples",
        }
    }
}

/// A package or a function that more is done for or by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct More {
    /// What it is called; a package is without its version.
    pub name: String,
    /// Where a function is called, at the bad end if it is there.
    pub place: Option<Place>,
    /// How much it is at the good end: by itself, and in all.
    pub good: Seen,
    /// How much it is at the bad end.
    pub bad: Seen,
}

/// The root of an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ErrorRoot {
    /// The message.
    pub message: String,
    /// Where it was raised.
    pub place: Option<Place>,
    /// The way to it, inner first, without what lies in libraries.
    pub frames: Vec<FrameTold>,
}

/// One step on the way to an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrameTold {
    /// What Nix was doing, in its own words.
    pub what: String,
    /// Where.
    pub place: Place,
}

impl Explanation {
    /// Says in a line what was learned.
    #[must_use]
    pub fn in_a_line(&self) -> String {
        match &self.why {
            Why::Cycle(cycle) => {
                let names: Vec<&str> = cycle.edges.iter().map(|edge| edge.from.as_str()).collect();
                let (first, rest) = names.split_at(names.len().min(4));
                let more = if rest.is_empty() { String::new() } else { format!(" -> ({} more)", rest.len()) };
                let again = names.first().copied().unwrap_or_default();
                let grew = cycle.grew().map(|grew| format!("; it {grew}")).unwrap_or_default();
                format!("it goes round: {}{more} -> {again}{grew}", first.join(" -> "))
            }
            Why::Error(root) => {
                let place = root.place.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
                format!("it fails in: {}{place}", root.message)
            }
            Why::Heavier(heavier) => {
                let package = heavier.packages.first().map(|more| format!("; most for {}", more.name));
                let place = heavier.functions.iter().find_map(|more| more.place.as_ref());
                let place = place.map(|place| format!("; most at {place}"));
                let most = [package, place].into_iter().flatten().collect::<String>();
                let unit = heavier.unit.words();
                format!("it is {} {unit} in place of {}{most}", grouped(heavier.bad), grouped(heavier.good))
            }
            Why::Unknown => format!("the reason was not learned: {}", self.notes.join(" ")),
        }
    }
}

impl Cycle {
    /// Returns the largest number of repetitions that was seen, with the memory then.
    #[must_use]
    pub fn largest(&self) -> Option<Growth> {
        self.growth.iter().copied().max_by_key(|growth| growth.repetitions)
    }

    /// Returns the position of the edge that closes the loop: one that the culprit added, else the last.
    #[must_use]
    pub fn closing(&self) -> usize {
        let added = self.edges.iter().position(|edge| edge.added);
        added.unwrap_or_else(|| self.edges.len().saturating_sub(1))
    }

    /// Returns the likely place of a repair: one that makes values anew and is not in the input of the culprit.
    #[must_use]
    pub fn repair(&self, culprit: Option<&InputPath>) -> Option<&Fresh> {
        self.fresh.iter().find(|fresh| culprit.is_some_and(|input| fresh.place.input != *input)).or(self.fresh.first())
    }

    /// Says in a few words how much it grew: `grew to 23 repetitions by 1.8 GiB`.
    #[must_use]
    pub fn grew(&self) -> Option<String> {
        let largest = self.largest()?;
        let memory = largest.memory.map(|memory| format!(" by {memory}")).unwrap_or_default();
        Some(format!("grew to {} repetitions{memory}", largest.repetitions))
    }
}

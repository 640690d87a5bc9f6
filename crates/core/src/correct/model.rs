//! What was tried to make the target evaluate again, as plain data: it is part of `report.json`.
//!
//! Every text in it may come from strangers; what shows it makes it inert.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::candidates::request;
use crate::ids::{CommitId, InputPath};
use crate::outcome::Observation;
use crate::report::date::Timestamp;

/// The name of the file, beside the report, that takes the culprit back.
pub const PATCH: &str = "revert.patch";

/// What was tried, and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Corrections {
    /// Those that work, best first; `fix --apply 1` takes the first.
    pub works: Vec<Correction>,
    /// Those that do not.
    pub failed: Vec<Failed>,
    /// Those that were not tried.
    pub untried: Vec<Untried>,
    /// How many evaluations it took.
    pub evaluations: usize,
    /// How long it took.
    pub wall: Duration,
}

/// A change with which the target was seen to evaluate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Correction {
    /// What it changes.
    pub action: Action,
    /// How the user makes it, in this order.
    pub steps: Vec<Step>,
    /// How it is known.
    pub proof: Proof,
    /// What was seen with it.
    pub observation: Observation,
    /// How many derivations are others than at the good end, where that is known.
    pub derivations: Option<Derivations>,
    /// What else the user should know, a sentence each.
    pub notes: Vec<String>,
}

/// What a correction changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Action {
    /// An input goes on to a commit after the failing state, with which it works.
    Forward {
        /// The input.
        input: InputPath,
        /// The commit.
        to: Point,
        /// Which commit that is.
        reach: Reach,
    },
    /// The input of the culprit stays before it.
    Keep {
        /// The input.
        input: InputPath,
        /// The commit.
        to: Point,
        /// Which commit that is.
        before: Before,
    },
    /// The culprit is taken back, with all else as in the failing state.
    Revert {
        /// The input.
        input: InputPath,
        /// The culprit.
        commit: Point,
    },
    /// An input goes to the head of a pull request that its branch does not have.
    PullRequest {
        /// The input.
        input: InputPath,
        /// The commit.
        to: Point,
        /// The name of the head, such as `refs/pull/12/head`.
        reference: String,
    },
    /// An input of an input follows another one.
    Follow {
        /// The input.
        input: InputPath,
        /// What it follows.
        target: InputPath,
    },
    /// An input of an input does not follow any more, and has the revision that its own flake was made with.
    Own {
        /// The input.
        input: InputPath,
        /// The commit, where that is known.
        to: Option<Point>,
    },
    /// An input of an input does not follow any more, and alone stays before the culprit.
    Apart {
        /// The input.
        input: InputPath,
        /// The commit.
        to: Point,
        /// Which commit that is.
        before: Before,
    },
    /// Another Nix evaluates it.
    Nix {
        /// Its version.
        version: String,
        /// Its program.
        program: String,
    },
    /// Nixpkgs is allowed what it refuses.
    Allow {
        /// The setting, such as `NIXPKGS_ALLOW_UNFREE=1`.
        setting: String,
    },
}

/// Which commit an input goes on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// The first that works, found by a search; the newest works, too.
    First,
    /// The newest; it was not searched for an older one.
    Newest,
}

/// Which commit before the culprit an input stays at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Before {
    /// Its parent.
    Culprit,
    /// The newest of its branch before the merge that brought the culprit.
    Merge,
    /// The commit of the good end; which one is the culprit is not known.
    GoodEnd,
}

/// A commit as people know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Point {
    /// Its hash.
    pub revision: CommitId,
    /// Its date.
    pub date: Timestamp,
    /// The first line of its message.
    pub title: String,
}

/// What a user does to make a correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Step {
    /// A command in the flake's folder.
    Command {
        /// The command.
        command: String,
    },
    /// What is to be written in a file.
    Write {
        /// The file, in the flake's folder.
        file: String,
        /// The text.
        text: String,
    },
    /// Something else, in a sentence.
    Do {
        /// The sentence.
        what: String,
    },
}

/// How it is known that a correction works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Proof {
    /// The user's own command succeeded with it.
    Own {
        /// The command.
        command: String,
        /// How the command came by the inputs.
        #[serde(rename = "inputs-were")]
        inputs: crate::report::model::Inputs,
    },
    /// A fast probe succeeded, and the user's own command was not run.
    Fast {
        /// Why not.
        why: String,
    },
}

/// How the derivations of the target differ from those of the good end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Derivations {
    /// How many the target needs, itself included.
    pub all: usize,
    /// How many of them the good end does not have.
    pub changed: usize,
}

/// A change that was tried and does not help.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failed {
    /// What was tried.
    pub what: String,
    /// What it came to.
    pub why: String,
    /// What was seen, if it was evaluated.
    pub observation: Option<Observation>,
}

/// A change that was not tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Untried {
    /// What was not tried.
    pub what: String,
    /// Why not.
    pub why: String,
}

impl Point {
    /// Says which commit it is in a few words, without its title.
    #[must_use]
    pub fn brief(&self) -> String {
        format!("{} ({})", self.revision.short(), self.date.day())
    }
}

impl Before {
    /// Says which commit it is.
    const fn words(self) -> &'static str {
        match self {
            Self::Culprit => "the culprit's parent",
            Self::Merge => "the last of its branch before the culprit was merged",
            Self::GoodEnd => "where the good end has it",
        }
    }
}

impl Action {
    /// Says what it changes; `quote` makes inert what is not our own.
    #[must_use]
    pub fn words(&self, quote: &dyn Fn(&str) -> String) -> String {
        let path = |input: &InputPath| quote(&input.to_string());
        match self {
            Self::Forward { input, to, reach } => {
                let which = match reach {
                    Reach::First => "the first commit with which it works",
                    Reach::Newest => "its newest commit",
                };
                format!("move {} on to {}, {which}: {}", path(input), to.brief(), quote(&to.title))
            }
            Self::Keep { input, to, before } => {
                format!("keep {} at {}, {}", path(input), to.brief(), before.words())
            }
            Self::Revert { input, commit } => {
                format!("take back the culprit {} in {}", commit.revision.short(), path(input))
            }
            Self::PullRequest { input, to, reference } => {
                let (request, title) = (quote(&request(reference)), quote(&to.title));
                format!("take {request} ({}) of {}: {title}", to.revision.short(), path(input))
            }
            Self::Follow { input, target } => format!("let {} follow {}", path(input), path(target)),
            Self::Own { input, to } => {
                let to = to.as_ref().map(|to| format!(", {}", to.brief())).unwrap_or_default();
                format!("let {} follow nothing, and be what its own flake was made with{to}", path(input))
            }
            Self::Apart { input, to, before } => {
                format!("keep {} alone at {}, {}", path(input), to.brief(), before.words())
            }
            Self::Nix { version, program } => format!("use {} ({})", quote(version), quote(program)),
            Self::Allow { setting } => format!("allow it: {}", quote(setting)),
        }
    }

    /// Returns the input that it changes.
    #[must_use]
    pub const fn input(&self) -> Option<&InputPath> {
        match self {
            Self::Forward { input, .. }
            | Self::Keep { input, .. }
            | Self::Revert { input, .. }
            | Self::PullRequest { input, .. }
            | Self::Follow { input, .. }
            | Self::Own { input, .. }
            | Self::Apart { input, .. } => Some(input),
            Self::Nix { .. } | Self::Allow { .. } => None,
        }
    }
}

//! What is asked of a probe, and what the report tells of it.

use nix_culprit_core::event::{Mode, Purpose, Remaining};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::report::model::{self, Probe, Subject};

use crate::case::assignment::Assignment;

/// What is to be probed, and for what.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// What it runs on, as the report tells of it.
    pub subject: Subject,
    /// Which revision each lock node has.
    pub assignment: &'a Assignment,
    /// How it is run.
    pub mode: Mode,
    /// Whether what an earlier probe saw will do.
    pub round: Round,
    /// How far the search has come, if it is part of one.
    pub remaining: Option<Remaining>,
}

/// Whether what an earlier probe of the case saw will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// It will, also one of another commit that looked at nothing that differs, or one of another case.
    Search,
    /// It will, if it is one of this very commit in this case.
    Run,
    /// Only what an earlier confirmation saw, before an interruption.
    Confirmation,
}

/// A probe as the report tells of it.
#[derive(Debug, Clone)]
pub struct Record {
    /// What it ran on.
    pub subject: Subject,
    /// How it was run.
    pub mode: Mode,
    /// What it says.
    pub verdict: Verdict,
    /// What was seen.
    pub observation: Observation,
    /// The commit whose probe settled it, so that it was not run.
    pub settled_by: Option<CommitId>,
    /// Whether it was run in an earlier case, and not in this one.
    pub remembered: bool,
}

impl Record {
    /// Returns what the report tells.
    #[must_use]
    pub fn as_told(&self) -> Probe {
        let Self { subject, mode, verdict, observation, settled_by, remembered } = self.clone();
        let mode = match mode {
            Mode::Fast => model::Mode::Fast,
            Mode::Pure => model::Mode::Pure,
            Mode::Faithful => model::Mode::Faithful,
        };
        Probe { subject, mode, verdict, observation, settled_by, remembered }
    }
}

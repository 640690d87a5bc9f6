//! Evaluators besides the case's own: another Nix, or the user's own with something allowed.
//!
//! Owns what they know of the case from before: each has a folder and a journal of its own, since the keys of probes
//! do not name who was asked.

use std::path::PathBuf;

use nix_culprit_core::correct::Permission;
use nix_culprit_core::event::{Event, Mode, Purpose};
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::report::model::Subject;
use sha2::{Digest as _, Sha256};

use super::CaseError;
use super::clones::Clones;
use super::ends::{Ends, State, Verified, bad_end};
use super::evaluator::Evaluator;
use super::journal::Journal;
use super::nix_evaluator::{NixEvaluator, Tools};
use super::prober::{Prober, Question, Round};
use super::project::Project;
use super::pure::OTHERS;
use super::settings::Settings;
use super::store::CaseDir;
use crate::sys::git::Snapshot;
use crate::sys::nix::Nix;

/// Who is to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Other {
    /// Another program.
    Program(PathBuf),
    /// The user's own, by their own command with these variables.
    Allowing(Vec<Permission>),
}

/// Makes an evaluator that is not the case's own.
pub type MakeOther<'a> = dyn Fn(&Other) -> Result<OtherNix, CaseError> + 'a;

/// What evaluators besides the case's own are made of.
pub struct Others<'a> {
    /// What the user asked for.
    pub settings: &'a Settings,
    /// The case.
    pub case: &'a CaseDir,
    /// The tools of the case.
    pub tools: Tools,
    /// The copy of the flake.
    pub snapshot: Snapshot,
    /// When the user's tree was last committed, in seconds since 1970.
    pub modified: i64,
    /// What it is, if it is no flake.
    pub project: Option<Project>,
}

/// An evaluator besides the case's own, with what it knows of this case from before.
pub struct OtherNix {
    name: String,
    evaluator: Box<dyn Evaluator>,
    journal: Journal,
}

impl Others<'_> {
    /// Makes one.
    ///
    /// # Errors
    /// When the program is no Nix, or the folder of the case cannot be used.
    pub fn make(&self, other: &Other) -> Result<OtherNix, CaseError> {
        let (nix, name, known_by) = match other {
            Other::Program(program) => {
                let nix = Nix::detect(program, self.settings.system.as_deref(), &self.tools.interrupt)?;
                let (name, known_by) = (nix.version().to_string(), nix.name());
                (nix, name, known_by)
            }
            Other::Allowing(permissions) => {
                let variables: Vec<&str> = permissions.iter().map(|permission| permission.variable()).collect();
                let (name, known_by) = (self.tools.nix.version().to_string(), variables.join(" "));
                (self.tools.nix.clone().allowing(variables), name, known_by)
            }
        };
        let digest = Sha256::digest(known_by.as_bytes());
        let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let folder = self.case.path().join(OTHERS).join(digest);
        let tools = Tools { nix, ..self.tools.clone() };
        let script = self.settings.script.clone();
        let evaluator = NixEvaluator::new(tools, self.snapshot.clone(), self.modified, &folder, script)?;
        let evaluator = Box::new(evaluator.of_project(self.project.clone()));
        Ok(OtherNix { name, evaluator, journal: Journal::open(&folder.join("journal.jsonl"))? })
    }
}

impl OtherNix {
    /// Takes an evaluator with its journal.
    #[cfg(test)]
    pub(super) fn new(name: &str, evaluator: impl Evaluator + 'static, journal: Journal) -> Self {
        Self { name: name.to_owned(), evaluator: Box::new(evaluator), journal }
    }

    /// Has it asked in place of the case's own, of the same target and by the same rule; returns what came of it, and
    /// how many evaluations it took.
    pub fn ask<T>(&mut self, prober: &mut Prober<'_>, ask: impl FnOnce(&mut Prober<'_>) -> T) -> (T, usize) {
        let (criterion, target) = (prober.criterion().cloned(), prober.target().clone());
        let (memory, fetching) = (prober.full(), prober.fetching());
        let sink = prober.sink();
        let mut other = Prober::new(&mut *self.evaluator, &mut self.journal, sink, target, criterion, memory);
        other.fetch(fetching);
        let result = ask(&mut other);
        (result, other.records().len())
    }

    /// Probes a lock by the user's Nix, and if it is bad by this one; returns both ends if that makes the difference, and
    /// says so if not.
    ///
    /// # Errors
    /// When a probe could not be made.
    pub fn compare(
        mut self,
        prober: &mut Prober<'_>,
        clones: &Clones,
        state: &State,
        mode: Mode,
    ) -> Result<Option<(String, Ends)>, CaseError> {
        let (bad, mode) = bad_end(prober, clones, state, mode, &[])?;
        if bad.verdict != Verdict::Bad {
            return Ok(None);
        }
        let version = self.name.clone();
        if let Some(why) = self.evaluator.lacks(mode) {
            prober.tell(&Event::Warned { text: format!("whether the Nix version matters was not tried: {why}") });
            return Ok(None);
        }
        let purpose = Purpose { words: format!("the same lock with {version}"), commit: None };
        let question = Question {
            purpose: purpose.clone(),
            subject: Subject::GoodLock,
            assignment: &clones.assignment(state.lock.clone()),
            mode,
            round: Round::Search,
            remaining: None,
        };
        let probe = |other: &mut Prober<'_>| {
            let first = other.observe(&question)?;
            other.decide(&question, vec![first])
        };
        let (runs, verdict) = self.ask(prober, probe).0?;
        let observation = prober.note_runs(purpose, &Subject::GoodLock, mode, runs, &verdict);
        let text = match &verdict {
            Verdict::Good => {
                let good = Verified { state: state.clone(), observation, verdict };
                return Ok(Some((version, Ends { good, bad, mode })));
            }
            Verdict::Bad => format!("with {version} it ends in the same way: the Nix version makes no difference"),
            Verdict::Skip(reason) => format!("with {version} it ends in another way, which says nothing: {reason}"),
        };
        prober.tell(&Event::Warned { text });
        Ok(None)
    }
}

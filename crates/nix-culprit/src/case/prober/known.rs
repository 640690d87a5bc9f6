//! What is known of a probe without running it: from another commit's read-set, or from an earlier case.

use std::path::Path;

use nix_culprit_core::event::Event;
use nix_culprit_core::growth::Decision;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::read_set::Reads;

use super::repeats::is_unmeasured;
use super::{Prober, Question, Record, Round};
use crate::case::CaseError;
use crate::case::evaluator::{Evaluated, Settled};
use crate::case::settings::ReadSets;

impl Prober<'_> {
    /// Sets whether probes of a search may be settled by what others read.
    pub const fn use_read_sets(&mut self, read_sets: ReadSets) {
        self.read_sets = read_sets;
    }

    /// Returns what an evaluation looked at in a commit of a clone, if that is known and to be used.
    #[must_use]
    pub fn reads(&self, clone: &Path, commit: &CommitId) -> Option<Reads> {
        match self.read_sets {
            ReadSets::Used => self.evaluator.reads(clone, commit),
            ReadSets::Unused => None,
        }
    }

    /// Says what a probe of a search would come to, if that is known without running it.
    pub(super) fn settled(&mut self, question: &Question<'_>) -> Result<Option<(Settled, Verdict)>, CaseError> {
        // How long it takes is nothing that another one tells.
        let is_time = self.rule().is_some_and(|rule| rule.measure.is_time());
        let is_unused = self.read_sets == ReadSets::Unused;
        if question.round != Round::Search || question.purpose.commit.is_none() || is_unused || is_time {
            return Ok(None);
        }
        let key = self.key(question);
        if self.journal.known(&key).is_some() {
            return Ok(None);
        }
        let known = self.journal.settled(&key).cloned();
        let is_new = known.is_none();
        let found = || self.evaluator.settled(question.assignment, question.mode, &self.target, self.memory);
        let Some(settled) = known.or_else(found) else { return Ok(None) };
        if self.rule().is_some_and(|rule| is_unmeasured(rule, &settled.observation)) {
            return Ok(None);
        }
        let decision = self.decision(std::slice::from_ref(&settled.observation), question.mode)?;
        let Decision::Is(verdict) = decision else { return Ok(None) };
        if is_new {
            let (purpose, by) = (question.purpose.clone(), settled.by.clone());
            self.tell(&Event::Settled { key, purpose, by, observation: settled.observation.clone() });
            self.journal.check()?;
        }
        Ok(Some((settled, verdict)))
    }

    /// Writes down what another probe told of this one; returns what it saw.
    pub(super) fn note_settled(&mut self, question: Question<'_>, settled: Settled, verdict: Verdict) -> Observation {
        let Settled { by, observation } = settled;
        let (purpose, subject, mode) = (question.purpose, question.subject, question.mode);
        self.tell(&Event::Judged { purpose, verdict: verdict.clone() });
        let settled_by = Some(by);
        let seen = observation.clone();
        self.record(Record { subject, mode, verdict, observation: seen, settled_by, remembered: false });
        observation
    }

    /// Says what an earlier case saw of the very same probe, if that will do.
    pub(super) fn look_up(&mut self, question: &Question<'_>, key: &str) -> Result<Option<Evaluated>, CaseError> {
        // How long it takes here and now is nothing that another day tells.
        if question.round != Round::Search || self.rule().is_some_and(|rule| rule.measure.is_time()) {
            return Ok(None);
        }
        let evaluated = self.evaluator.remembered(question.assignment, question.mode, &self.target, self.memory);
        self.complain();
        if let Some(Evaluated { observation, .. }) = &evaluated {
            let (key, purpose, mode) = (key.to_owned(), question.purpose.clone(), question.mode);
            self.tell(&Event::Remembered { key, purpose, mode, observation: observation.clone() });
            self.journal.check()?;
        }
        Ok(evaluated)
    }
}

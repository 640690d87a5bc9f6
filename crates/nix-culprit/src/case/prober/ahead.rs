//! Probes made before they are asked for: ahead of a search, or beside another probe.
//!
//! Owns when that is done and what is taken from it; who does it is a matter of [`Ahead`].

use std::collections::BTreeSet;
use std::time::Duration;

use nix_culprit_core::event::Event;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::Class;

use super::{Prober, Question, Round};
use crate::case::CaseError;
use crate::case::ahead::{Ahead, Done, Ending, Need, Order, Places};
use crate::case::assignment::Assignment;
use crate::case::evaluator::Evaluated;
use crate::case::settings::ReadSets;

/// How long a probe beside others may go on at least when it is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

impl Prober<'_> {
    /// Lets others probe ahead of a search.
    pub fn work_ahead(&mut self, ahead: Ahead) {
        self.ahead = Some(ahead);
    }

    /// Tells whether there is a core for what is done beside an evaluation, and no time is measured, which it would disturb.
    #[must_use]
    pub fn has_cores_beside(&self) -> bool {
        let is_time = self.rule().is_some_and(|rule| rule.measure.is_time());
        !is_time && self.ahead.as_ref().is_some_and(Ahead::has_cores)
    }

    /// Returns how many probes can be made ahead of time: none where time is measured, which others disturb.
    #[must_use]
    pub fn places_ahead(&self) -> Places {
        let none = Places { searching: 0, beside: 0 };
        let is_time = self.rule().is_some_and(|rule| rule.measure.is_time());
        self.ahead.as_ref().filter(|_| !is_time).map_or(none, |ahead| ahead.places(self.memory))
    }

    /// Returns how many probes can be made beside one that is asked for, where they are needed anyway: none where
    /// they would get in each other's way.
    pub fn places_beside(&mut self, assignment: &Assignment) -> usize {
        let places = self.places_ahead().beside;
        if places > 0 && self.evaluator.works_alone(assignment) { 0 } else { places }
    }

    /// Tells whether somebody works ahead.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        self.ahead.as_ref().is_some_and(Ahead::is_busy)
    }

    /// Says once where fewer evaluations of a search fit the memory than were asked for.
    pub fn tell_places(&mut self) {
        let places = self.places_ahead().searching;
        let is_time = self.rule().is_some_and(|rule| rule.measure.is_time());
        let wanted = self.ahead.as_ref().filter(|_| !is_time).map_or(0, Ahead::wanted);
        if places < wanted {
            let (jobs, fit, each) = (wanted + 1, places + 1, self.memory);
            let text = format!(
                "of {jobs} evaluations at the same time as asked for, the memory carries {fit}: each may use {each}"
            );
            if self.told.insert(text.clone()) {
                self.tell(&Event::Warned { text });
            }
        }
    }

    /// Has a probe made beside the next one, if it will be asked for anyway, and cores and memory carry both.
    pub fn beside(&mut self, question: &Question<'_>) {
        let places = self.places_beside(question.assignment);
        self.beside_in(question, places);
    }

    /// As [`Prober::beside`], where this thread only waits for another probe: that one's place is free, too.
    pub fn beside_waiting(&mut self, question: &Question<'_>) {
        let places = self.places_beside(question.assignment);
        self.beside_in(question, if places > 0 { places + 1 } else { 0 });
    }

    /// As [`Prober::beside_waiting`], of a probe that a search will probably ask for, if another one ends as expected.
    pub fn begin_foreseen(&mut self, question: &Question<'_>) {
        self.foreseen = question.purpose.commit.clone().map(|commit| (commit, self.key(question)));
        self.beside_waiting(question);
    }

    /// Stops what was begun so, unless it is a probe of this commit; nobody is told of it.
    pub fn drop_foreseen_but(&mut self, wanted: Option<&CommitId>) {
        let superfluous = self.foreseen.take_if(|(commit, _)| wanted != Some(commit));
        if let (Some((_, key)), Some(ahead)) = (superfluous, &mut self.ahead) {
            ahead.stop(&key);
        }
    }

    fn beside_in(&mut self, question: &Question<'_>, places: usize) {
        // Of what is repeated to measure it, nothing is gained.
        if places == 0 || self.rule().is_some() {
            return;
        }
        let is_search = question.round == Round::Search;
        let remembers = |prober: &mut Self| {
            let Prober { evaluator, target, memory, .. } = prober;
            is_search && evaluator.remembered(question.assignment, question.mode, target, *memory).is_some()
        };
        if self.journal.known(&self.key(question)).is_none() && !remembers(self) {
            self.evaluator.note(question.assignment);
            self.begin_ahead(question, places);
        }
    }

    /// Returns how a probe ends that is being made beside what is asked for.
    #[must_use]
    pub fn underway(&self, question: &Question<'_>) -> Option<Ending> {
        self.ahead.as_ref()?.underway(&self.key(question))
    }

    /// Has probes made ahead, in so many places, that a search will probably ask for after `now`; all others are stopped.
    pub fn look_ahead(&mut self, now: &Question<'_>, later: &[Question<'_>], places: usize) {
        let keys: BTreeSet<String> = std::iter::once(now).chain(later).map(|question| self.key(question)).collect();
        let Some(ahead) = &mut self.ahead else { return };
        ahead.keep_only(&|key| keys.contains(key));
        for question in later {
            let key = self.key(question);
            let is_known = self.journal.known(&key).is_some() || self.journal.settled(&key).is_some();
            let settles = self.read_sets == ReadSets::Used
                && self.evaluator.settled(question.assignment, question.mode, &self.target, self.memory).is_some();
            if !is_known && !settles {
                self.begin_ahead(question, places);
            }
        }
    }

    pub(super) fn begin_ahead(&mut self, question: &Question<'_>, places: usize) {
        let order = self.order(question, Need::Perhaps);
        if let Some(ahead) = &mut self.ahead {
            ahead.begin(order, places);
        }
    }

    pub(super) fn order(&self, question: &Question<'_>, need: Need) -> Order {
        Order {
            need,
            key: self.key(question),
            purpose: question.purpose.clone(),
            assignment: question.assignment.clone(),
            mode: question.mode,
            target: self.target.clone(),
            memory: self.memory,
            time: self.time,
            heap: self.heap,
            counting: self.counting(&question.subject),
        }
    }

    /// Stops all who work ahead, and writes down what they found out and nobody asked for: it may be asked for yet.
    ///
    /// # Errors
    /// When the journal could not be written.
    pub fn end_ahead(&mut self) -> Result<(), CaseError> {
        self.needed.clear();
        let done = self.ahead.as_mut().map(Ahead::end).unwrap_or_default();
        self.write_down(done)
    }

    /// As [`Prober::end_ahead`], of those that a search may have asked for.
    ///
    /// # Errors
    /// When the journal could not be written.
    pub fn end_search(&mut self) -> Result<(), CaseError> {
        let done = self.ahead.as_mut().map(Ahead::end_search).unwrap_or_default();
        self.write_down(done)
    }

    fn write_down(&mut self, done: Vec<Done>) -> Result<(), CaseError> {
        for Done { order, evaluated, .. } in done {
            let Order { key, purpose, mode, .. } = order;
            self.tell(&Event::ProbeFinished { key, purpose, mode, observation: evaluated.observation });
        }
        Ok(self.journal.check()?)
    }

    /// Returns what somebody who works ahead saw of a probe, once it has ended.
    pub(super) fn taken_from_ahead(&mut self, key: &str) -> Option<Evaluated> {
        // An evaluation that goes on for so much longer than the last one may be one that runs out of time, which it has
        // to do alone.
        let patience = self.last.saturating_mul(5).saturating_add(PATIENCE);
        let Done { order, evaluated, looked_at } = self.ahead.as_mut()?.take(key, Some(patience))?;
        self.evaluator.keep(&order, &evaluated, looked_at.clone());
        // It may have been begun when the target had still to be looked for; a later case asks for what was found.
        if order.target != self.target {
            let found = Order { target: self.target.clone(), ..order.clone() };
            self.evaluator.keep(&found, &evaluated, looked_at.clone());
        }
        if let Some(looked_at) = looked_at {
            self.evaluator.adopt(&order.assignment, order.mode, &order.target, order.memory, &evaluated, looked_at);
        }
        Some(evaluated)
    }

    /// Evaluates; once more alone where it ran out of time beside others.
    pub(super) fn evaluate(&mut self, question: &Question<'_>) -> Result<Evaluated, CaseError> {
        self.begin_needed();
        let is_shared = self.ahead.as_ref().is_some_and(Ahead::is_busy);
        let evaluated = self.evaluator.evaluate(question.assignment, question.mode, &self.target, self.memory)?;
        self.last = evaluated.observation.wall;
        if !is_shared || evaluated.observation.outcome.class != Class::TimeOut {
            return Ok(evaluated);
        }
        self.end_ahead()?;
        Ok(self.evaluator.evaluate(question.assignment, question.mode, &self.target, self.memory)?)
    }
}

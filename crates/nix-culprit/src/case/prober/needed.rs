//! Probes that are made beside the one that is asked for, because they will be asked for anyway.
//!
//! Owns the queue of those, and when one of them is begun. What is known already is not probed.

use std::collections::VecDeque;

use nix_culprit_core::event::Mode;

use super::{Allowance, Prober, Question, Round};
use crate::case::ahead::{Need, Order};
use crate::case::assignment::Assignment;
use crate::case::evaluator::OwnWay;
use crate::case::settings::{Confirmation, Fetching, ReadSets};

/// A probe that will be asked for.
#[derive(Debug)]
pub(super) struct Needed {
    order: Order,
    round: Round,
}

impl Prober<'_> {
    /// Takes note of a probe that will be asked for with this allowance whatever else is found: it is made beside one that
    /// is asked for before it, where cores and memory carry both.
    pub fn need(&mut self, question: &Question<'_>, allowance: Allowance) {
        if self.places_beside(question.assignment) == 0 || self.rule().is_some() {
            return;
        }
        let before = self.allowance();
        self.allow(allowance);
        let order = self.order(question, Need::Anyway);
        self.allow(before);
        self.needed.push_back(Needed { order, round: question.round });
    }

    /// As [`Prober::need`], of a probe that is asked for by the user's own command, with the whole budget.
    pub fn need_own(&mut self, question: &Question<'_>) {
        let is_wanted = self.confirmation == Confirmation::Wanted && self.lacks(Mode::Faithful).is_none();
        if is_wanted && self.fetching == Fetching::WhereNeeded && self.has_cores_beside() {
            self.evaluator.foresee(question.assignment);
            let own = Question { mode: Mode::Pure, round: Round::Confirmation, ..question.clone() };
            self.need(&own, self.whole());
        }
    }

    /// Begins so many of them as there are places for, beside an evaluation that may use the whole budget.
    pub fn begin_needed(&mut self) {
        let mut needed = std::mem::take(&mut self.needed);
        while let Some(next) = needed.pop_front() {
            let places = self.ahead.as_ref().map_or(0, |ahead| ahead.places(self.full.max(next.order.memory)).beside);
            let Some(ahead) = &mut self.ahead else { break };
            if ahead.is_full(places) {
                needed.push_front(next);
                break;
            }
            if !ahead.has(&next.order.key) && self.is_still_needed(&next) {
                self.evaluator.note(&next.order.assignment);
                let Some(ahead) = &mut self.ahead else { break };
                ahead.begin(next.order, places);
            }
        }
        self.needed = needed;
    }

    /// Tells whether something has to be evaluated that was put off.
    fn is_still_needed(&mut self, Needed { order, round }: &Needed) -> bool {
        let Order { key, assignment, mode, target, memory, .. } = order;
        if self.journal.known(key).is_some() || self.journal.settled(key).is_some() {
            return false;
        }
        if *mode == Mode::Pure {
            return self.is_pure(assignment);
        }
        let is_search = *round == Round::Search;
        let settles = is_search
            && self.read_sets == ReadSets::Used
            && self.evaluator.settled(assignment, *mode, target, *memory).is_some();
        let remembers =
            is_search && !settles && self.evaluator.remembered(assignment, *mode, target, *memory).is_some();
        !settles && !remembers
    }

    /// Tells whether the user's own command can be run on an assignment without fetching.
    pub fn is_pure(&mut self, assignment: &Assignment) -> bool {
        self.evaluator.own_way(assignment) == OwnWay::Pure
    }

    /// Takes what is asked for now out of what will be.
    pub(super) fn is_asked_for(&mut self, key: &str) {
        let needed: VecDeque<Needed> = std::mem::take(&mut self.needed);
        self.needed = needed.into_iter().filter(|needed| needed.order.key != key).collect();
    }
}

//! Probes by the user's own command: in which way it is run, and what is known of that before.

use std::collections::BTreeSet;

use nix_culprit_core::event::{Event, Mode};
use nix_culprit_core::flake::Lock;
use nix_culprit_core::ids::DrvPath;
use nix_culprit_core::outcome::{Class, Observation, Verdict};

use super::{Prober, Question};
use crate::case::CaseError;
use crate::case::ahead::Ahead;
use crate::case::assignment::Assignment;
use crate::case::evaluator::OwnWay;
use crate::case::settings::{Confirmation, Fetching};

impl Prober<'_> {
    /// Sets whether the user's own command always fetches its inputs.
    pub const fn fetch(&mut self, fetching: Fetching) {
        self.fetching = fetching;
    }

    /// Returns whether the user's own command always fetches its inputs.
    #[must_use]
    pub const fn fetching(&self) -> Fetching {
        self.fetching
    }

    /// Sets whether what is found will be confirmed.
    pub const fn expect(&mut self, confirmation: Confirmation) {
        self.confirmation = confirmation;
    }

    /// Tells whether a probe of a search may be the confirmation as well: by the user's own command, if that needs not
    /// fetch. Where something is measured, all of a search is better measured in one way.
    #[must_use]
    pub fn confirms_early(&self) -> bool {
        let is_wanted = self.confirmation == Confirmation::Wanted && self.fetching == Fetching::WhereNeeded;
        is_wanted && self.rule().is_none() && self.lacks(Mode::Faithful).is_none()
    }

    /// Begins to find out what confirmations will need to know of these assignments, beside what is done meanwhile.
    pub fn foresee(&mut self, assignments: &[&Assignment]) {
        if self.foresees() {
            assignments.iter().for_each(|assignment| self.evaluator.foresee(assignment));
        }
    }

    /// As [`Prober::foresee`], of what they will need to know of any commit between these ends.
    pub fn vouch(&mut self, ends: &[&Assignment]) {
        if self.foresees() {
            ends.iter().for_each(|end| self.evaluator.vouch(end));
        }
    }

    fn foresees(&self) -> bool {
        let is_wanted = self.confirmation == Confirmation::Wanted && self.fetching == Fetching::WhereNeeded;
        is_wanted && self.ahead.as_ref().is_some_and(Ahead::has_cores)
    }

    /// Says in which way the user's own command is run on an assignment, and tells once why it has to fetch.
    pub fn own_mode(&mut self, assignment: &Assignment) -> Mode {
        if self.fetching == Fetching::Always {
            return Mode::Faithful;
        }
        match self.evaluator.own_way(assignment) {
            OwnWay::Pure => Mode::Pure,
            OwnWay::Faithful { why } => {
                if let Some(why) = why.filter(|why| self.told.insert(why.clone())) {
                    let text = format!("your own command fetches its inputs, which takes longer: {why}");
                    self.tell(&Event::Warned { text });
                }
                Mode::Faithful
            }
        }
    }

    /// Probes by the user's own command: without fetching where that can be had.
    ///
    /// # Errors
    /// As [`Prober::probe`].
    pub fn probe_own(&mut self, question: Question<'_>) -> Result<(Observation, Verdict, Mode), CaseError> {
        let mode = self.own_mode(question.assignment);
        if mode == Mode::Pure {
            let (observation, verdict) = self.probe(Question { mode, ..question.clone() })?;
            if !needs_fetching(observation.outcome.class) {
                return Ok((observation, verdict, mode));
            }
        }
        let (observation, verdict) = self.probe(Question { mode: Mode::Faithful, ..question })?;
        Ok((observation, verdict, Mode::Faithful))
    }

    /// Returns an assignment's lock as Nix would write it, as far as that is known without fetching.
    #[must_use]
    pub fn as_locked(&mut self, assignment: &Assignment) -> Lock {
        self.evaluator.as_locked(assignment).unwrap_or_else(|_| assignment.lock.clone())
    }

    /// Returns all derivations that one needs, which was written to a store in this way, itself included.
    pub fn closure(&mut self, drv_path: &DrvPath, mode: Mode) -> Option<BTreeSet<String>> {
        self.evaluator.closure(drv_path, mode)
    }

    /// Says why a way of asking cannot be had here, if it cannot.
    #[must_use]
    pub fn lacks(&self, mode: Mode) -> Option<String> {
        self.evaluator.lacks(mode)
    }
}

/// Tells whether an end in the pure way can come from its store, which has nothing but the inputs.
pub const fn needs_fetching(class: Class) -> bool {
    matches!(
        class,
        Class::FetchFailure
            | Class::HashMismatch
            | Class::NixUnusable
            | Class::BuildFailure
            | Class::ImportFromDerivation
            | Class::Killed
    )
}

/// Tells whether the cause can lie outside of the code, so that such an end is no failure to search for.
pub const fn is_from_outside(class: Class) -> bool {
    match class {
        Class::FetchFailure | Class::HashMismatch | Class::Interrupted | Class::NixUnusable | Class::Killed => true,
        Class::Success
        | Class::OutOfMemory
        | Class::InfiniteRecursion
        | Class::CallDepth
        | Class::StackOverflow
        | Class::EvaluationError
        | Class::Refused
        | Class::NixTooOld
        | Class::BuildFailure
        | Class::ImportFromDerivation
        | Class::TimeOut => false,
    }
}

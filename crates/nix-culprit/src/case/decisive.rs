//! The commit that a search most probably ends at, and its parents, asked for by the user's own command with the whole
//! budget: where they are as expected, that is the confirmation already.
//!
//! Owns when they are asked in that way, and how. Takes nothing for granted: what such a probe says is a verdict as any
//! other, and `proof` looks again where the answer is not confirmed.

use nix_culprit_core::bisect::{Goal, Search};
use nix_culprit_core::event::{Mode, Remaining};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::{Observation, Verdict};

use super::history::History;
use super::prober::{Prober, Question, Round, needs_fetching};
use super::search::{Range, question};
use super::{Assignment, CaseError};

/// A commit and its parents.
pub(super) struct Decisive {
    commit: CommitId,
    parents: Vec<CommitId>,
}

impl Decisive {
    /// Takes a commit of a search, where it and its parents can be asked for in this way.
    ///
    /// # Errors
    /// When an assignment cannot be made.
    pub(super) fn of(
        prober: &mut Prober<'_>,
        range: &Range<'_>,
        search: &Search,
        commit: &CommitId,
    ) -> Result<Option<Self>, CaseError> {
        if range.mode != Mode::Fast || !prober.confirms_early() {
            return Ok(None);
        }
        let parents = search.graph().parents_of(commit).unwrap_or_default();
        let all = Self { commit: commit.clone(), parents: parents.into_iter().cloned().collect() };
        let assignments = all.commits().map(range.assign).collect::<Result<Vec<Assignment>, _>>()?;
        prober.foresee(&assignments.iter().collect::<Vec<_>>());
        let is_pure = assignments.iter().all(|assignment| prober.own_mode(assignment) == Mode::Pure);
        Ok(is_pure.then_some(all))
    }

    /// Has a commit probed in this way while this thread waits for another probe, where it and its parents can be asked
    /// for so.
    ///
    /// # Errors
    /// When an assignment cannot be made.
    pub(super) fn begin(
        prober: &mut Prober<'_>,
        history: &dyn History,
        range: &Range<'_>,
        (commit, parents): (&CommitId, &[CommitId]),
    ) -> Result<(), CaseError> {
        let assignments: Vec<Assignment> =
            std::iter::once(commit).chain(parents).map(range.assign).collect::<Result<_, _>>()?;
        prober.foresee(&assignments.iter().collect::<Vec<_>>());
        if assignments.iter().all(|assignment| prober.is_pure(assignment)) {
            let question = question(history, range, commit, &assignments[0], Round::Confirmation, None)?;
            prober.begin_foreseen(&Question { mode: Mode::Pure, ..question });
        }
        Ok(())
    }

    /// Probes a commit of a search in this way, if it is one of them and they may still be what the search ends at;
    /// nothing where the user's own command cannot judge it without fetching. What is not as expected ends it.
    ///
    /// # Errors
    /// When the probe could not be made.
    pub(super) fn ask(
        this: &mut Option<Self>,
        prober: &mut Prober<'_>,
        (history, range, search): (&dyn History, &Range<'_>, &Search),
        commit: &CommitId,
        remaining: Remaining,
    ) -> Result<Option<(Observation, Verdict)>, CaseError> {
        let Some(decisive) = this.take_if(|decisive| decisive.has(commit, search)) else { return Ok(None) };
        let allowed = prober.allowance();
        prober.allow(prober.whole());
        let probed = decisive.probe(prober, history, range, commit, remaining);
        prober.allow(allowed);
        let probed = probed?;
        if probed.as_ref().is_some_and(|(_, verdict)| decisive.fits(range.goal, commit, verdict)) {
            *this = Some(decisive);
        } else {
            prober.end_search()?;
        }
        Ok(probed)
    }

    fn probe(
        &self,
        prober: &mut Prober<'_>,
        history: &dyn History,
        range: &Range<'_>,
        commit: &CommitId,
        remaining: Remaining,
    ) -> Result<Option<(Observation, Verdict)>, CaseError> {
        let assignment = (range.assign)(commit)?;
        let own = question(history, range, commit, &assignment, Round::Confirmation, Some(remaining))?;
        let own = Question { mode: Mode::Pure, ..own };
        for other in self.commits().filter(|other| *other != commit) {
            let assignment = (range.assign)(other)?;
            let beside = question(history, range, other, &assignment, Round::Confirmation, None)?;
            let beside = Question { mode: Mode::Pure, ..beside };
            if prober.underway(&own).is_some() { prober.beside_waiting(&beside) } else { prober.beside(&beside) }
        }
        let (observation, verdict) = prober.probe(own)?;
        let is_judged = !matches!(verdict, Verdict::Skip(_)) && !needs_fetching(observation.outcome.class);
        Ok(is_judged.then_some((observation, verdict)))
    }

    /// Returns the commit.
    pub(super) const fn commit(&self) -> &CommitId {
        &self.commit
    }

    /// Tells whether a commit is one of them, and they may still be what a search ends at.
    fn has(&self, commit: &CommitId, search: &Search) -> bool {
        self.commits().any(|other| other == commit) && search.suspects().any(|suspect| *suspect == self.commit)
    }

    /// Tells whether a verdict on one of them is what makes the commit the culprit.
    fn fits(&self, goal: Goal, commit: &CommitId, verdict: &Verdict) -> bool {
        let is_changed = *commit == self.commit;
        match (verdict, goal) {
            (Verdict::Bad, Goal::FirstBad) | (Verdict::Good, Goal::FirstGood) => is_changed,
            (Verdict::Good, Goal::FirstBad) | (Verdict::Bad, Goal::FirstGood) => !is_changed,
            (Verdict::Skip(_), Goal::FirstBad | Goal::FirstGood) => false,
        }
    }

    fn commits(&self) -> impl Iterator<Item = &CommitId> {
        std::iter::once(&self.commit).chain(&self.parents)
    }
}

#[cfg(test)]
mod early_tests;
#[cfg(test)]
mod tests;

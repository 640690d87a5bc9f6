//! What will be asked for first to try the corrections to come, so that it is probed beside what is asked for now.
//!
//! Owns which of that is known before its turn: nothing is fetched for it, and what cannot be foreseen is asked for in
//! its turn. No correction is tried here.

use nix_culprit_core::correct::{Candidate, Keeping};
use nix_culprit_core::event::Mode;
use nix_culprit_core::ids::{CommitId, InputPath};

use super::super::clones::CloneHistory;
use super::super::history::History as _;
use super::super::prober::{Prober, Round};
use super::super::search::question;
use super::super::{Assignment, CaseError};
use super::revision::Place;
use super::{Work, derivations};

impl Work<'_> {
    /// Takes note of what these candidates will ask for first.
    pub(super) fn foresee<'c>(&mut self, prober: &mut Prober<'_>, candidates: impl Iterator<Item = &'c Candidate>) {
        if !prober.has_cores_beside() {
            return;
        }
        for candidate in candidates {
            // What is in the way is told when it is its turn.
            let _untold = match candidate {
                Candidate::Keep(keeping) => self.foresee_keeping(prober, keeping),
                Candidate::Forward(input) => self.foresee_newest(prober, input),
                Candidate::Apart { keeping, from } => self.foresee_apart(prober, keeping, from),
                Candidate::Revert { .. }
                | Candidate::Nix(_)
                | Candidate::Allow(_)
                | Candidate::Own(_)
                | Candidate::Follow(_)
                | Candidate::PullRequests(_)
                | Candidate::PullRequest(_) => Ok(()),
            };
        }
    }

    /// Takes note that the derivations of the good end will be counted.
    pub(super) fn foresee_derivations(&self, prober: &mut Prober<'_>) {
        if let Some(good) = &self.failing.good {
            let assignment = self.clones.assignment(good.clone());
            prober.need_own(&derivations::question(self, &assignment));
        }
    }

    /// Tells whether an input has a clone with a commit here.
    pub(super) fn is_at_hand(&mut self, input: &InputPath, commit: &CommitId) -> Result<bool, CaseError> {
        let reference = self.failing.lock.locked(&self.failing.lock.resolve(input)?)?;
        let Some(repository) = self.clones.at_hand(input, &reference)? else { return Ok(false) };
        Ok(repository.require_history().is_ok() && repository.has(commit)?)
    }

    fn foresee_keeping(&mut self, prober: &mut Prober<'_>, keeping: &Keeping) -> Result<(), CaseError> {
        let Keeping { input, commit, .. } = keeping;
        let failing = self.failing;
        let reference = failing.lock.locked(&failing.lock.resolve(input)?)?;
        let Some(repository) = self.clones.at_hand(input, &reference)? else { return Ok(()) };
        if !self.is_at_hand(input, commit)? {
            return Ok(());
        }
        let place = Place { failing, input, repository: &repository, dir: reference.dir.as_deref(), branch: None };
        let assignment = self.clones.assignment(place.lock(commit)?);
        prober.need_own(&place.question(&assignment, &place.point(commit)?));
        Ok(())
    }

    fn foresee_newest(&mut self, prober: &mut Prober<'_>, input: &InputPath) -> Result<(), CaseError> {
        let failing = self.failing;
        let reference = failing.lock.locked(&failing.lock.resolve(input)?)?;
        let Some(old) = reference.rev().filter(|_| failing.mode == Mode::Fast) else { return Ok(()) };
        let Some(repository) = self.clones.at_hand(input, &reference)? else { return Ok(()) };
        // A clone of our own is brought up to date first.
        if repository.is_ours() || !self.is_at_hand(input, &old)? {
            return Ok(());
        }
        let tip = self.branch(input, &repository)?;
        let history = CloneHistory { repository: &repository, folder: self.folder, early: None };
        if history.merge_base(&old, &tip)?.as_ref() == Some(&tip) {
            return Ok(());
        }
        let place = Place { failing, input, repository: &repository, dir: reference.dir.as_deref(), branch: None };
        let clones = &*self.clones;
        let assign =
            |commit: &CommitId| -> Result<Assignment, CaseError> { Ok(clones.assignment(place.lock(commit)?)) };
        let range = self.forward_range(input, (old, tip.clone()), &assign);
        let assignment = assign(&tip)?;
        let asked = question(&history, &range, &tip, &assignment, Round::Search, None)?;
        prober.need(&asked, self.allowed_for_failures(prober));
        Ok(())
    }
}

//! The one commit that a search will most probably end at, probed while the bad end still runs, in the place that the
//! good end has left.
//!
//! Owns which commit that is. Nothing is judged here: what counts as bad is settled by the bad end, and the search asks
//! for the commit as for any other.

use std::path::Path;

use nix_culprit_core::bisect::{Goal, Mode as Order};
use nix_culprit_core::event::Mode;
use nix_culprit_core::explain::{Cycle, Guide};
use nix_culprit_core::flake::{Change, ChangeKind, Lock};
use nix_culprit_core::ids::{CommitId, InputPath};

use super::super::CaseError;
use super::super::assignment::Assignment;
use super::super::clones::{CloneHistory, Clones, revision};
use super::super::decisive::Decisive;
use super::super::early::EarlyReading;
use super::super::explain::hints;
use super::super::likely::only_one;
use super::super::prober::Prober;
use super::super::search::Range;
use crate::sys::git::Repository;

/// A history that will be searched if the bad end fails as expected.
#[derive(Debug, Clone)]
pub(in super::super) struct Place {
    /// The input.
    pub(in super::super) input: InputPath,
    /// The lock whose other inputs are held.
    pub(in super::super) base: Lock,
    /// Its history.
    pub(in super::super) repository: Repository,
    /// The commit that is as before.
    pub(in super::super) old: CommitId,
    /// The commit that shows the change.
    pub(in super::super) new: CommitId,
}

impl Place {
    /// Finds the history that is searched first, where these inputs are suspected in this order.
    pub(super) fn of<'c>(
        clones: &Clones,
        changes: impl Iterator<Item = &'c Change>,
        suspected: &[InputPath],
        bad: &Lock,
    ) -> Option<Self> {
        let changes: Vec<&Change> = changes.collect();
        let first = suspected.iter().find_map(|input| changes.iter().find(|change| change.path() == input))?;
        let ChangeKind::Moved { from, to, .. } = &first.kind else { return None };
        let (old, new) = (from.rev()?, to.rev()?);
        let repository = clones.known(to)?.clone();
        Some(Self { input: first.path().clone(), base: bad.clone(), repository, old, new })
    }

    /// Begins to probe the commit, if the cycle singles one out and the user's own command can judge it without fetching.
    pub(super) fn begin(
        &self,
        prober: &mut Prober<'_>,
        (clones, early, folder): (&Clones, &EarlyReading, &Path),
        cycle: &Cycle,
        order: Order,
    ) -> Result<(), CaseError> {
        let guide = Guide::new(cycle, &self.input);
        if guide.files().is_empty() || !prober.confirms_early() {
            return Ok(());
        }
        let history = CloneHistory { repository: &self.repository, folder, early: None };
        let hints = early.look(&self.repository, &self.old, &self.new, |changed| hints(&guide, changed, &history));
        let Some(commit) = hints.transpose()?.as_deref().and_then(only_one).cloned() else { return Ok(()) };
        let node = self.base.resolve(&self.input)?;
        let assign = |commit: &CommitId| -> Result<Assignment, CaseError> {
            Ok(clones.assignment(self.base.with_revision(&node, &revision(&self.repository, commit)?)?))
        };
        let range = Range {
            input: &self.input,
            old: self.old.clone(),
            new: self.new.clone(),
            goal: Goal::FirstBad,
            order,
            mode: Mode::Fast,
            guess: None,
            assign: &assign,
        };
        let parents = self.repository.parents(&commit)?;
        Decisive::begin(prober, &history, &range, (&commit, &parents))
    }
}

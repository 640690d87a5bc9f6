//! Both ends: probed with the clones at hand, and looked into why the bad one fails.

use nix_culprit_core::event::Mode;
use nix_culprit_core::flake::Lock;
use nix_culprit_core::outcome::Class;

use super::Investigation;
use crate::case::CaseError;
use crate::case::clones::Clones;
use crate::case::ends::{Candidates, Ends, State, verify};
use crate::case::explain::{self, Drawing, explain};
use crate::case::foresight::{Foresight, Inputs};
use crate::case::prober::Prober;
use crate::case::settings::{Explaining, Root, Scope, Settings};

/// What comes after it was looked why the bad end fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The search.
    Search,
    /// Nothing.
    Done,
}

impl<'a> Investigation<'a> {
    /// Returns what is begun as soon as the good end is known.
    pub(super) const fn foresight<'f>(&self, bad: &'f Lock, inputs: Inputs<'f>) -> Foresight<'f>
    where
        'a: 'f,
    {
        let (settings, folder, early) = (self.settings, self.folder, self.early);
        Foresight { settings, folder, early, bad, inputs, learned: None }
    }

    /// Looks why the bad end fails.
    pub(super) fn explain(&mut self, prober: &mut Prober<'_>, ends: &Ends) -> Result<Next, CaseError> {
        if self.settings.explanation == Explaining::Unwanted {
            return Ok(Next::Search);
        }
        if self.settings.script.is_empty() {
            let failing = explain::Failing {
                assignment: &self.clones.assignment(ends.bad.state.lock.clone()),
                good: &self.clones.assignment(ends.good.state.lock.clone()),
                good_observation: &ends.good.observation,
                time: self.settings.time,
                folder: self.folder,
                by: self.settings.explained_by,
                drawing: Drawing::of(self.settings.explanation),
            };
            let early = self.explained_early.take();
            let explanation = explain(prober, &failing, &ends.bad.observation, early)?;
            self.draft.explanation(explanation);
            self.learned(prober);
        }
        Ok(if self.settings.explanation == Explaining::Alone { Next::Done } else { Next::Search })
    }
}

/// Probes both ends, with the clones at hand for the inputs that may be searched.
pub(super) fn verify_ends(
    foresight: &mut Foresight<'_>,
    clones: &mut Clones,
    mode: Mode,
    prober: &mut Prober<'_>,
    good: &Candidates<'_>,
    bad: &State,
) -> Result<Ends, CaseError> {
    clones_at_hand(foresight.settings, clones, &bad.lock)?;
    let bound = foresight.settings.memory_from;
    let ends = verify(prober, clones, good, bad, mode, bound, &mut |prober, clones, good, mode, ending| {
        foresight.begin(prober, clones, good, mode, ending)
    })?;
    if !matches!(ends.bad.observation.outcome.class, Class::OutOfMemory | Class::TimeOut) {
        prober.drop_foreseen_but(None);
    }
    Ok(ends)
}

/// Finds the clones that are there already for the inputs that may be searched.
pub(super) fn clones_at_hand(settings: &Settings, clones: &mut Clones, lock: &Lock) -> Result<(), CaseError> {
    if let Root::File { .. } = settings.root {
        clones.look_for(lock)?;
    }
    for (key, path) in lock.paths() {
        let may_be_searched = match &settings.scope {
            Scope::Locks { input: Some(input), .. } | Scope::Input { input, .. } => path == *input,
            Scope::Locks { input: None, .. } | Scope::Inputs { .. } => !path.0.is_empty(),
        };
        if may_be_searched && let Ok(reference) = lock.locked(&key) {
            clones.at_hand(&path, &reference)?;
        }
    }
    Ok(())
}

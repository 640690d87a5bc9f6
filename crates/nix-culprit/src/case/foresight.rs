//! What is begun when the good end is known and the bad one is still being probed: what will be needed if that fails.
//!
//! Owns what is worth it. What proves superfluous is stopped or dropped, and told to nobody.

mod one_commit;

use std::path::Path;

use nix_culprit_core::event::Mode;
use nix_culprit_core::explain::Why;
use nix_culprit_core::flake::Lock;
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::isolate::{Difference, Extent};

use super::CaseError;
use super::ahead::Ending;
use super::clones::Clones;
use super::early::EarlyReading;
use super::ends::Verified;
use super::explain::{Drawing, Early, Failing, explain_early, owners};
use super::isolate::{First, begin};
use super::prober::Prober;
use super::settings::{Explaining, Scope, Settings};

pub(super) use one_commit::Place;

/// What may be needed, and what of it is there already.
pub(super) struct Foresight<'a> {
    pub(super) settings: &'a Settings,
    /// The folder of the case.
    pub(super) folder: &'a Path,
    pub(super) early: &'a EarlyReading,
    /// The lock of the bad end.
    pub(super) bad: &'a Lock,
    /// What is done to tell the inputs apart.
    pub(super) inputs: Inputs<'a>,
    /// What was learned of the failure.
    pub(super) learned: Option<Early>,
}

/// What is done to tell the inputs apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inputs<'a> {
    /// Nothing: one is searched, and no other changed. It is given where a culprit is searched for.
    One(Option<&'a Place>),
    /// It is seen to whether this one makes the difference.
    Named(&'a InputPath),
    /// They are searched.
    All,
}

impl Foresight<'_> {
    /// Begins it; see [`super::ends::Meanwhile`].
    pub(super) fn begin(
        &mut self,
        prober: &mut Prober<'_>,
        clones: &Clones,
        good: &Verified,
        mode: Mode,
        ending: Option<Ending>,
    ) -> Result<(), CaseError> {
        let explanation = self.settings.explanation;
        let (bad, good_end) = (clones.assignment(self.bad.clone()), clones.assignment(good.state.lock.clone()));
        if explanation != Explaining::Alone {
            prober.vouch(&[&good_end, &bad]);
        }
        let difference = Difference::between(&good.state.lock, self.bad);
        if let Inputs::Named(_) | Inputs::All = self.inputs
            && will_search(self.settings)
            && prober.has_cores_beside()
        {
            self.early.begin(clones.stretches(difference.changes()), self.folder);
        }
        let Some(ending) = ending else { return Ok(()) };
        if explanation != Explaining::Unwanted && self.settings.script.is_empty() {
            let failing = Failing {
                assignment: &bad,
                good: &good_end,
                good_observation: &good.observation,
                time: self.settings.time,
                folder: self.folder,
                by: self.settings.explained_by,
                drawing: Drawing::of(explanation),
            };
            self.learned = explain_early(prober, &failing, &ending)?;
        }
        if ending.is_no_growth() || explanation == Explaining::Alone {
            return Ok(());
        }
        // Without a loop something else may yet tell which inputs are likely.
        let settled = self.learned.as_ref().and_then(Early::settled);
        let loops = settled.map(owners);
        if let Some(Why::Cycle(cycle)) = settled
            && explanation == Explaining::Guides
            && mode == Mode::Fast
            && will_search(self.settings)
            && prober.has_cores_beside()
        {
            let suspected = match (self.inputs, &loops) {
                (Inputs::Named(input), _) => std::slice::from_ref(input),
                (Inputs::One(_) | Inputs::All, loops) => loops.as_deref().unwrap_or_default(),
            };
            let found = || Place::of(clones, difference.changes(), suspected, self.bad);
            let place = match self.inputs {
                Inputs::One(place) => place.cloned(),
                Inputs::Named(_) | Inputs::All => found(),
            };
            if let Some(place) = place {
                place.begin(prober, (clones, self.early, self.folder), cycle, self.settings.mode)?;
            }
        }
        let first = match (self.inputs, &self.settings.scope, &loops) {
            (Inputs::One(_), ..) => return Ok(()),
            (Inputs::Named(input), ..) => First::Named(input),
            (Inputs::All, Scope::Inputs { likely, .. }, _) => First::Likely(likely, Extent::All),
            (Inputs::All, Scope::Locks { .. } | Scope::Input { .. }, Some(owners)) => {
                First::Likely(owners, Extent::Enough)
            }
            (Inputs::All, Scope::Locks { .. } | Scope::Input { .. }, None) => return Ok(()),
        };
        begin(prober, clones, mode, &difference, first);
        Ok(())
    }
}

/// Tells whether a history will be searched once both ends are known.
pub(super) const fn will_search(settings: &Settings) -> bool {
    !matches!(settings.explanation, Explaining::Alone) && !matches!(settings.scope, Scope::Inputs { .. })
}

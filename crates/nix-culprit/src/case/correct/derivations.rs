//! How the derivations of a corrected target differ from those of the good end, where both were written to a store.

use std::collections::BTreeSet;

use nix_culprit_core::correct::{Derivations, Proof};
use nix_culprit_core::event::{Mode, Purpose};
use nix_culprit_core::ids::DrvPath;
use nix_culprit_core::outcome::Observation;
use nix_culprit_core::report::model::{Inputs, Subject};

use super::super::prober::{Prober, Question, Round};
use super::super::{Assignment, CaseError};
use super::proof::{Proven, prove};
use super::{Work, Works};

/// Counts the derivations that the good end does not have, of all corrections of which that can be known.
pub(super) fn count(prober: &mut Prober<'_>, work: &Work<'_>, works: &mut [Works]) -> Result<(), CaseError> {
    let is_known = |one: &Works| of(way_of(&one.correction.proof), &one.correction.observation).is_some();
    let Some(good) = work.failing.good.as_ref().filter(|_| works.iter().any(is_known)) else { return Ok(()) };
    let assignment = work.clones.assignment(good.clone());
    let Proven::Good(seen, proof) = prove(prober, work.settings, &question(work, &assignment))? else { return Ok(()) };
    let Some(good) = closure(prober, way_of(&proof), &seen) else { return Ok(()) };
    for one in works {
        let correction = &mut one.correction;
        if let Some(all) = closure(prober, way_of(&correction.proof), &correction.observation) {
            let changed = all.difference(&good).count();
            correction.derivations = Some(Derivations { all: all.len(), changed });
        }
    }
    Ok(())
}

/// Makes the question about the good end, which is this assignment.
pub(super) fn question<'q>(work: &Work<'_>, assignment: &'q Assignment) -> Question<'q> {
    Question {
        purpose: Purpose { words: "good end, for its derivations".to_owned(), commit: None },
        subject: Subject::GoodLock,
        assignment,
        mode: work.failing.mode,
        round: Round::Run,
        remaining: None,
    }
}

/// Returns in which way the user's own command was run, if it was.
const fn way_of(proof: &Proof) -> Option<Mode> {
    match proof {
        Proof::Own { inputs: Inputs::AtStorePaths, .. } => Some(Mode::Pure),
        Proof::Own { inputs: Inputs::Fetched, .. } => Some(Mode::Faithful),
        Proof::Fast { .. } => None,
    }
}

/// Returns the derivation that an evaluation wrote, if it wrote one.
fn of(mode: Option<Mode>, seen: &Observation) -> Option<(Mode, &DrvPath)> {
    Some((mode?, seen.drv_path.as_ref()?))
}

fn closure(prober: &mut Prober<'_>, mode: Option<Mode>, seen: &Observation) -> Option<BTreeSet<String>> {
    let (mode, drv_path) = of(mode, seen)?;
    prober.closure(drv_path, mode)
}

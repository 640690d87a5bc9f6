//! The result is run once more, by the user's own command with the whole budget.

use nix_culprit_core::event::Mode;
use nix_culprit_core::outcome::Observation;
use nix_culprit_core::reduce::Project;

use super::super::CaseError;
use super::LEFT;
use super::oracle::{Answer, Oracle};
use super::outcome::Trust;
use super::slot::Slot;

/// Runs the smallest project as it is handed out; where that does not fail in the same way, the smallest of the earlier
/// ones that does, found by halving.
pub(super) fn trusted(slot: &mut Slot, oracle: &Oracle<'_>, steps: &[Project]) -> Result<(Project, Trust), CaseError> {
    let smallest = steps[steps.len() - 1].laid_out();
    if let Some(why) = slot.lacks(Mode::Faithful) {
        return Ok((smallest, Trust::NotRun { why }));
    }
    let mut fails = |project: &Project| -> Result<Result<Box<Observation>, String>, CaseError> {
        match oracle.ask(slot, LEFT, project)? {
            Answer::Fails(seen) => Ok(Ok(seen)),
            Answer::Otherwise(why) => Ok(Err(why)),
            Answer::Stopped => Err(CaseError::Stopped),
        }
    };
    let mut why = match fails(&smallest)? {
        Ok(observation) => return Ok((smallest, Trust::Confirmed { observation })),
        Err(why) => why,
    };
    let (mut low, mut high, mut best) = (0, steps.len() - 1, None);
    while low < high {
        let middle = low.midpoint(high);
        let project = steps[middle].laid_out();
        match fails(&project)? {
            Ok(seen) => (low, best) = (middle + 1, Some((project, seen))),
            Err(other) => (high, why) = (middle, other),
        }
    }
    Ok(match best {
        Some((project, observation)) => (project, Trust::Earlier { observation, why }),
        None => (smallest, Trust::NotConfirmed { why: format!("by the user's own command it ends in: {why}") }),
    })
}

//! What fails, and what tells it from what does not: the attribute, the criterion, the loop, and the memory.

use nix_culprit_core::event::{Event, EventSink};
use nix_culprit_core::flake::{AttrPath, Candidate as Place, Lock};
use nix_culprit_core::outcome::{Class, Criterion, Observation, Signature, Verdict};
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::reduce::Project;

use super::super::CaseError;
use super::super::error::outcome_words;
use super::super::evaluator::{Target, Yields};
use super::super::prober::is_from_outside;
use super::super::states::States;
use super::oracle::{Oracle, Sought, loop_words};
use super::slot::Slot;

/// The budget of a candidate is at least this.
const LEAST: Bytes = Bytes(128 << 20);

/// Has the oracle ask for the failure that is there: of its attribute, by the criterion that is asked for or else as the
/// same failure, and in its loop if it has one.
pub(super) fn aim(
    oracle: &mut Oracle<'_>,
    slot: &mut Slot,
    (whole, places): (&Project, &[Place]),
    criterion: Option<&Criterion>,
    sink: &mut dyn EventSink,
) -> Result<(AttrPath, Observation), CaseError> {
    let (attr, seen) = failing_target(slot, oracle, whole, places)?;
    if criterion.is_none() {
        oracle.criterion = Criterion::SameSignature(Signature::of(&seen.outcome, &[]));
    }
    if oracle.criterion.verdict(&seen, &[]).map_err(CaseError::Script)? != Verdict::Bad {
        return Err(CaseError::NothingToReduce { outcome: outcome_words(&seen.outcome) });
    }
    oracle.seek(slot, whole, &seen)?;
    match &oracle.sought {
        Sought::Nothing => {}
        Sought::Loop { cycle, .. } => {
            sink.tell(&Event::Warned { text: format!("what is left must have the loop {}", loop_words(cycle)) });
        }
        Sought::Unknown { why } => {
            sink.tell(&Event::Warned { text: format!("what is left may run away in another loop: {why}") });
        }
    }
    Ok((attr, seen))
}

/// Finds the attribute that is meant: of a project that fails, Nix does not say which one it took.
fn failing_target(
    slot: &mut Slot,
    oracle: &mut Oracle<'_>,
    project: &Project,
    places: &[Place],
) -> Result<(AttrPath, Observation), CaseError> {
    let mut last = None;
    let attrs = places.iter().filter_map(|place| match place {
        Place::Attr(attr) => Some(attr),
        Place::BelowOnly { .. } => None,
    });
    // What else a value that is no derivation any more holds must not be evaluated: Nix would not, either.
    let path = |attr: &AttrPath| AttrPath(attr.0.iter().cloned().chain(["drvPath".to_owned()]).collect());
    for attr in attrs.flat_map(|attr| [path(attr), attr.clone()]) {
        oracle.target = Target::Attr(attr.clone(), Yields::Value);
        let Some(observation) = oracle.evaluate(slot, "the whole flake", project)? else { continue };
        let class = observation.outcome.class;
        if class == Class::Interrupted {
            return Err(CaseError::Stopped);
        }
        let missing = observation.outcome.message.as_ref().is_some_and(|m| m.contains("does not provide attribute"));
        if class != Class::Success && is_from_outside(class) {
            return Err(CaseError::BadEnd {
                label: "flake.lock".to_owned(),
                outcome: outcome_words(&observation.outcome),
            });
        }
        last = Some((attr, observation));
        if !missing {
            break;
        }
    }
    last.ok_or_else(|| CaseError::NothingToReduce { outcome: "nothing that could be evaluated".to_owned() })
}

/// Returns what candidates may use: less than the whole budget where far less tells what runs away from what does not.
pub(super) fn less_memory(
    slot: &mut Slot,
    oracle: &Oracle<'_>,
    (whole, seen): (&Project, &Observation),
    (states, bad): (&States, &Lock),
    sink: &mut dyn EventSink,
) -> Result<Bytes, CaseError> {
    let full = oracle.memory;
    if seen.outcome.class != Class::OutOfMemory {
        return Ok(full);
    }
    let less = reduced_budget(healthy_peak(slot, oracle, whole, states, bad)?, full);
    if less < full {
        let text = format!("candidates may use {less}; the result is run with {full}");
        sink.tell(&Event::Warned { text });
    }
    Ok(less)
}

/// Returns what the newest committed lock that evaluates needs, if there is one: what fails needs far more.
fn healthy_peak(
    slot: &mut Slot,
    oracle: &Oracle<'_>,
    whole: &Project,
    states: &States,
    bad: &Lock,
) -> Result<Option<Bytes>, CaseError> {
    const MOST: usize = 3;
    for commit in states.committed(bad)?.iter().take(MOST) {
        let Some(state) = states.at(commit)? else { continue };
        let assignment = oracle.clones.assignment(state.lock);
        let seen =
            slot.evaluate("a committed lock", whole, &assignment, oracle.mode, (&oracle.target, oracle.memory))?;
        match seen.outcome.class {
            Class::Success => return Ok(Some(seen.peak)),
            Class::Interrupted => return Err(CaseError::Stopped),
            _ => {}
        }
    }
    Ok(None)
}

/// Twice what a healthy evaluation needs tells a runaway from it; without one, only the whole budget does.
fn reduced_budget(healthy: Option<Bytes>, full: Bytes) -> Bytes {
    healthy.map_or(full, |peak| peak.percent(200).max(LEAST).min(full))
}

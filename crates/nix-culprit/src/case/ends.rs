//! The two ends of an investigation: which locks they are, and that one is good and the other bad.

use nix_culprit_core::event::{Event, Mode, Purpose};
use nix_culprit_core::flake::Lock;
use nix_culprit_core::outcome::{Class, Criterion, Observation, Signature, Verdict};
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::report::model::Subject;

use super::CaseError;
use super::ahead::Ending;
use super::assignment::Assignment;
use super::clones::Clones;
use super::error::outcome_words;
use super::prober::{Prober, Question, Round, is_from_outside};
use super::settings::MemoryFrom;

/// A lock, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Where it comes from, in a few words.
    pub label: String,
    /// The lock.
    pub lock: Lock,
}

/// States that may be good, newest first, read when they are looked at.
pub struct Candidates<'a> {
    /// How many there are.
    pub count: usize,
    /// Reads one; none where there is no usable lock.
    pub load: &'a dyn Fn(usize) -> Result<Option<State>, CaseError>,
}

/// An end that was probed.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The lock.
    pub state: State,
    /// What was seen.
    pub observation: Observation,
    /// What it means.
    pub verdict: Verdict,
}

/// Both ends, probed.
#[derive(Debug, Clone)]
pub struct Ends {
    /// The good one.
    pub good: Verified,
    /// The bad one.
    pub bad: Verified,
    /// In which way probes have to ask.
    pub mode: Mode,
}

/// What is done as soon as the good end is known: it is told that end, in which way probes ask, and how the bad end ends
/// if that is being probed just now.
pub type Meanwhile<'a> =
    dyn FnMut(&mut Prober<'_>, &Clones, &Verified, Mode, Option<Ending>) -> Result<(), CaseError> + 'a;

/// Finds the newest good state among candidates, newest first, and probes the bad one.
///
/// The first candidate that passes ends a walk back in steps of 1, 2, 4, …; the newest that passes is
/// then looked for between it and the last one that did not.
///
/// # Errors
/// When no candidate is good, or a probe could not be made.
pub fn verify(
    prober: &mut Prober<'_>,
    clones: &Clones,
    candidates: &Candidates<'_>,
    bad: &State,
    mode: Mode,
    bound: MemoryFrom,
    meanwhile: &mut Meanwhile<'_>,
) -> Result<Ends, CaseError> {
    let assignment = clones.assignment(bad.lock.clone());
    // It is asked for whatever the good end comes to; but where only the machine bounds the budget, that tells how much.
    if bound == MemoryFrom::User {
        prober.beside(&question(bad, &Subject::BadLock, &assignment, mode));
    }
    let (good, mode) = newest_good(prober, clones, candidates, mode)?;
    if bound == MemoryFrom::Machine {
        lower_budget(prober, good.observation.peak);
    }
    let good_runs = measured(prober, clones, &good, mode)?;
    let asked = question(bad, &Subject::BadLock, &assignment, mode);
    if bound == MemoryFrom::Machine {
        prober.beside(&asked);
    }
    let ending = prober.underway(&asked);
    meanwhile(prober, clones, &good, mode, ending)?;
    let (bad, mode) = bad_end(prober, clones, bad, mode, &good_runs)?;
    Ok(Ends { good, bad, mode })
}

/// Runs the good end as often as a rule about growth needs, and takes it for what others are compared with.
fn measured(
    prober: &mut Prober<'_>,
    clones: &Clones,
    good: &Verified,
    mode: Mode,
) -> Result<Vec<Observation>, CaseError> {
    if prober.rule().is_none() {
        return Ok(Vec::new());
    }
    let assignment = clones.assignment(good.state.lock.clone());
    let question = question(&good.state, &Subject::GoodLock, &assignment, mode);
    let runs = prober.end_runs(&question, good.observation.clone())?;
    prober.compare_with(&assignment);
    prober.calibrate(mode, &runs, &[])?;
    if let Some((_, more)) = runs.split_first().filter(|(_, more)| !more.is_empty()) {
        prober.note_runs(question.purpose, &question.subject, mode, more.to_vec(), &good.verdict);
    }
    Ok(runs)
}

/// Lowers a budget that only the machine bounds to what is plainly too much for the good end.
fn lower_budget(prober: &mut Prober<'_>, needed: Bytes) {
    const TIMES: u64 = 8;
    const LEAST: Bytes = Bytes(2 << 30);
    let before = prober.full();
    prober.lower(Bytes(needed.0.saturating_mul(TIMES)).max(LEAST));
    if prober.full() < before {
        let text = format!("from here on the budget is {}; the good end needed {needed}", prober.full());
        prober.tell(&Event::Warned { text });
    }
}

fn newest_good(
    prober: &mut Prober<'_>,
    clones: &Clones,
    candidates: &Candidates<'_>,
    mut mode: Mode,
) -> Result<(Verified, Mode), CaseError> {
    let none = |why: &str| CaseError::NoGoodState { why: why.to_owned() };
    let Some(oldest) = candidates.count.checked_sub(1) else {
        return Err(none("the flake has no committed flake.lock that differs from the bad one"));
    };
    let mut attempt = |at: usize| -> Result<Option<Verified>, CaseError> {
        let Some(state) = (candidates.load)(at)? else { return Ok(None) };
        let verified;
        (verified, mode) = good_end(prober, clones, &state, mode)?;
        Ok(Some(verified))
    };
    let mut failing = None;
    let (mut at, mut step) = (0, 1);
    let (mut passing, mut found) = loop {
        match attempt(at)? {
            Some(verified) if verified.verdict == Verdict::Good => break (at, verified),
            Some(Verified { state, observation, verdict }) if at == oldest => {
                let outcome = match verdict {
                    // A script's exit status says more than what Nix would have meant by it.
                    Verdict::Skip(reason) => reason,
                    Verdict::Good | Verdict::Bad => outcome_words(&observation.outcome),
                };
                return Err(CaseError::GoodEnd { label: state.label, outcome });
            }
            None if at == oldest => return Err(none("the oldest committed flake.lock cannot be read")),
            Some(_) | None => failing = Some(at),
        }
        at = (at + step).min(oldest);
        step *= 2;
    };
    while let Some(last) = failing
        && passing > last + 1
    {
        let middle = last.midpoint(passing);
        match attempt(middle)? {
            Some(verified) if verified.verdict == Verdict::Good => (passing, found) = (middle, verified),
            Some(_) | None => failing = Some(middle),
        }
    }
    Ok((found, mode))
}

/// Probes a state that should be good; where the fast way fails by itself, asks in the faithful one.
fn good_end(
    prober: &mut Prober<'_>,
    clones: &Clones,
    state: &State,
    mode: Mode,
) -> Result<(Verified, Mode), CaseError> {
    let probe = |prober: &mut Prober<'_>, mode| -> Result<Verified, CaseError> {
        let observation = observe(prober, clones, state, &Subject::GoodLock, mode)?;
        judged(prober, clones, state, &Subject::GoodLock, vec![observation], mode)
    };
    let first = probe(prober, mode)?;
    let class = first.observation.outcome.class;
    if mode == Mode::Faithful || first.verdict == Verdict::Good || class.is_runaway() || class == Class::Success {
        return Ok((first, mode));
    }
    if prober.lacks(Mode::Faithful).is_some() {
        return Ok((first, mode));
    }
    let second = probe(prober, Mode::Faithful)?;
    if second.verdict != Verdict::Good {
        // What the user would see, unless that is only that the network is down.
        let outside = second.observation.outcome.may_come_from_outside();
        return Ok((if outside { first } else { second }, mode));
    }
    let text = format!(
        "the fast way of probing does not work for this flake ({}); every probe runs the user's own command",
        outcome_words(&first.observation.outcome)
    );
    prober.tell(&Event::Warned { text });
    Ok((second, Mode::Faithful))
}

/// Probes the bad state, and settles what counts as bad from what is seen.
pub(super) fn bad_end(
    prober: &mut Prober<'_>,
    clones: &Clones,
    state: &State,
    mut mode: Mode,
    good_runs: &[Observation],
) -> Result<(Verified, Mode), CaseError> {
    let mut observation = observe(prober, clones, state, &Subject::BadLock, mode)?;
    let may_be_faithful = prober.rule().is_none() && mode == Mode::Fast && prober.lacks(Mode::Faithful).is_none();
    if may_be_faithful && observation.outcome.class == Class::Success {
        let faithful = observe(prober, clones, state, &Subject::BadLock, Mode::Faithful)?;
        if faithful.outcome.class != Class::Success && !is_from_outside(faithful.outcome.class) {
            let text = "the failure shows only by the user's own command; every probe runs it".to_owned();
            prober.tell(&Event::Warned { text });
            (observation, mode) = (faithful, Mode::Faithful);
        }
    }
    let class = observation.outcome.class;
    let error = CaseError::BadEnd { label: state.label.clone(), outcome: outcome_words(&observation.outcome) };
    if prober.criterion().is_none() && class != Class::Success {
        if is_from_outside(class) {
            return Err(error);
        }
        prober.settle(Criterion::SameSignature(Signature::of(&observation.outcome, &[])));
    }
    let mut runs = vec![observation];
    if prober.rule().is_some() {
        let assignment = clones.assignment(state.lock.clone());
        runs = prober.end_runs(&question(state, &Subject::BadLock, &assignment, mode), runs.swap_remove(0))?;
        prober.calibrate(mode, good_runs, &runs)?;
    }
    let verified = judged(prober, clones, state, &Subject::BadLock, runs, mode)?;
    match &verified.verdict {
        Verdict::Good | Verdict::Bad => Ok((verified, mode)),
        Verdict::Skip(reason) if class == Class::Success => {
            Err(CaseError::BadEnd { label: state.label.clone(), outcome: reason.clone() })
        }
        Verdict::Skip(_) => Err(error),
    }
}

fn observe(
    prober: &mut Prober<'_>,
    clones: &Clones,
    state: &State,
    subject: &Subject,
    mode: Mode,
) -> Result<Observation, CaseError> {
    let assignment = clones.assignment(state.lock.clone());
    prober.observe(&question(state, subject, &assignment, mode))
}

fn question<'a>(state: &State, subject: &Subject, assignment: &'a Assignment, mode: Mode) -> Question<'a> {
    Question {
        purpose: purpose(state, subject),
        subject: subject.clone(),
        assignment,
        mode,
        round: Round::Search,
        remaining: None,
    }
}

fn judged(
    prober: &mut Prober<'_>,
    clones: &Clones,
    state: &State,
    subject: &Subject,
    runs: Vec<Observation>,
    mode: Mode,
) -> Result<Verified, CaseError> {
    let assignment = clones.assignment(state.lock.clone());
    let question = question(state, subject, &assignment, mode);
    let (runs, verdict) = prober.decide(&question, runs)?;
    let observation = prober.note_runs(question.purpose, subject, mode, runs, &verdict);
    Ok(Verified { state: state.clone(), observation, verdict })
}

fn purpose(state: &State, subject: &Subject) -> Purpose {
    let role = match subject {
        Subject::GoodLock => "good end",
        Subject::BadLock => "bad end",
        Subject::Inputs { .. } | Subject::Commit { .. } | Subject::Corrected { .. } => "state",
    };
    Purpose { words: format!("{role}: {}", state.label), commit: None }
}

#[cfg(test)]
mod tests;

//! The two ends of an investigation: which locks they are, and that one is good and the other bad.

use nix_culprit_core::event::{Event, Mode, Purpose};
use nix_culprit_core::flake::Lock;
use nix_culprit_core::outcome::{Class, Criterion, Observation, Signature, Verdict};
use nix_culprit_core::report::model::Subject;

use super::CaseError;
use super::clones::Clones;
use super::error::outcome_words;
use super::prober::{Prober, Question, Round};

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
    /// Reads one.
    pub load: &'a dyn Fn(usize) -> Result<State, CaseError>,
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
) -> Result<Ends, CaseError> {
    let (good, mode) = newest_good(prober, clones, candidates, mode)?;
    let (bad, mode) = bad_end(prober, clones, bad, mode)?;
    Ok(Ends { good, bad, mode })
}

fn newest_good(
    prober: &mut Prober<'_>,
    clones: &Clones,
    candidates: &Candidates<'_>,
    mode: Mode,
) -> Result<(Verified, Mode), CaseError> {
    let mut failing: Option<usize> = None;
    let mut at = 0;
    let mut step = 1;
    let (mut passing, mut found, mode) = loop {
        if candidates.count == 0 {
            return Err(CaseError::NoGoodState { why: "no other flake.lock is committed".to_owned() });
        }
        let state = (candidates.load)(at)?;
        let (verified, mode) = good_end(prober, clones, &state, mode)?;
        if verified.verdict == Verdict::Good {
            break (at, verified, mode);
        }
        failing = Some(at);
        if at + 1 >= candidates.count {
            return Err(CaseError::GoodEnd {
                label: state.label.clone(),
                outcome: outcome_words(&verified.observation.outcome),
            });
        }
        at = (at + step).min(candidates.count - 1);
        step *= 2;
    };
    while let Some(last) = failing
        && passing > last + 1
    {
        let middle = last.midpoint(passing);
        let (verified, _) = good_end(prober, clones, &(candidates.load)(middle)?, mode)?;
        if verified.verdict == Verdict::Good {
            passing = middle;
            found = verified;
        } else {
            failing = Some(middle);
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
    let first = probe(prober, clones, state, Subject::GoodLock, mode)?;
    if mode == Mode::Faithful || first.verdict == Verdict::Good || is_exhaustion(first.observation.outcome.class) {
        return Ok((first, mode));
    }
    if prober.lacks(Mode::Faithful).is_some() {
        return Ok((first, mode));
    }
    let second = probe(prober, clones, state, Subject::GoodLock, Mode::Faithful)?;
    if second.verdict == Verdict::Good {
        let message = first.observation.outcome.message.unwrap_or_default();
        let text = format!(
            "the fast way of probing does not work for this flake ({message}); every probe runs the user's own command"
        );
        prober.tell(&Event::Warned { text });
        return Ok((second, Mode::Faithful));
    }
    Ok((first, mode))
}

/// Probes the bad state, and settles what counts as bad from what is seen.
fn bad_end(prober: &mut Prober<'_>, clones: &Clones, state: &State, mode: Mode) -> Result<(Verified, Mode), CaseError> {
    let mut verified = observe(prober, clones, state, Subject::BadLock, mode)?;
    let mut mode = mode;
    let may_be_faithful = mode == Mode::Fast && prober.lacks(Mode::Faithful).is_none();
    if may_be_faithful && verified.1.outcome.class == Class::Success && prober.criterion().is_none() {
        let faithful = observe(prober, clones, state, Subject::BadLock, Mode::Faithful)?;
        if faithful.1.outcome.class != Class::Success {
            let text = "the failure shows only by the user's own command; every probe runs it".to_owned();
            prober.tell(&Event::Warned { text });
            (verified, mode) = (faithful, Mode::Faithful);
        }
    }
    let (question, observation) = verified;
    if !observation.outcome.class.is_about_code() {
        let outcome = outcome_words(&observation.outcome);
        return Err(CaseError::BadEnd { label: state.label.clone(), outcome });
    }
    if prober.criterion().is_none() && observation.outcome.class != Class::Success {
        prober.settle(Criterion::SameSignature(Signature::of(&observation.outcome, &[])));
    }
    let verdict = prober.judge(&observation)?;
    let verified = Verified { state: state.clone(), observation: observation.clone(), verdict: verdict.clone() };
    prober.note(question.0, question.1, mode, observation, verdict);
    Ok((verified, mode))
}

type Asked = ((Purpose, Subject), Observation);

fn observe(
    prober: &mut Prober<'_>,
    clones: &Clones,
    state: &State,
    subject: Subject,
    mode: Mode,
) -> Result<Asked, CaseError> {
    let assignment = clones.assignment(state.lock.clone());
    let question = Question {
        purpose: purpose(state, &subject),
        subject: subject.clone(),
        assignment: &assignment,
        mode,
        round: Round::Search,
        remaining: None,
    };
    let observation = prober.observe(&question)?;
    Ok(((question.purpose, subject), observation))
}

fn probe(
    prober: &mut Prober<'_>,
    clones: &Clones,
    state: &State,
    subject: Subject,
    mode: Mode,
) -> Result<Verified, CaseError> {
    let ((purpose, subject), observation) = observe(prober, clones, state, subject, mode)?;
    let verdict = prober.judge(&observation)?;
    prober.note(purpose, subject, mode, observation.clone(), verdict.clone());
    Ok(Verified { state: state.clone(), observation, verdict })
}

fn purpose(state: &State, subject: &Subject) -> Purpose {
    let role = match subject {
        Subject::GoodLock => "good end",
        Subject::BadLock => "bad end",
        Subject::Inputs { .. } | Subject::Commit { .. } => "state",
    };
    Purpose { words: format!("{role}: {}", state.label), commit: None }
}

/// Tells whether asking again in another way is a waste: the evaluation itself is too much.
const fn is_exhaustion(class: Class) -> bool {
    matches!(
        class,
        Class::OutOfMemory | Class::TimeOut | Class::StackOverflow | Class::CallDepth | Class::InfiniteRecursion
    )
}

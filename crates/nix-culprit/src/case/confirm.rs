//! Culprit and parents once more, by fresh runs of the user's own command.

use nix_culprit_core::bisect::Goal;
use nix_culprit_core::event::{Event, Mode, Purpose};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::{Class, Observation, Verdict};
use nix_culprit_core::report::Timestamp;
use nix_culprit_core::report::model::{Confirmation, Inputs, Subject};

use super::CaseError;
use super::assignment::Assignment;
use super::error::outcome_words;
use super::history::History;
use super::jumps::{AllJumps, JumpAt};
use super::prober::{Prober, Question, Round, is_from_outside};

/// What a parent is to the culprit, for the progress.
const PARENT: &str = "its parent";

/// What is confirmed.
pub struct Claim<'a> {
    /// The commit that made the change.
    pub culprit: &'a CommitId,
    /// Its parents.
    pub parents: &'a [CommitId],
    /// Which change was searched for.
    pub goal: Goal,
    /// Makes the assignment with the input at a commit.
    pub assign: &'a dyn Fn(&CommitId) -> Result<Assignment, CaseError>,
}

/// Runs the user's own command on the culprit and on its parents, and compares.
///
/// # Errors
/// When a probe could not be made.
pub fn confirm(prober: &mut Prober<'_>, history: &dyn History, claim: &Claim<'_>) -> Result<Confirmation, CaseError> {
    if let Some(why) = prober.lacks(Mode::Faithful) {
        return Ok(Confirmation::FastOnly { why });
    }
    let all_pure = std::iter::once(claim.culprit)
        .chain(claim.parents)
        .map(|commit| Ok(prober.own_mode(&(claim.assign)(commit)?) == Mode::Pure))
        .collect::<Result<Vec<bool>, CaseError>>()?;
    if !all_pure.contains(&false) {
        for parent in claim.parents {
            let assignment = (claim.assign)(parent)?;
            prober.beside(&question(history, (parent, PARENT), &assignment, Mode::Pure)?);
        }
        let confirmation = attempt(prober, history, claim, Mode::Pure);
        prober.end_ahead()?;
        let confirmation = confirmation?;
        if matches!(confirmation, Confirmation::Faithful { .. }) {
            return Ok(confirmation);
        }
        // Whatever the reason, what the user would see has the last word.
        let text = "with the inputs at their store paths your own command does not confirm it; it is run once more and \
                    fetches them";
        prober.tell(&Event::Warned { text: text.to_owned() });
    }
    attempt(prober, history, claim, Mode::Faithful)
}

/// Runs the user's own command on the commit of a jump and on the one before it, and compares what is measured.
///
/// # Errors
/// When a probe could not be made.
pub fn confirm_jump(
    prober: &mut Prober<'_>,
    history: &dyn History,
    found: &AllJumps,
    jump: &JumpAt,
    assign: &dyn Fn(&CommitId) -> Result<Assignment, CaseError>,
) -> Result<Confirmation, CaseError> {
    if let Some(why) = prober.lacks(Mode::Faithful) {
        return Ok(Confirmation::FastOnly { why });
    }
    let before = [jump.before.clone()];
    let claim = Claim { culprit: &jump.commit, parents: &before, goal: Goal::FirstBad, assign };
    let mut modes = [claim.culprit, &before[0]].into_iter().map(|commit| Ok(prober.own_mode(&assign(commit)?)));
    let all_pure =
        modes.try_fold(true, |pure, mode: Result<Mode, CaseError>| Ok::<_, CaseError>(pure && mode? == Mode::Pure))?;
    let (mode, inputs) = if all_pure { (Mode::Pure, Inputs::AtStorePaths) } else { (Mode::Faithful, Inputs::Fetched) };
    let culprit = run(prober, history, &claim, (&jump.commit, "jump at"), mode)?.0;
    let parent = run(prober, history, &claim, (&jump.before, "before it"), mode)?.0;
    let values = found.measure.of(&parent).zip(found.measure.of(&culprit));
    let Some((from, to)) = values.filter(|_| is_success(&parent) && is_success(&culprit)) else {
        let (place, unlike_it) = if is_success(&culprit) {
            ("on the commit before it", &parent)
        } else {
            ("on the commit itself", &culprit)
        };
        return Ok(unlike(place, unlike_it));
    };
    let step = prober.step(mode).unwrap_or(found.step);
    if from.abs_diff(to) > step && (from < to) == (jump.from < jump.to) {
        return Ok(Confirmation::Faithful { culprit: Box::new(culprit), parent: Box::new(parent), inputs });
    }
    let (from, to) = (found.measure.show(from), found.measure.show(to));
    Ok(Confirmation::NotConfirmed { why: format!("there {} goes from {from} to {to}", found.measure) })
}

fn is_success(seen: &Observation) -> bool {
    seen.outcome.class == Class::Success
}

/// Runs the user's own command in one way, on all of them.
fn attempt(
    prober: &mut Prober<'_>,
    history: &dyn History,
    claim: &Claim<'_>,
    mode: Mode,
) -> Result<Confirmation, CaseError> {
    let (before, changed) = match claim.goal {
        Goal::FirstBad => (Verdict::Good, Verdict::Bad),
        Goal::FirstGood => (Verdict::Bad, Verdict::Good),
    };
    let (culprit, verdict) = run(prober, history, claim, (claim.culprit, "culprit"), mode)?;
    if verdict != changed {
        return Ok(unlike("on the commit itself", &culprit));
    }
    let mut first = None;
    for parent in claim.parents {
        let (observation, verdict) = run(prober, history, claim, (parent, PARENT), mode)?;
        if verdict != before {
            return Ok(unlike(&format!("on the parent {}", parent.short()), &observation));
        }
        first.get_or_insert(observation);
    }
    let inputs = match mode {
        Mode::Pure => Inputs::AtStorePaths,
        Mode::Fast | Mode::Faithful => Inputs::Fetched,
    };
    Ok(match first {
        Some(parent) => Confirmation::Faithful { culprit: Box::new(culprit), parent: Box::new(parent), inputs },
        None => Confirmation::NotConfirmed { why: "the commit has no parent".to_owned() },
    })
}

fn run(
    prober: &mut Prober<'_>,
    history: &dyn History,
    claim: &Claim<'_>,
    (commit, role): (&CommitId, &str),
    mode: Mode,
) -> Result<(Observation, Verdict), CaseError> {
    let assignment = (claim.assign)(commit)?;
    prober.probe(question(history, (commit, role), &assignment, mode)?)
}

fn question<'a>(
    history: &dyn History,
    (commit, role): (&CommitId, &str),
    assignment: &'a Assignment,
    mode: Mode,
) -> Result<Question<'a>, CaseError> {
    let (date, title): (Timestamp, String) = (history.date(commit)?, history.title(commit)?);
    Ok(Question {
        purpose: Purpose { words: format!("{role} {}", commit.short()), commit: Some(commit.clone()) },
        subject: Subject::Commit { revision: commit.clone(), date, title },
        assignment,
        mode,
        round: Round::Confirmation,
        remaining: None,
    })
}

/// Says what an unexpected end of the user's command means.
fn unlike(place: &str, observation: &Observation) -> Confirmation {
    let words = outcome_words(&observation.outcome);
    if is_from_outside(observation.outcome.class) || observation.outcome.may_come_from_outside() {
        Confirmation::FastOnly { why: format!("the user's own command ended in {words}") }
    } else {
        Confirmation::NotConfirmed { why: format!("{place} it ended in: {words}") }
    }
}

#[cfg(test)]
mod tests;

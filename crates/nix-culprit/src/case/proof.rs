//! Searches until what was found is proven by the user's own command, or cannot be.
//!
//! Owns when a search is made again: with more memory, or by the user's own command.

use nix_culprit_core::bisect::{Culprit, Goal};
use nix_culprit_core::event::{Event, Mode};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::quantity::show_duration;
use nix_culprit_core::report::model::{self, Subject};

use super::CaseError;
use super::conclusion::unconfirmed;
use super::confirm::{Claim, confirm};
use super::error::outcome_words;
use super::history::History;
use super::prober::{Allowance, Prober, Round};
use super::search::{Found, Range, probe_commit, search};
use super::settings::{Confirmation, ReadSets};

/// What was found, and how well it is known.
#[derive(Debug, Clone)]
pub struct Proof {
    /// What was found.
    pub found: Found,
    /// How it was confirmed; none where no single commit was found.
    pub confirmation: Option<model::Confirmation>,
    /// What the probes between the ends were allowed.
    pub allowed: Allowance,
}

/// Searches with less than the whole budget for each probe, if that was `allowed`, and confirms with the whole budget.
///
/// Where the answer does not hold with the whole budget, or the user's own command sees the change at
/// another commit, the search is made again in that way.
///
/// # Errors
/// When the history cannot be searched, or a probe could not be made.
pub fn prove(
    prober: &mut Prober<'_>,
    history: &dyn History,
    mut range: Range<'_>,
    mut allowed: Allowance,
    wanted: Confirmation,
) -> Result<Proof, CaseError> {
    let whole = prober.whole();
    loop {
        prober.allow(allowed);
        let found = search(prober, history, &range)?;
        prober.allow(whole);
        let confirmation = match &found.finding.culprit {
            Culprit::Commit { commit, parents, .. } => {
                let parents: Vec<CommitId> = parents.iter().map(|parent| parent.commit.clone()).collect();
                let claim = Claim { culprit: commit, parents: &parents, goal: range.goal, assign: range.assign };
                Some(match wanted {
                    Confirmation::Wanted => confirm(prober, history, &claim)?,
                    Confirmation::Unwanted => unconfirmed("you asked to leave it out"),
                })
            }
            Culprit::OneOf { .. } => None,
        };
        let proven = matches!(confirmation, Some(model::Confirmation::Faithful { .. }));
        if !proven && !stands(prober, allowed, history, &range, &found)? {
            let text = "a commit ends in another way than was concluded; searching again, with every probe run";
            prober.tell(&Event::Warned { text: text.to_owned() });
            prober.use_read_sets(ReadSets::Unused);
            range.guess = None;
            continue;
        }
        if allowed != whole && !proven && !holds(prober, history, &range, &found.finding.culprit)? {
            let (less, full) = (allowed.memory, whole.memory);
            let text = match allowed.time {
                Some(time) => {
                    let time = show_duration(time);
                    format!(
                        "with the whole budget it ends in another way than within {time}; searching again with all of it"
                    )
                }
                None => format!("with {full} it ends in another way than with {less}; searching again with {full}"),
            };
            prober.tell(&Event::Warned { text });
            allowed = whole;
            continue;
        }
        // What nothing was probed with need not be told.
        let told = if found.finding.judged == found.own.len() { whole } else { allowed };
        let refuted = matches!(confirmation, Some(model::Confirmation::NotConfirmed { .. }));
        if !refuted || range.mode == Mode::Faithful {
            return Ok(Proof { found, confirmation, allowed: told });
        }
        range.mode = Mode::Faithful;
        if let Some(why) = other_ends(prober, history, &range)? {
            let confirmation = Some(model::Confirmation::NotConfirmed { why });
            return Ok(Proof { found, confirmation, allowed: told });
        }
        let text = "the user's own command sees it at another commit; searching again by it".to_owned();
        prober.tell(&Event::Warned { text });
        allowed = whole;
    }
}

/// Says which end of the range is another one for the user's own command, if one is.
fn other_ends(prober: &mut Prober<'_>, history: &dyn History, range: &Range<'_>) -> Result<Option<String>, CaseError> {
    let (old, new) = match range.goal {
        Goal::FirstBad => ("good", "bad"),
        Goal::FirstGood => ("bad", "good"),
    };
    for (end, commit, name) in [(End::Old, &range.old, old), (End::New, &range.new, new)] {
        let (observation, verdict) = probe_commit(prober, history, range, commit, Round::Run, None)?;
        let as_named = match (end, range.goal) {
            (End::Old, Goal::FirstBad) | (End::New, Goal::FirstGood) => verdict == Verdict::Good,
            (End::Old, Goal::FirstGood) | (End::New, Goal::FirstBad) => verdict == Verdict::Bad,
        };
        if !as_named {
            let words = outcome_words(&observation.outcome);
            return Ok(Some(format!("by the user's own command the {name} end ends in: {words}")));
        }
    }
    Ok(None)
}

#[derive(Debug, Clone, Copy)]
enum End {
    Old,
    New,
}

/// Runs those of the commits that the answer rests on which were not run in this case, or by another command than the
/// others, and tells whether they are what they were taken for.
fn stands(
    prober: &mut Prober<'_>,
    allowed: Allowance,
    history: &dyn History,
    range: &Range<'_>,
    found: &Found,
) -> Result<bool, CaseError> {
    let decisive: Vec<&CommitId> = match &found.finding.culprit {
        Culprit::Commit { commit, parents, .. } => {
            std::iter::once(commit).chain(parents.iter().map(|parent| &parent.commit)).collect()
        }
        Culprit::OneOf { commits, .. } => commits.iter().collect(),
    };
    let is_of = |subject: &Subject, commit| matches!(subject, Subject::Commit { revision, .. } if revision == commit);
    let mut settled: Vec<(CommitId, Verdict)> = found.own.clone();
    for commit in decisive {
        // What the user's own command did later says nothing of the fast way.
        let probes = prober.records().iter().filter(|record| record.mode == range.mode);
        let last = probes.rev().find(|record| is_of(&record.subject, commit));
        settled.extend(
            last.filter(|last| last.settled_by.is_some() || last.remembered)
                .map(|last| (commit.clone(), last.verdict.clone())),
        );
    }
    let whole = prober.whole();
    prober.allow(allowed);
    let mut stands = true;
    for (commit, verdict) in settled {
        stands &= probe_commit(prober, history, range, &commit, Round::Run, None)?.1 == verdict;
    }
    prober.allow(whole);
    Ok(stands)
}

/// Tells whether what was bad with less memory is bad with the whole budget too: asked of the one commit that
/// the answer rests on.
fn holds(
    prober: &mut Prober<'_>,
    history: &dyn History,
    range: &Range<'_>,
    culprit: &Culprit,
) -> Result<bool, CaseError> {
    let decisive = match (culprit, range.goal) {
        (Culprit::Commit { commit, .. }, Goal::FirstBad) => Some(commit),
        (Culprit::Commit { parents, .. }, Goal::FirstGood) => parents.first().map(|parent| &parent.commit),
        (Culprit::OneOf { commits, .. }, Goal::FirstBad) => commits.last(),
        (Culprit::OneOf { commits, .. }, Goal::FirstGood) => commits.first(),
    };
    match decisive {
        Some(commit) => Ok(probe_commit(prober, history, range, commit, Round::Run, None)?.1 != Verdict::Good),
        None => Ok(true),
    }
}

#[cfg(test)]
mod tests;

//! The search through the history of one input: asks the core for a commit, probes it, tells the verdict.

use std::time::Instant;

use nix_culprit_core::bisect::{
    Effect, Ends, Finding, Goal, Graph, Hint, Mode as Order, Pace, Search, Settings as SearchSettings, SkipPolicy,
    Step, bisect_log,
};
use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::event::{Event, Mode, Purpose, Remaining};
use nix_culprit_core::ids::{CommitId, InputPath};
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::report::model::Subject;

use super::CaseError;
use super::assignment::Assignment;
use super::decisive::Decisive;
use super::history::{Ancestry, History};
use super::likely::Likely;
use super::prober::{Prober, Question, Round};

/// Makes hints of what the suspects change; asked at most once in a search.
pub type Guess<'a> = dyn Fn(&ChangedPaths) -> Result<Vec<Hint>, CaseError> + 'a;

/// What is searched, and between which commits.
pub struct Range<'a> {
    /// The input.
    pub input: &'a InputPath,
    /// The commit that is as before.
    pub old: CommitId,
    /// The commit that shows the change.
    pub new: CommitId,
    /// Which change is searched for.
    pub goal: Goal,
    /// In which order.
    pub order: Order,
    /// In which way probes ask.
    pub mode: Mode,
    /// Says which commits are likelier than others, from what the failure goes through and what commits change.
    pub guess: Option<&'a Guess<'a>>,
    /// Makes the assignment with the input at a commit.
    pub assign: &'a dyn Fn(&CommitId) -> Result<Assignment, CaseError>,
}

/// What the search came to.
#[derive(Debug, Clone)]
pub struct Found {
    /// The culprit, or what prevents to name one.
    pub finding: Finding,
    /// How many commits lay between the ends.
    pub suspects: usize,
    /// What `git bisect log` would print.
    pub log: String,
    /// The old end, which is another one where the ends lie on different branches.
    pub old: CommitId,
    /// What the user's own command said, where it was asked in place of the fast way.
    pub own: Vec<(CommitId, Verdict)>,
}

/// Searches until no probe can tell more.
///
/// # Errors
/// When the history cannot be searched, or a probe could not be made.
pub fn search(prober: &mut Prober<'_>, history: &dyn History, range: &Range<'_>) -> Result<Found, CaseError> {
    let (old, commits) = common_start(prober, history, range)?;
    let suspects = commits.len();
    let graph = Graph::new(commits.into_iter().chain([(old.clone(), Vec::new())]))?;
    let ends = Ends { old: vec![old.clone()], new: range.new.clone() };
    let settings = SearchSettings { goal: range.goal, mode: range.order, skips: SkipPolicy::Regions };
    let mut search = Search::new(graph, ends, settings)?;
    prober.tell(&Event::Searching { input: range.input.clone(), suspects });
    if range.mode == Mode::Fast {
        prober.tell_places();
    }
    let mut pace = Pace::default();
    let mut likely = Likely::new(prober, range, &old)?;
    likely.weigh(prober, history, &mut search)?;
    let mut decisive = match likely.singled_out() {
        Some(commit) => Decisive::of(prober, range, &search, &commit)?,
        None => None,
    };
    prober.drop_foreseen_but(decisive.as_ref().map(Decisive::commit));
    let (mut own, mut is_first) = (Vec::new(), true);
    loop {
        match search.next() {
            Step::Probe(commit) => {
                let left = search.remaining();
                let ends = [search.suspects().next(), search.suspects().last()];
                let dates =
                    ends.into_iter().flatten().map(|commit| history.date(commit)).collect::<Result<Vec<_>, _>>()?;
                let dates = dates.iter().min().copied().zip(dates.iter().max().copied());
                let time = pace.left(left.steps);
                let remaining = Remaining { suspects: left.suspects, steps: left.steps, time, dates };
                // Where one commit is singled out, it and its parent are both asked for, in whatever order.
                let ask =
                    if is_first && decisive.is_none() && likely.singles_out() { Ask::Pair } else { Ask::OneByOne };
                is_first = false;
                let early = Decisive::ask(&mut decisive, prober, (history, range, &search), &commit, remaining)?;
                let verdict = if let Some((_, verdict)) = early {
                    own.push((commit.clone(), verdict.clone()));
                    verdict
                } else {
                    let began = Instant::now();
                    look_ahead(prober, history, range, &search, ask)?;
                    let (_, verdict) = probe_commit(prober, history, range, &commit, Round::Search, Some(remaining))?;
                    if prober.ran() {
                        pace.note(&verdict, began.elapsed());
                    }
                    verdict
                };
                if let Effect::Narrowed { .. } = search.record(&commit, &verdict)? {
                    likely.note(prober, range, &commit, &verdict)?;
                    likely.weigh(prober, history, &mut search)?;
                }
            }
            Step::Done(finding) => {
                prober.end_search()?;
                let title = |commit: &CommitId| history.title(commit).unwrap_or_default();
                return Ok(Found { finding, suspects, log: bisect_log(&search, title), old, own });
            }
        }
    }
}

/// Refuses an old end that comes after the new one.
///
/// # Errors
/// When it does, or the history cannot be read.
pub fn refuse_backwards(history: &dyn History, old: &CommitId, new: &CommitId) -> Result<(), CaseError> {
    if old != new && history.merge_base(old, new)?.as_ref() == Some(new) {
        return Err(CaseError::Backwards { old: old.clone(), new: new.clone() });
    }
    Ok(())
}

/// Returns a commit that is as before and from which the new end descends, with the commits after it: the old end, or
/// where the two branched off, once that was probed.
pub(super) fn common_start(
    prober: &mut Prober<'_>,
    history: &dyn History,
    range: &Range<'_>,
) -> Result<(CommitId, Vec<Ancestry>), CaseError> {
    let after = history.between(&range.old, &range.new)?;
    // Then the new end descends from it.
    if after.iter().any(|(_, parents)| parents.contains(&range.old)) {
        return Ok((range.old.clone(), after));
    }
    let base = where_they_part(prober, history, range)?;
    let after = if base == range.old { after } else { history.between(&base, &range.new)? };
    Ok((base, after))
}

/// Returns where the two ends branched off, once that was probed.
fn where_they_part(prober: &mut Prober<'_>, history: &dyn History, range: &Range<'_>) -> Result<CommitId, CaseError> {
    let unrelated = || CaseError::Unrelated { old: range.old.clone(), new: range.new.clone() };
    let base = history.merge_base(&range.old, &range.new)?.ok_or_else(unrelated)?;
    if base == range.old {
        return Ok(base);
    }
    if base == range.new {
        return Err(CaseError::Backwards { old: range.old.clone(), new: range.new.clone() });
    }
    let text = format!("the two ends are on different branches; probing where they part, {}", base.short());
    prober.tell(&Event::Warned { text });
    let (_, verdict) = probe_commit(prober, history, range, &base, Round::Run, None)?;
    match (verdict, range.goal) {
        (Verdict::Good, Goal::FirstBad) | (Verdict::Bad, Goal::FirstGood) => Ok(base),
        (Verdict::Bad, Goal::FirstBad) | (Verdict::Good, Goal::FirstGood) => {
            Err(CaseError::ChangedBefore { base, old: range.old.clone() })
        }
        // As git does: most likely it is as before, and the confirmation does not rest on it.
        (Verdict::Skip(_), Goal::FirstBad | Goal::FirstGood) => {
            let text = format!("nothing can be said of it: {} is taken to be as {}", base.short(), range.old.short());
            prober.tell(&Event::Warned { text });
            Ok(base)
        }
    }
}

/// Probes a commit of the range.
///
/// # Errors
/// When the probe could not be made.
pub(super) fn probe_commit(
    prober: &mut Prober<'_>,
    history: &dyn History,
    range: &Range<'_>,
    commit: &CommitId,
    round: Round,
    remaining: Option<Remaining>,
) -> Result<(Observation, Verdict), CaseError> {
    let assignment = (range.assign)(commit)?;
    let question = question(history, range, commit, &assignment, round, remaining)?;
    match range.mode {
        Mode::Fast => prober.probe(question),
        Mode::Pure | Mode::Faithful => {
            let (observation, verdict, _) = prober.probe_own(question)?;
            Ok((observation, verdict))
        }
    }
}

/// Makes the question about a commit of the range.
pub(super) fn question<'q>(
    history: &dyn History,
    range: &Range<'_>,
    commit: &CommitId,
    assignment: &'q Assignment,
    round: Round,
    remaining: Option<Remaining>,
) -> Result<Question<'q>, CaseError> {
    let purpose = Purpose { words: format!("{} {}", range.input, commit.short()), commit: Some(commit.clone()) };
    let (date, title) = (history.date(commit)?, history.title(commit)?);
    let subject = Subject::Commit { revision: commit.clone(), date, title };
    Ok(Question { purpose, subject, assignment, mode: range.mode, round, remaining })
}

/// How sure it is what the search asks for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// The next two, most probably.
    Pair,
    /// That depends on the verdict.
    OneByOne,
}

/// Has others probe what the search will probably ask for after this probe, if there are any. Only in the fast way: the
/// user's own command may fetch and build.
fn look_ahead(
    prober: &mut Prober<'_>,
    history: &dyn History,
    range: &Range<'_>,
    search: &Search,
    ask: Ask,
) -> Result<(), CaseError> {
    let mut places = prober.places_ahead().searching;
    if ask == Ask::Pair {
        places = places.max(prober.places_beside(&(range.assign)(&range.new)?));
    }
    if range.mode != Mode::Fast || (places == 0 && !prober.is_ahead()) {
        return Ok(());
    }
    let commits = search.candidates(places + 1);
    let assignments: Vec<Assignment> = commits.iter().map(|commit| (range.assign)(commit)).collect::<Result<_, _>>()?;
    let mut questions = Vec::new();
    for (commit, assignment) in commits.iter().zip(&assignments) {
        questions.push(question(history, range, commit, assignment, Round::Search, None)?);
    }
    if let Some((now, later)) = questions.split_first() {
        prober.look_ahead(now, later, places);
    }
    if ask == Ask::Pair {
        prober.foresee(&assignments.iter().take(2).collect::<Vec<_>>());
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod ahead_tests;
#[cfg(test)]
mod shortcut_tests;
#[cfg(test)]
pub(super) mod tests;

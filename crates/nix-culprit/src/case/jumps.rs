//! Every commit at which a measure jumps: along first parents, and then inside each merge that one came by.
//!
//! Owns which lines of the history are looked at; where on a line the next probe is, is the core's part.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use nix_culprit_core::bisect::Pace;
use nix_culprit_core::event::{Event, Purpose, Remaining};
use nix_culprit_core::growth::{Jumps, Measure, Value};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::report::model::Subject;

use super::CaseError;
use super::history::{Ancestry, History};
use super::prober::{Prober, Question, Record, Round};
use super::search::{Range, common_start};
use super::settings::ReadSets;

/// A commit at which the measure jumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JumpAt {
    /// The commit.
    pub commit: CommitId,
    /// The newest commit before it that could be measured: its parent, unless some were skipped.
    pub before: CommitId,
    /// How many commits between them could not be measured.
    pub skipped: usize,
    /// The value before.
    pub from: Value,
    /// The value at the commit.
    pub to: Value,
}

/// All that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllJumps {
    /// What was measured.
    pub measure: Measure,
    /// What is taken for a jump.
    pub step: Value,
    /// The jumps, oldest first along the line of first parents.
    pub jumps: Vec<JumpAt>,
    /// By how much the measure moved beside them, along the line of first parents.
    pub rest: Value,
    /// How many commits lie between the ends.
    pub suspects: usize,
}

/// Finds every jump between the ends of a range.
///
/// # Errors
/// When the history cannot be read, or a probe could not be made.
pub fn all_jumps(prober: &mut Prober<'_>, history: &dyn History, range: &Range<'_>) -> Result<AllJumps, CaseError> {
    let (_, commits) = common_start(prober, history, range)?;
    let found = hunt(prober, history, range, &commits)?;
    if stands(prober, history, range, &found)? {
        return Ok(found);
    }
    let text = "a commit has another value than was concluded; searching again, with every probe run".to_owned();
    prober.tell(&Event::Warned { text });
    prober.use_read_sets(ReadSets::Unused);
    hunt(prober, history, range, &commits)
}

/// Runs those of the commits on both sides of the jumps that were only settled by what other probes read, and tells
/// whether they have the values that they were taken to have.
fn stands(
    prober: &mut Prober<'_>,
    history: &dyn History,
    range: &Range<'_>,
    found: &AllJumps,
) -> Result<bool, CaseError> {
    let mut stands = true;
    for jump in &found.jumps {
        for (commit, value) in [(&jump.before, jump.from), (&jump.commit, jump.to)] {
            let is_of =
                |record: &&Record| matches!(&record.subject, Subject::Commit { revision, .. } if revision == commit);
            if prober.records().iter().rev().find(is_of).is_none_or(|record| record.settled_by.is_none()) {
                continue;
            }
            stands &= measure(prober, history, range, commit, Round::Run, None)?
                .is_some_and(|seen| seen.abs_diff(value) <= found.step / 2);
        }
    }
    Ok(stands)
}

fn hunt(
    prober: &mut Prober<'_>,
    history: &dyn History,
    range: &Range<'_>,
    commits: &[Ancestry],
) -> Result<AllJumps, CaseError> {
    let parents: BTreeMap<CommitId, Vec<CommitId>> = commits.iter().cloned().collect();
    prober.tell(&Event::Searching { input: range.input.clone(), suspects: parents.len() });
    let mut hunt = Hunt { prober, history, range, parents, pace: Pace::default() };
    let line = hunt.line(&range.new, &BTreeSet::new());
    let ends = (hunt.measure(&line[0], None)?, hunt.measure(&range.new, None)?);
    let measure = hunt.prober.rule().map(|rule| rule.measure.clone());
    let (Some(measure), Some(step)) = (measure, hunt.prober.step(range.mode)) else {
        return Err(CaseError::Unmeasured);
    };
    let (Some(first), Some(last)) = ends else { return Err(CaseError::Unmeasured) };
    let (jumps, rest) = hunt.jumps(&line, (first, last), step)?;
    Ok(AllJumps { measure, step, jumps, rest, suspects: hunt.parents.len() })
}

struct Hunt<'h, 'p, 'r> {
    prober: &'h mut Prober<'p>,
    history: &'h dyn History,
    range: &'h Range<'r>,
    /// By commit of the range: its parents.
    parents: BTreeMap<CommitId, Vec<CommitId>>,
    /// How long probes took.
    pace: Pace,
}

impl Hunt<'_, '_, '_> {
    /// Finds the jumps of one line, oldest first, and by how much the measure moved beside them.
    fn jumps(
        &mut self,
        line: &[CommitId],
        ends: (Value, Value),
        step: Value,
    ) -> Result<(Vec<JumpAt>, Value), CaseError> {
        let mut search = Jumps::new(line.len() - 1, ends, step);
        while let Some(at) = search.next() {
            let remaining = Remaining {
                suspects: line.len() - 1,
                steps: search.remaining(),
                time: self.pace.left(search.remaining()),
                dates: None,
            };
            let value = self.measure(&line[at], Some(remaining))?;
            search.record(at, value);
        }
        let found = search.found();
        let mut jumps = Vec::new();
        for jump in found.jumps {
            let at = JumpAt {
                commit: line[jump.after].clone(),
                before: line[jump.before].clone(),
                skipped: jump.after - jump.before - 1,
                from: jump.from,
                to: jump.to,
            };
            let inside = self.inside(&at, step)?;
            if inside.is_empty() { jumps.push(at) } else { jumps.extend(inside) }
        }
        Ok((jumps, found.rest))
    }

    /// Finds the jumps on the branches that a merge brought in; none where it is no merge, or they explain nothing.
    fn inside(&mut self, merge: &JumpAt, step: Value) -> Result<Vec<JumpAt>, CaseError> {
        let parents = self.parents.get(&merge.commit).cloned().unwrap_or_default();
        let Some((main, sides)) = parents.split_first().filter(|_| merge.skipped == 0) else { return Ok(Vec::new()) };
        let before = self.before(main);
        let mut jumps = Vec::new();
        for side in sides {
            let line = self.line(side, &before);
            if line.len() < 2 {
                continue;
            }
            let ends = (self.measure(&line[0], None)?, self.measure(side, None)?);
            if let (Some(first), Some(last)) = ends
                && first.abs_diff(last) > step
            {
                jumps.extend(self.jumps(&line, (first, last), step)?.0);
            }
        }
        Ok(jumps)
    }

    /// Returns the chain of first parents that ends in a commit, oldest first; it begins with the first commit that is
    /// outside of the range, or in `known`.
    fn line(&self, tip: &CommitId, known: &BTreeSet<CommitId>) -> Vec<CommitId> {
        let mut line = vec![tip.clone()];
        while let Some(last) = line.last().filter(|last| !known.contains(*last))
            && let Some(parent) = self.parents.get(last).and_then(|parents| parents.first())
        {
            line.push(parent.clone());
        }
        line.reverse();
        line
    }

    /// Returns a commit and its ancestors, as far as the range goes.
    fn before(&self, commit: &CommitId) -> BTreeSet<CommitId> {
        let mut seen = BTreeSet::new();
        let mut todo = vec![commit.clone()];
        while let Some(commit) = todo.pop() {
            if let Some(parents) = self.parents.get(&commit)
                && !seen.contains(&commit)
            {
                todo.extend(parents.iter().cloned());
            }
            seen.insert(commit);
        }
        seen
    }

    fn measure(&mut self, commit: &CommitId, remaining: Option<Remaining>) -> Result<Option<Value>, CaseError> {
        let began = Instant::now();
        let value = measure(self.prober, self.history, self.range, commit, Round::Search, remaining)?;
        if let Some(record) = self.prober.records().last().filter(|_| self.prober.ran()) {
            self.pace.note(&record.verdict, began.elapsed());
        }
        Ok(value)
    }
}

/// Measures a commit; none where it does not evaluate.
fn measure(
    prober: &mut Prober<'_>,
    history: &dyn History,
    range: &Range<'_>,
    commit: &CommitId,
    round: Round,
    remaining: Option<Remaining>,
) -> Result<Option<Value>, CaseError> {
    let assignment = (range.assign)(commit)?;
    prober.measure(Question {
        purpose: Purpose { words: format!("{} {}", range.input, commit.short()), commit: Some(commit.clone()) },
        subject: Subject::Commit {
            revision: commit.clone(),
            date: history.date(commit)?,
            title: history.title(commit)?,
        },
        assignment: &assignment,
        mode: range.mode,
        round,
        remaining,
    })
}

#[cfg(test)]
mod tests {
    use nix_culprit_core::bisect::{Goal, Mode as Order};
    use nix_culprit_core::event::Mode;
    use nix_culprit_core::outcome::Criterion;
    use nix_culprit_core::report::model::Confirmation;
    use proptest::prelude::*;

    use super::super::confirm::confirm_jump;
    use super::super::fake::{FakeHistory, FakeNix, Truth, assign, commit, number, path, run};
    use super::super::search::tests::histories;
    use super::*;

    const STEP: u64 = 200;

    /// Searches a whole history whose good end has 1000 thunks, and returns the jumps by number.
    fn search(folder: &std::path::Path, history: &FakeHistory, nix: &mut FakeNix<'_>) -> Result<AllJumps, CaseError> {
        let criterion = Some(Criterion::Growth("nrThunks > +20%".parse().unwrap()));
        let input = path("pkgs");
        run(folder, nix, criterion, |prober| {
            let good = assign(&commit(0)).unwrap();
            let observation = Truth::Weighs(1000, 50).observation();
            prober.compare_with(&good);
            prober.calibrate(Mode::Fast, &[observation], &[]).unwrap();
            let range = Range {
                input: &input,
                old: commit(0),
                new: commit(history.tip()),
                goal: Goal::FirstBad,
                order: Order::Full,
                mode: Mode::Fast,
                guess: None,
                assign: &assign,
            };
            all_jumps(prober, history, &range)
        })
        .0
    }

    #[test]
    fn a_jump_that_the_users_own_command_does_not_see_is_not_confirmed() {
        let history = FakeHistory::linear(4);
        let kinds = [(1500, 50), (1000, 50)].map(|(own, mib)| {
            let folder = tempfile::tempdir().unwrap();
            let mut nix =
                FakeNix::new(|lock, mode| match (number(&super::super::fake::revision(lock, "pkgs")), mode) {
                    (0..2, _) => Truth::Weighs(1000, mib),
                    (_, Mode::Fast) => Truth::Weighs(1500, mib),
                    (_, Mode::Pure | Mode::Faithful) => Truth::Weighs(own, mib),
                });
            let jump = JumpAt { commit: commit(2), before: commit(1), skipped: 0, from: 1000, to: 1500 };
            let measure: Measure = "nrThunks".parse().unwrap();
            let found = AllJumps { measure, step: STEP, jumps: vec![jump], rest: 0, suspects: 3 };
            let criterion = Some(Criterion::Growth("nrThunks > +20%".parse().unwrap()));
            let work = |prober: &mut Prober<'_>| {
                prober.compare_with(&assign(&commit(0)).unwrap());
                confirm_jump(prober, &history, &found, &found.jumps[0], &assign).unwrap()
            };
            run(folder.path(), &mut nix, criterion, work).0
        });
        assert!(matches!(kinds[0], Confirmation::Faithful { .. }), "{:?}", kinds[0]);
        let Confirmation::NotConfirmed { why } = &kinds[1] else { panic!("{:?}", kinds[1]) };
        assert_eq!(why, "there nrThunks goes from 1,000 to 1,000");
    }

    fn numbers(found: &AllJumps) -> Vec<usize> {
        found.jumps.iter().map(|jump| number(&jump.commit)).collect()
    }

    #[test]
    fn three_jumps_in_a_line_are_all_found_with_few_probes_and_a_second_run_probes_nothing() {
        let history = FakeHistory::linear(400);
        let weight = |at: usize| match at {
            0..70 => 1000,
            70..71 => 1500,
            71..300 => 2000,
            _ => 2600,
        };
        let folder = tempfile::tempdir().unwrap();
        let mut nix = FakeNix::of_commits(|at| Truth::Weighs(weight(at) + at as u64 / 10, 50));
        let found = search(folder.path(), &history, &mut nix).unwrap();
        assert_eq!(numbers(&found), [70, 71, 300]);
        assert_eq!((found.step, found.suspects, found.rest), (STEP, 399, 37));
        assert_eq!(found.jumps[0].before, commit(69));
        assert!(nix.asked.len() < 3 * 9 + 3, "{}", nix.asked.len());
        let mut again = FakeNix::of_commits(|_| Truth::Bad);
        assert_eq!(search(folder.path(), &history, &mut again).unwrap(), found);
        assert!(again.asked.is_empty(), "the journal knows all of it");
    }

    #[test]
    fn a_jump_that_came_by_a_merge_is_found_on_its_branch() {
        // 0 - 1 - 2 - 6 - 7, and 1 - 3 - 4 - 5 - 6: commit 4 makes it heavier.
        let parents = vec![vec![], vec![0], vec![1], vec![1], vec![3], vec![4], vec![2, 5], vec![6]];
        let history = FakeHistory::new(parents);
        let mut nix = FakeNix::of_commits(|at| Truth::Weighs(if at >= 4 { 1500 } else { 1000 }, 50));
        let found = search(tempfile::tempdir().unwrap().path(), &history, &mut nix).unwrap();
        assert_eq!(numbers(&found), [4]);
        // Where only the merge itself makes it heavier, it is named.
        let mut nix = FakeNix::of_commits(|at| Truth::Weighs(if at >= 6 { 1500 } else { 1000 }, 50));
        let found = search(tempfile::tempdir().unwrap().path(), &history, &mut nix).unwrap();
        assert_eq!(numbers(&found), [6]);
    }

    #[test]
    fn commits_that_do_not_evaluate_widen_a_jump() {
        let history = FakeHistory::linear(20);
        let mut nix = FakeNix::of_commits(|at| match at {
            9..12 => Truth::Broken("x"),
            at => Truth::Weighs(if at >= 10 { 1500 } else { 1000 }, 50),
        });
        let found = search(tempfile::tempdir().unwrap().path(), &history, &mut nix).unwrap();
        assert_eq!((numbers(&found), found.jumps[0].skipped), (vec![12], 3));
        assert_eq!(found.jumps[0].before, commit(8));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn in_any_history_what_is_found_is_heavier_than_its_first_parent(
            history in histories(), heavy in prop::collection::vec(prop::bool::weighted(0.1), 60),
        ) {
            prop_assume!(history.parents.len() > 1);
            // Each commit has the weight of all that is in its history.
            let weight = |at: usize| {
                let count = (1..=at).filter(|other| heavy[*other] && history.contains(at, *other)).count();
                1000 + 300 * u64::try_from(count).unwrap()
            };
            let mut nix = FakeNix::of_commits(|at| Truth::Weighs(weight(at), 50));
            let found = search(tempfile::tempdir().unwrap().path(), &history, &mut nix).unwrap();
            let is_real = |jump: &JumpAt| {
                let (before, at) = (number(&jump.before), number(&jump.commit));
                history.parents[at].first() == Some(&before) && weight(at) - weight(before) > STEP
            };
            prop_assert!(found.jumps.iter().all(is_real));
            // On a line nothing is missing.
            if history.parents.iter().all(|parents| parents.len() < 2) {
                let line: Vec<usize> = history.range(0, history.tip());
                let all: Vec<usize> = line.into_iter().filter(|at| heavy[*at]).collect();
                prop_assert_eq!(numbers(&found), all);
            }
        }
    }
}

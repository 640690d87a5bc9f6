//! The search over random histories, through prober and journal, against the known culprit.

use std::collections::BTreeSet;
use std::path::Path;

use nix_culprit_core::bisect::Culprit;
use nix_culprit_core::outcome::Criterion;
use proptest::prelude::*;

use super::super::EvaluatorError;
use super::super::fake::{
    FakeHistory, FakeNix, Told, Truth, assign, commit, number, out_of_memory, path, revision, run,
};
use super::*;
use nix_culprit_core::outcome::Class;

/// Histories with one root and one tip: straight runs, side branches, merges of two and three.
pub(in crate::case) fn histories() -> impl Strategy<Value = FakeHistory> {
    let shape = (1..=10_usize, prop::collection::vec(1..=9_usize, 3));
    prop::collection::vec(shape, 1..45).prop_map(|shapes| {
        let mut parents = vec![vec![]];
        for (nth, (kind, steps)) in shapes.iter().enumerate() {
            let count = match kind {
                1..=6 => 1,
                7..=9 => 2,
                _ => 3,
            };
            let mut chosen: Vec<usize> = Vec::new();
            for step in &steps[..count] {
                let parent = (nth + 1).saturating_sub(*step);
                if !chosen.contains(&parent) {
                    chosen.push(parent);
                }
            }
            parents.push(chosen);
        }
        FakeHistory::new(parents)
    })
}

fn orders() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Full), Just(Order::FirstParent)]
}

struct Asked {
    old: usize,
    new: usize,
    goal: Goal,
    order: Order,
}

impl Asked {
    fn first_bad(old: usize, new: usize) -> Self {
        Self { old, new, goal: Goal::FirstBad, order: Order::Full }
    }

    fn search(&self, folder: &Path, history: &FakeHistory, nix: &mut FakeNix<'_>) -> (Result<Found, CaseError>, Told) {
        self.search_by(folder, history, nix, out_of_memory())
    }

    fn search_by(
        &self,
        folder: &Path,
        history: &FakeHistory,
        nix: &mut FakeNix<'_>,
        criterion: Criterion,
    ) -> (Result<Found, CaseError>, Told) {
        let input = path("pkgs");
        let range = Range {
            input: &input,
            old: commit(self.old),
            new: commit(self.new),
            goal: self.goal,
            order: self.order,
            mode: Mode::Fast,
            guess: None,
            assign: &assign,
        };
        run(folder, nix, Some(criterion), |prober| search(prober, history, &range))
    }
}

fn found(finding: &Finding) -> Vec<usize> {
    match &finding.culprit {
        Culprit::Commit { commit, .. } => vec![number(commit)],
        Culprit::OneOf { commits, .. } => commits.iter().map(number).collect(),
    }
}

/// Bad from the culprit on, apart from commits that are broken for a reason of their own.
fn nix<'a>(history: &'a FakeHistory, culprit: usize, broken: &'a BTreeSet<usize>) -> FakeNix<'a> {
    FakeNix::of_commits(move |at| match (broken.contains(&at), history.contains(at, culprit)) {
        (true, _) => Truth::Broken("undefined variable 'lib'"),
        (false, true) => Truth::Bad,
        (false, false) => Truth::Good,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_culprit_is_found_wherever_it_lies(history in histories(), pick: prop::sample::Index, order in orders()) {
        let folder = tempfile::tempdir().unwrap();
        let culprit = *pick.get(&history.range(0, history.tip()));
        let none = BTreeSet::new();
        let mut nix = nix(&history, culprit, &none);
        let asked = Asked { order, ..Asked::first_bad(0, history.tip()) };
        let found = asked.search(folder.path(), &history, &mut nix).0.unwrap();
        let Culprit::Commit { commit: first, parents, .. } = &found.finding.culprit else { panic!("{found:?}") };
        prop_assert_eq!(number(first), culprit);
        let parents: Vec<usize> = parents.iter().map(|parent| number(&parent.commit)).collect();
        prop_assert_eq!(&parents, &history.parents[culprit]);
        prop_assert_eq!(found.suspects, history.range(0, history.tip()).len());
        prop_assert_eq!(nix.distinct(), nix.asked.len(), "something was evaluated twice");
        prop_assert_eq!(nix.asked.len(), found.finding.judged);
        prop_assert!(found.log.contains(first.as_str()));
    }

    #[test]
    fn broken_stretches_never_lead_to_a_wrong_culprit(
        history in histories(),
        pick: prop::sample::Index,
        order in orders(),
        stretches in prop::collection::vec((any::<prop::sample::Index>(), 1..8_usize), 1..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let range = history.range(0, history.tip());
        let culprit = *pick.get(&range);
        let mut broken = BTreeSet::new();
        for (start, length) in &stretches {
            let start = start.index(range.len());
            broken.extend(range[start..].iter().take(*length).filter(|at| **at != history.tip()));
        }
        let mut nix = nix(&history, culprit, &broken);
        let asked = Asked { order, ..Asked::first_bad(0, history.tip()) };
        let result = asked.search(folder.path(), &history, &mut nix).0.unwrap();
        let suspects = found(&result.finding);
        prop_assert!(suspects.contains(&culprit), "{culprit} is not among {suspects:?}");
        prop_assert!(result.finding.contradictions.is_empty());
        if let Culprit::OneOf { skipped, untested, .. } = &result.finding.culprit {
            prop_assert!(!skipped.is_empty(), "{result:?}");
            prop_assert!(skipped.iter().all(|skipped| broken.contains(&number(&skipped.commit))));
            // All that was left untested lies between skipped commits: nothing was given up without need.
            prop_assert!(untested.iter().all(|id| suspects.contains(&number(id))));
        }
        prop_assert_eq!(nix.distinct(), nix.asked.len(), "something was evaluated twice");
    }

    #[test]
    fn what_looks_alike_is_not_run_and_leads_to_the_same_culprit(
        history in histories(),
        pick: prop::sample::Index,
        width in 1..6_usize,
        order in orders(),
    ) {
        let culprit = *pick.get(&history.range(0, history.tip()));
        let none = BTreeSet::new();
        let asked = Asked { order, ..Asked::first_bad(0, history.tip()) };
        let folder = tempfile::tempdir().unwrap();
        let mut plain = nix(&history, culprit, &none);
        let all = asked.search(folder.path(), &history, &mut plain).0.unwrap();

        let folder = tempfile::tempdir().unwrap();
        let alike = |one: usize, other: usize| {
            one / width == other / width && history.contains(one, culprit) == history.contains(other, culprit)
        };
        let saving = || FakeNix { alike: Some(Box::new(alike)), ..nix(&history, culprit, &none) };
        let mut nix = saving();
        let (result, told) = asked.search(folder.path(), &history, &mut nix);
        prop_assert_eq!(found(&result.unwrap().finding), found(&all.finding));
        let settled: Vec<&CommitId> = told.0.iter().filter_map(|event| match event {
            Event::Settled { purpose, .. } => purpose.commit.as_ref(),
            _ => None,
        }).collect();
        prop_assert_eq!(nix.asked.len() + settled.len(), plain.asked.len());
        let ran = |commit: &CommitId| nix.asked.iter().any(|(_, lock)| revision(lock, "pkgs") == *commit);
        prop_assert!(!settled.into_iter().any(ran), "what was settled was run too");

        // The journal has both: gone on with, nothing is run, and nothing is settled again.
        let mut idle = FakeNix { strength: 0, ..saving() };
        let (again, told) = asked.search(folder.path(), &history, &mut idle);
        prop_assert_eq!(found(&again.unwrap().finding), found(&all.finding));
        let anew = told.0.iter().any(|event| matches!(event, Event::Settled { .. }));
        prop_assert!(!anew);
    }

    #[test]
    fn the_first_good_commit_is_found_the_other_way_round(history in histories(), pick: prop::sample::Index) {
        let folder = tempfile::tempdir().unwrap();
        let fix = *pick.get(&history.range(0, history.tip()));
        let mut nix = FakeNix::of_commits(|at| if history.contains(at, fix) { Truth::Good } else { Truth::Bad });
        let asked = Asked { goal: Goal::FirstGood, ..Asked::first_bad(0, history.tip()) };
        let result = asked.search(folder.path(), &history, &mut nix).0.unwrap();
        prop_assert_eq!(found(&result.finding), [fix]);
        prop_assert_eq!(result.finding.goal, Goal::FirstGood);
    }

    #[test]
    fn a_search_that_broke_down_goes_on_where_it_was(
        history in histories(),
        pick: prop::sample::Index,
        skip: prop::sample::Index,
        cuts in prop::collection::vec(0..4_usize, 0..4),
    ) {
        let culprit = *pick.get(&history.range(0, history.tip()));
        let broken = BTreeSet::from([skip.index(history.tip())]);
        let asked = Asked::first_bad(0, history.tip());
        let whole = tempfile::tempdir().unwrap();
        let mut at_once = nix(&history, culprit, &broken);
        let expected = asked.search(whole.path(), &history, &mut at_once).0.unwrap();

        let folder = tempfile::tempdir().unwrap();
        let mut evaluations = Vec::new();
        for cut in cuts {
            let mut weak = FakeNix { strength: cut, ..nix(&history, culprit, &broken) };
            let result = asked.search(folder.path(), &history, &mut weak).0;
            match result {
                Ok(result) => prop_assert_eq!(&result.finding, &expected.finding),
                Err(CaseError::Evaluator(EvaluatorError::Machine { .. })) => {}
                Err(other) => panic!("{other}"),
            }
            evaluations.extend(weak.asked);
        }
        let mut last = nix(&history, culprit, &broken);
        let result = asked.search(folder.path(), &history, &mut last).0.unwrap();
        evaluations.extend(last.asked);
        prop_assert_eq!(result.finding, expected.finding);
        prop_assert_eq!(result.log, expected.log);
        prop_assert_eq!(evaluations, at_once.asked);
    }

    #[test]
    fn ends_on_different_branches_are_searched_from_where_they_part(
        history in histories(),
        ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        pick: prop::sample::Index,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (ends.0.index(history.tip() + 1), ends.1.index(history.tip() + 1));
        let (old, new) = (one.min(two), one.max(two));
        prop_assume!(!history.contains(new, old));
        let culprit = *pick.get(&history.range(old, new));
        let none = BTreeSet::new();
        let mut nix = nix(&history, culprit, &none);
        let (result, told) = Asked::first_bad(old, new).search(folder.path(), &history, &mut nix);
        let result = result.unwrap();
        prop_assert_eq!(found(&result.finding), [culprit]);
        let base = number(&result.old);
        prop_assert!(history.bases(old, new).contains(&base));
        prop_assert_eq!(number(&revision(&nix.asked[0].1, "pkgs")), base);
        prop_assert!(told.warnings()[0].contains("different branches"), "{:?}", told.warnings());
        prop_assert_eq!(nix.distinct(), nix.asked.len(), "something was evaluated twice");
    }
}

/// 0 - 1 - 2, 1 - 3 - 4; 5 stands alone.
fn fork() -> FakeHistory {
    FakeHistory::new(vec![vec![], vec![0], vec![1], vec![1], vec![3], vec![]])
}

#[test]
fn ends_that_make_no_range_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let mut nix = FakeNix::of_commits(|_| Truth::Good);
    let mut error = |old, new| Asked::first_bad(old, new).search(folder.path(), &fork(), &mut nix).0.unwrap_err();
    let backwards = error(4, 1);
    assert!(matches!(&backwards, CaseError::Backwards { old, .. } if *old == commit(4)), "{backwards:?}");
    assert_eq!(backwards.to_string(), format!("{} comes after {}", commit(4).short(), commit(1).short()));
    let unrelated = error(5, 4);
    assert!(matches!(&unrelated, CaseError::Unrelated { .. }), "{unrelated:?}");
    assert!(matches!(error(2, 2), CaseError::Range(_)));
    assert!(nix.asked.is_empty());
}

#[test]
fn a_change_from_before_the_branches_part_is_no_change_on_this_branch() {
    let folder = tempfile::tempdir().unwrap();
    // 2 repaired on its branch what 1 had broken; 4 never saw the repair.
    let mut nix = FakeNix::of_commits(|at| if matches!(at, 0 | 2) { Truth::Good } else { Truth::Bad });
    let error = Asked::first_bad(2, 4).search(folder.path(), &fork(), &mut nix).0.unwrap_err();
    assert!(matches!(&error, CaseError::ChangedBefore { base, .. } if *base == commit(1)), "{error:?}");
    assert_eq!(nix.asked.len(), 1);
}

#[test]
fn a_broken_place_where_the_branches_part_is_no_proof_of_anything() {
    let folder = tempfile::tempdir().unwrap();
    let truth = |at| match at {
        1 => Truth::Broken("undefined variable 'lib'"),
        4 => Truth::Bad,
        _ => Truth::Good,
    };
    let mut nix = FakeNix::of_commits(truth);
    let (result, told) = Asked::first_bad(2, 4).search(folder.path(), &fork(), &mut nix);
    assert_eq!(found(&result.unwrap().finding), [4]);
    let warnings = told.warnings();
    assert!(warnings[1].contains("nothing can be said of it"), "{warnings:?}");
}

#[test]
fn a_commit_that_cannot_be_fetched_is_asked_for_again_after_an_interruption() {
    let folder = tempfile::tempdir().unwrap();
    let history = FakeHistory::linear(4);
    let asked = Asked::first_bad(0, 3);
    let truth = |at: usize, offline: bool| match at {
        0 | 1 => Truth::Good,
        2 if offline => Truth::Ends(Class::FetchFailure),
        _ => Truth::Bad,
    };
    let mut offline = FakeNix::of_commits(|at| truth(at, true));
    let result = asked.search(folder.path(), &history, &mut offline).0.unwrap();
    assert_eq!(found(&result.finding), [2, 3]);
    let mut online = FakeNix::of_commits(|at| truth(at, false));
    let result = asked.search(folder.path(), &history, &mut online).0.unwrap();
    assert_eq!(found(&result.finding), [2]);
    assert_eq!(online.asked.len(), 1);
}

#[test]
fn a_stop_in_the_middle_is_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let history = FakeHistory::linear(9);
    let mut stopped = FakeNix::of_commits(|_| Truth::Ends(Class::Interrupted));
    let error = Asked::first_bad(0, 8).search(folder.path(), &history, &mut stopped).0.unwrap_err();
    assert!(error.is_stop(), "{error}");
    let mut unusable = FakeNix::of_commits(|_| Truth::Ends(Class::NixUnusable));
    let error = Asked::first_bad(0, 8).search(folder.path(), &history, &mut unusable).0.unwrap_err();
    assert_eq!(error.to_string(), "nix cannot be used: it ended in nix unusable");
    let none = BTreeSet::new();
    let mut nix = nix(&history, 5, &none);
    assert_eq!(found(&Asked::first_bad(0, 8).search(folder.path(), &history, &mut nix).0.unwrap().finding), [5]);
}

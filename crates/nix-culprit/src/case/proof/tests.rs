//! Answers that hold only in the fast way, or only with less memory.

use super::super::fake::{
    FakeHistory, FakeNix, Told, Truth, assign, commit, number, out_of_memory, path, revision, run,
};
use super::*;
use std::time::Duration;

use nix_culprit_core::bisect::Mode as Order;
use nix_culprit_core::quantity::Bytes;

fn prove_with(nix: &mut FakeNix<'_>, goal: Goal) -> (Proof, Told) {
    prove_within(|whole| whole, nix, goal)
}

fn prove_within(less: fn(Allowance) -> Allowance, nix: &mut FakeNix<'_>, goal: Goal) -> (Proof, Told) {
    let folder = tempfile::tempdir().unwrap();
    let (input, history) = (path("pkgs"), FakeHistory::linear(10));
    let (proof, told) = run(folder.path(), nix, Some(out_of_memory()), |prober| {
        let range = Range {
            input: &input,
            old: commit(0),
            new: commit(9),
            goal,
            order: Order::Full,
            mode: Mode::Fast,
            guess: None,
            assign: &assign,
        };
        let whole = prober.whole();
        prove(prober, &history, range, less(whole), Confirmation::Wanted)
    });
    (proof.unwrap(), told)
}

fn at(lock: &nix_culprit_core::flake::Lock) -> usize {
    number(&revision(lock, "pkgs"))
}

/// A Nix whose fast and faithful answers turn bad at these commits.
fn turning_bad(fast: usize, faithful: usize) -> FakeNix<'static> {
    FakeNix::new(move |lock, mode| {
        let first_bad = if mode == Mode::Fast { fast } else { faithful };
        if at(lock) >= first_bad { Truth::Bad } else { Truth::Good }
    })
}

fn culprit(proof: &Proof) -> usize {
    match &proof.found.finding.culprit {
        Culprit::Commit { commit, .. } => number(commit),
        other @ Culprit::OneOf { .. } => panic!("{other:?}"),
    }
}

#[test]
fn a_confirmed_culprit_is_searched_once() {
    let (proof, told) = prove_with(&mut turning_bad(4, 4), Goal::FirstBad);
    assert_eq!(culprit(&proof), 4);
    assert!(matches!(proof.confirmation, Some(model::Confirmation::Faithful { .. })));
    assert!(told.warnings().is_empty());
}

#[test]
fn where_the_users_command_sees_another_culprit_the_search_is_made_by_it() {
    for faithful in [2, 7, 9] {
        let (proof, told) = prove_with(&mut turning_bad(4, faithful), Goal::FirstBad);
        assert_eq!(culprit(&proof), faithful);
        assert!(matches!(proof.confirmation, Some(model::Confirmation::Faithful { .. })));
        assert_eq!(told.warnings(), ["the user's own command sees it at another commit; searching again by it"]);
    }
}

#[test]
fn an_end_that_is_another_one_for_the_users_command_is_named() {
    for (truth, expected) in [
        (Truth::Broken("currentSystem missing"), "good end ends in: evaluation error: currentSystem missing"),
        (Truth::Bad, "good end ends in: out of memory"),
        (Truth::Good, "bad end ends in: success"),
    ] {
        let mut nix = FakeNix::new(|lock, mode| match mode {
            Mode::Fast if at(lock) >= 4 => Truth::Bad,
            Mode::Fast => Truth::Good,
            Mode::Pure | Mode::Faithful => truth.clone(),
        });
        let (proof, _) = prove_with(&mut nix, Goal::FirstBad);
        let Some(model::Confirmation::NotConfirmed { why }) = proof.confirmation else { panic!("{proof:?}") };
        assert_eq!(why, format!("by the user's own command the {expected}"));
    }
}

#[test]
fn a_fix_is_proven_likewise() {
    let mut nix = FakeNix::new(|lock, mode| {
        let first_good = if mode == Mode::Fast { 4 } else { 6 };
        if at(lock) >= first_good { Truth::Good } else { Truth::Bad }
    });
    assert_eq!(culprit(&prove_with(&mut nix, Goal::FirstGood).0), 6);
}

#[test]
fn less_time_is_for_the_search_alone_and_not_the_last_word() {
    const SHORT: Option<Duration> = Some(Duration::from_secs(40));
    let short = |whole| Allowance { time: SHORT, ..whole };
    let mut nix = turning_bad(4, 4);
    let (proof, told) = prove_within(short, &mut nix, Goal::FirstBad);
    assert_eq!((culprit(&proof), proof.allowed.time), (4, SHORT));
    assert!(told.warnings().is_empty());
    let whole =
        nix.asked.iter().zip(&nix.times).filter(|(_, time)| time.is_none()).map(|((mode, lock), _)| (*mode, at(lock)));
    assert_eq!(whole.collect::<Vec<_>>(), [(Mode::Faithful, 4), (Mode::Faithful, 3)]);

    // The user's own command cannot be run, and commits from 4 on are only slow: the last one alone is bad.
    let rule = |lock: &nix_culprit_core::flake::Lock, _: Mode| if at(lock) == 9 { Truth::Bad } else { Truth::Good };
    let mut slow =
        FakeNix { lacks: Some("there is none"), slow: Some(Box::new(|at| (4..9).contains(&at))), ..FakeNix::new(rule) };
    let (proof, told) = prove_within(short, &mut slow, Goal::FirstBad);
    assert_eq!((culprit(&proof), proof.allowed.time), (9, None));
    assert_eq!(
        told.warnings(),
        ["with the whole budget it ends in another way than within 40.0 s; searching again with all of it"]
    );
}

#[test]
fn less_memory_is_for_the_search_alone_and_not_the_last_word() {
    const LITTLE: Bytes = Bytes(400 << 20);
    let little = |whole| Allowance { memory: LITTLE, heap: Some(Bytes(350 << 20)), ..whole };
    for goal in [Goal::FirstBad, Goal::FirstGood] {
        // Good until 7, or from 4 on; and in both cases what is good from 4 to 6 needs more than little.
        let is_bad = move |at: usize| match goal {
            Goal::FirstBad => at >= 7,
            Goal::FirstGood => at < 4,
        };
        let truth = move |lock: &nix_culprit_core::flake::Lock, _: Mode| {
            if is_bad(at(lock)) { Truth::Bad } else { Truth::Good }
        };
        for lacks in [None, Some("there is none")] {
            let heavy = |at: usize, memory: Bytes| memory <= LITTLE && (4..7).contains(&at);
            let mut nix = FakeNix { lacks, heavy: Some(Box::new(heavy)), ..FakeNix::new(truth) };
            let (proof, told) = prove_within(little, &mut nix, goal);
            let expected = if goal == Goal::FirstBad { 7 } else { 4 };
            assert_eq!((culprit(&proof), proof.allowed.heap), (expected, None), "{goal:?} {lacks:?}");
            assert!(proof.allowed.memory > LITTLE);
            assert!(told.warnings().iter().any(|text| text.contains("searching again with")), "{:?}", told.warnings());
            // Where the margin is enough, it stays at that, and what is decisive has the whole budget.
            let mut nix = FakeNix { lacks, ..FakeNix::new(truth) };
            let (proof, told) = prove_within(little, &mut nix, goal);
            assert_eq!((culprit(&proof), proof.allowed.memory), (expected, LITTLE), "{goal:?} {lacks:?}");
            assert!(told.warnings().is_empty());
            let asked = nix.asked.iter().zip(&nix.budgets);
            let whole = asked.filter(|(_, memory)| **memory > LITTLE).map(|((_, lock), _)| at(lock));
            assert!(whole.clone().all(|at| at == expected || at + 1 == expected), "{goal:?} {lacks:?}");
            assert!(whole.count() >= 1, "{goal:?} {lacks:?}");
        }
    }
}

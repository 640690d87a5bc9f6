//! Both ends with a fake Nix: the walk back, the fallback, and what counts as bad.

use std::cell::Cell;

use proptest::prelude::*;

use super::super::fake::{FakeNix, Told, Truth, lock, no_clones, number, out_of_memory, revision, run, run_within};
use super::*;

/// State `n` of the walk has the input `pkgs` at commit `n`; the bad end has it at 999.
const BAD: usize = 999;

fn state(at: usize) -> State {
    State { label: format!("flake.lock of {at}"), lock: lock(&format!("pkgs={at}")) }
}

/// What verifying came to, and whether a criterion was settled by it.
type Verdicts = (Result<Ends, CaseError>, Option<Criterion>);

fn verify_by(nix: &mut FakeNix<'_>, count: usize, criterion: Option<Criterion>) -> (Verdicts, Told) {
    verify_with(nix, count, criterion, &|at| Ok(Some(state(at))))
}

fn verify_with(
    nix: &mut FakeNix<'_>,
    count: usize,
    criterion: Option<Criterion>,
    load: &dyn Fn(usize) -> Result<Option<State>, CaseError>,
) -> (Verdicts, Told) {
    let folder = tempfile::tempdir().unwrap();
    let clones = no_clones();
    run(folder.path(), nix, criterion, |prober| {
        let result = verify(
            prober,
            &clones,
            &Candidates { count, load },
            &state(BAD),
            Mode::Fast,
            MemoryFrom::User,
            &mut |_, _, _, _, _| Ok(()),
        );
        (result, prober.criterion().cloned())
    })
}

fn at(verified: &Verified) -> usize {
    number(&revision(&verified.state.lock, "pkgs"))
}

/// Answers by state, the same in both ways of asking.
fn by_state<'a>(rule: impl Fn(usize) -> Truth + 'a) -> FakeNix<'a> {
    FakeNix::of_commits(move |at| if at == BAD { Truth::Bad } else { rule(at) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_newest_state_that_passes_is_found_in_few_probes(failing in 0..250_usize, passing in 1..6_usize) {
        let mut nix = by_state(|at| if at < failing { Truth::Bad } else { Truth::Good });
        let ((ends, _), _) = verify_by(&mut nix, failing + passing, None);
        prop_assert_eq!(at(&ends.unwrap().good), failing);
        let probes = nix.asked.len() - 1;
        let bound = 2 * (failing + 1).next_power_of_two().ilog2() as usize + 1;
        prop_assert!(probes <= bound, "{probes} probes for {failing} failing states, bound {bound}");
        prop_assert_eq!(nix.distinct(), nix.asked.len());
    }

    #[test]
    fn the_state_after_the_one_that_is_taken_does_not_pass(passes in prop::collection::vec(any::<bool>(), 1..40)) {
        let mut nix = by_state(|at| if passes[at] { Truth::Good } else { Truth::Bad });
        let ((ends, _), _) = verify_by(&mut nix, passes.len(), None);
        match ends {
            Ok(ends) => {
                let found = at(&ends.good);
                prop_assert!(passes[found] && (found == 0 || !passes[found - 1]));
            }
            // All that were looked at fail, the oldest among them.
            Err(CaseError::GoodEnd { label, outcome }) => {
                prop_assert!(!passes[0] && !passes[passes.len() - 1]);
                prop_assert_eq!(label, format!("flake.lock of {}", passes.len() - 1));
                prop_assert_eq!(outcome, "out of memory");
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn locks_that_cannot_be_read_are_passed_over(usable in prop::collection::vec(any::<bool>(), 1..40), failing in 0..40_usize) {
        let loads = Cell::new(0);
        let load = |at: usize| {
            loads.set(loads.get() + 1);
            Ok(usable[at].then(|| state(at)))
        };
        let mut nix = by_state(|at| if at < failing { Truth::Bad } else { Truth::Good });
        match verify_with(&mut nix, usable.len(), None, &load).0.0 {
            Ok(ends) => prop_assert!(at(&ends.good) >= failing && usable[at(&ends.good)]),
            Err(CaseError::GoodEnd { .. }) => prop_assert!(failing >= usable.len()),
            Err(CaseError::NoGoodState { why }) => {
                prop_assert_eq!(why, "the oldest committed flake.lock cannot be read");
                prop_assert!(!usable[usable.len() - 1]);
            }
            Err(other) => panic!("{other}"),
        }
        prop_assert!(loads.get() <= 14, "{} locks were read", loads.get());
    }
}

#[test]
fn without_any_other_lock_there_is_nothing_to_compare_with() {
    let mut nix = by_state(|_| Truth::Good);
    let error = verify_by(&mut nix, 0, None).0.0.unwrap_err();
    let text = "no good state is known: the flake has no committed flake.lock that differs from the bad one";
    assert_eq!(error.to_string(), text);
    assert!(error.hint().unwrap().contains("--good"));
    assert!(nix.asked.is_empty());
}

#[test]
fn a_good_end_that_fails_says_how() {
    let mut nix = by_state(|_| Truth::Broken("undefined variable 'lib'"));
    let error = verify_by(&mut nix, 1, None).0.0.unwrap_err();
    let text = "the good end, flake.lock of 0, ended in: evaluation error: undefined variable 'lib'";
    assert_eq!(error.to_string(), text);
    // In both ways, as the fast one may be at fault itself; the bad end was not looked at.
    let modes: Vec<Mode> = nix.asked.iter().map(|(mode, _)| *mode).collect();
    assert_eq!(modes, [Mode::Fast, Mode::Faithful]);
}

#[test]
fn what_counts_as_bad_is_taken_from_the_bad_end() {
    let mut nix = by_state(|_| Truth::Good);
    let ((ends, criterion), _) = verify_by(&mut nix, 1, None);
    let ends = ends.unwrap();
    assert_eq!((&ends.bad.verdict, ends.mode), (&Verdict::Bad, Mode::Fast));
    let criterion = criterion.unwrap();
    assert_eq!(criterion, out_of_memory());
    assert_eq!(criterion.verdict(&Truth::Bad.observation(), &[]).unwrap(), Verdict::Bad);
    let other = Truth::Broken("undefined variable 'lib'").observation();
    assert!(matches!(criterion.verdict(&other, &[]).unwrap(), Verdict::Skip(_)));
}

#[test]
fn what_the_user_calls_bad_stays() {
    let mut nix = by_state(|_| Truth::Good);
    let ((ends, criterion), _) = verify_by(&mut nix, 1, Some(Criterion::AnyFailure));
    assert_eq!(ends.unwrap().bad.verdict, Verdict::Bad);
    assert_eq!(criterion, Some(Criterion::AnyFailure));
}

#[test]
fn a_bad_end_that_shows_something_else_than_the_user_said_is_no_bad_end() {
    let mut nix = FakeNix::of_commits(|at| if at == BAD { Truth::Broken("boom") } else { Truth::Good });
    let error = verify_by(&mut nix, 1, Some(out_of_memory())).0.0.unwrap_err();
    assert_eq!(error.to_string(), "the bad end, flake.lock of 999, ended in: evaluation error: boom");
    assert!(matches!(error, CaseError::BadEnd { .. }));
}

#[test]
fn a_bad_end_whose_cause_lies_outside_is_no_bad_end() {
    for class in [Class::FetchFailure, Class::HashMismatch, Class::Killed] {
        let mut nix = FakeNix::of_commits(|at| if at == BAD { Truth::Ends(class) } else { Truth::Good });
        let ((result, criterion), _) = verify_by(&mut nix, 1, None);
        assert!(matches!(&result, Err(CaseError::BadEnd { .. })), "{class}: {result:?}");
        assert_eq!(criterion, None);
    }
}

#[test]
fn two_good_ends_are_told_as_such() {
    let mut nix = FakeNix::new(|_, _| Truth::Good);
    let ((ends, criterion), _) = verify_by(&mut nix, 1, None);
    let ends = ends.unwrap();
    assert_eq!((ends.bad.verdict, criterion), (Verdict::Good, None));
    assert_eq!(nix.asked.last().unwrap().0, Mode::Faithful, "the user's own command has the last word");
}

#[test]
fn where_the_fast_way_fails_by_itself_the_users_own_command_is_run() {
    let restricted = "access to absolute path '/etc' is forbidden";
    let mut nix = FakeNix::new(|lock, mode| match (number(&revision(lock, "pkgs")), mode) {
        (_, Mode::Fast) => Truth::Broken(restricted),
        (BAD, Mode::Faithful) => Truth::Bad,
        (_, Mode::Pure | Mode::Faithful) => Truth::Good,
    });
    let ((ends, _), told) = verify_by(&mut nix, 1, None);
    let ends = ends.unwrap();
    assert_eq!((ends.mode, ends.bad.verdict), (Mode::Faithful, Verdict::Bad));
    let warnings = told.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains(restricted), "{warnings:?}");
    assert_eq!(nix.asked.iter().filter(|(mode, _)| *mode == Mode::Fast).count(), 1);
}

#[test]
fn the_fallback_holds_also_when_the_walk_meets_it_late() {
    // States 0 and 1 are bad, 2 passes by the user's own command only, 3 passes in both ways.
    let mut nix = FakeNix::new(|lock, mode| match (number(&revision(lock, "pkgs")), mode) {
        (2, Mode::Fast) => Truth::Broken("access to absolute path '/etc' is forbidden"),
        (2 | 3, _) => Truth::Good,
        _ => Truth::Bad,
    });
    let ((ends, _), _) = verify_by(&mut nix, 4, None);
    let ends = ends.unwrap();
    assert_eq!((at(&ends.good), ends.mode), (2, Mode::Faithful));
    assert_eq!(nix.asked.last().unwrap(), &(Mode::Faithful, state(BAD).lock));
}

#[test]
fn a_failure_that_only_the_users_own_command_shows_is_searched_for_with_it() {
    let mut nix = FakeNix::new(|lock, mode| match (number(&revision(lock, "pkgs")), mode) {
        (BAD, Mode::Faithful) => Truth::Bad,
        _ => Truth::Good,
    });
    for criterion in [None, Some(out_of_memory())] {
        let ((ends, _), told) = verify_by(&mut nix, 1, criterion);
        let ends = ends.unwrap();
        assert_eq!((ends.mode, ends.bad.verdict), (Mode::Faithful, Verdict::Bad));
        assert!(told.warnings()[0].contains("only by the user's own command"), "{:?}", told.warnings());
    }
    // Without a network the user's own command may be unable to tell.
    let mut offline = FakeNix::new(|lock, mode| match (number(&revision(lock, "pkgs")), mode) {
        (BAD, Mode::Faithful) => Truth::Ends(Class::FetchFailure),
        _ => Truth::Good,
    });
    let ((ends, _), told) = verify_by(&mut offline, 1, None);
    let ends = ends.unwrap();
    assert_eq!((ends.mode, ends.bad.verdict), (Mode::Fast, Verdict::Good));
    assert!(told.warnings().is_empty());
}

#[test]
fn where_the_users_own_command_cannot_be_run_nothing_falls_back_to_it() {
    let mut nix = by_state(|_| Truth::Broken("boom"));
    nix.lacks = Some("this Nix has no flakes");
    let error = verify_by(&mut nix, 1, None).0.0.unwrap_err();
    assert!(matches!(error, CaseError::GoodEnd { .. }), "{error}");
    let mut nix = FakeNix::new(|_, _| Truth::Good);
    nix.lacks = Some("this Nix has no flakes");
    assert_eq!(verify_by(&mut nix, 1, None).0.0.unwrap().bad.verdict, Verdict::Good);
    assert!(nix.asked.iter().all(|(mode, _)| *mode == Mode::Fast));
}

#[test]
fn a_budget_that_only_the_machine_bounds_is_lowered_to_what_the_good_end_makes_plausible() {
    let budgets = |from: MemoryFrom, budget: Bytes| {
        let folder = tempfile::tempdir().unwrap();
        let (clones, good) = (no_clones(), state(0));
        let mut nix = by_state(|_| Truth::Good);
        let candidates = Candidates { count: 1, load: &|_| Ok(Some(good.clone())) };
        let (ends, told) = run_within(budget, folder.path(), &mut nix, None, |prober| {
            verify(prober, &clones, &candidates, &state(BAD), Mode::Fast, from, &mut |_, _, _, _, _| Ok(()))
        });
        assert_eq!(ends.unwrap().bad.verdict, Verdict::Bad);
        (nix.budgets, told.warnings().len())
    };
    let (small, large) = (Bytes(512 << 20), Bytes(16 << 30));
    assert_eq!(budgets(MemoryFrom::User, large), (vec![large, large], 0));
    assert_eq!(budgets(MemoryFrom::Machine, small), (vec![small, small], 0));
    let eight_times = Bytes(8 * Truth::Good.observation().peak.0);
    assert_eq!(budgets(MemoryFrom::Machine, large), (vec![large, eight_times], 1));
}

#[test]
fn a_failing_good_end_is_told_as_the_user_would_see_it() {
    for (faithful, expected) in [
        (Truth::Broken("the user's words"), "evaluation error: the user's words"),
        (Truth::Ends(Class::FetchFailure), "evaluation error: only the fast way"),
    ] {
        let mut nix = FakeNix::new(|_, mode| match mode {
            Mode::Fast => Truth::Broken("only the fast way"),
            Mode::Pure | Mode::Faithful => faithful.clone(),
        });
        match verify_by(&mut nix, 1, None).0.0 {
            Err(CaseError::GoodEnd { outcome, .. }) => assert_eq!(outcome, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_script_that_skips_the_good_end_is_quoted() {
    let mut nix = FakeNix::new(|_, _| Truth::Exits(125));
    match verify_by(&mut nix, 1, Some(Criterion::Script)).0.0 {
        Err(CaseError::GoodEnd { outcome, .. }) => assert_eq!(outcome, "the script asked to skip"),
        other => panic!("{other:?}"),
    }
}

fn growth(rule: &str) -> Option<Criterion> {
    Some(Criterion::Growth(rule.parse().unwrap()))
}

#[test]
fn a_counter_is_compared_with_the_good_end_after_one_run_each() {
    let weighs = |bad| move |at| if at == BAD { Truth::Weighs(bad, 50) } else { Truth::Weighs(1000, 50) };
    let verdict = |bad| {
        let mut nix = FakeNix::of_commits(weighs(bad));
        let ((ends, _), _) = verify_by(&mut nix, 1, growth("nrThunks > +20%"));
        assert_eq!(nix.asked.len(), 2);
        ends.unwrap().bad.verdict
    };
    assert_eq!(verdict(1201), Verdict::Bad);
    assert_eq!(verdict(1200), Verdict::Good);
}

#[test]
fn what_nix_does_not_count_is_said_with_what_it_counts() {
    let mut nix = FakeNix::of_commits(|_| Truth::Weighs(1000, 50));
    match verify_by(&mut nix, 1, growth("nrThanks > +20%")).0.0 {
        Err(error @ CaseError::NoCounter { .. }) => assert_eq!(error.hint().unwrap(), "it counts: nrThunks"),
        other => panic!("{other:?}"),
    }
    assert_eq!(nix.asked.len(), 1, "the bad end need not be run");
}

#[test]
fn memory_is_measured_several_times_at_both_ends_and_noise_is_no_growth() {
    let turn = Cell::new(0);
    // The same evaluation takes between 48 and 52 MiB.
    let noisy = |mib: u64| {
        turn.set(turn.get() + 1);
        Truth::Weighs(1000, mib - 2 + [0, 2, 4][turn.get() % 3])
    };
    let mut nix = FakeNix::of_commits(|at| noisy(if at == BAD { 80 } else { 50 }));
    let ((ends, _), _) = verify_by(&mut nix, 1, growth("peak > +30%"));
    let ends = ends.unwrap();
    assert_eq!((&ends.bad.verdict, nix.asked.len()), (&Verdict::Bad, 6));
    assert_eq!(ends.bad.observation.peak, Bytes(80 << 20), "the median stands for the runs");

    let mut nix = FakeNix::of_commits(|at| noisy(if at == BAD { 51 } else { 50 }));
    let ((ends, _), _) = verify_by(&mut nix, 1, growth("peak > +30%"));
    assert!(matches!(ends, Err(CaseError::Noise { .. })), "{ends:?}");
}

#[test]
fn a_bad_end_that_fails_is_nothing_to_measure() {
    let mut nix = FakeNix::of_commits(|at| if at == BAD { Truth::Broken("x") } else { Truth::Weighs(1000, 50) });
    let ((ends, _), _) = verify_by(&mut nix, 1, growth("nrThunks > +20%"));
    assert!(matches!(ends, Err(CaseError::BadEnd { .. })), "{ends:?}");
}

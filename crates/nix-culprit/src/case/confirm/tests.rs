//! Confirmations by the user's own command, which may see something else than the fast way did.

use nix_culprit_core::outcome::{Class, Criterion};

use super::super::fake::{FakeHistory, FakeNix, Truth, assign, commit, number, out_of_memory, revision, run};
use super::*;

/// Commit 2 merges 0 and 1.
fn merge() -> FakeHistory {
    FakeHistory::new(vec![vec![], vec![], vec![0, 1]])
}

fn confirmed(nix: &mut FakeNix<'_>, goal: Goal) -> Confirmation {
    let folder = tempfile::tempdir().unwrap();
    confirmed_in(folder.path(), nix, goal).unwrap()
}

fn confirmed_in(folder: &std::path::Path, nix: &mut FakeNix<'_>, goal: Goal) -> Result<Confirmation, CaseError> {
    let (culprit, parents) = (commit(2), [commit(0), commit(1)]);
    let claim = Claim { culprit: &culprit, parents: &parents, goal, assign: &assign };
    run(folder, nix, Some(out_of_memory()), |prober| confirm(prober, &merge(), &claim)).0
}

fn asked(nix: &FakeNix<'_>) -> Vec<usize> {
    assert!(nix.asked.iter().all(|(mode, _)| *mode == Mode::Faithful));
    nix.asked.iter().map(|(_, lock)| number(&revision(lock, "pkgs"))).collect()
}

#[test]
fn a_culprit_and_all_its_parents_are_run() {
    let mut nix = FakeNix::of_commits(|at| if at == 2 { Truth::Bad } else { Truth::Good });
    let confirmation = confirmed(&mut nix, Goal::FirstBad);
    let (culprit, parent) = (Box::new(Truth::Bad.observation()), Box::new(Truth::Good.observation()));
    assert_eq!(confirmation, Confirmation::Faithful { culprit, parent, inputs: Inputs::Fetched });
    assert_eq!(asked(&nix), [2, 0, 1]);
}

#[test]
fn a_fix_is_good_and_its_parents_are_bad() {
    let mut nix = FakeNix::of_commits(|at| if at == 2 { Truth::Good } else { Truth::Bad });
    assert!(matches!(confirmed(&mut nix, Goal::FirstGood), Confirmation::Faithful { .. }));
    assert!(matches!(confirmed(&mut nix, Goal::FirstBad), Confirmation::NotConfirmed { .. }));
}

#[test]
fn what_the_users_command_sees_differently_is_not_confirmed() {
    let why = |truth: fn(usize) -> Truth| match confirmed(&mut FakeNix::of_commits(truth), Goal::FirstBad) {
        Confirmation::NotConfirmed { why } => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(|_| Truth::Good), "on the commit itself it ended in: success");
    assert_eq!(why(|_| Truth::Broken("boom")), "on the commit itself it ended in: evaluation error: boom");
    assert_eq!(why(|_| Truth::Bad), format!("on the parent {} it ended in: out of memory", commit(0).short()));
    let second = why(|at| if at == 0 { Truth::Good } else { Truth::Bad });
    assert_eq!(second, format!("on the parent {} it ended in: out of memory", commit(1).short()));
}

#[test]
fn where_the_users_command_can_tell_nothing_the_fast_probes_stand_alone() {
    let why = |nix: &mut FakeNix<'_>| match confirmed(nix, Goal::FirstBad) {
        Confirmation::FastOnly { why } => why,
        other => panic!("{other:?}"),
    };
    let mut offline = FakeNix::of_commits(|_| Truth::Ends(Class::FetchFailure));
    assert_eq!(why(&mut offline), "the user's own command ended in fetch failure: it ended in fetch failure");
    assert_eq!(asked(&offline), [2]);
    // Nix 2.8 does not say whether this is a `throw`; to believe it costs only the confirmation.
    let mut claimed = FakeNix::of_commits(|_| Truth::Broken("program 'git' failed with exit code 128"));
    assert!(why(&mut claimed).ends_with("program 'git' failed with exit code 128"));
    let mut half = FakeNix::of_commits(|at| if at == 2 { Truth::Bad } else { Truth::Ends(Class::HashMismatch) });
    assert!(why(&mut half).contains("hash mismatch"));
    let mut old = FakeNix::of_commits(|_| Truth::Good);
    old.lacks = Some("this Nix has no flakes");
    assert_eq!(why(&mut old), "this Nix has no flakes");
    assert!(old.asked.is_empty());
}

#[test]
fn what_a_search_saw_is_no_confirmation_but_an_interrupted_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let truth = |at| if at == 2 { Truth::Bad } else { Truth::Good };
    let mut nix = FakeNix::of_commits(truth);
    let assignment = assign(&commit(2)).unwrap();
    let question = || Question {
        purpose: Purpose { words: "pkgs".to_owned(), commit: None },
        subject: Subject::BadLock,
        assignment: &assignment,
        mode: Mode::Faithful,
        round: Round::Search,
        remaining: None,
    };
    run(folder.path(), &mut nix, Some(Criterion::AnyFailure), |prober| prober.probe(question()).unwrap());
    let mut weak = FakeNix { strength: 1, ..FakeNix::of_commits(truth) };
    assert!(confirmed_in(folder.path(), &mut weak, Goal::FirstBad).is_err());
    assert_eq!(asked(&weak), [2], "it is run again although the search saw it");
    let mut strong = FakeNix::of_commits(truth);
    let confirmation = confirmed_in(folder.path(), &mut strong, Goal::FirstBad).unwrap();
    assert!(matches!(confirmation, Confirmation::Faithful { .. }));
    assert_eq!(asked(&strong), [0, 1]);
}

fn modes(nix: &FakeNix<'_>) -> Vec<(Mode, usize)> {
    nix.asked.iter().map(|(mode, lock)| (*mode, number(&revision(lock, "pkgs")))).collect()
}

#[test]
fn nothing_is_fetched_where_all_inputs_can_be_shown() {
    let mut nix = FakeNix::of_commits(|at| if at == 2 { Truth::Bad } else { Truth::Good });
    nix.pure = Some(|_| true);
    let confirmation = confirmed(&mut nix, Goal::FirstBad);
    assert!(matches!(confirmation, Confirmation::Faithful { inputs: Inputs::AtStorePaths, .. }), "{confirmation:?}");
    assert_eq!(modes(&nix), [(Mode::Pure, 2), (Mode::Pure, 0), (Mode::Pure, 1)]);
}

#[test]
fn all_is_fetched_where_the_inputs_of_one_commit_cannot_be_shown() {
    let mut nix = FakeNix::of_commits(|at| if at == 2 { Truth::Bad } else { Truth::Good });
    nix.pure = Some(|at| at != 1);
    let confirmation = confirmed(&mut nix, Goal::FirstBad);
    assert!(matches!(confirmation, Confirmation::Faithful { inputs: Inputs::Fetched, .. }), "{confirmation:?}");
    assert_eq!(asked(&nix), [2, 0, 1]);
}

#[test]
fn what_is_not_confirmed_without_fetching_is_asked_once_more_with_it() {
    let ends_without_fetching = [Truth::Bad, Truth::Broken("no such path"), Truth::Ends(Class::ImportFromDerivation)];
    for without in ends_without_fetching {
        let mut nix = FakeNix::new(|lock, mode| match (number(&revision(lock, "pkgs")), mode) {
            (2, _) => Truth::Bad,
            (_, Mode::Pure) => without.clone(),
            (_, Mode::Fast | Mode::Faithful) => Truth::Good,
        });
        nix.pure = Some(|_| true);
        let confirmation = confirmed(&mut nix, Goal::FirstBad);
        assert!(matches!(confirmation, Confirmation::Faithful { inputs: Inputs::Fetched, .. }), "{confirmation:?}");
        let faithful = [2, 0, 1].map(|at| (Mode::Faithful, at));
        assert_eq!(modes(&nix)[..2], [(Mode::Pure, 2), (Mode::Pure, 0)]);
        assert_eq!(modes(&nix)[2..], faithful);
    }
    // Nor does the pure way refute anything alone.
    let mut nix = FakeNix::of_commits(|_| Truth::Good);
    nix.pure = Some(|_| true);
    assert!(matches!(confirmed(&mut nix, Goal::FirstBad), Confirmation::NotConfirmed { .. }));
    assert_eq!(modes(&nix), [(Mode::Pure, 2), (Mode::Faithful, 2)]);
}

//! Searches whose first two probes are the confirmation: fewer probes where the guess is right, and no other answer where
//! it is wrong, or where the user's own command sees something else.

use std::sync::{Arc, Mutex};

use nix_culprit_core::bisect::{Culprit, Hint, Mode as Order, Reason};
use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::event::Event;
use nix_culprit_core::outcome::Class;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::read_set::{Changed, Kind};
use nix_culprit_core::report::Timestamp;
use nix_culprit_core::report::model;
use proptest::prelude::*;

use super::super::ahead::{Ahead, Places};
use super::super::fake::{
    FakeHistory, FakeNix, Told, Truth, assign, commit, number, out_of_memory, path, revision, run,
};
use super::super::history::{Ancestry, HistoryError};
use super::super::prober::Allowance;
use super::super::proof::{Proof, prove};
use super::super::search::ahead_tests::helpers;
use super::super::settings::Confirmation;
use super::*;

/// A line of commits, each of which changes something.
struct Line(FakeHistory);

impl History for Line {
    fn between(&self, good: &CommitId, bad: &CommitId) -> Result<Vec<Ancestry>, HistoryError> {
        self.0.between(good, bad)
    }

    fn merge_base(&self, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>, HistoryError> {
        self.0.merge_base(one, other)
    }

    fn date(&self, commit: &CommitId) -> Result<Timestamp, HistoryError> {
        self.0.date(commit)
    }

    fn title(&self, commit: &CommitId) -> Result<String, HistoryError> {
        self.0.title(commit)
    }

    fn changed_paths(&self, commits: &[CommitId]) -> Result<Option<ChangedPaths>, HistoryError> {
        let mut changed = ChangedPaths::default();
        for commit in commits {
            let path = number(commit).to_string().into();
            changed.push(commit.clone(), [Changed { path, before: Some(Kind::File), after: Some(Kind::File) }]);
        }
        Ok(Some(changed))
    }
}

/// What the search has in place of the whole budget.
const LITTLE: Bytes = Bytes(400 << 20);

/// Searches a line of so many commits, of which one is singled out.
fn find(
    folder: &std::path::Path,
    which: (usize, usize),
    nix: &mut FakeNix<'_>,
    ahead: Option<Ahead>,
) -> (Result<Proof, CaseError>, Told) {
    find_after(folder, which, nix, ahead, |_, _, _| ())
}

/// As [`find`], once something was begun.
pub(super) fn find_after(
    folder: &std::path::Path,
    (count, guess): (usize, usize),
    nix: &mut FakeNix<'_>,
    ahead: Option<Ahead>,
    begin: impl FnOnce(&mut Prober<'_>, &dyn History, &Range<'_>),
) -> (Result<Proof, CaseError>, Told) {
    let (input, history) = (path("pkgs"), Line(FakeHistory::linear(count)));
    let guess = |_: &ChangedPaths| Ok(vec![Hint::all(Reason::Line, [commit(guess)])]);
    run(folder, nix, Some(out_of_memory()), |prober| {
        prober.expect(Confirmation::Wanted);
        if let Some(ahead) = ahead {
            prober.work_ahead(ahead);
        }
        let range = Range {
            input: &input,
            old: commit(0),
            new: commit(count - 1),
            goal: Goal::FirstBad,
            order: Order::Full,
            mode: Mode::Fast,
            guess: Some(&guess),
            assign: &assign,
        };
        begin(prober, &history, &range);
        let allowed = Allowance { memory: LITTLE, ..prober.whole() };
        prove(prober, &history, range, allowed, Confirmation::Wanted)
    })
}

pub(super) fn culprit(proof: &Proof) -> usize {
    match &proof.found.finding.culprit {
        Culprit::Commit { commit, .. } => number(commit),
        other @ Culprit::OneOf { .. } => panic!("{other:?}"),
    }
}

pub(super) fn asked(nix: &FakeNix<'_>) -> Vec<(Mode, usize)> {
    nix.asked.iter().map(|(mode, lock)| (*mode, number(&revision(lock, "pkgs")))).collect()
}

/// A Nix in which all is bad from a commit on, whoever is asked.
pub(super) fn bad_from(first: usize) -> FakeNix<'static> {
    FakeNix {
        pure: Some(|_| true),
        ..FakeNix::of_commits(move |at| if at >= first { Truth::Bad } else { Truth::Good })
    }
}

#[test]
fn where_the_guess_is_right_two_probes_are_search_and_confirmation() {
    for (first, order) in [(3, [3, 2]), (90, [89, 90])] {
        let folder = tempfile::tempdir().unwrap();
        let mut nix = bad_from(first);
        let (proof, told) = find(folder.path(), (100, first), &mut nix, None);
        let proof = proof.unwrap();
        assert_eq!(asked(&nix), order.map(|at| (Mode::Pure, at)));
        assert_eq!(culprit(&proof), first);
        let inputs = model::Inputs::AtStorePaths;
        let Some(model::Confirmation::Faithful { inputs: shown, .. }) = &proof.confirmation else {
            panic!("{proof:?}")
        };
        assert_eq!(*shown, inputs);
        // Both had the whole budget, and nothing else was probed: so nothing less is told of.
        assert!(nix.budgets.iter().all(|memory| *memory == proof.allowed.memory && *memory > LITTLE));
        let noted = told.0.iter().filter(|event| matches!(event, Event::Noted { .. }));
        assert_eq!(noted.count(), 2, "each is told of once");
    }
}

#[test]
fn without_a_confirmation_or_without_the_pure_way_the_search_is_as_fast_as_any() {
    let folder = tempfile::tempdir().unwrap();
    let mut nix = FakeNix { pure: Some(|at| at != 3), ..bad_from(3) };
    let proof = find(folder.path(), (100, 3), &mut nix, None).0.unwrap();
    assert_eq!(asked(&nix), [(Mode::Fast, 3), (Mode::Fast, 2), (Mode::Faithful, 3), (Mode::Faithful, 2)]);
    assert_eq!(nix.budgets[..2], [LITTLE; 2]);
    assert_eq!(proof.allowed.memory, LITTLE);
}

#[test]
fn what_the_users_own_command_cannot_judge_without_fetching_is_asked_in_the_fast_way() {
    for (unjudged, expected) in [
        (3, vec![(Mode::Pure, 3), (Mode::Fast, 3), (Mode::Fast, 2), (Mode::Faithful, 3), (Mode::Faithful, 2)]),
        (2, vec![(Mode::Pure, 3), (Mode::Pure, 2), (Mode::Fast, 2), (Mode::Faithful, 3), (Mode::Faithful, 2)]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut nix = FakeNix {
            pure: Some(|_| true),
            ..FakeNix::new(move |lock, mode| match number(&revision(lock, "pkgs")) {
                at if at == unjudged && mode == Mode::Pure => Truth::Ends(Class::ImportFromDerivation),
                at if at >= 3 => Truth::Bad,
                _ => Truth::Good,
            })
        };
        let proof = find(folder.path(), (100, 3), &mut nix, None).0.unwrap();
        assert_eq!(culprit(&proof), 3);
        assert!(matches!(proof.confirmation, Some(model::Confirmation::Faithful { .. })), "{proof:?}");
        assert_eq!(asked(&nix), expected);
    }
}

#[test]
fn what_only_the_users_own_command_or_only_the_fast_way_sees_is_told_as_without_a_guess() {
    // From which commit on it is bad in the fast way, by the user's own command, and which one is singled out.
    for (fast, own, guess) in [(40, 30, 40), (40, 30, 30), (30, 40, 30), (30, 40, 40), (40, 1000, 40), (40, 1000, 50)] {
        let folder = tempfile::tempdir().unwrap();
        let mut nix = FakeNix {
            pure: Some(|_| true),
            ..FakeNix::new(move |lock, mode| {
                let first = if mode == Mode::Fast { fast } else { own };
                if number(&revision(lock, "pkgs")) >= first { Truth::Bad } else { Truth::Good }
            })
        };
        let proof = find(folder.path(), (100, guess), &mut nix, None).0.unwrap();
        let confirmed = matches!(proof.confirmation, Some(model::Confirmation::Faithful { .. }));
        assert_eq!(
            (culprit(&proof), confirmed),
            if own < 100 { (own, true) } else { (fast, false) },
            "{fast} {own} {guess}"
        );
    }
}

#[test]
fn both_are_probed_at_the_same_time_and_a_wrong_guess_leaves_nobody_behind() {
    for (first, own, beside) in [(3, vec![3], vec![2]), (60, vec![3], vec![2])] {
        let folder = tempfile::tempdir().unwrap();
        let also = Arc::new(Mutex::new(Vec::new()));
        let truth = move |at: usize| if at >= first { Truth::Bad } else { Truth::Good };
        let ahead = helpers(truth, &also, Places { searching: 0, beside: 1 }, Bytes(1 << 40));
        let mut nix = bad_from(first);
        let (proof, told) = find(folder.path(), (100, 3), &mut nix, Some(ahead));
        assert_eq!(culprit(&proof.unwrap()), first);
        let pure = asked(&nix).into_iter().filter_map(|(mode, at)| (mode == Mode::Pure).then_some(at));
        assert_eq!(pure.take(1).collect::<Vec<_>>(), own);
        assert_eq!(also.lock().unwrap()[..1], beside);
        let finished = told.0.iter().filter(|event| matches!(event, Event::ProbeFinished { .. })).count();
        assert!(finished >= nix.asked.len() && finished <= nix.asked.len() + also.lock().unwrap().len());
    }
}

fn log2_up(count: usize) -> usize {
    usize::try_from((count.max(1) - 1).checked_ilog2().map_or(0, |log| log + 1)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The confirmation included, which takes two more.
    #[test]
    fn a_wrong_guess_costs_at_most_three_probes(
        count in 8..300_usize,
        culprit_at in any::<prop::sample::Index>(),
        guess in any::<prop::sample::Index>(),
        is_pure in prop::sample::select(vec![(|_| true) as fn(usize) -> bool, |_| false, |at| at % 2 == 0]),
    ) {
        let (first, guess) = (culprit_at.index(count - 1) + 1, guess.index(count - 1) + 1);
        let folder = tempfile::tempdir().unwrap();
        let mut nix = FakeNix { pure: Some(is_pure), ..bad_from(first) };
        let proof = find(folder.path(), (count, guess), &mut nix, None).0.unwrap();
        prop_assert_eq!(culprit(&proof), first);
        let is_confirmed = matches!(proof.confirmation, Some(model::Confirmation::Faithful { .. }));
        prop_assert!(is_confirmed);
        let distinct = nix.distinct();
        prop_assert_eq!(distinct, nix.asked.len(), "something was evaluated twice");
        prop_assert!(nix.asked.len() <= log2_up(count - 1) + 3 + 2, "{} for {count}", nix.asked.len());

        // The journal has it all.
        let mut idle = FakeNix { strength: 0, pure: Some(is_pure), ..bad_from(first) };
        let again = find(folder.path(), (count, guess), &mut idle, None).0.unwrap();
        prop_assert_eq!(again.confirmation, proof.confirmation);
        prop_assert_eq!(again.found.finding, proof.found.finding);
    }
}

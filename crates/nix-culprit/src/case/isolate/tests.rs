//! Which input it is, against the truth and against asking for everything.

use std::collections::BTreeSet;

use nix_culprit_core::flake::diff;
use proptest::prelude::*;

use super::super::ends::{State, Verified};
use super::super::fake::{FakeNix, Told, Truth, lock, no_clones, number, out_of_memory, path, revision, run};
use super::*;
use nix_culprit_core::event::Mode;

/// The inputs that may change; a change of an input from commit 0 to 1.
const INPUTS: [&str; 8] = ["a", "a/x", "a/y", "b", "b/x", "b/x/y", "c", "d"];

fn all(changed: &BTreeSet<usize>) -> Lock {
    let word = |(at, name): (usize, &&str)| format!("{name}={}", usize::from(changed.contains(&at)));
    lock(&INPUTS.iter().enumerate().map(word).collect::<Vec<_>>().join(" "))
}

fn ends(good: Lock, bad: Lock) -> Ends {
    let end = |label: &str, lock, truth: &Truth, verdict| Verified {
        state: State { label: label.to_owned(), lock },
        observation: truth.observation(),
        verdict,
    };
    let good = end("good", good, &Truth::Good, Verdict::Good);
    Ends { good, bad: end("bad", bad, &Truth::Bad, Verdict::Bad), mode: Mode::Fast }
}

fn isolated(nix: &mut FakeNix<'_>, ends: &Ends) -> (Isolated, Vec<Change>, Told) {
    let folder = tempfile::tempdir().unwrap();
    let changes = diff(&ends.good.state.lock, &ends.bad.state.lock);
    let clones = no_clones();
    let work = |prober: &mut Prober<'_>| isolate(prober, &clones, ends, &changes).unwrap();
    let (result, told) = run(folder.path(), nix, Some(out_of_memory()), work);
    (result, changes, told)
}

fn is_new(lock: &Lock, input: &str) -> bool {
    lock.resolve(&path(input)).is_ok() && number(&revision(lock, input)) == 1
}

/// Bad where all of one of these sets of inputs are new.
fn bad_with(sets: &[BTreeSet<usize>], lock: &Lock) -> bool {
    sets.iter().any(|set| set.iter().all(|at| is_new(lock, INPUTS[*at])))
}

fn subset() -> impl Strategy<Value = BTreeSet<usize>> {
    prop::collection::btree_set(0..INPUTS.len(), 1..=3)
}

/// Changed inputs, and one or two sets of them that are each enough.
fn cases() -> impl Strategy<Value = (BTreeSet<usize>, Vec<BTreeSet<usize>>)> {
    let sets = prop_oneof![3 => prop::collection::vec(subset(), 1), 1 => prop::collection::vec(subset(), 2)];
    (prop::collection::btree_set(0..INPUTS.len(), 0..INPUTS.len()), sets).prop_map(|(more, sets)| {
        let changed = sets.iter().flatten().copied().chain(more).collect();
        (changed, sets)
    })
}

/// Checks every claim of a result by asking for it.
fn claims_hold(result: &Isolated, changes: &[Change], ends: &Ends, is_bad: &dyn Fn(&Lock) -> bool) {
    let (good, bad) = (&ends.good.state.lock, &ends.bad.state.lock);
    match result {
        Isolated::One { change, how, base } => {
            let alone = is_bad(&good.with_input_from(change.path(), bad).unwrap());
            let without = is_bad(&bad.with_input_from(change.path(), good).unwrap());
            match how {
                Isolation::OnlyChange => assert_eq!(changes.len(), 1),
                Isolation::Suffices => assert!(alone),
                Isolation::SufficesAndNeeded => assert!(alone && !without),
                Isolation::WithOthers => assert!(!alone),
                Isolation::Named => panic!("nobody named it"),
            }
            // Its history can be searched in this base: the change is there and goes with the input.
            assert!(is_bad(base));
            assert!(!is_bad(&base.with_input_from(change.path(), good).unwrap()));
        }
        Isolated::Innocent => panic!("nobody named it"),
        Isolated::Together { inputs } => {
            assert!(inputs.len() > 1, "{inputs:?}");
            assert!(is_bad(&good.with_inputs_from(inputs, bad).unwrap()), "{inputs:?} are not enough");
            for change in changes.iter().filter(|change| change.path().0.len() == 1) {
                assert!(!is_bad(&good.with_input_from(change.path(), bad).unwrap()), "{} is enough", change.path());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_claimed_is_true_whatever_it_takes((changed, sets) in cases()) {
        let is_bad = |lock: &Lock| bad_with(&sets, lock);
        let mut nix = FakeNix::new(|lock, _| if bad_with(&sets, lock) { Truth::Bad } else { Truth::Good });
        let ends = ends(all(&BTreeSet::new()), all(&changed));
        let (result, changes, _) = isolated(&mut nix, &ends);
        claims_hold(&result, &changes, &ends, &is_bad);
        prop_assert!(nix.asked.len() <= 2 * changes.len() + 2, "{} probes for {} changes", nix.asked.len(), changes.len());
        prop_assert_eq!(nix.distinct(), nix.asked.len(), "something was evaluated twice");
    }

    #[test]
    fn a_single_input_is_named_wherever_it_is(more in prop::collection::btree_set(0..INPUTS.len(), 0..INPUTS.len()), planted in 0..INPUTS.len()) {
        let changed: BTreeSet<usize> = more.into_iter().chain([planted]).collect();
        let mut nix = FakeNix::new(|lock, _| if is_new(lock, INPUTS[planted]) { Truth::Bad } else { Truth::Good });
        let ends = ends(all(&BTreeSet::new()), all(&changed));
        let (result, changes, told) = isolated(&mut nix, &ends);
        let Isolated::One { change, how, base } = result else { panic!("{result:?}") };
        prop_assert_eq!(change.path(), &path(INPUTS[planted]));
        let expected = if changes.len() == 1 { Isolation::OnlyChange } else { Isolation::SufficesAndNeeded };
        prop_assert_eq!(how, expected);
        prop_assert_eq!(&base, &ends.bad.state.lock, "its history is searched with all else as in the bad lock");
        prop_assert!(told.warnings().is_empty());
        let is_told = |event: &Event| matches!(event, Event::Isolated { input, .. } if input == change.path());
        prop_assert!(told.0.iter().any(is_told));
    }

    #[test]
    fn broken_mixtures_make_no_input_guilty((changed, sets) in cases(), broken in any::<u64>()) {
        // Each mixture of the two locks is broken or not by chance; the ends are not.
        let ends = ends(all(&BTreeSet::new()), all(&changed));
        let is_broken = |lock: &Lock| {
            let mixture: u64 = (0..INPUTS.len()).filter(|at| is_new(lock, INPUTS[*at])).map(|at| 1 << at).sum();
            *lock != ends.bad.state.lock && broken.rotate_left(mixture.wrapping_mul(0x9e37) as u32) & 3 == 0
        };
        let mut nix = FakeNix::new(|lock, _| match (is_broken(lock), bad_with(&sets, lock)) {
            (true, _) => Truth::Broken("attribute 'x' missing"),
            (false, true) => Truth::Bad,
            (false, false) => Truth::Good,
        });
        let (result, _, _) = isolated(&mut nix, &ends);
        if let Isolated::One { change, how: Isolation::SufficesAndNeeded, .. } = result {
            let without = ends.bad.state.lock.with_input_from(change.path(), &ends.good.state.lock).unwrap();
            prop_assert!(!bad_with(&sets, &without), "{} is not needed", change.path());
        }
    }
}

fn words(told: &Told) -> Vec<String> {
    let started = |event: &Event| match event {
        Event::ProbeStarted { purpose, .. } => Some(purpose.words.clone()),
        Event::Isolated { input, how } => Some(format!("{input}: {how}")),
        Event::Warned { text } => Some(format!("note: {text}")),
        _ => None,
    };
    told.0.iter().filter_map(started).collect()
}

fn told_of(rule: impl Fn(&Lock) -> Truth, changed: &[usize]) -> Vec<String> {
    let mut nix = FakeNix::new(|lock, _| rule(lock));
    let ends = ends(all(&BTreeSet::new()), all(&changed.iter().copied().collect()));
    words(&isolated(&mut nix, &ends).2)
}

#[test]
fn every_probe_says_what_it_is_for() {
    let bad = |yes: bool| if yes { Truth::Bad } else { Truth::Good };
    assert_eq!(
        told_of(|lock| bad(is_new(lock, "b/x/y")), &[0, 3, 5]),
        [
            "only a as in the bad lock",
            "only b as in the bad lock",
            "all but b as in the bad lock",
            "b as in the bad lock, but not b/x/y",
            "only b/x/y as in the bad lock",
            "b/x/y: it fails with this one alone, and not without it",
        ]
    );
    assert_eq!(
        told_of(|lock| bad(is_new(lock, "a") || is_new(lock, "c")), &[0, 6]),
        [
            "only a as in the bad lock",
            "all but a as in the bad lock",
            "note: without a it fails too: another input fails by itself",
            "a: it fails with this one alone",
        ]
    );
    assert_eq!(told_of(|_| Truth::Bad, &[6]), ["c: no other input changed"]);
}

#[test]
fn an_input_that_breaks_alone_is_found_by_leaving_it_out() {
    // The new `a` needs the new `c` to evaluate at all, and then eats all memory.
    let rule = |lock: &Lock| match (is_new(lock, "a"), is_new(lock, "c") || is_new(lock, "d")) {
        (true, true) => Truth::Bad,
        (true, false) => Truth::Broken("c has no such attribute"),
        (false, _) => Truth::Good,
    };
    let mut nix = FakeNix::new(|lock, _| rule(lock));
    let ends = ends(all(&BTreeSet::new()), all(&BTreeSet::from([0, 6, 7])));
    let (result, _, told) = isolated(&mut nix, &ends);
    let Isolated::One { change, how: Isolation::WithOthers, base } = result else { panic!("{result:?}") };
    assert_eq!((change.path(), &base), (&path("a"), &ends.bad.state.lock));
    assert_eq!(words(&told).last().unwrap(), "a: it fails with this one and others, but not with this one alone");
}

#[test]
fn a_pair_is_told_as_a_pair() {
    let rule = |lock: &Lock| if is_new(lock, "a/x") && is_new(lock, "d") { Truth::Bad } else { Truth::Good };
    let mut nix = FakeNix::new(|lock, _| rule(lock));
    let ends = ends(all(&BTreeSet::new()), all(&BTreeSet::from([0, 1, 3, 6, 7])));
    let (result, _, _) = isolated(&mut nix, &ends);
    let Isolated::Together { inputs } = result else { panic!("{result:?}") };
    assert_eq!(inputs, [path("a"), path("d")]);
    assert_eq!(nix.asked.len(), 9, "four alone, four left out, and the pair");
}

#[test]
fn inputs_that_are_new_or_gone_are_left_out_and_put_back() {
    let good = lock("a gone");
    let bad = lock("a=1 new=1 new/below=1");
    for (guilty, how) in [("new", Isolation::SufficesAndNeeded), ("a", Isolation::SufficesAndNeeded)] {
        let mut nix = FakeNix::new(|lock, _| if is_new(lock, guilty) { Truth::Bad } else { Truth::Good });
        let (result, _, _) = isolated(&mut nix, &ends(good.clone(), bad.clone()));
        let Isolated::One { change, how: told, .. } = result else { panic!("{result:?}") };
        assert_eq!((change.path(), told), (&path(guilty), how));
    }
    let is_there = |lock: &Lock| lock.resolve(&path("gone")).is_ok();
    let mut nix = FakeNix::new(|lock, _| if is_there(lock) { Truth::Good } else { Truth::Bad });
    let (result, _, _) = isolated(&mut nix, &ends(good, bad));
    let Isolated::One { change, .. } = result else { panic!("{result:?}") };
    assert!(matches!(change.kind, ChangeKind::Removed { .. }));
}

fn named_one(sets: &[BTreeSet<usize>], input: &str) -> Isolated {
    let folder = tempfile::tempdir().unwrap();
    let ends = ends(all(&BTreeSet::new()), all(&BTreeSet::from([0, 3, 6])));
    let changes = diff(&ends.good.state.lock, &ends.bad.state.lock);
    let clones = no_clones();
    let mut nix = FakeNix::new(|lock, _| if bad_with(sets, lock) { Truth::Bad } else { Truth::Good });
    let work = |prober: &mut Prober<'_>| named(prober, &clones, &ends, &changes, &path(input)).unwrap();
    run(folder.path(), &mut nix, Some(out_of_memory()), work).0
}

#[test]
fn a_named_input_is_searched_where_it_makes_the_difference() {
    let (a, b) = (BTreeSet::from([0]), BTreeSet::from([3]));
    for (sets, others_are_new) in [
        (vec![a.clone()], true),
        // Alone it is not enough, so the others stay.
        (vec![BTreeSet::from([0, 3])], true),
        // The other one fails by itself, so it goes.
        (vec![a.clone(), b.clone()], false),
    ] {
        let Isolated::One { change, how, base } = named_one(&sets, "a") else { panic!("{sets:?}") };
        assert_eq!((change.path(), how), (&path("a"), Isolation::Named));
        assert_eq!(is_new(&base, "b"), others_are_new, "{sets:?}");
    }
    assert!(matches!(named_one(&[b], "a"), Isolated::Innocent));
}

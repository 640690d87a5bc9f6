//! Which input it is, against the truth and against asking for everything.

use std::collections::BTreeSet;

use nix_culprit_core::flake::{ChangeKind, Revision};
use proptest::prelude::*;

use super::super::ends::{State, Verified};
use super::super::fake::{FakeNix, Told, Truth, commit, lock, no_clones, number, out_of_memory, path, revision, run};
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

fn difference(ends: &Ends) -> Difference {
    Difference::between(&ends.good.state.lock, &ends.bad.state.lock)
}

fn isolated(nix: &mut FakeNix<'_>, ends: &Ends, likely: &[&str], extent: Extent) -> (Isolated, Told) {
    let folder = tempfile::tempdir().unwrap();
    let clones = no_clones();
    let likely: Vec<InputPath> = likely.iter().map(|input| path(input)).collect();
    let work = |prober: &mut Prober<'_>| isolate(prober, &clones, ends, &difference(ends), &likely, extent).unwrap();
    run(folder.path(), nix, Some(out_of_memory()), work)
}

/// The only culprit.
#[track_caller]
fn only(isolated: Isolated) -> Culprit {
    let Ok([culprit]) = <[Culprit; 1]>::try_from(isolated.culprits) else { panic!("there is not one culprit") };
    culprit
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
fn claims_hold(result: &Isolated, ends: &Ends, is_bad: &dyn Fn(&Lock) -> bool) {
    let difference = difference(ends);
    let number = |input: &InputPath| difference.parts().iter().position(|part| part.path() == input).unwrap();
    let all: Parts = (0..difference.parts().len()).collect();
    let bad_with = |set: &Parts| is_bad(&difference.lock(set).unwrap());
    for Culprit { change, how, base, without: less, old_end } in &result.culprits {
        let at = number(change.path());
        let alone = bad_with(&Parts::from([at]));
        let without = bad_with(&(&all - &Parts::from([at])));
        match how {
            Isolation::OnlyChange => assert_eq!(all.len(), 1),
            Isolation::Suffices => assert!(alone && without),
            Isolation::SufficesAndNeeded => assert!(alone && !without),
            Isolation::WithOthers => assert!(!alone),
            Isolation::Needed => assert!(!without),
            Isolation::Named => panic!("nobody named it"),
        }
        // Its history can be searched in this base: the change is there and goes with the input.
        assert_eq!(*old_end, OldEnd::Seen);
        assert!(is_bad(base) && !is_bad(less));
        let node = base.resolve(change.path()).unwrap();
        assert!(!is_bad(&base.with_revision(&node, &Revision::bare(&commit(0))).unwrap()));
    }
    for set in &result.matters.sets {
        let own: Parts = set.changes.iter().map(|member| number(&member.input)).collect();
        assert!(set.proven && bad_with(&own), "{set:?}");
        assert!(own.iter().all(|at| !bad_with(&(&own - &Parts::from([*at])))), "{set:?}");
    }
    let idle: Parts = result.matters.idle.iter().map(number).collect();
    assert!(idle.is_empty() || bad_with(&(&all - &idle)), "they do matter: {:?}", result.matters.idle);
    let told = result.matters.sets.iter().map(|set| set.changes.len()).sum::<usize>();
    assert_eq!(told + idle.len() + result.matters.untried.len() + usize::from(told == 0), all.len());
}

fn extents() -> impl Strategy<Value = Extent> {
    prop_oneof![Just(Extent::Enough), Just(Extent::One), Just(Extent::All)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_claimed_is_true_whatever_it_takes((changed, sets) in cases(), likely in 0..INPUTS.len(), extent in extents()) {
        let is_bad = |lock: &Lock| bad_with(&sets, lock);
        let mut nix = FakeNix::new(|lock, _| if bad_with(&sets, lock) { Truth::Bad } else { Truth::Good });
        let ends = ends(all(&BTreeSet::new()), all(&changed));
        let (result, _) = isolated(&mut nix, &ends, &[INPUTS[likely]], extent);
        prop_assert!(!result.culprits.is_empty());
        claims_hold(&result, &ends, &is_bad);
        prop_assert_eq!(nix.distinct(), nix.asked.len(), "something was evaluated twice");
    }

    #[test]
    fn a_single_input_is_named_wherever_it_is(more in prop::collection::btree_set(0..INPUTS.len(), 0..INPUTS.len()), planted in 0..INPUTS.len()) {
        let changed: BTreeSet<usize> = more.into_iter().chain([planted]).collect();
        let ends = ends(all(&BTreeSet::new()), all(&changed));
        for (likely, extent) in [(&[][..], Extent::One), (&[INPUTS[planted]][..], Extent::Enough)] {
            let mut nix = FakeNix::new(|lock, _| if is_new(lock, INPUTS[planted]) { Truth::Bad } else { Truth::Good });
            let (result, told) = isolated(&mut nix, &ends, likely, extent);
            let idle = result.matters.idle.len() + result.matters.untried.len();
            let Culprit { change, how, base, .. } = only(result);
            prop_assert_eq!(change.path(), &path(INPUTS[planted]));
            let expected = match (changed.len(), extent) {
                (1, _) => Isolation::OnlyChange,
                (_, Extent::Enough) => Isolation::Needed,
                (_, Extent::One | Extent::All) => Isolation::SufficesAndNeeded,
            };
            prop_assert_eq!(how, expected);
            prop_assert_eq!(&base, &ends.bad.state.lock, "its history is searched with all else as in the bad lock");
            prop_assert_eq!(idle, changed.len() - 1);
            if extent == Extent::Enough {
                prop_assert_eq!(nix.asked.len(), usize::from(changed.len() > 1), "the hint was right");
            }
            prop_assert!(told.warnings().is_empty());
            let is_told = |event: &Event| matches!(event, Event::Isolated { input, .. } if input == change.path());
            prop_assert!(told.0.iter().any(is_told));
        }
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
        let (result, _) = isolated(&mut nix, &ends, &[], Extent::One);
        let is_bad = |lock: &Lock| bad_with(&sets, lock);
        for culprit in &result.culprits {
            let node = culprit.base.resolve(culprit.change.path()).unwrap();
            let without = culprit.base.with_revision(&node, &Revision::bare(&commit(0))).unwrap();
            prop_assert!(is_bad(&culprit.base) && !is_bad(&without), "{} is not needed", culprit.change.path());
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
    words(&isolated(&mut nix, &ends, &[], Extent::One).1)
}

#[test]
fn every_probe_says_what_it_is_for() {
    let bad = |yes: bool| if yes { Truth::Bad } else { Truth::Good };
    assert_eq!(
        told_of(|lock| bad(is_new(lock, "b/x/y")), &[0, 3, 5]),
        [
            "all but a as in the bad lock",
            "only b/x/y as in the bad lock",
            "all but b/x/y as in the bad lock",
            "b/x/y: it fails with this one alone, and not without it",
        ]
    );
    assert_eq!(
        told_of(|lock| bad(is_new(lock, "a") || is_new(lock, "c")), &[0, 6]),
        [
            "only c as in the bad lock",
            "only a as in the bad lock",
            "c: it fails with this one alone",
            "note: without c it fails too: another input fails by itself",
        ]
    );
    assert_eq!(told_of(|_| Truth::Bad, &[6]), ["c: no other input changed"]);
    let many: Vec<usize> = (0..INPUTS.len()).collect();
    let told = told_of(|lock| bad(is_new(lock, "a/y")), &many);
    assert_eq!(told[0], "only c, d as in the bad lock");
}

#[test]
fn an_input_that_breaks_alone_is_found_by_leaving_it_out() {
    // The new `a` needs the new `c` or `d` to evaluate at all, and then eats all memory.
    let rule = |lock: &Lock| match (is_new(lock, "a"), is_new(lock, "c") || is_new(lock, "d")) {
        (true, true) => Truth::Bad,
        (true, false) => Truth::Broken("c has no such attribute"),
        (false, _) => Truth::Good,
    };
    let mut nix = FakeNix::new(|lock, _| rule(lock));
    let ends = ends(all(&BTreeSet::new()), all(&BTreeSet::from([0, 6, 7])));
    let (result, told) = isolated(&mut nix, &ends, &[], Extent::One);
    let set = &result.matters.sets[0].changes;
    assert_eq!((set.len(), &set[0].without), (2, &Some(Verdict::Good)));
    assert!(matches!(&set[1].without, Some(Verdict::Skip(reason)) if reason.contains("c has no such attribute")));
    let Culprit { change, how: Isolation::WithOthers, base, .. } = only(result) else { panic!("it breaks alone") };
    assert_eq!((change.path(), &base), (&path("a"), &ends.bad.state.lock));
    assert_eq!(words(&told).last().unwrap(), "a: it fails with this one and others, but not with this one alone");
}

#[test]
fn a_pair_is_told_as_a_pair_and_each_is_searched_with_the_other_held() {
    let rule = |lock: &Lock| if is_new(lock, "a/x") && is_new(lock, "d") { Truth::Bad } else { Truth::Good };
    let mut nix = FakeNix::new(|lock, _| rule(lock));
    let ends = ends(all(&BTreeSet::new()), all(&BTreeSet::from([0, 1, 3, 6, 7])));
    let (Isolated { culprits, matters }, _) = isolated(&mut nix, &ends, &[], Extent::One);
    let found: Vec<_> = culprits.iter().map(|culprit| culprit.change.path().to_string()).collect();
    assert_eq!(found, ["d", "a/x"]);
    for culprit in &culprits {
        assert!(is_new(&culprit.base, "a/x") && is_new(&culprit.base, "d"));
    }
    assert_eq!(matters.idle, [path("a"), path("b"), path("c")]);
    assert!(nix.asked.len() <= 7, "{} probes", nix.asked.len());
}

#[test]
fn inputs_that_fail_each_by_itself_are_all_told_where_that_is_asked() {
    let rule = |lock: &Lock| match is_new(lock, "a") || is_new(lock, "c") && is_new(lock, "d") {
        true => Truth::Bad,
        false => Truth::Good,
    };
    let mut nix = FakeNix::new(|lock, _| rule(lock));
    let ends = ends(all(&BTreeSet::new()), all(&BTreeSet::from([0, 3, 6, 7])));
    let (result, _) = isolated(&mut nix, &ends, &[], Extent::All);
    let mut sets: Vec<Vec<String>> = Vec::new();
    for set in &result.matters.sets {
        sets.push(set.changes.iter().map(|member| member.input.to_string()).collect());
    }
    sets.sort();
    assert_eq!(sets, [vec!["a"], vec!["c", "d"]]);
    assert_eq!(result.matters.idle, [path("b")]);
}

#[test]
fn inputs_that_are_new_or_gone_are_left_out_and_put_back() {
    let good = lock("a gone");
    let bad = lock("a=1 new=1 new/below=1");
    for (guilty, how) in [("new", Isolation::SufficesAndNeeded), ("a", Isolation::SufficesAndNeeded)] {
        let mut nix = FakeNix::new(|lock, _| if is_new(lock, guilty) { Truth::Bad } else { Truth::Good });
        let Culprit { change, how: told, .. } =
            only(isolated(&mut nix, &ends(good.clone(), bad.clone()), &[], Extent::One).0);
        assert_eq!((change.path(), told), (&path(guilty), how));
    }
    let is_there = |lock: &Lock| lock.resolve(&path("gone")).is_ok();
    let mut nix = FakeNix::new(|lock, _| if is_there(lock) { Truth::Good } else { Truth::Bad });
    let Culprit { change, .. } = only(isolated(&mut nix, &ends(good, bad), &[], Extent::One).0);
    assert!(matches!(change.kind, ChangeKind::Removed { .. }));
}

#[test]
fn what_an_input_follows_can_be_the_culprit_alone_and_with_what_it_follows() {
    // `c` takes the new `a` only where it follows it.
    for (good, culprits) in [("a=1 b c c/a", vec!["c/a"]), ("a b c c/a", vec!["a", "c/a"])] {
        let ends = ends(lock(good), lock("a=1 b=1 c=1 c/a>a"));
        let mut nix = FakeNix::new(|lock, _| if is_new(lock, "c/a") { Truth::Bad } else { Truth::Good });
        let (result, _) = isolated(&mut nix, &ends, &[], Extent::One);
        let found: Vec<_> = result.culprits.iter().map(|culprit| culprit.change.path().to_string()).collect();
        assert_eq!(found, culprits);
        let told = &result.matters.sets[0].changes.last().unwrap().change;
        assert_eq!(told, "c/a follows the input a now; it was github:o/a/000000000000");
        assert_eq!(result.matters.idle, [path("b"), path("c")]);
    }
}

fn named_one(sets: &[BTreeSet<usize>], input: &str) -> Isolated {
    let folder = tempfile::tempdir().unwrap();
    let ends = ends(all(&BTreeSet::new()), all(&BTreeSet::from([0, 3, 6])));
    let clones = no_clones();
    let mut nix = FakeNix::new(|lock, _| if bad_with(sets, lock) { Truth::Bad } else { Truth::Good });
    let work = |prober: &mut Prober<'_>| named(prober, &clones, &ends, &difference(&ends), &path(input)).unwrap();
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
        let Culprit { change, how, base, .. } = only(named_one(&sets, "a"));
        assert_eq!((change.path(), how), (&path("a"), Isolation::Named));
        assert_eq!(is_new(&base, "b"), others_are_new, "{sets:?}");
    }
    assert!(named_one(&[b], "a").culprits.is_empty());
}

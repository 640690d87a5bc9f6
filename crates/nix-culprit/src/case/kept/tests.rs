use std::cell::RefCell;

use nix_culprit_core::read_set::Reads;

use super::super::evaluator::Yields;
use super::super::fake::{Truth, assign, commit};
use super::*;

fn target() -> Target {
    Target::Attr("devShells.default".parse().unwrap(), Yields::Derivation)
}

/// The assignment with `pkgs`, which is shown as a folder, at a commit.
fn at(number: usize) -> Assignment {
    let clones = [(NodeKey("pkgs".to_owned()), PathBuf::from("/clone"))].into();
    Assignment { clones, ..assign(&commit(number)).unwrap() }
}

fn kept(number: usize, memory: u64, truth: &Truth) -> Kept {
    let (asked, commits) = Asked::of(&at(number), &target()).unwrap();
    let looked_at = commits.into_iter().map(|(key, commit)| (key, LookedAt { commit, reads: Reads::default() }));
    let (looked_at, memory) = (looked_at.collect(), Bytes(memory << 20));
    Kept { asked, memory, looked_at, observation: truth.observation(), mode: Mode::Fast }
}

fn all(kept: impl IntoIterator<Item = Kept>) -> AllKept {
    AllKept { all: kept.into_iter().collect(), file: None }
}

/// Which commit settles a probe of commit 5, if all commits look alike.
fn settles(kept: &AllKept, wanted: &Assignment, target: &Target, memory: u64) -> Option<CommitId> {
    let wanted = Asked::of(wanted, target).unwrap();
    kept.settle(&wanted, Bytes(memory << 20), |_, _, _| true).map(|settled| settled.by)
}

#[test]
fn another_commit_of_the_same_question_settles_it_and_no_other_question() {
    let all = all([kept(1, 1000, &Truth::Good)]);
    assert_eq!(settles(&all, &at(5), &target(), 1000), Some(commit(1)));
    assert_eq!(settles(&all, &at(1), &target(), 1000), None, "that is the same commit, and no other one");
    let other = Target::Attr("packages.default".parse().unwrap(), Yields::Derivation);
    assert_eq!(settles(&all, &at(5), &other, 1000), None, "another target");
    let clones = [(NodeKey("pkgs".to_owned()), PathBuf::from("/another"))].into();
    assert_eq!(settles(&all, &Assignment { clones, ..at(5) }, &target(), 1000), None, "another clone");
    assert_eq!(settles(&all, &assign(&commit(5)).unwrap(), &target(), 1000), None, "not shown as a folder");
    let lock = super::super::fake::lock("pkgs=5 other=8");
    assert_eq!(settles(&all, &Assignment { lock, ..at(5) }, &target(), 1000), None, "another input is another one");
}

#[test]
fn another_budget_counts_where_it_cannot_make_a_difference() {
    // Good needs 300 MiB.
    let good = all([kept(1, 1000, &Truth::Good)]);
    for (memory, counts) in [(1000, true), (4000, true), (600, true), (599, false), (300, false)] {
        assert_eq!(settles(&good, &at(5), &target(), memory).is_some(), counts, "good, {memory}");
    }
    let bad = all([kept(1, 512, &Truth::Bad)]);
    for (memory, counts) in [(512, true), (400, true), (513, false)] {
        assert_eq!(settles(&bad, &at(5), &target(), memory).is_some(), counts, "bad, {memory}");
    }
}

#[test]
fn only_the_newest_of_each_kind_of_end_is_compared() {
    let all = all([kept(1, 512, &Truth::Good), kept(2, 512, &Truth::Bad), kept(3, 512, &Truth::Good)]);
    let compared = RefCell::new(Vec::new());
    let wanted = Asked::of(&at(5), &target()).unwrap();
    let settled = all.settle(&wanted, Bytes(512 << 20), |_, seen, other| {
        assert_eq!(*other, commit(5));
        compared.borrow_mut().push(seen.commit.clone());
        false
    });
    assert_eq!(settled, None);
    assert_eq!(compared.into_inner(), [commit(3), commit(2)]);
}

#[test]
fn what_came_from_outside_is_never_repeated() {
    for class in Class::ALL {
        let outside = super::super::prober::is_from_outside(class) || class == Class::TimeOut;
        assert!(!(outside && is_repeatable(class, None)), "{class}");
        assert!(!is_repeatable(class, Some(Kill::Time)) && !is_repeatable(class, Some(Kill::Interrupt)), "{class}");
    }
    assert!(is_repeatable(Class::Success, None) && is_repeatable(Class::OutOfMemory, Some(Kill::Memory)));
    assert!(!is_repeatable(Class::OutOfMemory, None), "somebody else's kill");
}

#[test]
fn a_resumed_case_knows_what_was_looked_at_whatever_became_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("read-sets.jsonl");
    let probe = |number| {
        let mut probe = kept(number, 1000, &Truth::Good);
        for seen in probe.looked_at.values_mut() {
            seen.reads.note(Path::new("a/b"), nix_culprit_core::read_set::Use::Listed);
        }
        probe
    };
    AllKept::open(&path).keep(probe(1));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], &whole[..whole.len() / 2]].concat()).unwrap();
    AllKept::open(&path).keep(probe(2));
    assert_eq!(AllKept::open(&path).all, [probe(1), probe(2)], "after a line that was cut off");
    fs::write(&path, [0xff, 0, b'\n']).unwrap();
    assert_eq!(AllKept::open(&path).all, []);
    let mut nowhere = AllKept::open(&folder.path().join("no/such/folder"));
    nowhere.keep(probe(3));
    assert_eq!(
        nowhere.reads(Path::new("/clone"), &commit(3)),
        Some(&probe(3).looked_at[&NodeKey("pkgs".to_owned())].reads)
    );
    assert_eq!(nowhere.reads(Path::new("/other"), &commit(3)), None);
}

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::flake::Node;
use crate::flake::diff::{ChangeKind, Link, diff};
use crate::flake::reference::FlakeRef;
use crate::flake::sample::{NIX_2_34, any_lock, lock, path};

fn revision(digit: &str) -> Revision {
    Revision { rev: digit.repeat(40).parse().unwrap(), last_modified: None, nar_hash: None, rev_count: Some(7) }
}

fn changed_lines(one: &str, two: &str) -> String {
    let (one, two): (Vec<_>, Vec<_>) = (one.lines().collect(), two.lines().collect());
    let gone = one.iter().filter(|line| !two.contains(line)).map(|line| format!("-{}", line.trim()));
    let new = two.iter().filter(|line| !one.contains(line)).map(|line| format!("+{}", line.trim()));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}

#[test]
fn another_revision_drops_what_is_wrong_for_it_and_changes_nothing_else() {
    let real = Lock::parse(NIX_2_34).unwrap();
    let edited = real.with_revision(&NodeKey("pkgs_2".into()), &revision("a")).unwrap();
    assert_eq!(
        changed_lines(NIX_2_34, &edited.to_json()),
        "+\"rev\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\n+\"revCount\": 7,"
    );
    assert_eq!(NIX_2_34.lines().count() - edited.to_json().lines().count(), 2);
    let shallow = real.with_revision(&NodeKey("overlay2".into()), &revision("a")).unwrap();
    let attrs = shallow.node(&NodeKey("overlay2".into())).unwrap().locked.clone().unwrap();
    assert_eq!((attrs.number("revCount"), attrs.text("ref")), (None, Some("refs/heads/main")));
}

#[test]
fn what_is_known_of_a_revision_is_written() {
    let known = Revision { last_modified: Some(9), nar_hash: Some("sha256-y".into()), ..revision("b") };
    let lock = lock("a=1").with_revision(&NodeKey("a".into()), &known).unwrap();
    let attrs = lock.node(&NodeKey("a".into())).unwrap().locked.clone().unwrap();
    assert_eq!((attrs.number("lastModified"), attrs.text("narHash")), (Some(9), Some("sha256-y")));
    assert_eq!(attrs.number("revCount"), None, "archives of forges have none");
}

#[test]
fn what_has_no_revision_is_refused() {
    let real = Lock::parse(NIX_2_34).unwrap();
    let error = |key: &str| real.with_revision(&NodeKey(key.into()), &revision("a")).unwrap_err().to_string();
    assert_eq!(error("sub"), "the node `sub` of the lock file is of type `path`, which has no revision to choose");
    assert_eq!(error("root"), "the node `root` of the lock file is not locked");
    assert_eq!(error("gone"), "the lock file has no node `gone`");
}

#[test]
fn inputs_are_taken_from_another_lock_with_what_is_below_them() {
    let good = lock("a=1 b=1 b/c=1 b/d>a");
    let bad = lock("a=2 b=2 b/c=2 b/e b/d>a new new/a>a");
    let take = |paths: &[&str]| good.with_inputs_from(&paths.iter().map(|text| path(text)).collect::<Vec<_>>(), &bad);
    let shown = |lock: &Lock| diff(&good, lock).iter().map(|change| change.path().to_string()).collect::<Vec<_>>();
    assert_eq!(shown(&take(&["b"]).unwrap()), ["b", "b/c", "b/e"]);
    assert_eq!(shown(&take(&["b/c"]).unwrap()), ["b/c"]);
    assert_eq!(shown(&take(&["new"]).unwrap()), ["new"]);
    assert_eq!(take(&["new"]).unwrap().resolve(&path("new/a")).unwrap(), good.resolve(&path("a")).unwrap());
    assert_eq!(shown(&bad.with_input_from(&path("new"), &good).unwrap()), shown(&take(&["a", "b"]).unwrap()));
    assert!(diff(&take(&[""]).unwrap(), &bad).is_empty());
    assert!(matches!(take(&["x"]), Err(LockError::MissingInput { .. })));
    assert!(matches!(take(&["new/a"]), Err(LockError::MissingInput { .. })));
}

#[test]
fn follows_that_would_break_become_nodes_of_their_own() {
    let (good, bad) = (lock("a a/u=1"), lock("a a/u>u u=2"));
    let alone = good.with_input_from(&path("a/u"), &bad).unwrap();
    let key = alone.resolve(&path("a/u")).unwrap();
    assert_eq!(alone.locked(&key).unwrap().rev(), Some(revision("2").rev));
    let gone = bad.with_input_from(&path("u"), &good).unwrap();
    assert!(gone.resolve(&path("u")).is_err() && gone.resolve(&path("a/u")).is_ok());
    // Each follows the other, in one lock each: together they would go round in a circle.
    let (one, two) = (lock("a a/x>b/x b b/x=1"), lock("a a/x=2 b b/x>a/x"));
    let mixed = one.with_input_from(&path("b/x"), &two).unwrap();
    assert_eq!(mixed.locked(&mixed.resolve(&path("a/x")).unwrap()).unwrap().rev(), Some(revision("2").rev));
}

#[test]
fn a_change_alone_leaves_what_is_below_it() {
    let good = lock("a=1 a/x=1 a/y=1 b=1 b/a>a c c/a=1");
    let bad = lock("a=2 a/x=2 a/y=1 b=1 b/a c c/a>a new");
    let changes = diff(&good, &bad);
    let take = |paths: &[&str]| {
        let chosen = changes.iter().filter(|change| paths.contains(&change.path().to_string().as_str()));
        good.with_changes(chosen, &bad).unwrap()
    };
    assert_eq!(take(&[]), good);
    let rev = |lock: &Lock, input: &str| locked_at(lock, &path(input)).and_then(|at| at.rev());
    let [one, two] = ["1", "2"].map(|digit| Some(revision(digit).rev));
    let moved = take(&["a"]);
    assert_eq!((rev(&moved, "a"), rev(&moved, "a/x"), rev(&moved, "b/a")), (two.clone(), one.clone(), two.clone()));
    assert_eq!(changed_lines(&good.to_json(), &moved.to_json()), format!("+\"rev\": \"{}\",", "2".repeat(40)));
    let below = take(&["a/x"]);
    assert_eq!((rev(&below, "a"), rev(&below, "a/x")), (one.clone(), two.clone()));
    let edge = take(&["c/a"]);
    assert_eq!(
        (rev(&edge, "c/a"), edge.node(&NodeKey("c".into())).unwrap().inputs["a"].clone()),
        (one, Input::Follows(path("a")))
    );
    assert_eq!(rev(&take(&["a", "c/a"]), "c/a"), two);
    assert!(take(&["new"]).resolve(&path("new")).is_ok() && take(&["a"]).resolve(&path("new")).is_err());
    let foreign = diff(&lock("z=1 z/k=1"), &lock("z=2 z/k=2"));
    assert!(good.with_changes(&foreign, &bad).is_err());
}

fn locked_at(lock: &Lock, path: &InputPath) -> Option<FlakeRef> {
    lock.locked(&lock.resolve(path).ok()?).ok()
}

proptest! {
    #[test]
    fn one_revision_leaves_all_other_nodes_as_they_are(lock in any_lock(), index in any::<prop::sample::Index>()) {
        let keys: Vec<&NodeKey> = lock.nodes.keys().filter(|key| **key != lock.root).collect();
        prop_assume!(!keys.is_empty());
        let key = keys[index.index(keys.len())];
        let edited = lock.with_revision(key, &revision("f")).unwrap();
        for (other, node) in &lock.nodes {
            prop_assert_eq!(node == &edited.nodes[other], other != key);
        }
    }

    #[test]
    fn all_changes_together_make_the_other_lock(good in any_lock(), bad in any_lock()) {
        let paths: Vec<InputPath> = diff(&good, &bad).iter().map(|change| change.path().clone()).collect();
        let all = good.with_inputs_from(&paths, &bad).unwrap();
        prop_assert_eq!(diff(&all, &bad), []);
        prop_assert_eq!(all.inputs().unwrap().len(), bad.inputs().unwrap().len());
    }

    #[test]
    fn some_changes_move_only_what_they_name(good in any_lock(), bad in any_lock(), choice in any::<u64>()) {
        let changes = diff(&good, &bad);
        let all = good.with_changes(&changes, &bad).unwrap();
        prop_assert_eq!(diff(&all, &bad), []);
        let chosen: Vec<&Change> =
            changes.iter().enumerate().filter(|(at, _)| choice >> (at % 64) & 1 == 1).map(|(_, change)| change).collect();
        let mixed = good.with_changes(chosen.iter().copied(), &bad).unwrap();
        prop_assert!(mixed.inputs().is_ok());
        prop_assert_eq!(Lock::parse(&mixed.to_json()).unwrap(), mixed.clone());
        // An edge brings all below it.
        let brings = |change: &Change, found: &Change| match change.kind {
            ChangeKind::Moved { .. } | ChangeKind::Declared => change.path() == found.path(),
            _ => found.path().is_below(change.path()),
        };
        for found in diff(&good, &mixed) {
            let is_chosen = chosen.iter().any(|change| brings(change, &found));
            let mended = matches!(&found.kind, ChangeKind::Follows { from: Link::Follows(_), .. });
            prop_assert!(is_chosen || mended, "{} was not chosen", found);
        }
        for rest in diff(&mixed, &bad) {
            // An edge may be written in another way, as long as it leads to the same tree.
            let is_chosen = chosen.iter().any(|change| brings(change, &rest));
            let is_edge = matches!(&rest.kind, ChangeKind::Follows { .. });
            let same = is_edge && locked_at(&mixed, rest.path()) == locked_at(&bad, rest.path());
            prop_assert!(!is_chosen || same, "{} was chosen", rest);
        }
    }

    #[test]
    fn the_changes_one_after_another_leave_no_input_out(good in any_lock(), bad in any_lock()) {
        let mut lock = good.clone();
        let mut done: Vec<InputPath> = Vec::new();
        for change in diff(&good, &bad) {
            if !done.iter().any(|above| change.path().is_below(above)) {
                lock = lock.with_input_from(change.path(), &bad).unwrap();
                done.push(change.path().clone());
            }
        }
        // Follows may have become nodes on the way, but each input that the other lock has is there.
        for (path, _) in bad.inputs().unwrap() {
            prop_assert!(lock.resolve(&path).is_ok(), "{}", path);
        }
    }

    #[test]
    fn one_change_alone_changes_only_what_belongs_to_it(good in any_lock(), bad in any_lock()) {
        for change in diff(&good, &bad) {
            let alone = good.with_input_from(change.path(), &bad).unwrap();
            prop_assert!(alone.inputs().is_ok());
            for found in diff(&good, &alone) {
                if found.path().is_below(change.path()) {
                    continue;
                }
                // Elsewhere, only follows that would have broken may differ, and not in where they lead.
                let mended = matches!(&found.kind, ChangeKind::Follows { from: Link::Follows(_), .. });
                prop_assert!(mended, "{} for {}", found, change);
                prop_assert_eq!(locked_at(&good, found.path()), locked_at(&alone, found.path()));
            }
            for rest in diff(&alone, &bad) {
                let done = rest.path().is_below(change.path());
                let mended = matches!(&rest.kind, ChangeKind::Follows { to: Link::Follows(_), .. });
                prop_assert!(!done || mended, "{} after {}", rest, change);
            }
            // New nodes never take the key of an old one, so an old key means a frozen node.
            for (key, node) in &alone.nodes {
                if let Some(frozen) = good.nodes.get(key) {
                    prop_assert_eq!(Node { inputs: BTreeMap::new(), ..frozen.clone() }, Node { inputs: BTreeMap::new(), ..node.clone() });
                }
            }
        }
    }
}

#[test]
fn an_input_of_an_input_can_be_made_to_follow_and_to_have_its_own_node() {
    let both = lock("pkgs=1 overlay=2 overlay/pkgs=3 overlay/pkgs/lib=4");
    let follows = both.with_follows(&path("overlay/pkgs"), &path("pkgs")).unwrap();
    let at = |lock: &Lock, text: &str| lock.resolve(&path(text)).map(|key| lock.locked(&key).unwrap().rev().unwrap());
    assert_eq!(at(&follows, "overlay/pkgs").unwrap(), at(&both, "pkgs").unwrap());
    assert!(at(&follows, "overlay/pkgs/lib").is_err());
    assert_eq!(follows.nodes.len(), 3, "what nobody needs any more is dropped");
    let theirs = lock("pkgs=3 pkgs/lib=4 other=5");
    let own = follows.with_own_node(&path("overlay"), "pkgs", &theirs).unwrap();
    assert_eq!(at(&own, "overlay/pkgs"), at(&both, "overlay/pkgs"));
    assert_eq!(at(&own, "overlay/pkgs/lib"), at(&both, "overlay/pkgs/lib"));
    assert_eq!(at(&own, "pkgs"), at(&both, "pkgs"));
    assert!(follows.with_own_node(&path("overlay"), "gone", &theirs).is_err());
    assert!(follows.with_follows(&path("overlay/pkgs"), &path("gone")).is_err());
    assert!(follows.with_follows(&path("pkgs"), &path("overlay/pkgs")).is_err(), "in a circle");
    assert!(follows.with_follows(&path(""), &path("pkgs")).is_err());
}

proptest! {
    #[test]
    fn any_follows_leaves_a_lock_that_can_be_used(own in any_lock(), theirs in any_lock(), one in 0..8_usize, two in 0..8_usize) {
        let paths: Vec<InputPath> = own.paths().into_values().filter(|path| !path.0.is_empty()).collect();
        let (Some(input), Some(target)) = (paths.get(one), paths.get(two)) else { return Ok(()) };
        if let Ok(edited) = own.with_follows(input, target) {
            prop_assert!(edited.inputs_table().is_ok());
            prop_assert_eq!(edited.resolve(input), edited.resolve(target));
        }
        let (name, above) = input.0.split_last().unwrap();
        if let Ok(edited) = own.with_own_node(&InputPath(above.to_vec()), name, &theirs) {
            prop_assert!(edited.inputs_table().is_ok());
            let there = theirs.resolve(&path(name)).unwrap();
            let here = edited.resolve(input).unwrap();
            prop_assert_eq!(&edited.node(&here).unwrap().locked, &theirs.node(&there).unwrap().locked);
        }
    }
}

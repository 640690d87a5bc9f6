//! The difference between two locks, in parts that can be had one by one.
//!
//! Owns what a part is, and the lock that some of the parts make of the good one.

use super::search::Parts;
use crate::flake::{Change, ChangeKind, Link, Lock, LockError, Place, diff};
use crate::ids::InputPath;

/// One part of a difference: a change, and those that cannot be had without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The change itself first; then inputs of that very input which its other revision has, or has not.
    changes: Vec<Change>,
    /// The nearest part whose input this one's lies below.
    above: Option<usize>,
}

impl Part {
    /// Returns the change itself.
    #[must_use]
    pub fn change(&self) -> &Change {
        &self.changes[0]
    }

    /// Returns all changes of the part, the change itself first.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns the input that changed.
    #[must_use]
    pub fn path(&self) -> &InputPath {
        self.change().path()
    }

    /// Returns the number of the nearest part whose input this one's lies below.
    #[must_use]
    pub const fn above(&self) -> Option<usize> {
        self.above
    }
}

/// The difference between a good and a bad lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    good: Lock,
    bad: Lock,
    parts: Vec<Part>,
}

impl Difference {
    /// Compares two locks.
    ///
    /// Inputs that a flake has at one revision only come and go with that revision, as its outputs are called with
    /// exactly the inputs that it declares. The parts nearest to the root come first, and among these the ones
    /// whose history can be searched, then by name.
    #[must_use]
    pub fn between(good: &Lock, bad: &Lock) -> Self {
        let mut changes: Vec<Change> =
            diff(good, bad).into_iter().filter(|change| can_matter(change, good, bad)).collect();
        let searchable = |change: &Change| matches!(change.kind, ChangeKind::Moved { place: Place::Same, .. });
        changes.sort_by(|one, two| {
            let order = |change: &Change| (change.path().0.len(), !searchable(change));
            order(one).cmp(&order(two)).then_with(|| one.path().cmp(two.path()))
        });
        let mut parts: Vec<Part> = Vec::new();
        for change in changes {
            // What is above comes before what is below it.
            let nearest = parts
                .iter()
                .enumerate()
                .filter(|(_, part)| part.path() != change.path() && change.path().is_below(part.path()))
                .max_by_key(|(_, part)| part.path().0.len())
                .map(|(at, _)| at);
            match nearest {
                Some(at) if comes_with(&change, parts[at].change()) => parts[at].changes.push(change),
                above => parts.push(Part { changes: vec![change], above }),
            }
        }
        Self { good: good.clone(), bad: bad.clone(), parts }
    }

    /// Returns the parts.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the changes of all parts.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.parts.iter().flat_map(Part::changes)
    }

    /// Returns the good lock with these parts as in the bad one, and all else as it is.
    ///
    /// # Errors
    /// When the locks cannot be mixed, as where follows lead nowhere in one of them.
    pub fn lock(&self, chosen: &Parts) -> Result<Lock, LockError> {
        if chosen.len() == self.parts.len() {
            return Ok(self.bad.clone());
        }
        let changes = chosen.iter().filter_map(|at| self.parts.get(*at)).flat_map(Part::changes);
        self.good.with_changes(changes, &self.bad)
    }

    /// Returns the parts that belong to these inputs: of the input itself or, if it has none, of what it follows
    /// or of what is below it.
    #[must_use]
    pub fn of(&self, inputs: &[InputPath]) -> Parts {
        let mut found = Parts::new();
        for input in inputs {
            let all = || self.parts.iter().enumerate();
            let own: Parts = all().filter(|(_, part)| part.change().paths.contains(input)).map(|(at, _)| at).collect();
            if own.is_empty() {
                found.extend(all().filter(|(_, part)| part.path().is_below(input)).map(|(at, _)| at));
            }
            found.extend(own);
        }
        found
    }
}

/// Tells whether an evaluation can see a change.
fn can_matter(change: &Change, good: &Lock, bad: &Lock) -> bool {
    match &change.kind {
        // The same tree is used as a flake in one lock and as plain files in the other.
        ChangeKind::Declared => {
            let is_flake =
                |lock: &Lock| lock.resolve(change.path()).and_then(|key| Ok(lock.node(&key)?.flake)).unwrap_or(true);
            is_flake(good) != is_flake(bad)
        }
        // Versions of Nix write the same edge in several ways.
        ChangeKind::Follows { from: Link::Follows(from), to: Link::Follows(to) } => {
            let same = |lock: &Lock| match (lock.resolve(from), lock.resolve(to)) {
                (Ok(one), Ok(two)) => one == two,
                _ => false,
            };
            !(same(good) && same(bad))
        }
        ChangeKind::Added { .. }
        | ChangeKind::Removed { .. }
        | ChangeKind::Moved { .. }
        | ChangeKind::Follows { .. } => true,
    }
}

/// Tells whether an input is there because of what its flake is locked to.
fn comes_with(change: &Change, above: &Change) -> bool {
    let is_direct = change.path().0.len() == above.path().0.len() + 1;
    let is_there = matches!(change.kind, ChangeKind::Added { .. } | ChangeKind::Removed { .. });
    is_direct && is_there && matches!(above.kind, ChangeKind::Moved { .. })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::search::{Extent, Finding, Search, Step, most_probes};
    use super::*;
    use crate::flake::sample::{any_lock, lock, path};
    use crate::outcome::Verdict;

    fn names(difference: &Difference) -> Vec<String> {
        let changes = |part: &Part| part.changes().iter().map(|change| change.path().to_string()).collect::<Vec<_>>();
        difference.parts().iter().map(|part| changes(part).join("+")).collect()
    }

    #[test]
    fn inputs_of_an_input_come_and_go_with_its_revision() {
        let good = lock("a=1 a/old a/x=1 b=1 c c/k=1 gone");
        let bad = lock("a=2 a/new a/x=2 b=2 c c/k>b new new/x");
        let difference = Difference::between(&good, &bad);
        assert_eq!(names(&difference), ["a+a/new+a/old", "b", "gone", "new", "a/x", "c/k"]);
        assert_eq!(difference.parts()[4].above(), Some(0));
        let alone = difference.lock(&Parts::from([0])).unwrap();
        assert!(alone.resolve(&path("a/new")).is_ok() && alone.resolve(&path("a/old")).is_err());
    }

    #[test]
    fn an_edge_that_is_only_written_in_another_way_is_no_difference() {
        let good = lock("a=1 b=1 b/a>a c=1 c/a>b/a");
        assert_eq!(names(&Difference::between(&good, &lock("a=1 b=1 b/a>a c=1 c/a>a"))), [""; 0]);
        assert_eq!(names(&Difference::between(&good, &lock("a=1 b=1 b/a=1 c=1 c/a>a"))), ["b/a", "c/a"]);
        // Version 6 shared nodes in place of follows.
        let shared = good.to_json().replace("\"version\": 7", "\"version\": 6");
        let shared = shared.replace("[\n          \"a\"\n        ]", "\"a\"");
        let shared = Lock::parse(&shared.replace("[\n          \"b\",\n          \"a\"\n        ]", "\"a\"")).unwrap();
        assert!(shared.to_json().contains("\"a\": \"a\""));
        assert_eq!(names(&Difference::between(&shared, &good)), [""; 0]);
        assert_eq!(names(&Difference::between(&shared, &lock("a=2 b=1 b/a>a c=1 c/a>b/a"))), ["a"]);
    }

    #[test]
    fn the_same_tree_as_a_flake_and_as_files_is_a_difference() {
        let good = lock("a=1");
        let mut bad = good.clone();
        bad.nodes.values_mut().filter(|node| node.locked.is_some()).for_each(|node| node.flake = false);
        assert_eq!(names(&Difference::between(&good, &bad)), ["a"]);
        bad.nodes.values_mut().for_each(|node| (node.flake, node.original) = (true, None));
        assert_eq!(names(&Difference::between(&good, &bad)), [""; 0]);
    }

    #[test]
    fn a_hint_means_the_input_or_what_belongs_to_it() {
        let difference = Difference::between(&lock("a=1 b b/x=1 b/y=1 c c/a>a"), &lock("a=2 b b/x=2 b/y=2 c c/a>a"));
        let of = |inputs: &[&str]| difference.of(&inputs.iter().map(|input| path(input)).collect::<Vec<_>>());
        assert_eq!(of(&["a"]), Parts::from([0]));
        assert_eq!(of(&["c/a"]), Parts::from([0]));
        assert_eq!(of(&["b"]), Parts::from([1, 2]));
        assert_eq!(of(&["c", "nothing"]), Parts::new());
    }

    #[test]
    fn two_of_hundreds_of_changes_are_found_where_many_inputs_follow_another() {
        let words = |rev: usize| {
            let inputs =
                (0..150).map(|at| format!("i{at}={rev} i{at}/x={rev} i{at}/y>base i{at}/z>i{}/x", (at + 1) % 150));
            inputs.fold(format!("base={rev}"), |all, input| format!("{all} {input}"))
        };
        let (good, bad) = (lock(&words(1)), lock(&words(2)));
        let difference = Difference::between(&good, &bad);
        assert_eq!(difference.parts().len(), 301);
        let rev = |lock: &Lock, input: &str| lock.locked(&lock.resolve(&path(input)).unwrap()).unwrap().rev();
        let is_new = |lock: &Lock, input: &str| rev(lock, input) == rev(&bad, input);
        let above = difference.parts().iter().map(Part::above).collect();
        let mut search = Search::new(above, Parts::new(), Extent::One);
        let mut probes = 0;
        let sets = loop {
            match search.next() {
                Step::Done(Finding::Sets { sets, .. }) => break sets,
                Step::Done(Finding::Needed(_)) => unreachable!("nothing was likely"),
                Step::Probe(set) => {
                    let lock = difference.lock(&set).unwrap();
                    let is_bad = is_new(&lock, "i7/z") && is_new(&lock, "i120/y");
                    search.record(set, if is_bad { Verdict::Bad } else { Verdict::Good });
                    probes += 1;
                }
            }
        };
        let found: Vec<_> = sets[0].culprits().map(|at| difference.parts()[at].path().to_string()).collect();
        assert_eq!(found, ["base", "i8/x"]);
        assert!(probes <= most_probes(301, 2), "{probes} probes");
    }

    proptest! {
        #[test]
        fn no_part_is_the_good_lock_and_all_parts_are_the_bad_one(good in any_lock(), bad in any_lock(), choice in any::<u64>()) {
            let difference = Difference::between(&good, &bad);
            let all: Parts = (0..difference.parts().len()).collect();
            if !all.is_empty() {
                prop_assert_eq!(&difference.lock(&Parts::new()).unwrap(), &good);
            }
            prop_assert_eq!(difference.lock(&all).unwrap(), bad.clone());
            for (at, part) in difference.parts().iter().enumerate() {
                prop_assert!(part.above().is_none_or(|above| above < at));
            }
            let some: Parts = all.into_iter().filter(|at| choice >> (at % 64) & 1 == 1).collect();
            let mixed = difference.lock(&some).unwrap();
            prop_assert!(mixed.inputs().is_ok());
            // What is left to do is what was not chosen, and what came to be on the way.
            let rest = Difference::between(&mixed, &bad);
            for change in rest.changes() {
                let chosen = difference.parts().iter().enumerate().any(|(at, part)| {
                    some.contains(&at) && part.changes().iter().any(|done| done.path() == change.path())
                });
                // An edge may be written in another way, as long as it leads to the same tree.
                let locked = |lock: &Lock| lock.locked(&lock.resolve(change.path())?);
                let same = matches!(&change.kind, ChangeKind::Follows { .. }) && locked(&mixed) == locked(&bad);
                prop_assert!(!chosen || same, "{change} is still to do");
            }
        }
    }
}

//! A lock with an input at another revision whose flake asks for other inputs there.
//!
//! Does what Nix does when it locks such an input anew, from the lock file that the input has at that revision: inputs
//! that both have stay as they are, new ones are taken over, and those that it does not ask for any more go.

use std::collections::BTreeMap;

use crate::flake::assign::Revision;
use crate::flake::lock::{Input, Lock, LockError};
use crate::ids::{InputPath, NodeKey};

impl Lock {
    /// Returns the lock with an input at another revision, where its own lock file is `theirs`.
    ///
    /// # Errors
    /// When there is no such input, it has no revisions, or what is left follows something that is gone.
    pub fn with_flake_at(
        &self,
        input: &InputPath,
        revision: &Revision,
        theirs: Option<&Self>,
    ) -> Result<Self, LockError> {
        let key = self.resolve(input)?;
        let mut lock = self.with_revision(&key, revision)?;
        // What asks for inputs and has no lock file can only be guessed to ask for the same as before.
        let Some(theirs) = theirs.filter(|_| lock.nodes.get(&key).is_some_and(|node| node.flake)) else {
            return Ok(lock);
        };
        let own = self.node(&key)?.inputs.clone();
        let mut inputs: BTreeMap<String, Input> = BTreeMap::new();
        for (name, asked) in &theirs.node(&theirs.root)?.inputs {
            let kept = own.get(name).filter(|own| is_still(self, own, theirs, asked)).cloned();
            let taken = kept.unwrap_or_else(|| take(&mut lock, theirs, asked, input));
            inputs.insert(name.clone(), taken);
        }
        if let Some(node) = lock.nodes.get_mut(&key) {
            node.inputs = inputs;
        }
        lock.drop_unreachable();
        // What followed an input that is gone leads nowhere.
        lock.inputs()?;
        Ok(lock)
    }
}

/// Tells whether an input that a lock has is still what the other lock's flake asks for. What follows was so declared
/// by somebody above, who was not asked.
fn is_still(lock: &Lock, own: &Input, theirs: &Lock, asked: &Input) -> bool {
    match (own, asked) {
        (Input::Follows(_), _) => true,
        (Input::Node(_), Input::Follows(_)) => false,
        (Input::Node(own), Input::Node(asked)) => match (lock.nodes.get(own), theirs.nodes.get(asked)) {
            (Some(own), Some(asked)) => own.original == asked.original && own.flake == asked.flake,
            _ => false,
        },
    }
}

/// Copies an input of another lock with all below it; what follows there follows below `at` here.
fn take(lock: &mut Lock, theirs: &Lock, asked: &Input, at: &InputPath) -> Input {
    let below = |path: &InputPath| Input::Follows(InputPath([at.0.clone(), path.0.clone()].concat()));
    let top = match asked {
        Input::Follows(path) => return below(path),
        Input::Node(key) => key,
    };
    let mut names: BTreeMap<NodeKey, NodeKey> = BTreeMap::new();
    let mut queue = vec![top.clone()];
    while let Some(key) = queue.pop() {
        if names.contains_key(&key) {
            continue;
        }
        let numbered = (2..).map(|number| NodeKey(format!("{key}_{number}")));
        let is_free = |name: &NodeKey| !lock.nodes.contains_key(name) && !names.values().any(|taken| taken == name);
        let Some(name) = std::iter::once(key.clone()).chain(numbered).find(is_free) else { continue };
        names.insert(key.clone(), name);
        for input in theirs.nodes.get(&key).into_iter().flat_map(|node| node.inputs.values()) {
            if let Input::Node(target) = input {
                queue.push(target.clone());
            }
        }
    }
    for (key, name) in &names {
        let Some(mut node) = theirs.nodes.get(key).cloned() else { continue };
        for input in node.inputs.values_mut() {
            *input = match &*input {
                Input::Node(target) => Input::Node(names.get(target).unwrap_or(target).clone()),
                Input::Follows(path) => below(path),
            };
        }
        lock.nodes.insert(name.clone(), node);
    }
    Input::Node(names.get(top).unwrap_or(top).clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::flake::diff::diff;
    use crate::flake::sample::{any_lock, lock, path};

    fn revision(digit: char) -> Revision {
        Revision::bare(&digit.to_string().repeat(40).parse().unwrap())
    }

    fn moved(own: &str, theirs: &str) -> Vec<String> {
        let own = lock(own);
        let moved = own.with_flake_at(&path("o"), &revision('5'), Some(&lock(theirs))).unwrap();
        diff(&own, &moved).iter().map(ToString::to_string).collect()
    }

    const MOVED: &str = "o moved from 000000000000 to 555555555555";

    #[test]
    fn inputs_that_both_ask_for_stay_new_ones_come_and_old_ones_go() {
        assert_eq!(moved("pkgs o o/pkgs>pkgs o/a=3", "pkgs=7 a=8"), [MOVED]);
        assert_eq!(
            moved("pkgs o o/pkgs>pkgs o/a o/b", "pkgs=7 a"),
            [MOVED, "o/b is gone: it was github:o/b/000000000000"]
        );
        let new = moved("pkgs o o/pkgs>pkgs", "pkgs=7 a=8 a/pkgs>pkgs a/x=9");
        assert_eq!(new, [MOVED, "o/a is new: github:o/a/888888888888"]);
    }

    #[test]
    fn what_follows_in_their_lock_follows_below_the_input_here() {
        let own = lock("pkgs o o/pkgs>pkgs a=1 x=2");
        let theirs = lock("pkgs=7 a=8 a/pkgs>pkgs a/x=9");
        let moved = own.with_flake_at(&path("o"), &revision('5'), Some(&theirs)).unwrap();
        assert_eq!(moved.resolve(&path("o/a/pkgs")), own.resolve(&path("pkgs")));
        assert_eq!(moved.locked(&moved.resolve(&path("o/a")).unwrap()).unwrap().rev(), Some(revision('8').rev));
        assert_eq!(moved.locked(&moved.resolve(&path("o/a/x")).unwrap()).unwrap().rev(), Some(revision('9').rev));
        // The names that were there stay.
        assert_eq!(moved.locked(&moved.resolve(&path("a")).unwrap()).unwrap().rev(), Some(revision('1').rev));
    }

    #[test]
    fn an_input_that_is_declared_in_another_way_is_taken_anew() {
        let own = lock("pkgs o o/a=3");
        let mut theirs = lock("a=8");
        theirs.nodes.get_mut(&NodeKey("a".to_owned())).unwrap().original.as_mut().unwrap().set("id", Some("b"));
        let moved = own.with_flake_at(&path("o"), &revision('5'), Some(&theirs)).unwrap();
        assert_eq!(moved.locked(&moved.resolve(&path("o/a")).unwrap()).unwrap().rev(), Some(revision('8').rev));
    }

    #[test]
    fn without_a_lock_file_it_keeps_its_inputs() {
        let moved = lock("o o/a=3").with_flake_at(&path("o"), &revision('5'), None).unwrap();
        assert_eq!(moved.locked(&moved.resolve(&path("o/a")).unwrap()).unwrap().rev(), Some(revision('3').rev));
    }

    #[test]
    fn what_others_follow_cannot_go() {
        let theirs = lock("b");
        let error = lock("o o/a=3 x x/a>o/a").with_flake_at(&path("o"), &revision('5'), Some(&theirs)).unwrap_err();
        assert!(error.to_string().contains("has no input `o/a`"), "{error}");
    }

    proptest! {
        #[test]
        fn any_two_locks_give_one_that_can_be_used(own in any_lock(), theirs in any_lock(), at in any::<prop::sample::Index>()) {
            let paths: Vec<InputPath> = own.paths().into_values().filter(|path| !path.0.is_empty()).collect();
            prop_assume!(!paths.is_empty());
            let input = &paths[at.index(paths.len())];
            let Ok(moved) = own.with_flake_at(input, &revision('5'), Some(&theirs)) else { return Ok(()) };
            prop_assert!(moved.inputs_table().is_ok());
            prop_assert_eq!(Lock::parse(&moved.to_json()).unwrap(), moved.clone());
            let key = moved.resolve(input).unwrap();
            prop_assert_eq!(moved.locked(&key).unwrap().rev(), Some(revision('5').rev));
            let asked = |lock: &Lock, key: &NodeKey| lock.nodes[key].inputs.keys().cloned().collect::<Vec<_>>();
            if moved.nodes[&key].flake {
                prop_assert_eq!(asked(&moved, &key), asked(&theirs, &theirs.root));
            }
        }
    }
}

//! A lock in which an input of an input is a node of its own that is like another one, and what a flake asks for.

use crate::flake::attrs::Attrs;
use crate::flake::lock::{Input, Lock, LockError};
use crate::ids::{InputPath, NodeKey};

impl Lock {
    /// Returns the lock with an input of an input being a node of its own, a copy of another input with all below it.
    ///
    /// # Errors
    /// When there is no such parent, or no such input to copy.
    pub fn with_copy_of(&self, parent: &InputPath, name: &str, of: &InputPath) -> Result<Self, LockError> {
        let mut both = self.clone();
        let copied = Input::Node(self.resolve(of)?);
        if let Some(root) = both.nodes.get_mut(&self.root) {
            root.inputs.insert(name.to_owned(), copied);
        }
        self.with_own_node(parent, name, &both)
    }

    /// Returns the lock with one node being what a flake asked for in these words.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn with_original(&self, key: &NodeKey, original: Attrs) -> Result<Self, LockError> {
        let mut lock = self.clone();
        let node = lock.nodes.get_mut(key).ok_or_else(|| LockError::NoSuchNode(key.clone()))?;
        node.original = Some(original);
        Ok(lock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flake::sample::{lock, path};

    #[test]
    fn a_copy_stands_beside_what_it_was_copied_from() {
        let before = lock("a=1 a/x=2 b=3 b/a>a c=4");
        let after = before.with_copy_of(&path("b"), "a", &path("a")).unwrap();
        let [own, copy] = ["a", "b/a"].map(|input| after.resolve(&path(input)).unwrap());
        assert_ne!(own, copy);
        let locked = |lock: &Lock, key: &NodeKey| lock.locked(key).unwrap();
        assert_eq!(locked(&after, &own), locked(&after, &copy));
        let below = after.resolve(&path("b/a/x")).unwrap();
        assert_eq!(locked(&after, &below), locked(&after, &after.resolve(&path("a/x")).unwrap()));
        for (key, node) in &before.nodes {
            if key.0 != "b" {
                assert_eq!(after.nodes.get(key), Some(node));
            }
        }
        // What was a node of its own before gives way.
        let again = lock("a=1 b=3 b/a=2").with_copy_of(&path("b"), "a", &path("a")).unwrap();
        let copy = again.resolve(&path("b/a")).unwrap();
        assert_eq!(locked(&again, &copy).rev().unwrap().as_str(), "1".repeat(40));
        assert!(before.with_copy_of(&path("b"), "a", &path("z")).is_err());
        assert!(before.with_copy_of(&path("z"), "a", &path("a")).is_err());
    }

    #[test]
    fn only_what_is_asked_for_changes() {
        let before = lock("a=1 b=2");
        let key = before.resolve(&path("a")).unwrap();
        let mut asked = Attrs::default();
        asked.set("type", Some("github"));
        let after = before.with_original(&key, asked.clone()).unwrap();
        assert_eq!(after.node(&key).unwrap().original, Some(asked.clone()));
        assert_eq!(after.with_original(&key, before.node(&key).unwrap().original.clone().unwrap()), Ok(before.clone()));
        assert!(before.with_original(&NodeKey("z".to_owned()), asked).is_err());
    }
}

//! A lock that takes over parts of another one: nodes under keys that are free, and follows that lead somewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::flake::lock::{Input, Lock, LockError, Node};
use crate::flake::walk::Resolver;
use crate::ids::{InputPath, NodeKey};

/// A lock that takes over parts of another one.
pub(super) struct Graft<'a> {
    pub(super) own: &'a Lock,
    pub(super) other: &'a Lock,
    pub(super) result: Lock,
    /// Keys in `result` by keys in `other`.
    pub(super) imported: BTreeMap<NodeKey, NodeKey>,
    /// Inputs (node in `result`, name) that came from `other`.
    pub(super) foreign: BTreeSet<(NodeKey, String)>,
}

impl<'a> Graft<'a> {
    pub(super) fn new(own: &'a Lock, other: &'a Lock) -> Self {
        let imported = BTreeMap::from([(other.root.clone(), own.root.clone())]);
        Self { own, other, result: own.clone(), imported, foreign: BTreeSet::new() }
    }

    pub(super) fn take(&mut self, path: &InputPath) -> Result<(), LockError> {
        let Some((name, above)) = path.0.split_last() else { return Ok(()) };
        let above = InputPath(above.to_vec());
        let parent = Resolver::new(&self.result).path(&above)?.clone();
        let there = Resolver::new(self.other).path(&above).ok().and_then(|key| self.other.nodes.get(key));
        match there.and_then(|node| node.inputs.get(name)) {
            Some(input) => {
                let input = self.import_input(input);
                self.foreign.insert((parent.clone(), name.clone()));
                self.parent_inputs(&parent).insert(name.clone(), input);
            }
            None => {
                if self.parent_inputs(&parent).remove(name).is_none() {
                    let (path, name) = (path.clone(), name.clone());
                    return Err(LockError::MissingInput { path, node: parent, name });
                }
            }
        }
        Ok(())
    }

    /// Takes over what a node is locked to, and leaves its inputs as they are.
    pub(super) fn take_node(&mut self, path: &InputPath) -> Result<(), LockError> {
        let here = Resolver::new(&self.result).path(path)?.clone();
        let there = self.other.node(Resolver::new(self.other).path(path)?)?;
        let inputs = std::mem::take(self.parent_inputs(&here));
        self.result.nodes.insert(here, Node { inputs, ..there.clone() });
        Ok(())
    }

    pub(super) fn parent_inputs(&mut self, key: &NodeKey) -> &mut BTreeMap<String, Input> {
        &mut self.result.nodes.entry(key.clone()).or_default().inputs
    }

    pub(super) fn import_input(&mut self, input: &Input) -> Input {
        match input {
            Input::Node(key) => Input::Node(self.import(key)),
            Input::Follows(path) => Input::Follows(path.clone()),
        }
    }

    /// Copies a node of the other lock with all below it, and returns its key here.
    fn import(&mut self, key: &NodeKey) -> NodeKey {
        if let Some(known) = self.imported.get(key) {
            return known.clone();
        }
        let top = self.reserve(key);
        let mut queue = vec![key.clone()];
        while let Some(key) = queue.pop() {
            let Some(mut node) = self.other.nodes.get(&key).cloned() else { continue };
            let here = self.imported[&key].clone();
            for (name, input) in &mut node.inputs {
                self.foreign.insert((here.clone(), name.clone()));
                if let Input::Node(target) = input {
                    if !self.imported.contains_key(target) {
                        self.reserve(target);
                        queue.push(target.clone());
                    }
                    *target = self.imported[target].clone();
                }
            }
            self.result.nodes.insert(here, node);
        }
        top
    }

    /// Chooses a key that is still free, the same one where possible.
    fn reserve(&mut self, key: &NodeKey) -> NodeKey {
        let numbered = (2..).map(|number| NodeKey(format!("{key}_{number}")));
        let free = std::iter::once(key.clone()).chain(numbered).find(|key| !self.result.nodes.contains_key(key));
        let free = free.unwrap_or_else(|| key.clone());
        self.imported.insert(key.clone(), free.clone());
        self.result.nodes.insert(free.clone(), Node::default());
        free
    }

    /// Gives follows that do not resolve a node of their own: first those that were taken over.
    pub(super) fn mend(&mut self) {
        for foreign in [true, false] {
            while let Some((key, name, target)) = self.find_broken(foreign) {
                let target = if foreign { self.import(&target) } else { target };
                // The node may still be at some other place: then that is followed.
                let input = match self.result.paths().remove(&target) {
                    Some(path) => Input::Follows(path),
                    None => Input::Node(target),
                };
                self.parent_inputs(&key).insert(name, input);
            }
        }
    }

    /// Finds a follows that leads nowhere here, but somewhere in the lock that it comes from.
    fn find_broken(&self, foreign: bool) -> Option<(NodeKey, String, NodeKey)> {
        let origin = if foreign { self.other } else { self.own };
        let (mut here, mut there) = (Resolver::new(&self.result), Resolver::new(origin));
        for (key, node) in self.result.in_breadth().iter().filter_map(|(key, _)| self.result.nodes.get_key_value(key)) {
            for (name, input) in &node.inputs {
                let Input::Follows(path) = input else { continue };
                let from_origin = self.foreign.contains(&(key.clone(), name.clone())) == foreign;
                if from_origin
                    && here.path(path).is_err()
                    && let Ok(target) = there.path(path)
                {
                    return Some((key.clone(), name.clone(), target.clone()));
                }
            }
        }
        None
    }
}

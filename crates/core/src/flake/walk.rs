//! From input paths to nodes.
//!
//! Owns resolving, through follows, and listing what can be reached. Recursion is bounded by
//! nothing but the lock itself, so there is none here: a hostile lock may be deep.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::flake::lock::{Input, Lock, LockError};
use crate::ids::{InputPath, NodeKey};

type Edge<'a> = (&'a NodeKey, &'a str);

/// Resolves inputs of one lock, each of its follows at most once.
pub(crate) struct Resolver<'a> {
    lock: &'a Lock,
    followed: HashMap<Edge<'a>, &'a NodeKey>,
}

/// A path on the way, and the input whose follows it is.
struct Frame<'p, 'a> {
    path: &'p InputPath,
    done: usize,
    of: Option<Edge<'a>>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(lock: &'a Lock) -> Self {
        Self { lock, followed: HashMap::new() }
    }

    /// Returns the node that an input path leads to.
    pub(crate) fn path<'p>(&mut self, path: &'p InputPath) -> Result<&'a NodeKey, LockError>
    where
        'a: 'p,
    {
        let mut stack: Vec<Frame<'p, 'a>> = vec![Frame { path, done: 0, of: None }];
        let mut open: BTreeSet<Edge<'a>> = BTreeSet::new();
        let mut position = &self.lock.root;
        while let Some(frame) = stack.last_mut() {
            let Some(name) = frame.path.0.get(frame.done) else {
                if let Some(edge) = frame.of {
                    self.followed.insert(edge, position);
                    open.remove(&edge);
                }
                stack.pop();
                continue;
            };
            frame.done += 1;
            let Some((name, input)) = self.lock.node(position)?.inputs.get_key_value(name) else {
                let (path, node, name) = (frame.path.clone(), position.clone(), name.clone());
                return Err(LockError::MissingInput { path, node, name });
            };
            let edge = (position, name.as_str());
            match (input, self.followed.get(&edge)) {
                (Input::Node(key), _) => position = key,
                (Input::Follows(_), Some(known)) => position = known,
                (Input::Follows(target), None) => {
                    if !open.insert(edge) {
                        return Err(LockError::FollowsCycle(cycle(&stack, edge)));
                    }
                    stack.push(Frame { path: target, done: 0, of: Some(edge) });
                    position = &self.lock.root;
                }
            }
        }
        Ok(position)
    }

    /// Returns the node that an input leads to.
    pub(crate) fn input(&mut self, input: &'a Input) -> Result<&'a NodeKey, LockError> {
        match input {
            Input::Node(key) => Ok(key),
            Input::Follows(path) => self.path(path),
        }
    }
}

fn cycle(stack: &[Frame<'_, '_>], edge: Edge<'_>) -> Vec<InputPath> {
    let start = stack.iter().position(|frame| frame.of == Some(edge)).unwrap_or_default();
    let mut paths: Vec<InputPath> = stack[start..].iter().map(|frame| frame.path.clone()).collect();
    paths.extend(paths.first().cloned());
    paths
}

impl Lock {
    /// Returns the node that an input path leads to, through follows.
    ///
    /// # Errors
    /// When there is no such input, or follows go round in a circle.
    pub fn resolve(&self, path: &InputPath) -> Result<NodeKey, LockError> {
        Resolver::new(self).path(path).cloned()
    }

    /// Returns the shortest input path of each node that can be reached without follows, the root's first.
    #[must_use]
    pub fn paths(&self) -> BTreeMap<NodeKey, InputPath> {
        self.in_breadth().into_iter().collect()
    }

    /// Returns all inputs of all nodes that can be reached, with the node that each leads to.
    ///
    /// Inputs of a node are listed once, under the node's shortest path, so the list is as long as
    /// the lock. Ordered by length, then by name.
    ///
    /// # Errors
    /// When a follows leads nowhere or round in a circle.
    pub fn inputs(&self) -> Result<Vec<(InputPath, NodeKey)>, LockError> {
        let mut resolver = Resolver::new(self);
        let mut inputs = Vec::new();
        for (key, path) in self.in_breadth() {
            for (name, input) in &self.node(&key)?.inputs {
                inputs.push((path.join(name), resolver.input(input)?.clone()));
            }
        }
        inputs.sort_by(|(one, _), (two, _)| one.0.len().cmp(&two.0.len()).then_with(|| one.cmp(two)));
        Ok(inputs)
    }

    /// Returns the reachable nodes with their shortest path, nearest first.
    pub(crate) fn in_breadth(&self) -> Vec<(NodeKey, InputPath)> {
        let mut seen = BTreeSet::from([&self.root]);
        let mut queue = VecDeque::from([(&self.root, InputPath(Vec::new()))]);
        let mut found = Vec::new();
        while let Some((key, path)) = queue.pop_front() {
            if let Some(node) = self.nodes.get(key) {
                for (name, input) in &node.inputs {
                    match input {
                        Input::Node(target) if seen.insert(target) => queue.push_back((target, path.join(name))),
                        Input::Node(_) | Input::Follows(_) => {}
                    }
                }
            }
            found.push((key.clone(), path));
        }
        found
    }

    /// Returns the same lock with each node at one place only: further uses of it become follows.
    ///
    /// Versions 5 and 6 wrote follows as shared nodes; comparing and editing want them told apart.
    #[must_use]
    pub(crate) fn as_tree(&self) -> Self {
        let mut tree = self.clone();
        let mut place: BTreeMap<NodeKey, InputPath> = BTreeMap::from([(self.root.clone(), InputPath(Vec::new()))]);
        for (key, path) in self.in_breadth() {
            let Some(node) = tree.nodes.get_mut(&key) else { continue };
            for (name, input) in &mut node.inputs {
                let Input::Node(target) = &*input else { continue };
                match place.get(target) {
                    Some(first) => *input = Input::Follows(first.clone()),
                    None => {
                        place.insert(target.clone(), path.join(name));
                    }
                }
            }
        }
        tree
    }
}

impl InputPath {
    /// Returns the path of an input below this one.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let mut path = self.0.clone();
        path.push(name.to_owned());
        Self(path)
    }

    /// Says whether this is the other path or lies below it.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

//! Lock files: their text, and the nodes and inputs in it.
//!
//! Owns reading versions 5 to 7 and writing version 7 as Nix does. Must not follow inputs (that is
//! `walk`) nor change them (`assign`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::flake::attrs::Attrs;
use crate::flake::reference::{FlakeRef, RefError};
use crate::flake::url::shown;
use crate::ids::{InputPath, NodeKey};

/// The versions of the format that can be read.
const SUPPORTED: std::ops::RangeInclusive<u64> = 5..=7;
/// The version that is written. It can say all that 5 and 6 can.
const WRITTEN: u64 = 7;

/// Says why a lock file cannot be used, or an edit of it not be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LockError {
    /// The text is not JSON.
    #[error("the lock file is not valid JSON at line {line}, column {column}: {problem}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The format has another version.
    #[error("the lock file's version is {0}; versions 5 to 7 are supported")]
    Version(String),
    /// A part has the wrong type.
    #[error("in the lock file, {place} should be {expected}")]
    Shape {
        /// Where, such as `` `locked` of node `nixpkgs` ``.
        place: String,
        /// What should be there.
        expected: &'static str,
    },
    /// The root node does not exist.
    #[error("the lock file's root node `{}` is missing", shown(&.0.0))]
    MissingRoot(NodeKey),
    /// An input points to a node that does not exist.
    #[error(
        "the input `{}` of node `{}` in the lock file refers to the missing node `{}`",
        shown(input), shown(&node.0), shown(&missing.0)
    )]
    MissingNode {
        /// The node that has the input.
        node: NodeKey,
        /// The input's name.
        input: String,
        /// The node that does not exist.
        missing: NodeKey,
    },
    /// There is no such input.
    #[error("the lock file has no input `{}`: node `{}` has none named `{}`", shown(&path.to_string()), shown(&node.0), shown(name))]
    MissingInput {
        /// The path that was asked for or followed.
        path: InputPath,
        /// The node where it ends.
        node: NodeKey,
        /// The name that is missing there.
        name: String,
    },
    /// Inputs follow each other in a circle.
    #[error("inputs of the lock file follow each other in a circle: {}", show_cycle(.0))]
    FollowsCycle(
        /// The paths that are followed, the first one again at the end.
        Vec<InputPath>,
    ),
    /// There is no such node.
    #[error("the lock file has no node `{}`", shown(&.0.0))]
    NoSuchNode(NodeKey),
    /// The node is not locked, as the root is not.
    #[error("the node `{}` of the lock file is not locked", shown(&.0.0))]
    NotLocked(NodeKey),
    /// The node's reference cannot be read.
    #[error("the reference of node `{}` in the lock file cannot be read", shown(&node.0))]
    Reference {
        /// The node.
        node: NodeKey,
        /// What is wrong with it.
        source: RefError,
    },
    /// A node of this kind has no git revision that could be changed.
    #[error("the node `{}` of the lock file is of type `{}`, which has no revision to choose", shown(&node.0), shown(kind))]
    NoRevisions {
        /// The node.
        node: NodeKey,
        /// Its type.
        kind: String,
    },
}

fn show_cycle(paths: &[InputPath]) -> String {
    paths.iter().map(|path| format!("`{}`", shown(&path.to_string()))).collect::<Vec<_>>().join(" -> ")
}

/// What an input's name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A node of its own.
    Node(NodeKey),
    /// The same as another input, named by its path from the root.
    Follows(InputPath),
}

/// One node: a tree and the inputs of the flake in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// Inputs by name.
    pub inputs: BTreeMap<String, Input>,
    /// Where exactly the tree comes from; none for the root.
    pub locked: Option<Attrs>,
    /// What the flake asked for; none for the root.
    pub original: Option<Attrs>,
    /// Whether the tree is used as a flake, or as plain files.
    pub flake: bool,
    /// The input that a relative `path` is relative to.
    pub parent: Option<InputPath>,
    /// Fields that we do not know.
    pub extra: Attrs,
}

/// A lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The key of the node of the flake itself.
    pub root: NodeKey,
    /// All nodes; every [`Input::Node`] in them exists.
    pub nodes: BTreeMap<NodeKey, Node>,
    /// Top-level fields that we do not know.
    pub extra: Attrs,
}

impl Lock {
    /// Reads the text of a `flake.lock`, in version 5, 6 or 7.
    ///
    /// Version 5 kept hashes beside the reference; 5 and 6 had no `follows` and shared nodes instead.
    ///
    /// # Errors
    /// When the text is no such lock file, or an input refers to a node that is not there. Whether
    /// all follows lead somewhere is only known when they are resolved.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let problem = error.to_string();
            let problem = problem.split(" at line ").next().unwrap_or_default().to_owned();
            LockError::Json { line, column, problem }
        })?;
        let mut top = object(value, "the top level")?;
        let version = top.shift_remove("version");
        if !version.as_ref().and_then(Value::as_u64).is_some_and(|version| SUPPORTED.contains(&version)) {
            return Err(LockError::Version(version.map_or_else(|| "missing".to_owned(), |v| shown(&v.to_string()))));
        }
        let root = match top.shift_remove("root") {
            Some(Value::String(root)) => NodeKey(root),
            _ => return Err(shape("`root`", "the key of a node")),
        };
        let nodes = object(top.shift_remove("nodes").unwrap_or_default(), "`nodes`")?;
        let nodes = nodes.into_iter().map(|(key, node)| Ok((NodeKey(key.clone()), Node::parse(&key, node)?)));
        let lock = Self { root, nodes: nodes.collect::<Result<_, LockError>>()?, extra: attrs(top) };
        lock.check()?;
        Ok(lock)
    }

    fn check(&self) -> Result<(), LockError> {
        if !self.nodes.contains_key(&self.root) {
            return Err(LockError::MissingRoot(self.root.clone()));
        }
        for (key, node) in &self.nodes {
            for (name, input) in &node.inputs {
                match input {
                    Input::Node(target) if !self.nodes.contains_key(target) => {
                        let (node, input) = (key.clone(), name.clone());
                        return Err(LockError::MissingNode { node, input, missing: target.clone() });
                    }
                    Input::Node(_) | Input::Follows(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Returns the text that Nix would write for this lock, in version 7.
    #[must_use]
    pub fn to_json(&self) -> String {
        let nodes = self.nodes.iter().map(|(key, node)| (key.0.clone(), node.to_value(*key == self.root))).collect();
        let mut top = self.extra.0.clone();
        top.insert("nodes".to_owned(), Value::Object(nodes));
        top.insert("root".to_owned(), Value::String(self.root.0.clone()));
        top.insert("version".to_owned(), WRITTEN.into());
        let mut value = Value::Object(top.into_iter().collect());
        value.sort_all_objects();
        format!("{value:#}\n")
    }

    /// Returns a node.
    ///
    /// # Errors
    /// When there is none with this key.
    pub fn node(&self, key: &NodeKey) -> Result<&Node, LockError> {
        self.nodes.get(key).ok_or_else(|| LockError::NoSuchNode(key.clone()))
    }

    /// Returns where a node's tree comes from.
    ///
    /// # Errors
    /// When there is no such node, it is not locked, or its reference cannot be read.
    pub fn locked(&self, key: &NodeKey) -> Result<FlakeRef, LockError> {
        let locked = self.node(key)?.locked.as_ref().ok_or_else(|| LockError::NotLocked(key.clone()))?;
        FlakeRef::from_attrs(locked).map_err(|source| LockError::Reference { node: key.clone(), source })
    }
}

impl Node {
    fn parse(key: &str, value: Value) -> Result<Self, LockError> {
        let place = |part: &str| format!("`{part}` of node `{}`", shown(key));
        let mut fields = object(value, &format!("node `{}`", shown(key)))?;
        let mut inputs = BTreeMap::new();
        if let Some(value) = fields.shift_remove("inputs") {
            for (name, input) in object(value, &place("inputs"))? {
                let input = match input {
                    Value::String(key) => Input::Node(NodeKey(key)),
                    value => match texts(value) {
                        Some(path) => Input::Follows(InputPath(path)),
                        None => return Err(shape(&place(&name), "the key of a node or a list of names")),
                    },
                };
                inputs.insert(name, input);
            }
        }
        let mut reference = |name: &str| match fields.shift_remove(name) {
            Some(value) => Ok(Some(attrs(object(value, &place(name))?))),
            None => Ok(None),
        };
        let (mut locked, original, info) = (reference("locked")?, reference("original")?, reference("info")?);
        if let (Some(locked), Some(info)) = (&mut locked, info) {
            locked.0.extend(info.0);
        }
        let flake = match fields.shift_remove("flake") {
            None => true,
            Some(Value::Bool(flake)) => flake,
            Some(_) => return Err(shape(&place("flake"), "true or false")),
        };
        let parent = match fields.shift_remove("parent").map(texts) {
            None => None,
            Some(Some(parent)) => Some(InputPath(parent)),
            Some(None) => return Err(shape(&place("parent"), "a list of names")),
        };
        Ok(Self { inputs, locked, original, flake, parent, extra: attrs(fields) })
    }

    fn to_value(&self, root: bool) -> Value {
        let mut fields = self.extra.0.clone();
        if !self.inputs.is_empty() {
            let input = |input: &Input| match input {
                Input::Node(key) => Value::String(key.0.clone()),
                Input::Follows(path) => path.0.clone().into(),
            };
            let inputs = self.inputs.iter().map(|(name, value)| (name.clone(), input(value))).collect();
            fields.insert("inputs".to_owned(), Value::Object(inputs));
        }
        for (name, attrs) in [("locked", &self.locked), ("original", &self.original)] {
            if let Some(attrs) = attrs {
                fields.insert(name.to_owned(), Value::Object(attrs.0.clone().into_iter().collect()));
            }
        }
        if !self.flake && !root {
            fields.insert("flake".to_owned(), Value::Bool(false));
        }
        if let Some(parent) = &self.parent {
            fields.insert("parent".to_owned(), parent.0.clone().into());
        }
        Value::Object(fields.into_iter().collect())
    }
}

fn shape(place: &str, expected: &'static str) -> LockError {
    LockError::Shape { place: place.to_owned(), expected }
}

fn object(value: Value, place: &str) -> Result<Map<String, Value>, LockError> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(shape(place, "an object")),
    }
}

fn attrs(map: Map<String, Value>) -> Attrs {
    Attrs(map.into_iter().collect())
}

fn texts(value: Value) -> Option<Vec<String>> {
    let Value::Array(items) = value else { return None };
    let text = |item| if let Value::String(text) = item { Some(text) } else { None };
    items.into_iter().map(text).collect()
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;

//! A lock as a plan for evaluating it: every follows resolved.
//!
//! Owns the data. The expression that reads it, and the trees, are somebody else's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::flake::attrs::Attrs;
use crate::flake::lock::{Lock, LockError};
use crate::flake::walk::Resolver;
use crate::ids::NodeKey;

/// What is needed of a lock to call the flake's outputs as Nix does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputsTable {
    /// The key of the flake itself.
    pub root: NodeKey,
    /// The reachable nodes.
    pub nodes: BTreeMap<NodeKey, TableNode>,
}

/// One node of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableNode {
    /// The argument for `fetchTree`; none for the root, and for a path relative to `parent`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fetch: Option<Attrs>,
    /// The node whose folder (its `dir` included) `path` is relative to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<NodeKey>,
    /// The folder of a relative path.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// The folder in the tree that holds `flake.nix`; empty for the top.
    pub dir: String,
    /// Whether the tree is used as a flake.
    pub flake: bool,
    /// The node behind each input's name.
    pub inputs: BTreeMap<String, NodeKey>,
}

impl Lock {
    /// Makes the plan.
    ///
    /// # Errors
    /// When a follows leads nowhere or round in a circle, or a node other than the root is not locked.
    pub fn inputs_table(&self) -> Result<InputsTable, LockError> {
        let mut resolver = Resolver::new(self);
        let mut nodes = BTreeMap::new();
        for (key, _) in self.in_breadth() {
            let Some((own, node)) = self.nodes.get_key_value(&key) else { return Err(LockError::NoSuchNode(key)) };
            let mut inputs = BTreeMap::new();
            for (name, input) in &node.inputs {
                inputs.insert(name.clone(), resolver.input(input)?.clone());
            }
            let mut entry =
                TableNode { fetch: None, parent: None, path: None, dir: String::new(), flake: node.flake, inputs };
            if *own != self.root {
                let mut locked = node.locked.clone().ok_or_else(|| LockError::NotLocked(key.clone()))?;
                entry.dir = locked.take_text("dir").unwrap_or_default();
                let relative = locked.text("type") == Some("path")
                    && locked.text("path").is_some_and(|path| !path.starts_with('/'));
                match &node.parent {
                    Some(parent) if relative => {
                        entry.parent = Some(resolver.path(parent)?.clone());
                        entry.path = locked.take_text("path");
                    }
                    Some(_) | None => entry.fetch = Some(locked),
                }
            }
            nodes.insert(key, entry);
        }
        Ok(InputsTable { root: self.root.clone(), nodes })
    }
}

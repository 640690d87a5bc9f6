//! Making assignments: a lock with some nodes elsewhere, and all others frozen.
//!
//! Owns the edits. They keep the keys of the nodes that stay. Must not find out hashes: what is not
//! handed in is left out, and Nix then computes it.

mod graft;

use std::collections::BTreeSet;

use crate::flake::attrs::Attrs;
use crate::flake::diff::{Change, ChangeKind};
use crate::flake::lock::{Input, Lock, LockError};
use crate::flake::reference::Source;
use crate::flake::walk::Resolver;
use crate::ids::{CommitId, InputPath, NodeKey};
use graft::Graft;

/// A revision to put into a lock, with what is known of its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit.
    pub rev: CommitId,
    /// The commit's date, in seconds since 1970.
    pub last_modified: Option<u64>,
    /// The hash of the tree, such as `sha256-…`.
    pub nar_hash: Option<String>,
    /// The number of commits up to this one; only kept for git that is not shallow, which alone has it.
    pub rev_count: Option<u64>,
}

impl Revision {
    /// Names a commit of which nothing else is known; Nix finds out the rest.
    #[must_use]
    pub fn bare(commit: &CommitId) -> Self {
        Self { rev: commit.clone(), last_modified: None, nar_hash: None, rev_count: None }
    }
}

/// Attributes that tell about one tree and are wrong for any other.
const OF_ONE_TREE: [&str; 7] =
    ["narHash", "lastModified", "lastModifiedDate", "revCount", "treeHash", "dirtyRev", "dirtyShortRev"];

impl Lock {
    /// Returns the lock with one node at another revision.
    ///
    /// The inputs of the node stay as they are, even where its `flake.nix` asks for others by then.
    ///
    /// # Errors
    /// When there is no such node, or it is of a type without git revisions.
    pub fn with_revision(&self, key: &NodeKey, new: &Revision) -> Result<Self, LockError> {
        let reference = self.locked(key)?;
        let (is_git, shallow) = match reference.source {
            Source::Git { .. } => (true, reference.extra.flag("shallow") == Some(true)),
            Source::Forge { .. } => (false, false),
            Source::Path { .. }
            | Source::Tarball { .. }
            | Source::File { .. }
            | Source::Indirect { .. }
            | Source::Other { .. } => {
                return Err(LockError::NoRevisions { node: key.clone(), kind: reference.kind().to_owned() });
            }
        };
        let mut attrs = reference.to_attrs();
        for name in OF_ONE_TREE {
            attrs.0.remove(name);
        }
        if !is_git {
            // Forges' archives take a branch or a commit, not both.
            attrs.0.remove("ref");
        }
        attrs.set("rev", Some(new.rev.as_str()));
        attrs.set("lastModified", new.last_modified);
        attrs.set("narHash", new.nar_hash.as_deref());
        attrs.set("revCount", new.rev_count.filter(|_| is_git && !shallow));
        self.with_locked(key, attrs)
    }

    /// Returns the lock with the tree of one node coming from elsewhere.
    ///
    /// # Errors
    /// When there is no such node, or it is the root.
    pub fn with_locked(&self, key: &NodeKey, locked: Attrs) -> Result<Self, LockError> {
        let mut lock = self.clone();
        let node = lock.nodes.get_mut(key).ok_or_else(|| LockError::NoSuchNode(key.clone()))?;
        if node.locked.is_none() {
            return Err(LockError::NotLocked(key.clone()));
        }
        node.locked = Some(locked);
        Ok(lock)
    }

    /// Returns the lock with one input, and all nodes below it, as in another lock.
    ///
    /// # Errors
    /// As [`Lock::with_inputs_from`].
    pub fn with_input_from(&self, path: &InputPath, other: &Self) -> Result<Self, LockError> {
        self.with_inputs_from(std::slice::from_ref(path), other)
    }

    /// Returns the lock with some inputs, and all nodes below them, as in another lock.
    ///
    /// An input that the other lock lacks is removed. Follows are taken as they are; one that would
    /// lead nowhere in the result, or round in a circle, is led to the node where it led, or to a
    /// copy of it. Nodes that no input leads to any more are dropped. The empty path stands for
    /// the whole lock.
    ///
    /// # Errors
    /// When an input is in neither lock, or what it belongs to is not in this one.
    pub fn with_inputs_from(&self, paths: &[InputPath], other: &Self) -> Result<Self, LockError> {
        let (own, other) = (self.as_tree(), other.as_tree());
        if paths.iter().any(|path| path.0.is_empty()) {
            return Ok(other);
        }
        let mut graft = Graft::new(&own, &other);
        let mut paths = paths.to_vec();
        paths.sort_by_key(|path| path.0.len());
        let mut taken: Vec<InputPath> = Vec::new();
        for path in paths {
            if !taken.iter().any(|above| path.is_below(above)) {
                graft.take(&path)?;
                taken.push(path);
            }
        }
        graft.mend();
        graft.result.drop_unreachable();
        Ok(graft.result)
    }

    /// Returns the lock with some of the changes that lead to another lock, and all else as it is.
    ///
    /// Other than with [`Lock::with_inputs_from`], what is below an input that both locks have stays, with
    /// its keys. The changes are those that [`crate::flake::diff`] finds from this lock to the other.
    /// Follows are mended in the same way.
    ///
    /// # Errors
    /// When a change is not one from this lock to the other.
    pub fn with_changes<'c>(
        &self,
        changes: impl IntoIterator<Item = &'c Change>,
        other: &Self,
    ) -> Result<Self, LockError> {
        let mut changes: Vec<&Change> = changes.into_iter().collect();
        if changes.is_empty() {
            return Ok(self.clone());
        }
        changes.sort_by_key(|change| change.path().0.len());
        let (own, other) = (self.as_tree(), other.as_tree());
        let mut graft = Graft::new(&own, &other);
        for change in changes {
            match change.kind {
                ChangeKind::Moved { .. } | ChangeKind::Declared => graft.take_node(change.path())?,
                ChangeKind::Added { .. } | ChangeKind::Removed { .. } | ChangeKind::Follows { .. } => {
                    graft.take(change.path())?;
                }
            }
        }
        graft.mend();
        graft.result.drop_unreachable();
        Ok(graft.result)
    }

    /// Returns the lock with one input following another one.
    ///
    /// # Errors
    /// When what the input belongs to, or the other input, is not there, or they would follow each other in a circle.
    pub fn with_follows(&self, input: &InputPath, target: &InputPath) -> Result<Self, LockError> {
        let Some((name, above)) = input.0.split_last() else { return Err(LockError::NotLocked(self.root.clone())) };
        let own = self.as_tree();
        let parent = Resolver::new(&own).path(&InputPath(above.to_vec()))?.clone();
        let mut graft = Graft::new(&own, &own);
        graft.parent_inputs(&parent).insert(name.clone(), Input::Follows(target.clone()));
        Resolver::new(&graft.result).path(input)?;
        // What followed an input below the one that is no more is led to where it led.
        graft.mend();
        graft.result.drop_unreachable();
        Ok(graft.result)
    }

    /// Returns the lock with an input of an input being as that one's own lock file has it.
    ///
    /// # Errors
    /// When one of the two locks has no such input.
    pub fn with_own_node(&self, parent: &InputPath, name: &str, theirs: &Self) -> Result<Self, LockError> {
        let (own, theirs) = (self.as_tree(), theirs.without_follows()?);
        let top = theirs.node(&theirs.root)?;
        let input = top.inputs.get(name).ok_or_else(|| LockError::MissingInput {
            path: parent.join(name),
            node: theirs.root.clone(),
            name: name.to_owned(),
        })?;
        let mut graft = Graft::new(&own, &theirs);
        let key = Resolver::new(&graft.result).path(parent)?.clone();
        let input = graft.import_input(input);
        graft.parent_inputs(&key).insert(name.to_owned(), input);
        graft.mend();
        graft.result.drop_unreachable();
        Ok(graft.result)
    }

    /// Returns the lock with every follows as the node that it leads to.
    fn without_follows(&self) -> Result<Self, LockError> {
        let mut lock = self.clone();
        let mut resolver = Resolver::new(self);
        for (key, node) in &self.nodes {
            for (name, input) in &node.inputs {
                let target = Input::Node(resolver.input(input)?.clone());
                if let Some(node) = lock.nodes.get_mut(key) {
                    node.inputs.insert(name.clone(), target);
                }
            }
        }
        Ok(lock)
    }

    pub(super) fn drop_unreachable(&mut self) {
        let reachable: BTreeSet<NodeKey> = self.in_breadth().into_iter().map(|(key, _)| key).collect();
        self.nodes.retain(|key, _| reachable.contains(key));
    }
}

#[cfg(test)]
#[path = "assign_tests.rs"]
mod tests;

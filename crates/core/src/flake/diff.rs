//! What differs between two locks.
//!
//! Owns the comparison, by input path: keys of nodes are renumbered by Nix at will. Must not judge
//! which difference matters.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;

use crate::flake::attrs::Attrs;
use crate::flake::lock::{Input, Lock, Node};
use crate::flake::reference::{FlakeRef, Source};
use crate::flake::url::shown;
use crate::flake::walk::Resolver;
use crate::ids::{InputPath, NodeKey};

/// What an input stands for, on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// A node of its own, locked to this.
    Own(FlakeRef),
    /// The same as another input.
    Follows(InputPath),
}

/// Whether an input that moved stayed in its repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Another revision of the same repository, folder or address.
    Same,
    /// Somewhere else.
    Other,
}

/// In which way an input differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// Only the second lock has it.
    Added {
        /// What it is there.
        to: Link,
    },
    /// Only the first lock has it.
    Removed {
        /// What it was there.
        from: Link,
    },
    /// It is locked to another tree.
    Moved {
        /// What it was locked to.
        from: FlakeRef,
        /// What it is locked to.
        to: FlakeRef,
        /// Whether both are the same repository.
        place: Place,
    },
    /// It follows another input than before, or began or ceased to follow.
    Follows {
        /// What it was.
        from: Link,
        /// What it is.
        to: Link,
    },
    /// It is locked to the same tree, but declared in another way (reference, `flake`, parent).
    Declared,
}

/// One difference between two locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The input itself first, then the inputs that follow it on both sides; at least one.
    pub paths: Vec<InputPath>,
    /// Its node in the first lock, when it is one of its own.
    pub good: Option<NodeKey>,
    /// Its node in the second lock, when it is one of its own.
    pub bad: Option<NodeKey>,
    /// In which way it differs.
    pub kind: ChangeKind,
}

impl Change {
    /// Returns the path of the input itself.
    #[must_use]
    pub fn path(&self) -> &InputPath {
        &self.paths[0]
    }
}

/// Compares two locks; the changes nearest to the root first, then by name.
///
/// What is below an added or removed input is part of that change. No change means that Nix
/// evaluates the same with both.
#[must_use]
pub fn diff(good: &Lock, bad: &Lock) -> Vec<Change> {
    let (good, bad) = (good.as_tree(), bad.as_tree());
    let mut changes: Vec<Change> = Vec::new();
    let mut same_follows: Vec<(InputPath, &InputPath)> = Vec::new();
    let mut queue = VecDeque::from([(&good.root, &bad.root, InputPath(Vec::new()))]);
    while let Some((one, two, above)) = queue.pop_front() {
        let (Some(one), Some(two)) = (good.nodes.get(one), bad.nodes.get(two)) else { continue };
        let names: BTreeSet<&String> = one.inputs.keys().chain(two.inputs.keys()).collect();
        for name in names {
            let path = above.join(name);
            let (from, to) = (one.inputs.get(name), two.inputs.get(name));
            let kind = match (from, to) {
                (None, None) => continue,
                (None, Some(to)) => ChangeKind::Added { to: link(&bad, to) },
                (Some(from), None) => ChangeKind::Removed { from: link(&good, from) },
                (Some(Input::Node(from)), Some(Input::Node(to))) => {
                    queue.push_back((from, to, path.clone()));
                    match (good.nodes.get(from), bad.nodes.get(to)) {
                        (Some(from), Some(to)) => match compare(from, to) {
                            Some(kind) => kind,
                            None => continue,
                        },
                        _ => continue,
                    }
                }
                (Some(Input::Follows(from)), Some(Input::Follows(to))) if from == to => {
                    same_follows.push((path, from));
                    continue;
                }
                (Some(from), Some(to)) => ChangeKind::Follows { from: link(&good, from), to: link(&bad, to) },
            };
            changes.push(Change { paths: vec![path], good: own(from), bad: own(to), kind });
        }
    }
    let (mut in_good, mut in_bad) = (Resolver::new(&good), Resolver::new(&bad));
    for (path, target) in same_follows {
        let (Ok(one), Ok(two)) = (in_good.path(target), in_bad.path(target)) else { continue };
        let of_both = |change: &&mut Change| change.good.as_ref() == Some(one) && change.bad.as_ref() == Some(two);
        if let Some(change) = changes.iter_mut().find(of_both) {
            change.paths.push(path);
        }
    }
    changes
}

fn own(input: Option<&Input>) -> Option<NodeKey> {
    match input {
        Some(Input::Node(key)) => Some(key.clone()),
        Some(Input::Follows(_)) | None => None,
    }
}

fn link(lock: &Lock, input: &Input) -> Link {
    match input {
        Input::Node(key) => Link::Own(reference(lock.nodes.get(key).and_then(|node| node.locked.as_ref()))),
        Input::Follows(path) => Link::Follows(path.clone()),
    }
}

/// Reads a reference; one that cannot be read is of an unknown kind.
fn reference(attrs: Option<&Attrs>) -> FlakeRef {
    let attrs = attrs.cloned().unwrap_or_default();
    FlakeRef::from_attrs(&attrs).unwrap_or_else(|_| {
        let kind = attrs.text("type").unwrap_or("unknown").to_owned();
        FlakeRef { source: Source::Other { kind }, dir: None, extra: attrs }
    })
}

/// Says whether an evaluation can see no difference: versions of Nix write `main` or `refs/heads/main`, for one.
fn same_tree(from: Option<&Attrs>, to: Option<&Attrs>) -> bool {
    let (Some(from), Some(to)) = (from, to) else { return false };
    let same = |name: &str| from.0.get(name) == to.0.get(name);
    from.text("narHash").is_some() && ["narHash", "rev", "dir", "lastModified", "revCount"].into_iter().all(same)
}

fn compare(from: &Node, to: &Node) -> Option<ChangeKind> {
    if from.locked != to.locked && !same_tree(from.locked.as_ref(), to.locked.as_ref()) {
        let (from, to) = (reference(from.locked.as_ref()), reference(to.locked.as_ref()));
        let place = if from.same_place(&to) { Place::Same } else { Place::Other };
        return Some(ChangeKind::Moved { from, to, place });
    }
    let same =
        from.original == to.original && from.flake == to.flake && from.parent == to.parent && from.extra == to.extra;
    (!same).then_some(ChangeKind::Declared)
}

/// Shows a reference with a short commit hash.
fn briefly(reference: &FlakeRef) -> String {
    let text = reference.to_string();
    match reference.rev() {
        Some(rev) => text.replace(rev.as_str(), rev.short()),
        None => text,
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(reference) => f.write_str(&briefly(reference)),
            Self::Follows(path) if path.0.is_empty() => f.write_str("the flake itself"),
            Self::Follows(path) => write!(f, "the input {}", shown(&path.to_string())),
        }
    }
}

impl fmt::Display for Change {
    /// Tells the change in a line of plain words, without final period.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown(&self.path().to_string()))?;
        match &self.kind {
            ChangeKind::Added { to } => write!(f, " is new: {to}")?,
            ChangeKind::Removed { from } => write!(f, " is gone: it was {from}")?,
            ChangeKind::Moved { from, to, place: Place::Same } => match (from.rev(), to.rev()) {
                (Some(one), Some(two)) if one != two => write!(f, " moved from {} to {}", one.short(), two.short())?,
                _ => write!(f, " changed at the same place: {}", briefly(to))?,
            },
            ChangeKind::Moved { from, to, place: Place::Other } => {
                write!(f, " comes from {} now; it came from {}", briefly(to), briefly(from))?;
            }
            ChangeKind::Follows { from: from @ Link::Own(_), to } => write!(f, " follows {to} now; it was {from}")?,
            ChangeKind::Follows { from, to: to @ Link::Own(_) } => write!(f, " follows {from} no longer; it is {to}")?,
            ChangeKind::Follows { from, to } => write!(f, " follows {to} now; it followed {from}")?,
            ChangeKind::Declared => f.write_str(" is declared in another way, but locked to the same tree")?,
        }
        let also: Vec<String> = self.paths[1..].iter().map(|path| shown(&path.to_string())).collect();
        if also.is_empty() { Ok(()) } else { write!(f, " (also as {})", also.join(", ")) }
    }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;

//! Leaves out inputs of the flake: their attribute, the argument of `outputs`, and their node of the lock.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rnix::{SyntaxKind, SyntaxNode};
use serde_json::{Map, Value};

use super::super::edit::{Edit, Key, Piece};
use super::super::project::Project;
use super::super::tree::{attr_path, bytes, delete, parse};

/// Lists every input that a `flake.nix` declares, and every node of its lock that nothing leads to.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let flakes = project.texts("nix").filter(|(path, _)| path.file_name().is_some_and(|name| name == "flake.nix"));
    flakes.flat_map(|(path, text)| of_flake(project, path, text)).collect()
}

fn of_flake(project: &Project, path: &Path, text: &str) -> Vec<Piece> {
    let lock = Lock::beside(project, path);
    let mut pieces = lock.as_ref().map(Lock::lost_nodes).unwrap_or_default();
    let Some(top) = parse(text).and_then(|root| root.first_child()) else { return pieces };
    let outputs = top.children().find(|entry| attr_path(entry) == ["outputs"]).and_then(|outputs| outputs.last_child());
    let pattern = outputs.and_then(|function| function.children().find(|node| node.kind() == SyntaxKind::NODE_PATTERN));
    for name in declared(&top) {
        let declarations = declarations(&top, &name);
        let saves = declarations.iter().map(|node| bytes(node).1 - bytes(node).0).sum();
        let mut edits: Vec<Edit> = declarations.iter().map(|declaration| delete(path, declaration)).collect();
        edits.extend(
            pattern
                .as_ref()
                .and_then(|pattern| argument(pattern, &name))
                .map(|(pattern, argument)| Edit::RemoveArgument { file: path.to_owned(), pattern, argument }),
        );
        edits.extend(lock.as_ref().and_then(|lock| lock.input(&name)));
        pieces.push(Piece { edits, level: 0, saves });
    }
    pieces
}

/// The names in `inputs = { NAME = …; NAME.url = …; }` and `inputs.NAME.url = …`.
fn declared(top: &SyntaxNode) -> BTreeSet<String> {
    top.children().flat_map(|entry| names_in(&entry)).map(|(name, _)| name).collect()
}

/// Every entry that says something of an input.
fn declarations(top: &SyntaxNode, name: &str) -> Vec<SyntaxNode> {
    top.children().flat_map(|entry| names_in(&entry)).filter(|(own, _)| own == name).map(|(_, node)| node).collect()
}

fn names_in(entry: &SyntaxNode) -> Vec<(String, SyntaxNode)> {
    let path = attr_path(entry);
    match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["inputs"] => {
            let Some(set) = entry.last_child().filter(|node| node.kind() == SyntaxKind::NODE_ATTR_SET) else {
                return Vec::new();
            };
            set.children().filter_map(|inner| Some((attr_path(&inner).into_iter().next()?, inner))).collect()
        }
        ["inputs", name, ..] => vec![((*name).to_owned(), entry.clone())],
        _ => Vec::new(),
    }
}

/// Where `outputs` names an argument: the pattern's first byte, and the argument's number.
fn argument(pattern: &SyntaxNode, name: &str) -> Option<(usize, usize)> {
    let mut entries = pattern.children().filter(|child| child.kind() == SyntaxKind::NODE_PAT_ENTRY);
    let number = entries.position(|entry| entry.first_child().is_some_and(|ident| ident.text() == name))?;
    Some((bytes(pattern).0, number))
}

/// The lock beside a `flake.nix`.
struct Lock {
    path: PathBuf,
    nodes: Map<String, Value>,
    root: String,
}

impl Lock {
    fn beside(project: &Project, flake: &Path) -> Option<Self> {
        let path = flake.with_file_name("flake.lock");
        let Value::Object(mut lock) = serde_json::from_str(project.text(&path)?).ok()? else { return None };
        let root = lock.get("root")?.as_str()?.to_owned();
        let Value::Object(nodes) = lock.remove("nodes")? else { return None };
        Some(Self { path, nodes, root })
    }

    /// What a node's inputs are in the lock: keys of other nodes, or the path of the input that they follow.
    fn inputs(&self, key: &str) -> Option<&Map<String, Value>> {
        self.nodes.get(key)?.get("inputs")?.as_object()
    }

    /// Takes an input from the root node.
    fn input(&self, name: &str) -> Option<Edit> {
        self.inputs(&self.root)?.get(name)?;
        Some(self.without(&["nodes", &self.root, "inputs", name]))
    }

    fn without(&self, way: &[&str]) -> Edit {
        let pointer = way.iter().map(|name| Key::Member((*name).to_owned())).collect();
        Edit::RemoveDatum { file: self.path.clone(), pointer }
    }

    /// Every node that cannot be reached from the root.
    fn lost_nodes(&self) -> Vec<Piece> {
        let mut reached = BTreeSet::new();
        let mut next = vec![self.root.as_str()];
        while let Some(key) = next.pop() {
            if reached.insert(key) {
                // What follows another input leads to no node that is not reached without it.
                next.extend(self.inputs(key).into_iter().flat_map(|inputs| inputs.values().filter_map(Value::as_str)));
            }
        }
        let lost = self.nodes.iter().filter(|(key, _)| !reached.contains(key.as_str()));
        lost.map(|(key, node)| Piece {
            edits: vec![self.without(&["nodes", key])],
            level: 0,
            saves: node.to_string().len(),
        })
        .collect()
    }
}

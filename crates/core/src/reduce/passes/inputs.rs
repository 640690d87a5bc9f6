//! Leaves out inputs of the flake: their attribute, the argument of `outputs`, and their node of the lock.

use std::collections::BTreeSet;
use std::path::Path;

use rnix::{SyntaxKind, SyntaxNode};
use serde_json::Value;

use super::super::edit::{Edit, Key, Piece};
use super::super::project::Project;
use super::super::tree::{attr_path, bytes, delete, parse};

/// Lists every input that the flake's own `flake.nix` declares, and every node of the lock that nothing leads to.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let path = Path::new("flake.nix");
    let mut pieces = lost_nodes(project);
    let Some(root) = project.text(path).and_then(parse) else { return pieces };
    let Some(top) = root.first_child().filter(|node| node.kind() == SyntaxKind::NODE_ATTR_SET) else { return pieces };
    let outputs = entry(&top, "outputs").and_then(|outputs| outputs.last_child());
    let pattern = outputs.and_then(|function| function.children().find(|node| node.kind() == SyntaxKind::NODE_PATTERN));
    let locked = locked_inputs(project);
    for name in declared(&top) {
        let mut edits: Vec<Edit> =
            declarations(&top, &name).into_iter().map(|declaration| delete(path, &declaration)).collect();
        let saves = declarations(&top, &name).iter().map(|node| bytes(node).1 - bytes(node).0).sum();
        edits.extend(
            pattern
                .as_ref()
                .and_then(|pattern| argument(pattern, &name))
                .map(|(pattern, argument)| Edit::RemoveArgument { file: path.to_owned(), pattern, argument }),
        );
        if let Some(root) = locked.as_ref().filter(|(_, inputs)| inputs.contains(&name)).map(|(root, _)| root) {
            let way = ["nodes", root, "inputs", &name].map(|name| Key::Member(name.to_owned()));
            edits.push(Edit::RemoveDatum { file: "flake.lock".into(), pointer: way.to_vec() });
        }
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

fn entry(top: &SyntaxNode, name: &str) -> Option<SyntaxNode> {
    top.children().find(|entry| attr_path(entry) == [name])
}

/// Where `outputs` names an argument: the pattern's first byte, and the argument's number.
fn argument(pattern: &SyntaxNode, name: &str) -> Option<(usize, usize)> {
    let mut entries = pattern.children().filter(|child| child.kind() == SyntaxKind::NODE_PAT_ENTRY);
    let number = entries.position(|entry| entry.first_child().is_some_and(|ident| ident.text() == name))?;
    Some((bytes(pattern).0, number))
}

/// The key of the lock's root node, and the inputs that it has.
fn locked_inputs(project: &Project) -> Option<(String, BTreeSet<String>)> {
    let lock: Value = serde_json::from_str(project.text(Path::new("flake.lock"))?).ok()?;
    let root = lock.get("root")?.as_str()?.to_owned();
    let inputs = lock.get("nodes")?.get(&root)?.get("inputs")?.as_object()?;
    Some((root, inputs.keys().cloned().collect()))
}

/// Every node of the lock that cannot be reached from its root.
fn lost_nodes(project: &Project) -> Vec<Piece> {
    let text = project.text(Path::new("flake.lock"));
    let Some(lock) = text.and_then(|text| serde_json::from_str::<Value>(text).ok()) else { return Vec::new() };
    let (Some(nodes), Some(root)) = (lock.get("nodes").and_then(Value::as_object), lock.get("root")) else {
        return Vec::new();
    };
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = root.as_str().into_iter().collect();
    while let Some(key) = next.pop() {
        if reached.insert(key) {
            let inputs = nodes.get(key).and_then(|node| node.get("inputs")).and_then(Value::as_object);
            // What follows another input leads to no node that is not reached without it.
            next.extend(inputs.into_iter().flat_map(|inputs| inputs.values().filter_map(Value::as_str)));
        }
    }
    let lost = nodes.iter().filter(|(key, _)| !reached.contains(key.as_str()));
    lost.map(|(key, node)| {
        let pointer = ["nodes", key].map(|name| Key::Member(name.to_owned())).to_vec();
        let edits = vec![Edit::RemoveDatum { file: "flake.lock".into(), pointer }];
        Piece { edits, level: 0, saves: node.to_string().len() }
    })
    .collect()
}

//! Leaves out what a function is given and does not use: the argument that it names, and the attribute that brings it.
//!
//! Neither can go alone: Nix refuses an argument that is missing, and one that is not expected.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::{Edit, Piece};
use super::super::project::Project;
use super::super::tree::{attr_path, bytes, delete, parse};

/// Lists the arguments of the functions that whole files are, each with what the calls of the file give for it; then
/// those of any function, each with every attribute of that name.
///
/// Whether the function uses it, the parser tells: then its name is not bound any more.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let files: Vec<(&Path, SyntaxNode)> =
        project.texts("nix").filter_map(|(path, text)| Some((path, parse(text)?))).collect();
    let mut pieces = Vec::new();
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (path, root) in &files {
        for pattern in root.descendants().filter(|node| node.kind() == SyntaxKind::NODE_PATTERN) {
            let is_whole_file = pattern.ancestors().nth(2).as_ref() == Some(root);
            for (argument, name) in entries(&pattern).enumerate() {
                if is_whole_file {
                    let given = files.iter().flat_map(|(caller, root)| given_to(path, caller, root, &name));
                    pieces.extend(piece([removal(path, &pattern, argument)].into_iter().chain(given), 0));
                }
                names.insert(name);
            }
        }
    }
    for name in names {
        let everywhere = files.iter().flat_map(|(path, root)| {
            let patterns = root.descendants().filter(|node| node.kind() == SyntaxKind::NODE_PATTERN);
            let arguments = patterns.filter_map(|pattern| {
                let number = entries(&pattern).position(|own| own == name)?;
                (!is_of_outputs(path, &pattern)).then(|| removal(path, &pattern, number))
            });
            let sets = root.descendants().filter(|node| node.kind() == SyntaxKind::NODE_ATTR_SET);
            let given = sets.flat_map(|set| attributes(&set, &name)).map(|node| delete(path, &node));
            arguments.chain(given).collect::<Vec<_>>()
        });
        pieces.extend(piece(everywhere, 1));
    }
    pieces
}

fn piece(edits: impl Iterator<Item = Edit>, level: usize) -> Option<Piece> {
    let edits: Vec<Edit> = edits.collect();
    (!edits.is_empty()).then_some(Piece { saves: edits.len(), edits, level })
}

fn entries(pattern: &SyntaxNode) -> impl Iterator<Item = String> + use<> {
    let entries = pattern.children().filter(|child| child.kind() == SyntaxKind::NODE_PAT_ENTRY);
    entries.filter_map(|entry| Some(entry.first_child()?.text().to_string()))
}

fn removal(path: &Path, pattern: &SyntaxNode, argument: usize) -> Edit {
    Edit::RemoveArgument { file: path.to_owned(), pattern: bytes(pattern).0, argument }
}

/// The inputs are a pass of their own.
fn is_of_outputs(path: &Path, pattern: &SyntaxNode) -> bool {
    let entry = pattern.ancestors().nth(2);
    path.file_name().is_some_and(|name| name == "flake.nix")
        && entry.is_some_and(|entry| attr_path(&entry) == ["outputs"])
}

/// The entries of a set for a name, and the name where `inherit` has it.
fn attributes(set: &SyntaxNode, name: &str) -> Vec<SyntaxNode> {
    let in_entry = |entry: SyntaxNode| match entry.kind() {
        SyntaxKind::NODE_INHERIT => entry.children().filter(|child| child.text() == name).collect(),
        _ if attr_path(&entry).first().is_some_and(|own| own == name) => vec![entry],
        _ => Vec::new(),
    };
    set.children().flat_map(in_entry).collect()
}

/// What the calls of `file` in another file give for an argument: `callPackage ./file.nix { NAME = …; }`.
fn given_to(file: &Path, caller: &Path, root: &SyntaxNode, name: &str) -> Vec<Edit> {
    let calls = root.descendants().filter(|node| node.kind() == SyntaxKind::NODE_APPLY);
    let sets = calls.filter_map(|call| {
        let set = call.last_child().filter(|set| set.kind() == SyntaxKind::NODE_ATTR_SET)?;
        let mut function = call.first_child()?.descendants();
        let calls_it = |node: SyntaxNode| {
            is_path(node.kind()) && lies_at(caller, &node.text().to_string()).as_deref() == Some(file)
        };
        function.any(calls_it).then_some(set)
    });
    sets.flat_map(|set| attributes(&set, name)).map(|node| delete(caller, &node)).collect()
}

/// Tells whether a kind of node is a path.
pub(super) const fn is_path(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::NODE_PATH_REL)
}

/// Where in the project a relative path that stands in a file leads to; none where it leads out of it.
pub(super) fn lies_at(file: &Path, relative: &str) -> Option<PathBuf> {
    let mut place = file.parent()?.to_owned();
    for component in Path::new(relative).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => place.pop().then_some(())?,
            Component::Normal(name) => place.push(name),
            Component::Prefix(_) | Component::RootDir => return None,
        }
    }
    Some(place)
}

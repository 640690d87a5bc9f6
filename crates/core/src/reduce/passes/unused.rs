//! Leaves out bindings of `let` that nothing needs, and an `inherit` without names.

use std::collections::HashSet;
use std::path::Path;

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::Piece;
use super::super::project::Project;
use super::super::scope::{inherited, unused};
use super::super::tree::{bytes, delete, parse};

/// Lists every binding that can go without any change of meaning.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| parse(text).map(|root| of_root(path, &root)).unwrap_or_default();
    project.texts("nix").flat_map(of_file).collect()
}

fn of_root(path: &Path, root: &SyntaxNode) -> Vec<Piece> {
    let unneeded: HashSet<SyntaxNode> = unused(root).into_iter().collect();
    // What an `inherit` takes its names from is needed by it as long as it has any.
    let whole: Vec<SyntaxNode> = root
        .descendants()
        .filter(|node| node.kind() == SyntaxKind::NODE_INHERIT && inherited(node).all(|name| unneeded.contains(&name)))
        .collect();
    let rest = unneeded.iter().filter_map(|name| {
        let parent = name.parent()?;
        match parent.kind() {
            SyntaxKind::NODE_INHERIT if whole.contains(&parent) => None,
            SyntaxKind::NODE_INHERIT => Some(name.clone()),
            _ => parent.parent(),
        }
    });
    let mut all: Vec<SyntaxNode> = rest.chain(whole.iter().cloned()).collect();
    all.sort_by_key(bytes);
    let piece = |node: SyntaxNode| {
        let (start, end) = bytes(&node);
        Piece { edits: vec![delete(path, &node)], level: 0, saves: end - start }
    };
    all.into_iter().map(piece).collect()
}

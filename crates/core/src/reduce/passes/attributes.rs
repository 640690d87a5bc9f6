//! Leaves out attributes of sets and bindings of `let`, and names of `inherit`.

use std::path::Path;

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::Piece;
use super::super::project::Project;
use super::super::tree::{bytes, delete, level, nodes, parse};

/// Lists every entry of every set and `let`, and every name of an `inherit` that has several.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| parse(text).map(|root| entries(path, &root)).unwrap_or_default();
    project.texts("nix").flat_map(of_file).collect()
}

fn entries(path: &Path, root: &SyntaxNode) -> Vec<Piece> {
    let piece = |node: SyntaxNode| {
        let (start, end) = bytes(&node);
        Piece { edits: vec![delete(path, &node)], level: level(&node, is_entry), saves: end - start }
    };
    nodes(path, root).filter(is_entry).map(piece).collect()
}

fn is_entry(node: &SyntaxNode) -> bool {
    match node.kind() {
        SyntaxKind::NODE_ATTRPATH_VALUE | SyntaxKind::NODE_INHERIT => true,
        SyntaxKind::NODE_IDENT | SyntaxKind::NODE_STRING => {
            node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::NODE_INHERIT && several(&parent))
        }
        _ => false,
    }
}

fn several(inherit: &SyntaxNode) -> bool {
    inherit.children().filter(|child| child.kind() != SyntaxKind::NODE_INHERIT_FROM).count() > 1
}

//! Leaves out elements of lists.

use std::path::Path;

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::Piece;
use super::super::project::Project;
use super::super::tree::{bytes, delete, is_expression_kind, level, nodes, parse};

/// Lists every element of every list.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| parse(text).map(|root| elements(path, &root)).unwrap_or_default();
    project.texts("nix").flat_map(of_file).collect()
}

fn elements(path: &Path, root: &SyntaxNode) -> Vec<Piece> {
    let piece = |node: SyntaxNode| {
        let (start, end) = bytes(&node);
        Piece { edits: vec![delete(path, &node)], level: level(&node, is_element), saves: end - start }
    };
    nodes(path, root).filter(is_element).map(piece).collect()
}

fn is_element(node: &SyntaxNode) -> bool {
    is_expression_kind(node.kind()) && node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::NODE_LIST)
}

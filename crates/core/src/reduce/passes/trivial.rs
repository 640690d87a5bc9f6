//! Puts `{ }`, `[ ]`, `""` or `null` in place of an expression.

use std::path::Path;

use rnix::SyntaxNode;

use super::super::edit::Piece;
use super::super::project::Project;
use super::super::tree::{bytes, is_expression, level, nodes, parse, replace};

/// What can stand in place of an expression, likeliest first.
const TRIVIAL: [&str; 4] = ["{}", "[]", "\"\"", "null"];

/// Lists every expression that is longer than what would stand in its place, once for each of the four.
///
/// Those for the same expression contradict each other, so they are on levels of their own.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        nodes(path, &root).filter(is_expression).flat_map(|node| of_node(path, &node)).collect()
    };
    project.texts("nix").flat_map(of_file).collect()
}

fn of_node(path: &Path, node: &SyntaxNode) -> Vec<Piece> {
    let level = level(node, is_expression) * TRIVIAL.len();
    let (start, end) = bytes(node);
    let piece = |(nth, with): (usize, &str)| {
        let saves = (end - start).checked_sub(with.len()).filter(|saves| *saves > 0)?;
        Some(Piece { edits: vec![replace(path, node, with)], level: level + nth, saves })
    };
    TRIVIAL.into_iter().enumerate().filter_map(piece).collect()
}

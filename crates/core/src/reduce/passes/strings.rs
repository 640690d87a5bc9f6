//! Makes strings shorter: without their text, line by line where there are several.

use std::path::Path;

use rnix::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::super::edit::{Edit, Piece};
use super::super::project::Project;
use super::super::tree::{level, nodes, parse};

/// Lists the lines of every string, and what is inserted into them.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        nodes(path, &root).filter(is_string).flat_map(|node| of_string(path, &node)).collect()
    };
    project.texts("nix").flat_map(of_file).collect()
}

fn is_string(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::NODE_STRING
}

fn of_string(path: &Path, node: &SyntaxNode) -> Vec<Piece> {
    let level = level(node, is_string);
    let piece = |start: usize, end: usize| Piece {
        edits: vec![Edit::Splice { file: path.to_owned(), start, end, with: String::new() }],
        level,
        saves: end - start,
    };
    let parts = node.children_with_tokens();
    parts
        .flat_map(|part| match part {
            SyntaxElement::Node(inserted) => {
                vec![piece(inserted.text_range().start().into(), inserted.text_range().end().into())]
            }
            SyntaxElement::Token(token) if token.kind() == SyntaxKind::TOKEN_STRING_CONTENT => {
                let mut at: usize = token.text_range().start().into();
                let line = |line: &str| {
                    at += line.len();
                    piece(at - line.len(), at)
                };
                token.text().split_inclusive('\n').map(line).collect()
            }
            SyntaxElement::Token(_) => Vec::new(),
        })
        .collect()
}

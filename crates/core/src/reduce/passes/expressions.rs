//! Puts an expression in place of the one around it: `a // b` becomes `a` or `b`, `with x; y` becomes `y`.

use std::path::Path;

use rnix::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::super::edit::{Edit, Piece};
use super::super::project::Project;
use super::super::tree::{bytes, in_place_of, is_expression, is_expression_kind, level, nodes, parse, replace};

/// Which of the expressions in another one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// The first, as the function of a call.
    First,
    /// The last, as the body of a `let`.
    Last,
}

/// Lists every expression that holds others directly, and every `rec`.
pub(super) fn pieces(project: &Project, which: Which) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        let nodes = nodes(path, &root).filter(is_composite);
        nodes.filter_map(|node| piece(path, &node, which)).collect()
    };
    project.texts("nix").flat_map(of_file).collect()
}

/// Expressions whose parts are expressions; a set and a list have passes of their own.
fn is_composite(node: &SyntaxNode) -> bool {
    is_expression(node)
        && matches!(
            node.kind(),
            SyntaxKind::NODE_APPLY
                | SyntaxKind::NODE_ASSERT
                | SyntaxKind::NODE_ATTR_SET
                | SyntaxKind::NODE_BIN_OP
                | SyntaxKind::NODE_HAS_ATTR
                | SyntaxKind::NODE_IF_ELSE
                | SyntaxKind::NODE_LAMBDA
                | SyntaxKind::NODE_LET_IN
                | SyntaxKind::NODE_PAREN
                | SyntaxKind::NODE_SELECT
                | SyntaxKind::NODE_UNARY_OP
                | SyntaxKind::NODE_WITH
        )
}

fn piece(path: &Path, node: &SyntaxNode, which: Which) -> Option<Piece> {
    let level = level(node, is_composite);
    if node.kind() == SyntaxKind::NODE_ATTR_SET {
        return if which == Which::First { without_rec(path, node, level) } else { None };
    }
    let mut parts = node.children().filter(|child| is_expression_kind(child.kind()));
    let part = match which {
        Which::First => parts.next(),
        Which::Last => parts.last(),
    }?;
    // In parentheses nothing else is around it; whether it needs them, the parser and the evaluation tell.
    let text = if node.kind() == SyntaxKind::NODE_PAREN { part.text().to_string() } else { in_place_of(node, &part) };
    let (start, end) = bytes(node);
    let saves = (end - start).checked_sub(text.len()).filter(|saves| *saves > 0)?;
    Some(Piece { edits: vec![replace(path, node, text)], level, saves })
}

fn without_rec(path: &Path, node: &SyntaxNode, level: usize) -> Option<Piece> {
    let first = node.first_child_or_token()?;
    let SyntaxElement::Token(token) = first else { return None };
    (token.kind() == SyntaxKind::TOKEN_REC).then(|| {
        let range = token.text_range();
        let edit = Edit::Splice {
            file: path.to_owned(),
            start: range.start().into(),
            end: range.end().into(),
            with: String::new(),
        };
        Piece { edits: vec![edit], level, saves: 3 }
    })
}

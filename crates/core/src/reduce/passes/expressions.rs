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
    /// One further inside: what a call is given in a set, the only entry of a set or a list, what an `if` leads to.
    Inner,
}

/// Lists every expression that holds others directly, and every `rec`.
pub(super) fn pieces(project: &Project, which: Which) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        let nodes = nodes(path, &root).filter(is_composite);
        match which {
            Which::First | Which::Last => nodes.filter_map(|node| piece(path, &node, which)).collect(),
            Which::Inner => {
                let pairs = nodes.flat_map(|node| inner(&node).into_iter().map(move |part| (node.clone(), part)));
                pairs.filter_map(|(node, part)| in_its_place(path, &node, &part)).collect()
            }
        }
    };
    project.texts("nix").flat_map(of_file).collect()
}

/// Expressions whose parts are expressions; what goes out of a set or a list is the part of other passes.
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
                | SyntaxKind::NODE_LIST
                | SyntaxKind::NODE_PAREN
                | SyntaxKind::NODE_SELECT
                | SyntaxKind::NODE_UNARY_OP
                | SyntaxKind::NODE_WITH
        )
}

fn piece(path: &Path, node: &SyntaxNode, which: Which) -> Option<Piece> {
    match node.kind() {
        SyntaxKind::NODE_ATTR_SET if which == Which::First => {
            return without_rec(path, node, level(node, is_composite));
        }
        SyntaxKind::NODE_ATTR_SET | SyntaxKind::NODE_LIST => return None,
        _ => {}
    }
    let mut parts = node.children().filter(|child| is_expression_kind(child.kind()));
    let part = if which == Which::First { parts.next() } else { parts.last() }?;
    in_its_place(path, node, &part)
}

fn in_its_place(path: &Path, node: &SyntaxNode, part: &SyntaxNode) -> Option<Piece> {
    // In parentheses nothing else is around it; whether it needs them, the parser and the evaluation tell.
    let text = if node.kind() == SyntaxKind::NODE_PAREN { part.text().to_string() } else { in_place_of(node, part) };
    let (start, end) = bytes(node);
    let saves = (end - start).checked_sub(text.len()).filter(|saves| *saves > 0)?;
    Some(Piece { edits: vec![replace(path, node, text)], level: level(node, is_composite), saves })
}

/// The expressions further inside that might do the same.
fn inner(node: &SyntaxNode) -> Vec<SyntaxNode> {
    let values = |set: &SyntaxNode| -> Vec<SyntaxNode> {
        let entries = set.children().filter(|entry| entry.kind() == SyntaxKind::NODE_ATTRPATH_VALUE);
        entries.filter_map(|entry| entry.last_child()).collect()
    };
    match node.kind() {
        SyntaxKind::NODE_APPLY => {
            let set = node.last_child().filter(|set| set.kind() == SyntaxKind::NODE_ATTR_SET);
            set.iter().flat_map(values).filter(is_composite).collect()
        }
        SyntaxKind::NODE_ATTR_SET | SyntaxKind::NODE_LIST if node.children().count() == 1 => {
            let elements = node.children().filter(|element| is_expression_kind(element.kind()));
            elements.chain(values(node)).collect()
        }
        SyntaxKind::NODE_IF_ELSE => node.children().nth(1).into_iter().collect(),
        _ => Vec::new(),
    }
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

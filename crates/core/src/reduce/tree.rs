//! Nix syntax trees, as the passes see them: which nodes are expressions, and which bytes they take with them.

use std::path::Path;

use rnix::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::edit::Edit;
use super::scope::Scopes;
use crate::syntax::name_nodes;
pub(super) use crate::syntax::{bytes, parse};

/// Tells whether a text is one whole Nix expression that Nix would begin to evaluate: no name lost its binding.
pub(super) fn is_sound(before: &str, after: &str) -> bool {
    let Some(root) = parse(after) else { return false };
    // Where our rules of scope do not hold for the whole, they say nothing of the part.
    Scopes::all_bound(&root) || parse(before).is_none_or(|root| !Scopes::all_bound(&root))
}

/// Lists the nodes that a pass may change. What `flake.nix` says of its inputs is not evaluated as code is: Nix reads it
/// beforehand and compares it with the lock, so that only whole inputs can go; and a flake is a set, as it stands there.
pub(super) fn nodes(path: &Path, root: &SyntaxNode) -> impl Iterator<Item = SyntaxNode> + use<> {
    let is_flake = path.file_name().is_some_and(|name| name == "flake.nix");
    let inputs: Vec<_> = root
        .children()
        .filter(|_| is_flake)
        .flat_map(|top| top.children().collect::<Vec<_>>())
        .filter(|entry| attr_path(entry).first().is_some_and(|name| name == "inputs"))
        .map(|entry| entry.text_range())
        .collect();
    let top = root.first_child().filter(|_| is_flake);
    root.descendants()
        .filter(move |node| Some(node) != top.as_ref())
        .filter(move |node| !inputs.iter().any(|range| range.contains_range(node.text_range())))
}

/// The names on the left of an entry, without quotes.
pub(super) fn attr_path(entry: &SyntaxNode) -> Vec<String> {
    name_nodes(entry).iter().map(|name| name.text().to_string().trim_matches('"').to_owned()).collect()
}

/// Tells whether a node is an expression that another one can take the place of, not a name or a part of a path.
pub(super) fn is_expression(node: &SyntaxNode) -> bool {
    let Some(parent) = node.parent() else { return false };
    let names = matches!(
        parent.kind(),
        SyntaxKind::NODE_ATTRPATH
            | SyntaxKind::NODE_INHERIT
            | SyntaxKind::NODE_IDENT_PARAM
            | SyntaxKind::NODE_PAT_BIND
            | SyntaxKind::NODE_PATTERN
    );
    let entry = parent.kind() == SyntaxKind::NODE_PAT_ENTRY && parent.first_child().as_ref() == Some(node);
    !names && !entry && is_expression_kind(node.kind())
}

/// Tells whether a kind of node is one of expressions.
pub(super) const fn is_expression_kind(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::NODE_APPLY
            | SyntaxKind::NODE_ASSERT
            | SyntaxKind::NODE_ATTR_SET
            | SyntaxKind::NODE_BIN_OP
            | SyntaxKind::NODE_CUR_POS
            | SyntaxKind::NODE_HAS_ATTR
            | SyntaxKind::NODE_IDENT
            | SyntaxKind::NODE_IF_ELSE
            | SyntaxKind::NODE_LAMBDA
            | SyntaxKind::NODE_LEGACY_LET
            | SyntaxKind::NODE_LET_IN
            | SyntaxKind::NODE_LIST
            | SyntaxKind::NODE_LITERAL
            | SyntaxKind::NODE_PAREN
            | SyntaxKind::NODE_PATH_ABS
            | SyntaxKind::NODE_PATH_HOME
            | SyntaxKind::NODE_PATH_REL
            | SyntaxKind::NODE_PATH_SEARCH
            | SyntaxKind::NODE_SELECT
            | SyntaxKind::NODE_STRING
            | SyntaxKind::NODE_UNARY_OP
            | SyntaxKind::NODE_WITH
    )
}

/// Returns an expression's text as it can stand in place of `node`: in parentheses where they are needed.
pub(super) fn in_place_of(node: &SyntaxNode, expression: &SyntaxNode) -> String {
    in_place(node, expression.kind(), expression.text().to_string())
}

/// Returns the text of an expression of some kind as it can stand in place of `node`.
pub(super) fn in_place(node: &SyntaxNode, kind: SyntaxKind, text: String) -> String {
    let atomic = matches!(
        kind,
        SyntaxKind::NODE_ATTR_SET
            | SyntaxKind::NODE_IDENT
            | SyntaxKind::NODE_LIST
            | SyntaxKind::NODE_LITERAL
            | SyntaxKind::NODE_PAREN
            | SyntaxKind::NODE_PATH_ABS
            | SyntaxKind::NODE_PATH_HOME
            | SyntaxKind::NODE_PATH_REL
            | SyntaxKind::NODE_PATH_SEARCH
            | SyntaxKind::NODE_SELECT
            | SyntaxKind::NODE_STRING
    );
    if atomic || stands_alone(node) { text } else { format!("({text})") }
}

/// Returns what is within all parentheses around an expression.
pub(super) fn bare(node: &SyntaxNode) -> SyntaxNode {
    let mut node = node.clone();
    while node.kind() == SyntaxKind::NODE_PAREN
        && let Some(inner) = node.first_child()
    {
        node = inner;
    }
    node
}

/// Tells whether whatever stands in place of a node needs no parentheses.
fn stands_alone(node: &SyntaxNode) -> bool {
    let Some(parent) = node.parent() else { return true };
    let last = parent.last_child().as_ref() == Some(node);
    match parent.kind() {
        SyntaxKind::NODE_ROOT
        | SyntaxKind::NODE_PAREN
        | SyntaxKind::NODE_ATTRPATH_VALUE
        | SyntaxKind::NODE_INTERPOL
        | SyntaxKind::NODE_DYNAMIC
        | SyntaxKind::NODE_INHERIT_FROM => true,
        SyntaxKind::NODE_LAMBDA | SyntaxKind::NODE_LET_IN | SyntaxKind::NODE_WITH | SyntaxKind::NODE_ASSERT => last,
        _ => false,
    }
}

/// Replaces a node.
pub(super) fn replace(file: &Path, node: &SyntaxNode, with: impl Into<String>) -> Edit {
    let (start, end) = bytes(node);
    Edit::Splice { file: file.to_owned(), start, end, with: with.into() }
}

/// Deletes a node together with the white space before it.
pub(super) fn delete(file: &Path, node: &SyntaxNode) -> Edit {
    let (start, end) = bytes(node);
    let space = match node.prev_sibling_or_token() {
        Some(SyntaxElement::Token(token)) if token.kind() == SyntaxKind::TOKEN_WHITESPACE => token.text().len(),
        _ => 0,
    };
    Edit::Splice { file: file.to_owned(), start: start - space, end, with: String::new() }
}

/// Returns the level of a node: how many of its ancestors `counts`.
pub(super) fn level(node: &SyntaxNode, counts: impl Fn(&SyntaxNode) -> bool) -> usize {
    node.ancestors().skip(1).filter(|ancestor| counts(ancestor)).count()
}

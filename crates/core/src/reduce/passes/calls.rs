//! Calls functions before Nix does: `(x: f x 1) a` becomes `f a 1`, and `x: f x` becomes `f`.

use std::path::Path;

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::Piece;
use super::super::project::Project;
use super::super::scope::Scopes;
use super::super::substitute::{Value, replacements, text_with, uses_of};
use super::super::tree::{bare, bytes, in_place, in_place_of, is_expression, level, nodes, parse, replace};

/// Lists every call of a function that stands there, where its body is shorter, and every function that only calls
/// another one with what it is given.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        let mut scopes = Scopes::default();
        let texts = nodes(path, &root).filter_map(|node| Some((called(&mut scopes, &node)?, node)));
        texts.filter_map(|(text, node)| shorter(path, &node, text, is_either)).collect()
    };
    project.texts("nix").flat_map(of_file).collect()
}

fn is_either(node: &SyntaxNode) -> bool {
    is_expression(node) && matches!(node.kind(), SyntaxKind::NODE_APPLY | SyntaxKind::NODE_LAMBDA)
}

fn called(scopes: &mut Scopes, node: &SyntaxNode) -> Option<String> {
    if !is_either(node) {
        return None;
    }
    if node.kind() == SyntaxKind::NODE_LAMBDA {
        let (parameter, call) = function(node).filter(|(_, body)| body.kind() == SyntaxKind::NODE_APPLY)?;
        let (callee, argument) = (call.first_child()?, call.last_child()?);
        let only = argument.text() == parameter.as_str() && uses_of(scopes, node, &parameter).len() == 1;
        return only.then(|| in_place_of(node, &callee));
    }
    let (callee, argument) = (bare(&node.first_child()?), node.last_child()?);
    let (parameter, body) = function(&callee)?;
    let uses = uses_of(scopes, &callee, &parameter);
    let text = text_with(&body, replacements(&uses, &Value::of(&bare(&argument))))?;
    Some(in_place(node, body.kind(), text))
}

/// Returns the parameter and the body of a function of one parameter without a pattern.
pub(super) fn function(node: &SyntaxNode) -> Option<(String, SyntaxNode)> {
    let parameter = node.first_child().filter(|_| node.kind() == SyntaxKind::NODE_LAMBDA)?;
    (parameter.kind() == SyntaxKind::NODE_IDENT_PARAM)
        .then(|| Some((parameter.text().to_string(), node.last_child()?)))?
}

/// Puts a text in place of a node, if it is shorter.
pub(super) fn shorter(
    path: &Path,
    node: &SyntaxNode,
    text: String,
    counts: impl Fn(&SyntaxNode) -> bool,
) -> Option<Piece> {
    let (start, end) = bytes(node);
    let saves = (end - start).checked_sub(text.len()).filter(|saves| *saves > 0)?;
    Some(Piece { edits: vec![replace(path, node, text)], level: level(node, counts), saves })
}

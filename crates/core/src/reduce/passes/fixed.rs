//! Fixes what a flake does for each of several names, most often systems: `genAttrs systems (system: x)` becomes
//! `{ x86_64-linux = x; }`, and of such a call only one attribute is left where only that is asked for.

use std::path::Path;

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::Piece;
use super::super::project::Project;
use super::super::scope::Scopes;
use super::super::substitute::{Value, is_name, replacements, text_with, uses_of};
use super::super::tree::{bare, in_place, is_expression, nodes, parse};
use super::calls::{function, shorter};

/// Lists every call with a function as its last argument, for each name of the path to what is evaluated; and every
/// attribute that is taken from such a call, or from a set that stands there.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let names: Vec<&str> = project.attributes().filter(|name| is_name(name)).collect();
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        let mut scopes = Scopes::default();
        let mut all = Vec::new();
        for node in nodes(path, &root).filter(is_fixable) {
            let texts = match node.kind() {
                SyntaxKind::NODE_SELECT => selected(&mut scopes, &node).into_iter().collect(),
                _ => names.iter().filter_map(|name| for_one(&mut scopes, &node, name)).collect::<Vec<_>>(),
            };
            all.extend(texts.into_iter().filter_map(|text| shorter(path, &node, text, is_fixable)));
        }
        all
    };
    project.texts("nix").flat_map(of_file).collect()
}

fn is_fixable(node: &SyntaxNode) -> bool {
    is_expression(node) && matches!(node.kind(), SyntaxKind::NODE_APPLY | SyntaxKind::NODE_SELECT)
}

/// The body of the function that is a call's last argument, for one name.
fn body_for(scopes: &mut Scopes, call: &SyntaxNode, name: &str) -> Option<(SyntaxKind, String)> {
    let last = bare(&call.last_child().filter(|_| call.kind() == SyntaxKind::NODE_APPLY)?);
    let (parameter, body) = function(&last)?;
    let uses = uses_of(scopes, &last, &parameter);
    Some((body.kind(), text_with(&body, replacements(&uses, &Value::string(name)))?))
}

fn for_one(scopes: &mut Scopes, call: &SyntaxNode, name: &str) -> Option<String> {
    let (_, text) = body_for(scopes, call, name)?;
    Some(format!("{{ {name} = {text}; }}"))
}

/// `(f (x: BODY)).a` becomes the body for `a`, and `{ a = VALUE; }.a` the value.
fn selected(scopes: &mut Scopes, select: &SyntaxNode) -> Option<String> {
    let mut children = select.children();
    let (from, path, None) = (children.next()?, children.next()?, children.next()) else { return None };
    let mut names = path.children();
    let (name, None) = (names.next()?.text().to_string(), names.next()) else { return None };
    let from = bare(&from);
    let (kind, text) = match from.kind() {
        SyntaxKind::NODE_APPLY if is_name(&name) => body_for(scopes, &from, &name)?,
        SyntaxKind::NODE_ATTR_SET => {
            let entry =
                from.children().find(|entry| entry.first_child().is_some_and(|path| path.text() == name.as_str()));
            let value = entry.filter(|entry| entry.kind() == SyntaxKind::NODE_ATTRPATH_VALUE)?.last_child()?;
            (value.kind(), value.text().to_string())
        }
        _ => return None,
    };
    Some(in_place(select, kind, text))
}

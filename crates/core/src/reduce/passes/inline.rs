//! Puts what `let` binds where it is used, if that is one place.

use std::path::Path;

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::Piece;
use super::super::project::Project;
use super::super::tree::{bytes, delete, in_place_of, is_expression, level, parse, replace};

/// Lists every binding of a `let` whose name stands once in the whole of it.
///
/// Whether the name means the binding there, and not another one of that name, the evaluation tells.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        root.descendants().filter(is_let).flat_map(|node| of_let(path, &node)).collect()
    };
    project.texts("nix").flat_map(of_file).collect()
}

fn is_let(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::NODE_LET_IN
}

fn of_let(path: &Path, node: &SyntaxNode) -> Vec<Piece> {
    let bindings = node.children().filter(|child| child.kind() == SyntaxKind::NODE_ATTRPATH_VALUE);
    bindings.filter_map(|binding| of_binding(path, node, &binding)).collect()
}

fn of_binding(path: &Path, all: &SyntaxNode, binding: &SyntaxNode) -> Option<Piece> {
    let name = binding.first_child()?;
    let value = binding.last_child().filter(|value| *value != name)?;
    let name = name.text().to_string();
    let named = all.descendants().filter(|node| node.kind() == SyntaxKind::NODE_IDENT && node.text() == name.as_str());
    let mut uses = named.filter(|node| node.parent().as_ref() != binding.first_child().as_ref());
    let (only, None) = (uses.next()?, uses.next()) else { return None };
    if !is_expression(&only) || only.ancestors().any(|ancestor| ancestor == *binding) {
        return None;
    }
    let text = in_place_of(&only, &value);
    let (start, end) = bytes(binding);
    let saves = (end - start + name.len()).checked_sub(text.len()).filter(|saves| *saves > 0)?;
    Some(Piece { edits: vec![delete(path, binding), replace(path, &only, text)], level: level(binding, is_let), saves })
}

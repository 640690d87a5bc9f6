//! Puts what `let` binds where it is used, if that makes the file shorter.

use std::path::Path;

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::{Edit, Piece};
use super::super::project::Project;
use super::super::scope::Scopes;
use super::super::substitute::{Value, replacements, uses_of};
use super::super::tree::{bytes, delete, level, parse};

/// Lists every binding of a `let` that is used, and is longer than what stands for its uses.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        let mut scopes = Scopes::default();
        root.descendants().filter(is_let).flat_map(|node| of_let(path, &mut scopes, &node)).collect()
    };
    project.texts("nix").flat_map(of_file).collect()
}

fn is_let(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::NODE_LET_IN
}

fn of_let(path: &Path, scopes: &mut Scopes, node: &SyntaxNode) -> Vec<Piece> {
    let bindings = node.children().filter(|child| child.kind() == SyntaxKind::NODE_ATTRPATH_VALUE);
    bindings.filter_map(|binding| of_binding(path, scopes, node, &binding)).collect()
}

fn of_binding(path: &Path, scopes: &mut Scopes, all: &SyntaxNode, binding: &SyntaxNode) -> Option<Piece> {
    let name = binding.first_child()?;
    let value = binding.last_child().filter(|value| *value != name)?;
    let uses = uses_of(scopes, all, &name.text().to_string());
    // It would be another value there, or nobody needs it.
    if uses.is_empty() || uses.iter().any(|used| used.ancestors().any(|ancestor| ancestor == *binding)) {
        return None;
    }
    let replaced = replacements(&uses, &Value::of(&value));
    let (start, end) = bytes(binding);
    let before: usize = end - start + replaced.iter().map(|(start, end, _)| end - start).sum::<usize>();
    let after: usize = replaced.iter().map(|(.., with)| with.len()).sum();
    let saves = before.checked_sub(after).filter(|saves| *saves > 0)?;
    let splice = |(start, end, with)| Edit::Splice { file: path.to_owned(), start, end, with };
    let edits = [delete(path, binding)].into_iter().chain(replaced.into_iter().map(splice)).collect();
    Some(Piece { edits, level: level(binding, is_let), saves })
}

//! Writes a set with one entry as a path: `a = { b = 1; };` becomes `a.b = 1;`.

use std::path::Path;

use rnix::{SyntaxKind, SyntaxNode};

use super::super::edit::{Edit, Piece};
use super::super::project::Project;
use super::super::tree::{bytes, level, nodes, parse};

/// Lists every entry whose value is a set with one entry.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        nodes(path, &root).filter(is_entry).filter_map(|entry| of_entry(path, &entry)).collect()
    };
    project.texts("nix").flat_map(of_file).collect()
}

fn is_entry(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::NODE_ATTRPATH_VALUE
}

fn of_entry(path: &Path, entry: &SyntaxNode) -> Option<Piece> {
    let (outer, set) = (entry.first_child()?, entry.last_child()?);
    let plain = set.kind() == SyntaxKind::NODE_ATTR_SET
        && set.first_token().is_some_and(|token| token.kind() == SyntaxKind::TOKEN_L_BRACE);
    let mut entries = set.children().filter(|_| plain);
    let (inner, None) = (entries.next().filter(is_entry)?, entries.next()) else { return None };
    let (start, end) = bytes(entry);
    let with = format!("{}.{}", outer.text(), inner.text());
    let saves = (end - start).checked_sub(with.len()).filter(|saves| *saves > 0)?;
    let edit = Edit::Splice { file: path.to_owned(), start, end, with };
    Some(Piece { edits: vec![edit], level: level(entry, is_entry), saves })
}

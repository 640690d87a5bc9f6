//! Leaves out arguments that a function names: `{ a, b }: …`.

use std::collections::BTreeSet;
use std::path::Path;

use rnix::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::super::edit::{Edit, Piece};
use super::super::project::Project;
use super::super::tree::{bytes, level, parse};

/// Lists every named argument of every function.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| parse(text).map(|root| arguments(path, &root)).unwrap_or_default();
    project.texts("nix").flat_map(of_file).collect()
}

fn arguments(path: &Path, root: &SyntaxNode) -> Vec<Piece> {
    let patterns = root.descendants().filter(is_pattern);
    patterns
        .flat_map(|pattern| {
            let (start, _) = bytes(&pattern);
            entries(&pattern).into_iter().enumerate().map(move |(argument, entry)| {
                let (from, to) = bytes(&entry);
                let edit = Edit::RemoveArgument { file: path.to_owned(), pattern: start, argument };
                Piece { edits: vec![edit], level: level(&entry, is_pattern) - 1, saves: to - from }
            })
        })
        .collect()
}

fn is_pattern(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::NODE_PATTERN
}

fn entries(pattern: &SyntaxNode) -> Vec<SyntaxNode> {
    pattern.children().filter(|child| child.kind() == SyntaxKind::NODE_PAT_ENTRY).collect()
}

/// Returns the ranges of bytes that go, commas included, when these arguments of a pattern do.
pub(in super::super) fn deletions(
    text: &str,
    pattern: usize,
    gone: &BTreeSet<usize>,
) -> Option<impl Iterator<Item = (usize, usize)> + use<>> {
    let root = parse(text)?;
    let pattern = root.descendants().find(|node| is_pattern(node) && bytes(node).0 == pattern)?;
    let entries = entries(&pattern);
    let rest = pattern.children_with_tokens().find_map(|child| match child {
        SyntaxElement::Token(token) if token.kind() == SyntaxKind::TOKEN_ELLIPSIS => {
            Some(usize::from(token.text_range().start()))
        }
        SyntaxElement::Token(_) | SyntaxElement::Node(_) => None,
    });
    let kept_end = (0..entries.len()).rev().find(|at| !gone.contains(at)).map(|at| bytes(&entries[at]).1);
    let mut ranges = Vec::new();
    for &at in gone {
        let (start, end) = bytes(entries.get(at)?);
        let next = entries.get(at + 1).map(|entry| bytes(entry).0).or(rest);
        ranges.push(match (next, kept_end) {
            // Something comes after it that stays.
            (Some(next), _) if rest.is_some() || kept_end.is_some_and(|kept| kept > end) => (start, next),
            (_, Some(kept)) if kept < start => (kept, end),
            (Some(next), _) => (start, next),
            (None, _) => (start, end),
        });
    }
    Some(ranges.into_iter())
}

//! Where the bytes of an edit go, so that the text around it keeps its lines, its indentation and its comments.

use rnix::SyntaxNode;

use super::read::Anchor;
use crate::syntax::bytes;

/// Other text in place of a range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    start: usize,
    end: usize,
    with: String,
}

impl Splice {
    /// Replaces a node.
    pub(super) fn replace(node: &SyntaxNode, with: &str) -> Self {
        let (start, end) = bytes(node);
        Self { start, end, with: with.to_owned() }
    }

    fn insert(at: usize, with: String) -> Self {
        Self { start: at, end: at, with }
    }
}

/// Makes splices, which do not overlap.
pub(super) fn spliced(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| splice.start);
    let mut edited = text.to_owned();
    for splice in splices.iter().rev() {
        edited.replace_range(splice.start..splice.end, &splice.with);
    }
    edited
}

/// Puts an entry where it belongs: on a line of its own where its neighbour has one.
pub(super) fn inserted(text: &str, anchor: &Anchor, entry: &str) -> Splice {
    let (after, neighbour) = match anchor {
        Anchor::Behind(node) => (bytes(node).1, Some(bytes(node).0)),
        Anchor::FirstIn(set) => {
            let brace = set.children_with_tokens().find(|part| part.kind() == rnix::SyntaxKind::TOKEN_L_BRACE);
            let after = brace.map_or(bytes(set).0, |brace| brace.text_range().end().into());
            (after, set.first_child().map(|first| bytes(&first).0))
        }
    };
    let indentation = neighbour.and_then(|at| indentation(text, at));
    if let (Some(indentation), Some(end)) = (indentation, end_of_line(text, after)) {
        return Splice::insert(end, format!("{}{indentation}{entry}", newline(text)));
    }
    let space = if text[after..].starts_with(|c: char| c.is_ascii_whitespace()) { "" } else { " " };
    Splice::insert(after, format!(" {entry}{space}"))
}

/// Deletes an entry: with its whole line, where it has one. A comment that stands behind it stays.
pub(super) fn deleted(text: &str, entry: &SyntaxNode) -> Splice {
    let (start, end) = bytes(entry);
    let blank = |part: &str| part.len() - part.trim_start_matches([' ', '\t']).len();
    let next = end + blank(&text[end..]);
    let (start, end) = match indentation(text, start) {
        Some(indentation) => match text[next..].find('\n').filter(|at| text[next..next + at].trim_end().is_empty()) {
            Some(newline) => (start - indentation.len(), next + newline + 1),
            None => (start, next),
        },
        None => (text[..start].trim_end_matches([' ', '\t']).len(), end),
    };
    Splice { start, end, with: String::new() }
}

/// Returns the white space before a position, if nothing else stands before it on its line.
fn indentation(text: &str, at: usize) -> Option<&str> {
    let line = text[..at].rfind('\n').map(|newline| newline + 1)?;
    let before = &text[line..at];
    before.bytes().all(|byte| byte == b' ' || byte == b'\t').then_some(before)
}

/// Returns where the line of a position ends, if nothing but comments stands behind it on that line.
fn end_of_line(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let line = rest.find('\n').map_or(rest, |newline| &rest[..newline]);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut left = line.trim_start_matches([' ', '\t']);
    while let Some(comment) = left.strip_prefix("/*") {
        left = comment.split_once("*/")?.1.trim_start_matches([' ', '\t']);
    }
    (left.is_empty() || left.starts_with('#')).then_some(at + line.len())
}

/// Returns how lines end in a text.
fn newline(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

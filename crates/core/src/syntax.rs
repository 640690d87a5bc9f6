//! Nix code as syntax trees: parsing that any text survives, and names and texts as Nix reads them.
//!
//! Owns what all who read or change code need. Must not know what the code is for.

use rnix::ast::{AstNode, InterpolPart, Str};
use rnix::{SyntaxKind, SyntaxNode};

/// The deepest nesting of brackets that is parsed.
const MOST_NESTED: usize = 200;

/// Bounds how deep brackets and operators nest; comments and strings may make it too large, never too small.
fn nesting(text: &str) -> usize {
    let (mut now, mut most) = (0usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => now += 1,
            b')' | b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    most
}

/// Parses a file; none where it is no Nix expression. The parser recurses, so what is nested deeper than any person
/// writes is left alone.
pub(crate) fn parse(text: &str) -> Option<SyntaxNode> {
    if nesting(text) > MOST_NESTED {
        return None;
    }
    let parsed = rnix::Root::parse(text);
    parsed.errors().is_empty().then(|| parsed.syntax())
}

/// The bytes of a node, as a range.
pub(crate) fn bytes(node: &SyntaxNode) -> (usize, usize) {
    let range = node.text_range();
    (range.start().into(), range.end().into())
}

/// The nodes of the names on the left of an entry.
pub(crate) fn name_nodes(entry: &SyntaxNode) -> Vec<SyntaxNode> {
    let path = entry.children().find(|child| child.kind() == SyntaxKind::NODE_ATTRPATH);
    path.into_iter().flat_map(|path| path.children().collect::<Vec<_>>()).collect()
}

/// Reads a name, as the left of an entry or an `inherit` has it; none where it is computed.
pub(crate) fn name(node: &SyntaxNode) -> Option<String> {
    match node.kind() {
        SyntaxKind::NODE_IDENT => Some(node.text().to_string()),
        SyntaxKind::NODE_STRING => text(node),
        _ => None,
    }
}

/// Reads a text that is written down as it is: a string, or an address without quotes; none where it is computed. The
/// node has to be one of a tree without errors.
pub(crate) fn text(node: &SyntaxNode) -> Option<String> {
    if node.kind() == SyntaxKind::NODE_LITERAL {
        let token = node.first_token().filter(|token| token.kind() == SyntaxKind::TOKEN_URI)?;
        return Some(token.text().to_owned());
    }
    let parts = cast::<Str>(node)?.normalized_parts();
    let literal = |part| match part {
        InterpolPart::Literal(text) => Some(text),
        InterpolPart::Interpolation(_) => None,
    };
    parts.into_iter().map(literal).collect()
}

fn cast<N: AstNode>(node: &SyntaxNode) -> Option<N> {
    N::cast(node.clone())
}

/// Takes an expression out of its parentheses.
pub(crate) fn bare(expression: SyntaxNode) -> SyntaxNode {
    let mut bare = expression;
    while bare.kind() == SyntaxKind::NODE_PAREN
        && let Some(inner) = bare.first_child()
    {
        bare = inner;
    }
    bare
}

/// Writes a name as it can stand on the left of an entry.
pub(crate) fn written_name(name: &str) -> String {
    const WORDS: [&str; 10] = ["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"];
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let plain = first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_'-".contains(&b));
    if plain && !WORDS.contains(&name) { name.to_owned() } else { written_text(name) }
}

/// Writes a text as a string.
pub(crate) fn written_text(text: &str) -> String {
    let mut written = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '$' => written.extend(['\\', c]),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            c => written.push(c),
        }
    }
    written.push('"');
    written
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first entry of the first set.
    fn entry(code: &str) -> SyntaxNode {
        let root = parse(code).unwrap();
        root.descendants().find(|node| node.kind() == SyntaxKind::NODE_ATTRPATH_VALUE).unwrap()
    }

    #[test]
    fn names_and_texts_are_read_where_they_are_written_down() {
        for (code, names, value) in [
            ("{ a.\"b c\".d = \"x\"; }", vec![Some("a"), Some("b c"), Some("d")], Some("x")),
            ("{ \"a\\\"\\${\" = ''y''; }", vec![Some("a\"${")], Some("y")),
            ("{ a.${b} = \"${c}\"; }", vec![Some("a"), None], None),
            ("{ \"${a}\" = github:o/r; }", vec![None], Some("github:o/r")),
            ("{ \"\" = \"\"; }", vec![Some("")], Some("")),
            ("{ a = 1; }", vec![Some("a")], None),
        ] {
            let entry = entry(code);
            let read: Vec<_> = name_nodes(&entry).iter().map(name).collect();
            assert_eq!(read.iter().map(Option::as_deref).collect::<Vec<_>>(), names, "{code}");
            assert_eq!(text(&bare(entry.last_child().unwrap())).as_deref(), value, "{code}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(name_ in "\\PC{0,8}|in|a-b|[a-z]{1,4}", value in "[\\PC\n\r\t]{0,12}") {
            let code = format!("{{ {} = {}; }}", written_name(&name_), written_text(&value));
            let entry = entry(&code);
            prop_assert_eq!(name_nodes(&entry).iter().map(name).collect::<Vec<_>>(), [Some(name_)]);
            prop_assert_eq!(text(&entry.last_child().unwrap()), Some(value));
        }
    }
}

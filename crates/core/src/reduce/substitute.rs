//! Puts an expression in place of a name, wherever the name means what one scope binds.
//!
//! Whether what the expression itself names means the same there, the evaluation tells.

use rnix::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::scope::{Scopes, inherited, is_plain_inherit};
use super::tree::{bytes, in_place, is_expression};

/// An expression as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) kind: SyntaxKind,
    pub(super) text: String,
}

impl Value {
    /// Takes an expression.
    pub(super) fn of(node: &SyntaxNode) -> Self {
        Self { kind: node.kind(), text: node.text().to_string() }
    }

    /// Makes a string of what needs no escapes.
    pub(super) fn string(text: &str) -> Self {
        Self { kind: SyntaxKind::NODE_STRING, text: format!("\"{text}\"") }
    }

    /// The name that an attribute has whose name is this string.
    fn attribute(&self) -> Option<&str> {
        let name = self.text.strip_prefix('"')?.strip_suffix('"')?;
        is_name(name).then_some(name)
    }
}

/// Tells whether a text can be the name of an attribute without quotes.
pub(super) fn is_name(text: &str) -> bool {
    let tail = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'\'');
    !["assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"].contains(&text)
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && text.bytes().all(tail)
}

/// Other text in place of a range of bytes of the file.
pub(super) type Replacement = (usize, usize, String);

/// Lists the places below `scope` at which `name` means what `scope` binds.
pub(super) fn uses_of(scopes: &mut Scopes, scope: &SyntaxNode, name: &str) -> Vec<SyntaxNode> {
    let named = scope.descendants().filter(|node| node.kind() == SyntaxKind::NODE_IDENT && node.text() == name);
    let used = named.filter(|node| is_expression(node) || is_plain_inherit(node));
    let mut is_of_it = |node: &SyntaxNode| {
        // What `inherit` names comes from outside of the set or `let` that it stands in.
        let outside = if is_plain_inherit(node) { 2 } else { 0 };
        let mut around = node.ancestors().skip(1).take_while(|around| around != scope);
        (outside == 0 || around.by_ref().nth(outside - 1).is_some())
            && around.all(|around| scopes.bound(&around, name).is_empty())
    };
    used.filter(|node| is_of_it(node)).collect()
}

/// Puts a value in place of uses of a name.
pub(super) fn replacements(uses: &[SyntaxNode], value: &Value) -> Vec<Replacement> {
    uses.iter().flat_map(|node| replacement(node, value)).collect()
}

fn replacement(node: &SyntaxNode, value: &Value) -> Vec<Replacement> {
    let Some(parent) = node.parent() else { return Vec::new() };
    if parent.kind() == SyntaxKind::NODE_INHERIT {
        return in_inherit(node, &parent, value);
    }
    if parent.kind() == SyntaxKind::NODE_DYNAMIC
        && let Some(name) = value.attribute()
    {
        let (start, end) = bytes(&parent);
        return vec![(start, end, name.to_owned())];
    }
    let (start, end) = bytes(node);
    vec![(start, end, in_place(node, value.kind, value.text.clone()))]
}

/// `inherit a b;` becomes `inherit b; a = VALUE;`.
fn in_inherit(node: &SyntaxNode, inherit: &SyntaxNode, value: &Value) -> Vec<Replacement> {
    let binding = format!("{} = {};", node.text(), value.text);
    let (whole_start, whole_end) = bytes(inherit);
    if inherited(inherit).nth(1).is_none() {
        return vec![(whole_start, whole_end, binding)];
    }
    let (start, end) = bytes(node);
    let space = match node.prev_sibling_or_token() {
        Some(SyntaxElement::Token(token)) if token.kind() == SyntaxKind::TOKEN_WHITESPACE => token.text().len(),
        Some(SyntaxElement::Token(_) | SyntaxElement::Node(_)) | None => 0,
    };
    vec![(start - space, end, String::new()), (whole_end, whole_end, format!(" {binding}"))]
}

/// Returns the text of a node with replacements made in it; none where they overlap.
pub(super) fn text_with(node: &SyntaxNode, mut replacements: Vec<Replacement>) -> Option<String> {
    let (begin, end) = bytes(node);
    let text = node.text().to_string();
    replacements.sort();
    let (mut out, mut done) = (String::with_capacity(text.len()), begin);
    for (start, stop, with) in replacements {
        out.push_str(text.get(done.checked_sub(begin)?..start.checked_sub(begin)?)?);
        out.push_str(&with);
        done = stop;
    }
    out.push_str(text.get(done - begin..end - begin)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::tree::parse;
    use super::*;

    fn with(text: &str, value: &Value) -> String {
        let root = parse(text).unwrap();
        let scope = root.first_child().unwrap();
        let uses = uses_of(&mut Scopes::default(), &scope, "x");
        text_with(&scope, replacements(&uses, value)).unwrap()
    }

    #[test]
    fn a_name_is_replaced_where_it_means_the_same_and_nowhere_else() {
        let call = Value { kind: SyntaxKind::NODE_APPLY, text: "f y".to_owned() };
        for (before, after) in [
            ("x: g x x", "x: g (f y) (f y)"),
            ("x: { x = x.x; }", "x: { x = (f y).x; }"),
            ("x: rec { x = 1; y = x; }", "x: rec { x = 1; y = x; }"),
            ("x: x: x", "x: x: x"),
            ("x: let inherit x; in x", "x: let x = f y; in x"),
            ("x: { inherit a x b; }", "x: { inherit a b; x = f y; }"),
            ("x: { inherit (x) x; }", "x: { inherit (f y) x; }"),
            ("x: with x; ''${x}''", "x: with (f y); ''${f y}''"),
        ] {
            assert_eq!(with(before, &call), after);
        }
        let string = Value::string("x86_64-linux");
        assert_eq!(
            with("x: { ${x} = a.${x}.b x; }", &string),
            "x: { x86_64-linux = a.x86_64-linux.b \"x86_64-linux\"; }"
        );
    }

    #[test]
    fn what_can_stand_without_quotes_is_a_name() {
        for (text, expected) in [("a-b'", true), ("x86_64-linux", true), ("1a", false), ("", false), ("in", false)] {
            assert_eq!(is_name(text), expected, "{text}");
        }
    }
}

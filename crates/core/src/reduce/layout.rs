//! Lays out Nix code for people: entries on lines of their own, two spaces for each level.
//!
//! Owns white space between tokens, and nothing else: what is within strings stays, and where the tokens would not be
//! the same the text stays as it was. It is no formatter for every taste; those that are would be programs or libraries
//! many times our size.

use rnix::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::tree::parse;

/// The longest line, where it can be helped.
const WIDTH: usize = 100;
/// How far each level is moved in.
const STEP: usize = 2;

/// Returns the text of a file laid out; as it is, where it cannot be read.
pub(super) fn laid_out(text: &str) -> String {
    let Some(root) = parse(text) else { return text.to_owned() };
    let Some(top) = root.first_child().filter(|_| !has_comments(&root)) else { return text.to_owned() };
    let mut out = show(&top, 0);
    out.push('\n');
    match parse(&out) {
        Some(after) if tokens(&after) == tokens(&root) => out,
        Some(_) | None => text.to_owned(),
    }
}

fn has_comments(root: &SyntaxNode) -> bool {
    tokens(root).iter().any(|(kind, _)| *kind == SyntaxKind::TOKEN_COMMENT)
}

fn tokens(root: &SyntaxNode) -> Vec<(SyntaxKind, String)> {
    let all = root.descendants_with_tokens().filter_map(SyntaxElement::into_token);
    all.filter(|token| token.kind() != SyntaxKind::TOKEN_WHITESPACE)
        .map(|token| (token.kind(), token.text().to_owned()))
        .collect()
}

/// The text of a node whose first line begins at a column, and whose other lines are moved in from there.
fn show(node: &SyntaxNode, indent: usize) -> String {
    let flat = flat(node);
    if !flat.contains('\n') && flat.len() + indent <= WIDTH {
        return flat;
    }
    match node.kind() {
        SyntaxKind::NODE_ATTR_SET | SyntaxKind::NODE_LIST | SyntaxKind::NODE_LET_IN | SyntaxKind::NODE_PATTERN => {
            on_lines(node, indent)
        }
        SyntaxKind::NODE_WITH | SyntaxKind::NODE_ASSERT => {
            broken(node, indent, |before, _| before == Some(SyntaxKind::TOKEN_SEMICOLON))
        }
        SyntaxKind::NODE_IF_ELSE => {
            broken(node, indent, |_, next| matches!(next, SyntaxKind::TOKEN_THEN | SyntaxKind::TOKEN_ELSE))
        }
        SyntaxKind::NODE_LAMBDA => broken(node, indent, |_, next| next == SyntaxKind::NODE_LET_IN),
        SyntaxKind::NODE_APPLY
        | SyntaxKind::NODE_PAREN
        | SyntaxKind::NODE_BIN_OP
        | SyntaxKind::NODE_SELECT
        | SyntaxKind::NODE_UNARY_OP
        | SyntaxKind::NODE_ATTRPATH_VALUE => broken(node, indent, |_, _| false),
        _ => flat,
    }
}

/// Puts the parts of a node one after the other, with a new line where `breaks` between two says so.
fn broken(node: &SyntaxNode, indent: usize, breaks: impl Fn(Option<SyntaxKind>, SyntaxKind) -> bool) -> String {
    let (mut out, mut before) = (String::new(), None);
    for part in parts(node) {
        if breaks(before, part.kind()) {
            new_line(&mut out, indent);
        } else if before.is_some_and(|before| is_parted(node.kind(), before, part.kind())) {
            out.push(' ');
        }
        out.push_str(&show_part(&part, indent));
        before = Some(part.kind());
    }
    out
}

/// Puts every node that a set, a list, a `let` or a pattern holds on a line of its own.
fn on_lines(node: &SyntaxNode, indent: usize) -> String {
    let (mut out, mut before): (String, Option<SyntaxKind>) = (String::new(), None);
    let mut body = false;
    for part in parts(node) {
        let kind = part.kind();
        let deeper = if body { indent } else { indent + STEP };
        let ends = matches!(kind, SyntaxKind::TOKEN_R_BRACE | SyntaxKind::TOKEN_R_BRACK | SyntaxKind::TOKEN_IN);
        let inside = matches!(part, SyntaxElement::Node(_)) || kind == SyntaxKind::TOKEN_ELLIPSIS;
        match kind {
            _ if kind == SyntaxKind::NODE_PAT_BIND || before == Some(SyntaxKind::NODE_PAT_BIND) => {}
            _ if ends => new_line(&mut out, indent),
            _ if inside => new_line(&mut out, deeper),
            _ if before.is_some_and(|before| is_parted(node.kind(), before, kind)) => out.push(' '),
            _ => {}
        }
        out.push_str(&show_part(&part, deeper));
        body |= kind == SyntaxKind::TOKEN_IN;
        before = Some(kind);
    }
    out
}

fn new_line(out: &mut String, indent: usize) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
    out.push_str(&" ".repeat(indent));
}

fn show_part(part: &SyntaxElement, indent: usize) -> String {
    match part {
        SyntaxElement::Node(node) => show(node, indent),
        SyntaxElement::Token(token) => token.text().to_owned(),
    }
}

fn parts(node: &SyntaxNode) -> impl Iterator<Item = SyntaxElement> + use<> {
    node.children_with_tokens().filter(|part| part.kind() != SyntaxKind::TOKEN_WHITESPACE)
}

/// The text of a node on one line, where its strings are.
fn flat(node: &SyntaxNode) -> String {
    match node.kind() {
        SyntaxKind::NODE_STRING
        | SyntaxKind::NODE_DYNAMIC
        | SyntaxKind::NODE_ATTRPATH
        | SyntaxKind::NODE_PATH_ABS
        | SyntaxKind::NODE_PATH_HOME
        | SyntaxKind::NODE_PATH_REL
        | SyntaxKind::NODE_PATH_SEARCH => return node.text().to_string(),
        _ => {}
    }
    let (mut out, mut before) = (String::new(), None);
    for part in parts(node) {
        if before.is_some_and(|before| is_parted(node.kind(), before, part.kind())) {
            out.push(' ');
        }
        match &part {
            SyntaxElement::Node(node) => out.push_str(&flat(node)),
            SyntaxElement::Token(token) => out.push_str(token.text()),
        }
        before = Some(part.kind());
    }
    out
}

/// Tells whether there is a space between two parts of a node.
fn is_parted(node: SyntaxKind, before: SyntaxKind, next: SyntaxKind) -> bool {
    let closes = matches!(
        next,
        SyntaxKind::TOKEN_R_PAREN | SyntaxKind::TOKEN_SEMICOLON | SyntaxKind::TOKEN_COMMA | SyntaxKind::TOKEN_COLON
    );
    let opens = before == SyntaxKind::TOKEN_L_PAREN;
    let joined = [before, next].iter().any(|kind| matches!(kind, SyntaxKind::TOKEN_DOT | SyntaxKind::TOKEN_AT));
    let bound = next == SyntaxKind::NODE_PAT_BIND || before == SyntaxKind::NODE_PAT_BIND;
    !(closes || opens || joined || bound || node == SyntaxKind::NODE_UNARY_OP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_on_one_line_and_what_does_not_is_moved_in() {
        let text = "{inputs.a.url=\"git+file:///some/where/a\";outputs={self,a,...}@x: let b=a.b or 1;in{c=[1 (-2) (f (!b))];\
                    d=with a;assert b;if b then ''\n  kept\n'' else c@{e}: e ? f;inherit (a) g h;};}";
        assert_eq!(
            laid_out(text),
            "{
  inputs.a.url = \"git+file:///some/where/a\";
  outputs = { self, a, ... }@x:
  let
    b = a.b or 1;
  in
  {
    c = [ 1 (-2) (f (!b)) ];
    d = with a;
    assert b;
    if b
    then ''\n  kept\n''
    else c@{ e }: e ? f;
    inherit (a) g h;
  };
}
"
        );
        assert_eq!(laid_out("{ }:\n\n  rec {a=1;}"), "{ }: rec { a = 1; }\n");
    }

    #[test]
    fn what_is_laid_out_stays_as_it_is() {
        for text in ["{ a, b ? 1 }: a // b", "let x = 1; in x", "a: b: a.${b}.\"c\"", "# note\n1", "{"] {
            assert_eq!(laid_out(&laid_out(text)), laid_out(text));
        }
        assert_eq!(laid_out("# note\n1"), "# note\n1");
    }
}

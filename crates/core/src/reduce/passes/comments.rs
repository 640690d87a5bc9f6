//! Leaves out comments, and white space that parts nothing.

use std::path::Path;

use rnix::{SyntaxElement, SyntaxKind};

use super::super::edit::{Edit, Piece};
use super::super::project::Project;
use super::super::tree::parse;

/// Lists every comment, and every run of white space that is longer than it need be.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let of_file = |(path, text): (&Path, &str)| {
        let Some(root) = parse(text) else { return Vec::new() };
        let tokens = root.descendants_with_tokens().filter_map(|element| match element {
            SyntaxElement::Token(token) => Some(token),
            SyntaxElement::Node(_) => None,
        });
        let piece = |token: rnix::SyntaxToken| {
            let with = match token.kind() {
                SyntaxKind::TOKEN_COMMENT => "",
                SyntaxKind::TOKEN_WHITESPACE if token.text().contains('\n') => "\n",
                SyntaxKind::TOKEN_WHITESPACE => " ",
                _ => return None,
            };
            let saves = token.text().len().checked_sub(with.len()).filter(|saves| *saves > 0)?;
            let range = token.text_range();
            let edit = Edit::Splice {
                file: path.to_owned(),
                start: range.start().into(),
                end: range.end().into(),
                with: with.to_owned(),
            };
            Some(Piece { edits: vec![edit], level: 0, saves })
        };
        tokens.filter_map(piece).collect::<Vec<_>>()
    };
    project.texts("nix").flat_map(of_file).collect()
}

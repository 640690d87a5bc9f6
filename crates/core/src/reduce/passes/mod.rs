//! The passes, each in a file of its own: from a project to the pieces that could go.
//!
//! A pass only proposes. All that it proposes makes the project shorter, so that going on has an end.

pub(super) mod arguments;
mod attributes;
mod comments;
pub(super) mod data;
mod elements;
mod expressions;
mod files;
mod inline;
mod inputs;
mod strings;
mod trivial;

use super::edit::Piece;
use super::project::Project;

/// One way of making a project smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// Files are left out.
    Files,
    /// Inputs of the flake are left out, with their part of the lock and the argument of `outputs`.
    Inputs,
    /// Attributes and bindings of `let` are left out.
    Attributes,
    /// Elements of lists are left out.
    Elements,
    /// Values of JSON and TOML files are left out.
    Data,
    /// An expression gives way to the first expression in it.
    First,
    /// An expression gives way to the last expression in it.
    Last,
    /// An expression gives way to `{ }`, `[ ]`, `""` or `null`.
    Trivial,
    /// Arguments that functions name are left out.
    Arguments,
    /// What is bound once and used once stands where it is used.
    Inline,
    /// Strings become shorter.
    Strings,
    /// Comments and white space are left out.
    Comments,
}

impl Pass {
    /// All passes, in the order in which they are tried: those that take most come first.
    pub const ALL: [Self; 12] = [
        Self::Files,
        Self::Inputs,
        Self::Attributes,
        Self::Elements,
        Self::Data,
        Self::Last,
        Self::First,
        Self::Trivial,
        Self::Arguments,
        Self::Inline,
        Self::Strings,
        Self::Comments,
    ];

    /// Lists the pieces of a project that could go, of all levels.
    #[must_use]
    pub fn pieces(self, project: &Project) -> Vec<Piece> {
        match self {
            Self::Files => files::pieces(project),
            Self::Inputs => inputs::pieces(project),
            Self::Attributes => attributes::pieces(project),
            Self::Elements => elements::pieces(project),
            Self::Data => data::pieces(project),
            Self::First => expressions::pieces(project, expressions::Which::First),
            Self::Last => expressions::pieces(project, expressions::Which::Last),
            Self::Trivial => trivial::pieces(project),
            Self::Arguments => arguments::pieces(project),
            Self::Inline => inline::pieces(project),
            Self::Strings => strings::pieces(project),
            Self::Comments => comments::pieces(project),
        }
    }

    /// Returns the words for people, which go on after "without".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Inputs => "inputs",
            Self::Attributes => "attributes",
            Self::Elements => "list elements",
            Self::Data => "data",
            Self::First | Self::Last => "what surrounds expressions",
            Self::Trivial => "expressions",
            Self::Arguments => "arguments",
            Self::Inline => "bindings used once",
            Self::Strings => "text",
            Self::Comments => "comments",
        }
    }
}

#[cfg(test)]
mod tests;

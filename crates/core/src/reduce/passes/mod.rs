//! The passes, each in a file of its own: from a project to the pieces that could go.
//!
//! A pass only proposes. All that it proposes makes the project shorter, so that going on has an end.

pub(super) mod arguments;
mod attributes;
mod calls;
mod comments;
pub(super) mod data;
mod elements;
mod expressions;
mod files;
mod fixed;
mod inclusion;
mod inline;
mod inputs;
mod lock;
mod pairs;
mod paths;
mod strings;
mod trivial;
mod unused;

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
    /// An expression gives way to one further inside.
    Inner,
    /// What `let` binds stands where it is used.
    Inline,
    /// What is called stands in place of the call.
    Calls,
    /// What is done for each of several names is done for the one that is evaluated.
    Fixed,
    /// The expression of a file stands where its path did.
    Inclusion,
    /// A set with one entry is written as a path.
    Paths,
    /// `flake.lock` is written without white space.
    Lock,
    /// Strings become shorter.
    Strings,
    /// Comments and white space are left out.
    Comments,
    /// Bindings of `let` that nothing needs are left out.
    Unused,
    /// Arguments are left out together with what is given for them.
    Pairs,
}

impl Pass {
    /// All passes.
    pub const ALL: [Self; 20] = [
        Self::Files,
        Self::Inputs,
        Self::Attributes,
        Self::Elements,
        Self::Data,
        Self::First,
        Self::Last,
        Self::Trivial,
        Self::Arguments,
        Self::Inline,
        Self::Strings,
        Self::Comments,
        Self::Unused,
        Self::Pairs,
        Self::Inner,
        Self::Calls,
        Self::Fixed,
        Self::Inclusion,
        Self::Paths,
        Self::Lock,
    ];

    /// The order in which passes are tried: those that take most come first, and what they made superfluous goes before
    /// the next one has to look at it.
    pub const ORDER: [Self; 32] = [
        Self::Lock,
        Self::Comments,
        Self::Files,
        Self::Attributes,
        Self::Unused,
        Self::Inputs,
        Self::Data,
        Self::Elements,
        Self::Last,
        Self::Unused,
        Self::Pairs,
        Self::Files,
        Self::Inner,
        Self::First,
        Self::Unused,
        Self::Inline,
        Self::Calls,
        Self::Fixed,
        Self::Unused,
        Self::Inputs,
        Self::Attributes,
        Self::Inclusion,
        Self::Trivial,
        Self::Unused,
        Self::Pairs,
        Self::Inputs,
        Self::Files,
        Self::Inline,
        Self::Arguments,
        Self::Strings,
        Self::Paths,
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
            Self::Inner => expressions::pieces(project, expressions::Which::Inner),
            Self::Inline => inline::pieces(project),
            Self::Calls => calls::pieces(project),
            Self::Fixed => fixed::pieces(project),
            Self::Inclusion => inclusion::pieces(project),
            Self::Paths => paths::pieces(project),
            Self::Lock => lock::pieces(project),
            Self::Strings => strings::pieces(project),
            Self::Comments => comments::pieces(project),
            Self::Unused => unused::pieces(project),
            Self::Pairs => pairs::pieces(project),
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
            Self::First | Self::Last | Self::Inner => "what surrounds expressions",
            Self::Trivial => "expressions",
            Self::Arguments => "arguments",
            Self::Inline => "bindings",
            Self::Calls => "calls",
            Self::Fixed => "what is for other systems",
            Self::Inclusion => "files that are imported once",
            Self::Paths => "sets with one entry",
            Self::Lock => "white space in the lock",
            Self::Strings => "text",
            Self::Comments => "comments",
            Self::Unused => "bindings that nothing needs",
            Self::Pairs => "arguments and what is given for them",
        }
    }
}

#[cfg(test)]
mod tests;

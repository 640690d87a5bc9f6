//! What a pass proposes: pieces of a project to leave out or to make smaller.

use std::path::PathBuf;

/// One change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The file is gone.
    RemoveFile(PathBuf),
    /// Other text stands in place of a range of bytes.
    Splice {
        /// The file.
        file: PathBuf,
        /// The first byte that goes.
        start: usize,
        /// The first byte that stays again.
        end: usize,
        /// The text in its place.
        with: String,
    },
    /// An argument that a function names is gone.
    RemoveArgument {
        /// The file.
        file: PathBuf,
        /// The first byte of the function's pattern.
        pattern: usize,
        /// The argument's number, from 0.
        argument: usize,
    },
    /// A value of a data file is gone: a member, or an element.
    RemoveDatum {
        /// The file.
        file: PathBuf,
        /// Where in it.
        pointer: Pointer,
    },
}

/// The way from a data file's top to one of its values.
pub type Pointer = Vec<Key>;

/// One step of a pointer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A member, by its name.
    Member(String),
    /// An element, by its number from 0.
    Element(usize),
}

/// Edits that belong together, and how deep in the structure they are: of two pieces on one level, none holds the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The edits.
    pub edits: Vec<Edit>,
    /// How many other pieces of the same pass hold this one.
    pub level: usize,
    /// About how many bytes shorter the project becomes.
    pub saves: usize,
}

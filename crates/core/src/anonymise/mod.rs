//! Private names in a project, replaced by others that say nothing.
//!
//! A name is a word, wherever it stands: a binding, a part of a string, of a path, of a file's name or of data. So the same
//! name becomes the same stand-in everywhere, and no two become one. Owns which words there are and the exchange; must
//! not decide whether the project still fails, nor which words others know.

mod names;
mod public;
mod words;

pub use names::{Name, Names};

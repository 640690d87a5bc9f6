//! Which parts of a commit suffice to make the change: its difference to its parent in pieces, and what is told of them.
//!
//! Owns how a difference is taken apart and put together again. Must not search for the smallest part, which
//! [`isolate::Search`](crate::isolate::Search) does, nor know git.

mod model;
mod pieces;

pub use model::{Amount, Basis, Extract, Hunk, PATCH, Proof};
pub use pieces::{Change, Content, Entry, Pieces};

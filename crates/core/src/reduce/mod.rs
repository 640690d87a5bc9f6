//! From a failing project to the smallest one that still fails in the same way.
//!
//! Owns what a project is, the passes that propose smaller ones, and the order in which they are tried. Must not decide
//! whether a candidate still fails: that is asked for. The method is hierarchical delta debugging (Misherghi and Su,
//! "HDD: Hierarchical Delta Debugging", 2006) over syntax trees, largest pieces first.

mod edit;
mod layout;
mod passes;
mod project;
mod reducer;
mod scope;
mod substitute;
mod tree;

pub use edit::{Edit, Piece, Pointer};
pub use passes::Pass;
pub use project::{Digest, Project};
pub use reducer::{Candidate, Reducer, Step, Tried};

//! What helps: changes that may make a failing target evaluate again, and which of those that do is best.
//!
//! Owns which changes there are, their words, and their order. Must not try any: that is the case's part.

mod candidates;
mod command;
mod edges;
pub mod edit;
mod files;
mod model;
mod rank;
mod refusal;
mod unified;

pub use candidates::{Candidate, Facts, Head, Keeping, NixAtHand, PullRequests, candidates, owners, request};
pub use command::{lock_command, word};
pub use edges::{Edge, Edges};
pub use files::files;
pub use model::{
    Action, Before, Correction, Corrections, Derivations, Failed, PATCH, Point, Proof, Reach, Step, Untried,
};
pub use rank::rank;
pub use refusal::{Grounds, Permission, Refusal};
pub use unified::unified;

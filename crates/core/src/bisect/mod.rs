//! The search for the first bad commit.
//!
//! Owns the commit graph, the range between the ends, and the search over it as a state machine that
//! is asked for the next step and told the verdict. Must not run git or a probe, nor look at a clock.
//!
//! [`Search`] is the way in; `docs/search.md` tells in plain words how it works.

mod choose;
mod culprit;
mod estimate;
mod evidence;
mod graph;
mod hints;
mod log;
mod range;
mod search;
mod settings;
mod shares;
#[cfg(test)]
mod tests;

pub use culprit::{Basis, Contradiction, Culprit, Finding, Parent, Skipped};
pub use estimate::{Pace, expected_steps};
pub use graph::{Graph, GraphError};
pub use hints::{Hint, Reason};
pub use log::bisect_log;
pub use range::{Ends, RangeError, Relation, relation};
pub use search::{Effect, Remaining, Search, Step, UnknownCommit};
pub use settings::{Goal, Mode, Settings, SkipPolicy};

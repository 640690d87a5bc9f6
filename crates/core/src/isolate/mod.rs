//! Which of the differences between two locks turn good into bad.
//!
//! Owns what the differences are (`difference`) and the search for the smallest set of them (`search`), as a
//! state machine. Must not probe: it is asked for the next set and told the verdict.

mod difference;
mod search;

pub use difference::{Difference, Part};
pub use search::{Extent, Finding, Member, Parts, Search, Smallest, Step, most_probes};

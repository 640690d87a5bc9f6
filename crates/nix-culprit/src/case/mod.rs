//! One investigation: its settings, its journal on disk, and the loops that lead to the culprit.
//!
//! Takes plain settings and tells an event sink. Must not know clap or the terminal.

mod ahead;
mod assignment;
mod changes;
mod clones;
mod conclusion;
mod confirm;
mod contents;
mod correct;
mod decisive;
mod early;
mod edge;
mod ends;
mod error;
mod evaluator;
mod expected;
mod explain;
mod extract;
#[cfg(test)]
mod fake;
mod flake_copy;
mod flame;
mod follows;
mod foresight;
mod hashes;
mod history;
mod instrumented;
mod investigation;
mod isolate;
mod journal;
mod jumps;
mod kept;
mod likely;
mod listen;
mod matrix;
mod meter;
mod nix_evaluator;
mod other_nix;
mod ours;
mod prober;
mod project;
mod proof;
mod pure;
mod reduction;
mod remembered;
mod search;
mod settings;
mod single;
mod states;
mod store;
mod surroundings;
mod trees;

pub use ahead::{Ahead, Make};
pub use assignment::Assignment;
pub use clones::CloneError;
pub use correct::{ChangeError, FileChange, FileChanges, uncommitted};
pub use error::CaseError;
pub use evaluator::{Evaluated, Evaluator, EvaluatorError, Settled, Target};
pub use flame::{DIFFERENCE as FLAMEGRAPH_DIFFERENCE, FILE as FLAMEGRAPH};
pub use history::{Ancestry, History, HistoryError};
pub use investigation::{Concluded, investigate};
pub use journal::{Entry, Journal, JournalError, read as read_journal};
pub use matrix::{Axes, Size, Tabulated, tabulate};
pub use prober::{Prober, Question, Record, Round};
pub use reduction::{
    Anonymised, Ended, History as Steps, Inputs, Naming, Origin, Reduced, Reduction, Restored, Same, Trust, has_begun,
    reduce, result_in,
};
pub use search::{Found, Guess, Range, search};
pub use settings::{
    Confirmation, Correcting, Explaining, Fetching, MemoryFrom, ReadSets, Root, Scope, Settings, Wanted,
};
pub use single::{Single, probe_once};
pub use store::{CaseDir, Cases, StoreError};
pub use surroundings::Surroundings;

//! Drives the user's Nix: which one it is, how it is called, and how its answers read.
//!
//! Builds command lines and reads answers; `sys::child` spawns, `sys::limit` guards.

mod call;
mod counters;
mod fetcher_cache;
mod installed;
mod instrument;
mod plan;
mod private_store;
mod version;

pub use call::{
    Answer, EvalQuestion, Nix, NixError, Scene, begins_with, build_nix, read_answer, read_drv_path, with_channels,
};
pub use counters::CountersFile;
pub use fetcher_cache::{FetcherCacheError, Sources, make_fetcher_cache, user_cache, with_cache};
pub use installed::Installed;
pub use instrument::Instrument;
pub use plan::{
    ASKED, CALL_FILE, CALL_FLAKE, CommitFolder, ENTRY, FILE_ENTRY, FilePlan, Plan, PlannedNode, TRACE, TRACED_ENTRY,
    Tree,
};
pub use private_store::read_requisites;
pub use version::Version;

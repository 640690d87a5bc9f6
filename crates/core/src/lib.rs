//! The pure part of nix-culprit: it takes values and bytes and returns values.
//!
//! Owns what an outcome, a lock file, a search and a report *are*. Must not touch processes, the
//! file system, the clock, threads or the terminal; that is the `nix-culprit` crate's part.

pub mod anonymise;
pub mod bisect;
pub mod changed_paths;
pub mod correct;
pub mod counters;
pub mod event;
pub mod explain;
pub mod flake;
pub mod growth;
pub mod hunks;
pub mod ids;
pub mod isolate;
pub mod matrix;
pub mod outcome;
pub mod pins;
pub mod profile;
pub mod pull_request;
pub mod quantity;
pub mod read_set;
pub mod reduce;
pub mod report;
pub mod store_path;
mod syntax;
pub mod text;
pub mod vendor;

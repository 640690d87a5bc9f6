//! The user's `git` program: histories, commits, clones, trees of commits, copies of flakes.
//!
//! Owns every call of git; nothing else may start it. Must never write into a repository of the
//! user: no index refresh, no reference, no worktree, no object, no collection of garbage. What a
//! repository's settings and attributes could run (hooks, filters, monitors, signature programs)
//! is not run.

mod additions;
mod call;
mod changed;
mod changed_paths;
mod clone;
mod commit;
mod contents;
mod date;
mod error;
mod files;
mod heads;
mod history;
mod opening;
mod parts;
mod progress;
mod pull_requests;
mod repository;
mod revert;
mod scratch;
mod snapshot;
mod trees;
mod view;

pub use call::Git;
pub use changed_paths::read_changed_paths;
pub use clone::{clone_blobless, clone_folder};
pub use commit::{Change, Commit, FileChange, Person};
pub use contents::Contents;
pub use date::Timestamp;
pub use error::GitError;
pub use parts::Partial;
pub use progress::{OnProgress, Phase, Progress};
pub use pull_requests::PullRequest;
pub use repository::Repository;
pub use revert::{Revert, Reverted};
pub use scratch::BRANCH;
pub use snapshot::Snapshot;
pub use trees::Checkout;

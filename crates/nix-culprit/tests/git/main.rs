//! `sys::git` with the real git program, in folders of its own.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod cloning;
mod fixture;
mod parting;
mod pull_requests;
mod reading;
mod reverting;
mod snapshots;
mod trees;

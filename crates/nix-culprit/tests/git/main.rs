//! `sys::git` with the real git program, in folders of its own.

mod cloning;
mod fixture;
mod reading;
mod snapshots;
mod trees;

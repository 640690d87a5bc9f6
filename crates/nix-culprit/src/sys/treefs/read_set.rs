//! What a probe looked at in the commits that it was shown.
//!
//! Owns the record only. Must not draw conclusions from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nix_culprit_core::ids::CommitId;

/// The most that was done with one path; each includes those before it, as far as they apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// It was looked up, and there is nothing.
    Missing,
    /// It was looked up: that it exists, whether it is a file, a link or a directory, whether it is
    /// executable, and its size may have been seen.
    Found,
    /// A directory whose names, with their kinds, were listed.
    Listed,
    /// A file or a symbolic link whose content was read.
    Read,
}

/// What was looked at in one commit, by path from the top of its tree (the top itself is empty).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// What was done with each path.
    pub uses: BTreeMap<PathBuf, Use>,
    /// The paths whose objects are missing or damaged: the reader got an error that says nothing
    /// about the commit, so an outcome that came after it is no evidence.
    pub unreadable: BTreeSet<PathBuf>,
}

impl Reads {
    /// Records a use; the strongest one of a path stays.
    pub(super) fn note(&mut self, path: &Path, now: Use) {
        match self.uses.get_mut(path) {
            Some(used) => *used = now.max(*used),
            None => _ = self.uses.insert(path.to_owned(), now),
        }
    }
}

/// What a probe looked at, by repository (as numbered by the mount) and commit.
pub type ReadSet = BTreeMap<(usize, CommitId), Reads>;

//! What an evaluation looked at in a tree, and whether another tree would have looked the same to it.
//!
//! Evaluation is pure: where all that was looked at is the same, so is the result. Owns the record and this
//! conclusion. Must not know how it was recorded, nor how trees are compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The most that was done with one path; each includes those before it, as far as they apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reads {
    /// What was done with each path.
    pub uses: BTreeMap<PathBuf, Use>,
    /// The paths whose objects are missing or damaged: the reader got an error that says nothing
    /// about the commit, so an outcome that came after it is no evidence.
    pub unreadable: BTreeSet<PathBuf>,
}

/// What a path is in a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Folder,
    /// A file that is not executable.
    File,
    /// A file that is executable.
    Executable,
    /// A symbolic link.
    Link,
    /// A submodule, which is shown as an empty directory.
    Submodule,
}

/// A path that is not the same in two trees. A directory is not the same when anything below it is not; one that
/// comes or goes is listed with all that is in it, and so is what takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The path from the top of the trees.
    pub path: PathBuf,
    /// What it is in the first tree.
    pub before: Option<Kind>,
    /// What it is in the second tree.
    pub after: Option<Kind>,
}

impl Reads {
    /// Records a use; the strongest one of a path stays.
    pub fn note(&mut self, path: &Path, now: Use) {
        match self.uses.get_mut(path) {
            Some(used) => *used = now.max(*used),
            None => _ = self.uses.insert(path.to_owned(), now),
        }
    }

    /// Tells whether all of it would have been the same in another tree, which differs in these paths. In doubt
    /// it would not.
    #[must_use]
    pub fn hold_after(&self, changes: &[Changed]) -> bool {
        self.unreadable.is_empty() && !changes.iter().any(|change| self.saw(change))
    }

    /// Tells whether a change would have been seen.
    #[must_use]
    pub fn saw(&self, change: &Changed) -> bool {
        let above = change.path.parent().and_then(|folder| self.uses.get(folder));
        Self::sees(self.uses.get(&change.path).copied(), above.copied(), change.before, change.after)
    }

    /// Tells whether a change of a path is seen, by what was done with the path and with the folder it lies in.
    pub(crate) fn sees(used: Option<Use>, above: Option<Use>, before: Option<Kind>, after: Option<Kind>) -> bool {
        let stays_a_folder = (before, after) == (Some(Kind::Folder), Some(Kind::Folder));
        // What is listed of a directory that stays one is seen by the changes of its entries.
        let itself = match used {
            Some(Use::Found | Use::Listed) => !stays_a_folder,
            Some(Use::Missing | Use::Read) => true,
            None => false,
        };
        itself || (above == Some(Use::Listed) && before != after)
    }
}

#[cfg(test)]
mod tests;

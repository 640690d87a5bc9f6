//! One commit taken back on top of another, without a checkout and without writing into the repository.
//!
//! What git merges is text by git's own rules.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::End;
use nix_culprit_core::text::printable;

use super::error::GitError;
use super::repository::Repository;
use super::scratch::Scratch;

/// What came of taking a commit back.
#[derive(Debug, Clone)]
pub enum Revert {
    /// It was taken back.
    Done(Reverted),
    /// Later commits changed the same lines.
    Conflict {
        /// The files in which they did, safe to print.
        files: Vec<String>,
    },
    /// There is nothing before it, or nothing of it is left.
    Nothing {
        /// Why.
        why: &'static str,
    },
}

/// A commit that takes another back.
#[derive(Debug, Clone)]
pub struct Reverted {
    /// The git folder that has it.
    pub git_dir: PathBuf,
    /// The commit; the same for the same two commits.
    pub commit: CommitId,
    /// What it changes, for `git apply` and `patch -p1`.
    pub patch: Vec<u8>,
}

impl Repository {
    /// Takes a commit back on top of `on`, which descends from it: of a merge, what it brought to its first parent.
    ///
    /// # Errors
    /// A commit is missing, the folder cannot be written, or git is older than 2.38.
    pub fn revert(&self, culprit: &CommitId, on: &CommitId, folder: &Path) -> Result<Revert, GitError> {
        let scratch = Scratch::new(self, folder, "revert.git")?;
        let Some(parent) = self.commit(culprit)?.parents.into_iter().next() else {
            return Ok(Revert::Nothing { why: "it is the first commit" });
        };
        // A commit on the culprit that undoes it: merged, it is what `git revert` does.
        let seconds = self.committed(on)?.seconds;
        let message = format!("Revert {culprit}\n");
        let commit = |tree: &OsStr, parent: &CommitId| scratch.commit(tree, parent, &message, seconds);
        let undone = commit(&scratch.tree_of(&parent)?, culprit)?;
        let merge = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z"];
        let answer = scratch.call().args(merge).args([on.as_str(), undone.as_str()]).finish(&self.git)?;
        let mut fields = answer.stdout.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        let tree = fields.next().map(|tree| String::from_utf8_lossy(tree).into_owned());
        let tree = match (answer.end, tree) {
            (End::Exited(0), Some(tree)) => tree,
            (End::Exited(1), Some(_)) => {
                let files = fields.map(|file| printable(&String::from_utf8_lossy(file))).collect();
                return Ok(Revert::Conflict { files });
            }
            _ => return Err(answer.failed()),
        };
        if tree.as_bytes() == scratch.tree_of(on)?.as_encoded_bytes() {
            return Ok(Revert::Nothing { why: "later commits took it back already" });
        }
        let reverted = commit(tree.as_ref(), on)?;
        scratch.publish(&reverted)?;
        let patch = scratch.patch(on, &reverted)?;
        Ok(Revert::Done(Reverted { git_dir: scratch.git_dir, commit: reverted, patch }))
    }
}

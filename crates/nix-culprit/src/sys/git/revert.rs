//! One commit taken back on top of another, without a checkout and without writing into the repository.
//!
//! The trees and commits are made in a git folder of ours that borrows the repository's objects. What git merges is
//! text by git's own rules; programs that a repository's attributes name are not run.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::End;
use nix_culprit_core::text::printable;

use super::call::{Call, Git};
use super::clone::remove;
use super::error::{GitError, at};
use super::repository::{Repository, commit_id, line};
use super::view;

/// The branch that a revert is on, in its git folder.
pub const BRANCH: &str = "reverted";

/// Attributes that win over those of the trees: contents are merged and compared as they are recorded.
const ATTRIBUTES: &str = "* -text -crlf -eol -ident -filter -working-tree-encoding diff merge\n";

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
        fs::create_dir_all(folder).map_err(at(folder))?;
        let git_dir = fs::canonicalize(folder).map_err(at(folder))?.join("revert.git");
        remove(&git_dir)?;
        view::make(self, &git_dir)?;
        let attributes = git_dir.join("info/attributes");
        fs::write(&attributes, ATTRIBUTES).map_err(at(&attributes))?;
        let call = || {
            let call = Call::new().git_dir(&git_dir);
            if self.is_partial() { call.may_fetch() } else { call }
        };
        let Some(parent) = self.commit(culprit)?.parents.into_iter().next() else {
            return Ok(Revert::Nothing { why: "it is the first commit" });
        };
        // A commit on the culprit that undoes it: merged, it is what `git revert` does.
        let seconds = self.committed(on)?.seconds;
        let commit = |tree: &str, parent: &CommitId| {
            let message = format!("Revert {culprit}\n");
            let tree = call().args(["commit-tree", "--no-gpg-sign", tree, "-p", parent.as_str(), "-F", "-"]);
            commit_id(signed(tree, seconds).input(message).output(&self.git)?)
        };
        let undone = commit(&format!("{parent}^{{tree}}"), culprit)?;
        let merge = ["merge-tree", "--write-tree", "--name-only", "--no-messages", "-z"];
        let answer = call().args(merge).args([on.as_str(), undone.as_str()]).finish(&self.git)?;
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
        if tree.as_bytes() == tree_of(&self.git, &call(), on)?.as_encoded_bytes() {
            return Ok(Revert::Nothing { why: "later commits took it back already" });
        }
        let reverted = commit(&tree, on)?;
        let name = format!("refs/heads/{BRANCH}");
        call().args(["update-ref", &name, reverted.as_str()]).output(&self.git)?;
        call().args(["symbolic-ref", "HEAD", &name]).output(&self.git)?;
        let compare = ["diff-tree", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv"];
        let prefixes = ["--src-prefix=a/", "--dst-prefix=b/"];
        let patch = call().args(compare).args(prefixes).args([on.as_str(), reverted.as_str()]).output(&self.git)?;
        Ok(Revert::Done(Reverted { git_dir, commit: reverted, patch }))
    }
}

fn tree_of(git: &Git, call: &Call, commit: &CommitId) -> Result<std::ffi::OsString, GitError> {
    let name = format!("{commit}^{{tree}}");
    Ok(line(call.clone().args(["rev-parse", "--verify", "--end-of-options", &name]).output(git)?))
}

/// Names the author of what we make, so that the same is the same commit everywhere.
fn signed(call: Call, seconds: i64) -> Call {
    let date = format!("@{seconds} +0000");
    let pairs = [
        ("GIT_AUTHOR_NAME", "nix-culprit"),
        ("GIT_AUTHOR_EMAIL", "nix-culprit@localhost"),
        ("GIT_AUTHOR_DATE", &date),
        ("GIT_COMMITTER_NAME", "nix-culprit"),
        ("GIT_COMMITTER_EMAIL", "nix-culprit@localhost"),
        ("GIT_COMMITTER_DATE", &date),
    ];
    pairs.into_iter().fold(call, |call, (name, value)| call.variable(name, OsStr::new(value)))
}

//! A git folder of ours in which trees and commits are made on top of a repository, without a checkout and without
//! writing into the repository.
//!
//! It borrows the repository's objects. Programs that a repository's attributes name are not run.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::ids::CommitId;

use super::call::{Call, Git};
use super::clone::remove;
use super::error::{GitError, at};
use super::repository::{Repository, commit_id, line};
use super::view;

/// The branch that what was made last is on.
pub const BRANCH: &str = "made";

/// Attributes that win over those of the trees: contents are merged and compared as they are recorded.
const ATTRIBUTES: &str = "* -text -crlf -eol -ident -filter -working-tree-encoding diff merge\n";

/// The git folder.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    pub(super) git: Git,
    pub(super) git_dir: PathBuf,
    partial: bool,
}

impl Scratch {
    /// Makes the folder anew, at `folder/name`.
    pub(super) fn new(repository: &Repository, folder: &Path, name: &str) -> Result<Self, GitError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let git_dir = fs::canonicalize(folder).map_err(at(folder))?.join(name);
        remove(&git_dir)?;
        view::make(repository, &git_dir)?;
        let attributes = git_dir.join("info/attributes");
        fs::write(&attributes, ATTRIBUTES).map_err(at(&attributes))?;
        Ok(Self { git: repository.git.clone(), git_dir, partial: repository.is_partial() })
    }

    /// Starts a call in it.
    pub(super) fn call(&self) -> Call {
        let call = Call::new().git_dir(&self.git_dir);
        if self.partial { call.may_fetch() } else { call }
    }

    /// Makes a commit; the same for the same tree, parent, message and time.
    pub(super) fn commit(
        &self,
        tree: &OsStr,
        parent: &CommitId,
        message: &str,
        seconds: i64,
    ) -> Result<CommitId, GitError> {
        let call =
            self.call().args(["commit-tree", "--no-gpg-sign"]).arg(tree).args(["-p", parent.as_str(), "-F", "-"]);
        commit_id(signed(call, seconds).input(message).output(&self.git)?)
    }

    /// Puts a commit on the branch, so that it can be fetched.
    pub(super) fn publish(&self, commit: &CommitId) -> Result<(), GitError> {
        let name = format!("refs/heads/{BRANCH}");
        self.call().args(["update-ref", &name, commit.as_str()]).output(&self.git)?;
        self.call().args(["symbolic-ref", "HEAD", &name]).output(&self.git).map(drop)
    }

    /// Returns the tree of a commit.
    pub(super) fn tree_of(&self, commit: &CommitId) -> Result<OsString, GitError> {
        let name = format!("{commit}^{{tree}}");
        Ok(line(self.call().args(["rev-parse", "--verify", "--end-of-options", &name]).output(&self.git)?))
    }

    /// Returns the difference of two commits, for `git apply` and `patch -p1`.
    pub(super) fn patch(&self, from: &CommitId, to: &CommitId) -> Result<Vec<u8>, GitError> {
        let compare = ["diff-tree", "-p", "--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv"];
        let prefixes = ["--src-prefix=a/", "--dst-prefix=b/"];
        self.call().args(compare).args(prefixes).args([from.as_str(), to.as_str()]).output(&self.git)
    }
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

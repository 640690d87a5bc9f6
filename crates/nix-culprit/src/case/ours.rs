//! An input at commits that only a git folder of ours has.

use std::path::Path;

use nix_culprit_core::flake::{Attrs, Lock};
use nix_culprit_core::ids::{CommitId, NodeKey};

use super::clones::{Clones, revision};
use super::prober::Prober;
use super::{Assignment, CaseError};
use crate::sys::git::{BRANCH, Git, Repository};

/// A lock node that is put to such commits, with all else as in its lock.
pub(super) struct Ours<'a> {
    clones: &'a Clones,
    lock: &'a Lock,
    key: &'a NodeKey,
    repository: Repository,
}

impl<'a> Ours<'a> {
    /// Begins with a git folder that has the commits, and the objects of the input's own repository.
    pub(super) fn new(
        git: &Git,
        git_dir: &Path,
        clones: &'a Clones,
        lock: &'a Lock,
        key: &'a NodeKey,
    ) -> Result<Self, CaseError> {
        Ok(Self { clones, lock, key, repository: Repository::open(git, git_dir)? })
    }

    /// Makes the assignment of a commit.
    pub(super) fn at(&self, commit: &CommitId) -> Result<Assignment, CaseError> {
        self.with_hash(commit, None)
    }

    /// Takes note that the git folder shows what Nix would fetch: the hash that the lock has vouches for it, so that
    /// what is made in it need not be fetched.
    pub(super) fn vouch(&self, prober: &mut Prober<'_>) -> Result<(), CaseError> {
        let on = self.lock.locked(self.key)?.rev();
        if let (Some(on), Some(hash)) = (on, self.locked("narHash"))
            && self.repository.has(&on)?
        {
            prober.note(&self.with_hash(&on, Some(hash))?);
        }
        Ok(())
    }

    fn with_hash(&self, commit: &CommitId, hash: Option<&str>) -> Result<Assignment, CaseError> {
        let git_dir = self.repository.git_dir();
        let mut attrs = Attrs::default();
        attrs.set("type", Some("git"));
        attrs.set("url", Some(format!("file://{}", git_dir.display()).as_str()));
        attrs.set("ref", Some(BRANCH));
        attrs.set("rev", Some(commit.as_str()));
        attrs.set("dir", self.locked("dir"));
        attrs.set("narHash", hash);
        attrs.set("lastModified", revision(&self.repository, commit)?.last_modified);
        let mut assignment = self.clones.assignment(self.lock.with_locked(self.key, attrs)?);
        assignment.clones.insert(self.key.clone(), git_dir.to_owned());
        Ok(assignment)
    }

    /// Returns what the lock says of the node's tree.
    fn locked(&self, name: &str) -> Option<&'a str> {
        self.lock.nodes.get(self.key)?.locked.as_ref()?.text(name)
    }
}

//! Commits as directories.
//!
//! A checkout has contents as they are recorded in git, without filters, line-end conversion or
//! keywords, and submodules as empty folders. A forge's tarball of the same commit can differ: it
//! applies the attributes `export-subst` and `export-ignore`, which a checkout does not. So does
//! `git+file` of Nix 2.8, through `git archive`; 2.26 and 2.34 do not, and have nothing where a
//! submodule is.

use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::ids::CommitId;

use super::call::{Call, Git};
use super::clone::remove;
use super::contents;
use super::error::{GitError, at};
use super::progress::OnProgress;
use super::repository::Repository;
use super::view;

/// A folder that holds one commit of a repository at a time, and moves between them.
///
/// It is the caller's to see that nobody else uses the folder.
#[derive(Debug)]
pub struct Checkout {
    git: Git,
    git_dir: PathBuf,
    partial: bool,
    source: PathBuf,
    index: PathBuf,
    /// The file that holds the commit that `source` has; it is absent during a move.
    state: PathBuf,
    at: Option<CommitId>,
}

impl Checkout {
    /// Prepares a checkout below `folder`, outside of the repository. The commit's tree will be at
    /// `folder/source`: Nix names store paths after the last component. What an earlier run left
    /// there is used, if it is whole.
    ///
    /// # Errors
    /// The folder cannot be written, or the repository not be read.
    pub fn new(repository: &Repository, folder: &Path) -> Result<Self, GitError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        let folder = fs::canonicalize(folder).map_err(at(folder))?;
        let git_dir = if repository.is_ours() {
            view::neutralise(&repository.git_dir)?;
            repository.git_dir.clone()
        } else {
            let view = folder.join("view.git");
            remove(&view)?;
            view::make(repository, &view)?;
            view
        };
        Ok(Self {
            git: repository.git.clone(),
            git_dir,
            partial: repository.is_partial(),
            source: folder.join("source"),
            index: folder.join("index"),
            state: folder.join("commit"),
            at: None,
        })
    }

    /// Returns the folder of the tree.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.source
    }

    /// Makes the folder hold a commit, by changing what differs. A folder that was damaged or left
    /// half-way is made afresh.
    ///
    /// # Errors
    /// The commit is missing, a content cannot be fetched, the disk is full, or the user asked to stop.
    pub fn move_to(&mut self, commit: &CommitId, progress: OnProgress<'_>) -> Result<(), GitError> {
        if self.at.as_ref() == Some(commit) && self.source.is_dir() {
            return Ok(());
        }
        self.at = None;
        let from = self.recorded();
        remove_file(&self.state)?;
        remove_file(&self.index.with_extension("lock"))?;
        match from {
            Some(from) => match self.read_tree(Some(&from), commit, progress) {
                Err(GitError::Failed { .. }) => self.fresh(commit, progress)?,
                other => other?,
            },
            None => self.fresh(commit, progress)?,
        }
        fs::write(&self.state, commit.as_str()).map_err(at(&self.state))?;
        self.at = Some(commit.clone());
        Ok(())
    }

    /// Reads which commit the folder holds as a whole.
    fn recorded(&self) -> Option<CommitId> {
        let whole = self.source.is_dir() && self.index.is_file();
        fs::read_to_string(&self.state).ok().filter(|_| whole)?.parse().ok()
    }

    fn fresh(&self, commit: &CommitId, progress: OnProgress<'_>) -> Result<(), GitError> {
        remove(&self.source)?;
        remove_file(&self.index)?;
        fs::create_dir_all(&self.source).map_err(at(&self.source))?;
        self.read_tree(None, commit, progress)
    }

    fn read_tree(&self, from: Option<&CommitId>, commit: &CommitId, progress: OnProgress<'_>) -> Result<(), GitError> {
        if self.partial {
            self.prefetch(from, commit, progress)?;
        }
        let call = self.call().variable("GIT_INDEX_FILE", &self.index).variable("GIT_WORK_TREE", &self.source);
        let call = call.folder(&self.source).args(["read-tree", "-v", "--reset", "-u", commit.as_str()]);
        let call = if self.partial { call.may_fetch() } else { call };
        call.watched(&self.git, progress)
    }

    /// Fetches the contents that are missing in one go; git would show no progress.
    fn prefetch(&self, from: Option<&CommitId>, commit: &CommitId, progress: OnProgress<'_>) -> Result<(), GitError> {
        let trees = std::iter::once(format!("{commit}^{{tree}}")).chain(from.map(|from| format!("^{from}^{{tree}}")));
        let list = self.call().args(["rev-list", "--objects", "--missing=print", "--no-object-names"]).args(trees);
        let missing = parse_missing(&list.output(&self.git)?);
        if missing.is_empty() {
            return Ok(());
        }
        contents::fetch(&self.call(), missing).watched(&self.git, progress)
    }

    fn call(&self) -> Call {
        Call::new().git_dir(&self.git_dir)
    }
}

/// Picks the hashes marked `?` and returns them one a line.
fn parse_missing(answer: &[u8]) -> Vec<u8> {
    let lines = answer.split(|b| *b == b'\n').filter_map(|line| line.strip_prefix(b"?"));
    lines.flat_map(|hash| hash.iter().copied().chain([b'\n'])).collect()
}

fn remove_file(path: &Path) -> Result<(), GitError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_missing_objects_are_fetched() {
        assert_eq!(parse_missing(b"aa\n?bb\ncc\n?dd\n"), b"bb\ndd\n");
        assert_eq!(parse_missing(b""), b"");
    }
}

//! Contents that a clone without contents still lacks: fetched in batches.
//!
//! Owns where they are put and how long that may take. Must not decide which are needed; the file
//! system knows that. A clone of the user is not written to: what it lacks is fetched into a git folder
//! of ours that borrows its objects.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::call::{Call, Git};
use super::clone::remove;
use super::error::{GitError, at};
use super::progress::OnProgress;
use super::repository::Repository;
use super::view;

/// A repository whose missing contents can be fetched.
#[derive(Debug, Clone)]
pub struct Contents {
    git: Git,
    git_dir: PathBuf,
}

impl Contents {
    /// Prepares to fetch what a repository lacks; `folder` is for a git folder of ours, where that is needed.
    ///
    /// # Errors
    /// The folder cannot be written, or the repository not be read.
    pub fn of(repository: &Repository, folder: &Path) -> Result<Self, GitError> {
        let git_dir = if repository.is_ours() {
            repository.git_dir.clone()
        } else {
            std::fs::create_dir_all(folder).map_err(at(folder))?;
            let view = std::fs::canonicalize(folder).map_err(at(folder))?.join("view.git");
            remove(&view)?;
            view::make(repository, &view)?;
            view
        };
        Ok(Self { git: repository.git.clone(), git_dir })
    }

    /// Returns the git folder that has all objects of the repository, and gets the fetched ones.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Fetches objects by their hashes, in one request to the server.
    ///
    /// # Errors
    /// The server does not have one of them, cannot be reached, or takes longer than `time`; or the user
    /// asked to stop.
    pub fn fetch(&self, hashes: &[String], time: Duration, progress: OnProgress<'_>) -> Result<(), GitError> {
        if hashes.is_empty() {
            return Ok(());
        }
        let mut lines = hashes.join("\n");
        lines.push('\n');
        fetch(&Call::new().git_dir(&self.git_dir).within(time), lines.into_bytes()).watched(&self.git, progress)
    }
}

/// Makes the call that fetches objects, given one hash a line.
pub(super) fn fetch(call: &Call, hashes: Vec<u8>) -> Call {
    let fetch = ["fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin"];
    // Nothing is negotiated: what is asked for is missing, whatever else is here.
    let call = call.clone().setting("fetch.negotiationAlgorithm", "noop").args(fetch).arg("origin");
    call.input(hashes).may_fetch()
}

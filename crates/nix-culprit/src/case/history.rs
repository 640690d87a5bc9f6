//! What a search asks about the history of an input.

use std::collections::BTreeSet;
use std::path::PathBuf;

use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::explain::Additions;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::report::Timestamp;
use thiserror::Error;

/// Says why a history could not be read.
#[derive(Debug, Error)]
#[error("could not read the history of {repository}")]
pub struct HistoryError {
    /// Where the history is.
    pub repository: String,
    /// Why.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A commit with its parents.
pub type Ancestry = (CommitId, Vec<CommitId>);

/// The history of an input: a clone, or a graph in memory in tests.
pub trait History {
    /// Returns the commits that `bad` has and `good` has not, with their parents.
    ///
    /// # Errors
    /// When the history cannot be read.
    fn between(&self, good: &CommitId, bad: &CommitId) -> Result<Vec<Ancestry>, HistoryError>;

    /// Returns the best common ancestor of two commits, if they have one.
    ///
    /// # Errors
    /// When the history cannot be read.
    fn merge_base(&self, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>, HistoryError>;

    /// Returns when a commit was committed.
    ///
    /// # Errors
    /// When the history cannot be read.
    fn date(&self, commit: &CommitId) -> Result<Timestamp, HistoryError>;

    /// Returns the first line of a commit's message, safe to print.
    ///
    /// # Errors
    /// When the history cannot be read.
    fn title(&self, commit: &CommitId) -> Result<String, HistoryError>;

    /// Returns what each of these commits changes; nothing where that is not known.
    ///
    /// # Errors
    /// When it cannot be read, as of a clone that lacks directories.
    fn changed_paths(&self, _commits: &[CommitId]) -> Result<Option<ChangedPaths>, HistoryError> {
        Ok(None)
    }

    /// Returns the lines that these commits add to some files; merges add none. Empty where that is not known.
    ///
    /// # Errors
    /// When it cannot be read.
    fn additions(&self, _commits: &[CommitId], _files: &BTreeSet<PathBuf>) -> Result<Vec<Additions>, HistoryError> {
        Ok(Vec::new())
    }
}

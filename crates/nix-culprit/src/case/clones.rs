//! Where the history of an input is: a clone that the user named or has, or one of our own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::event::{Event, EventSink};
use nix_culprit_core::explain::Additions;
use nix_culprit_core::flake::{Change, ChangeKind, FlakeRef, Lock, Revision, Source, shown};
use nix_culprit_core::ids::{CommitId, InputPath};
use nix_culprit_core::report::Timestamp;
use thiserror::Error;

use super::assignment::Assignment;
use super::changes::changed_paths;
use super::early::{EarlyReading, Stretch};
use super::history::{Ancestry, History, HistoryError};
use crate::sys::git::{Git, GitError, Repository, clone_blobless, clone_folder};

/// Says why there is no history to search.
#[derive(Debug, Error)]
pub enum CloneError {
    /// The user named a clone that is none.
    #[error("{path}, named as the clone of `{input}`, cannot be used")]
    Named {
        /// The input.
        input: String,
        /// The clone.
        path: PathBuf,
        /// Why.
        source: GitError,
    },
    /// The input does not come from a git repository.
    #[error("the input `{input}` comes from {reference}, which has no history of commits")]
    NoRepository {
        /// The input.
        input: InputPath,
        /// Where it comes from.
        reference: String,
    },
    /// Its repository cannot be fetched.
    #[error("could not fetch the history of `{input}` from {url}")]
    Fetch {
        /// The input.
        input: InputPath,
        /// From where.
        url: String,
        /// Why.
        source: GitError,
    },
    /// The clone does not have the whole history.
    #[error("the clone of `{input}` cannot be searched")]
    Incomplete {
        /// The input.
        input: InputPath,
        /// What it is.
        source: GitError,
    },
    /// The clone lacks a commit.
    #[error("the clone {clone} of `{input}` does not have the commit {commit}")]
    Lacks {
        /// The input.
        input: InputPath,
        /// The clone.
        clone: PathBuf,
        /// The commit.
        commit: CommitId,
    },
}

/// Finds and keeps clones.
#[derive(Debug)]
pub struct Clones {
    git: Git,
    named: BTreeMap<String, PathBuf>,
    cache: PathBuf,
    /// Clones that probes may show as folders, by where the input comes from.
    known: Vec<(FlakeRef, Repository)>,
}

impl Clones {
    /// Looks in clones that the user named, and in the cache.
    #[must_use]
    pub const fn new(git: Git, named: BTreeMap<String, PathBuf>, cache: PathBuf) -> Self {
        Self { git, named, cache, known: Vec::new() }
    }

    /// Finds a clone without asking a server: one that was named, a local repository, or one in the cache.
    ///
    /// # Errors
    /// When the user named a clone that cannot be used.
    pub fn at_hand(&mut self, input: &InputPath, reference: &FlakeRef) -> Result<Option<Repository>, CloneError> {
        if let Some((_, known)) = self.known.iter().find(|(place, _)| place.same_place(reference)) {
            return Ok(Some(known.clone()));
        }
        let url = reference.clone_url();
        let names = [Some(input.to_string()), input.0.last().cloned(), Some(place_name(reference)), url.clone()];
        let named = names.into_iter().flatten().find_map(|name| self.named.get(&name).map(|path| (name, path.clone())));
        let found = if let Some((name, path)) = named {
            let open = Repository::open(&self.git, &path);
            Some(open.map_err(|source| CloneError::Named { input: name, path, source })?)
        } else {
            let local = url.as_deref().and_then(local_path).and_then(|path| Repository::open(&self.git, path).ok());
            let cached = || {
                let folder = clone_folder(&self.cache, url.as_deref()?);
                Repository::open_clone(&self.git, &folder).ok()
            };
            local.or_else(cached)
        };
        if let Some(repository) = &found {
            self.known.push((reference.clone(), repository.clone()));
        }
        Ok(found)
    }

    /// Looks for the clones of all inputs of a lock.
    ///
    /// # Errors
    /// When the user named a clone that cannot be used.
    pub fn look_for(&mut self, lock: &Lock) -> Result<(), CloneError> {
        for (key, path) in lock.paths() {
            if let Ok(reference) = lock.locked(&key) {
                self.at_hand(&path, &reference)?;
            }
        }
        Ok(())
    }

    /// Finds a clone, or makes one, that has these commits.
    ///
    /// # Errors
    /// When there is none to be had, or it lacks a commit.
    pub fn with_commits(
        &mut self,
        input: &InputPath,
        reference: &FlakeRef,
        commits: &[&CommitId],
        sink: &mut dyn EventSink,
    ) -> Result<Repository, CloneError> {
        let repository = self.obtain(input, reference, sink)?;
        repository.require_history().map_err(|source| CloneError::Incomplete { input: input.clone(), source })?;
        for commit in commits {
            let fetch = |source| CloneError::Fetch { input: input.clone(), url: place_name(reference), source };
            if repository.has(commit).map_err(fetch)? {
                continue;
            }
            repository.require_history().map_err(fetch)?;
            let mut tell = progress(sink, place_name(reference));
            repository.fetch_revision(commit, &mut tell).map_err(|_| CloneError::Lacks {
                input: input.clone(),
                clone: repository.git_dir().to_owned(),
                commit: (*commit).clone(),
            })?;
        }
        Ok(repository)
    }

    /// Finds a clone, or makes one.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn obtain(
        &mut self,
        input: &InputPath,
        reference: &FlakeRef,
        sink: &mut dyn EventSink,
    ) -> Result<Repository, CloneError> {
        if let Some(repository) = self.at_hand(input, reference)? {
            return Ok(repository);
        }
        let shown = reference.to_string();
        let url = reference
            .clone_url()
            .ok_or_else(|| CloneError::NoRepository { input: input.clone(), reference: shown.clone() })?;
        let folder = clone_folder(&self.cache, &url);
        let mut tell = progress(sink, shown.clone());
        let repository = clone_blobless(&self.git, &url, &folder, &mut tell).map_err(|source| CloneError::Fetch {
            input: input.clone(),
            url: shown,
            source,
        })?;
        self.known.push((reference.clone(), repository.clone()));
        Ok(repository)
    }

    /// Brings a clone of our own up to date; clones of the user stay as they are. Old news are no failure.
    pub fn refresh(&self, input: &InputPath, repository: &Repository, sink: &mut dyn EventSink) {
        if !repository.is_ours() {
            return;
        }
        let fetched = repository.fetch_news(&mut progress(sink, input.to_string()));
        if let Err(error) = fetched {
            let text = format!("the history of {input} could not be brought up to date: {error}");
            sink.tell(&Event::Warned { text });
        }
    }

    /// Returns the clone of where an input comes from, if it is known already.
    pub(super) fn known(&self, place: &FlakeRef) -> Option<&Repository> {
        self.known.iter().find(|(known, _)| known.same_place(place)).map(|(_, repository)| repository)
    }

    /// Returns the histories between the revisions of inputs that moved, where both are in a clone that is known.
    pub(super) fn stretches<'c>(&self, changes: impl Iterator<Item = &'c Change>) -> Vec<Stretch> {
        let moved = changes.filter_map(|change| match &change.kind {
            ChangeKind::Moved { from, to, .. } => Some((to, from.rev()?, to.rev()?)),
            ChangeKind::Added { .. }
            | ChangeKind::Removed { .. }
            | ChangeKind::Follows { .. }
            | ChangeKind::Declared => None,
        });
        let stretch = |(place, old, new): (&FlakeRef, CommitId, CommitId)| {
            let repository = self.known(place)?;
            let has_both = [&old, &new].iter().all(|commit| repository.has(commit).unwrap_or(false));
            has_both.then(|| Stretch::new(repository, &old, &new))
        };
        moved.filter_map(stretch).collect()
    }

    /// Makes the assignment of a lock: nodes whose revision a known clone has are shown as folders.
    #[must_use]
    pub fn assignment(&self, lock: Lock) -> Assignment {
        let mut clones = BTreeMap::new();
        for key in lock.paths().into_keys() {
            let Ok(reference) = lock.locked(&key) else { continue };
            let Some(rev) = reference.rev() else { continue };
            if let Some(repository) = self.known(&reference)
                && repository.has(&rev).unwrap_or(false)
            {
                clones.insert(key, repository.git_dir().to_owned());
            }
        }
        Assignment { lock, clones, flake: None }
    }
}

/// Returns a name for where an input comes from, without its revision, such as `github:NixOS/nixpkgs`.
pub(super) fn place_name(reference: &FlakeRef) -> String {
    match &reference.source {
        Source::Forge { forge, owner, repo, .. } => format!("{}:{owner}/{repo}", forge.scheme()),
        Source::Git { .. }
        | Source::Path { .. }
        | Source::Tarball { .. }
        | Source::File { .. }
        | Source::Indirect { .. }
        | Source::Other { .. } => reference.clone_url().map_or_else(|| reference.to_string(), |url| shown(&url)),
    }
}

/// Describes a commit for a lock, as Nix itself would: flakes can ask for the time of their inputs.
///
/// # Errors
/// When the clone does not have it.
pub(super) fn revision(repository: &Repository, commit: &CommitId) -> Result<Revision, GitError> {
    let seconds = repository.committed(commit)?.seconds;
    Ok(Revision { last_modified: u64::try_from(seconds).ok(), ..Revision::bare(commit) })
}

/// Returns the folder that a clone address names, if it is on this machine.
fn local_path(url: &str) -> Option<&Path> {
    let path = Path::new(url.strip_prefix("file://").unwrap_or(url));
    path.is_absolute().then_some(path)
}

pub(super) fn progress(sink: &mut dyn EventSink, url: String) -> impl FnMut(crate::sys::git::Progress) {
    move |progress| {
        let event =
            Event::Fetching { url: url.clone(), phase: progress.phase.to_string(), percent: Some(progress.percent) };
        sink.tell(&event);
    }
}

/// A clone as a history.
#[derive(Debug)]
pub struct CloneHistory<'a> {
    /// The clone.
    pub repository: &'a Repository,
    /// The folder of the case, for what is asked once.
    pub folder: &'a Path,
    /// What was read before the search began.
    pub(super) early: Option<&'a EarlyReading>,
}

impl CloneHistory<'_> {
    fn error(&self, source: GitError) -> HistoryError {
        HistoryError { repository: self.repository.git_dir().display().to_string(), source: source.into() }
    }
}

impl History for CloneHistory<'_> {
    fn between(&self, good: &CommitId, bad: &CommitId) -> Result<Vec<Ancestry>, HistoryError> {
        if let Some(known) = self.early.and_then(|early| early.history(self.repository, good, bad)) {
            return Ok(known);
        }
        self.repository.history(std::slice::from_ref(good), bad).map_err(|error| self.error(error))
    }

    fn merge_base(&self, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>, HistoryError> {
        let bases = self.repository.merge_bases(one, other).map_err(|error| self.error(error))?;
        Ok(bases.into_iter().next())
    }

    fn date(&self, commit: &CommitId) -> Result<Timestamp, HistoryError> {
        let committed = self.repository.committed(commit).map_err(|error| self.error(error))?;
        Ok(Timestamp::from_unix(committed.seconds))
    }

    fn title(&self, commit: &CommitId) -> Result<String, HistoryError> {
        self.repository.title(commit).map_err(|error| self.error(error))
    }

    fn additions(&self, commits: &[CommitId], files: &BTreeSet<PathBuf>) -> Result<Vec<Additions>, HistoryError> {
        // A clone without contents would fetch them one by one.
        if self.repository.is_partial() {
            return Ok(Vec::new());
        }
        self.repository.additions(commits, files).map_err(|error| self.error(error))
    }

    fn changed_paths(&self, commits: &[CommitId]) -> Result<Option<ChangedPaths>, HistoryError> {
        if let Some(known) = self.early.and_then(|early| early.take(commits)) {
            return Ok(Some(known));
        }
        changed_paths(self.repository, commits, self.folder).map(Some).map_err(|error| self.error(error))
    }
}

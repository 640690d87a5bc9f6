//! Contents that come from a server while probes run: for clones without contents.
//!
//! Owns when what is fetched: before a probe, in one batch, what it will read as far as earlier probes
//! tell; and while it runs, one by one, what that missed. A fetch that fails is remembered: then the
//! probe could not look, and says nothing about the commit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::read_set::Reads;

use super::evaluator::EvaluatorError;
use crate::sys::git::{Contents, GitError};
use crate::sys::treefs::{OnMissing, Supply, TreeFs, Wanted};

/// What is fetched for the first probe, of which no earlier one tells: the language's own files.
const AT_FIRST: &str = ".nix";

/// The clones without contents, by their git folders; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Lenders {
    all: Arc<Mutex<BTreeMap<PathBuf, Arc<Lender>>>>,
}

impl Lenders {
    /// Returns what the file system asks for objects that are missing.
    pub(super) fn on_missing(&self) -> Arc<OnMissing> {
        let lenders = self.clone();
        Arc::new(move |git_dir: &Path, hash: &str| {
            let lender = lock(&lenders.all).get(git_dir).cloned();
            lender.map_or(Supply::Unavailable, |lender| lender.bring(hash))
        })
    }

    /// Adds a clone.
    pub(super) fn add(&self, contents: Contents) -> Arc<Lender> {
        let git_dir = contents.git_dir().to_owned();
        let lender = Arc::new(Lender { contents, lending: Mutex::default() });
        lock(&self.all).insert(git_dir, Arc::clone(&lender));
        lender
    }

    /// Begins a probe: what failed in an earlier one is forgotten.
    pub(super) fn begin(&self) {
        for lender in lock(&self.all).values() {
            lock(&lender.lending).begin();
        }
    }

    /// Fails when something could not be fetched for the probe that has ended.
    pub(super) fn check(&self) -> Result<(), EvaluatorError> {
        for lender in lock(&self.all).values() {
            let failed = lock(&lender.lending).failed.take();
            if let Some(error) = failed {
                return Err(lender.failed(error));
            }
        }
        Ok(())
    }

    /// Tells whether the probe that has ended had to wait for a server.
    pub(super) fn made_it_wait(&self) -> bool {
        lock(&self.all).values().any(|lender| !lock(&lender.lending).brought.is_empty())
    }
}

/// A clone without contents.
#[derive(Debug)]
pub(super) struct Lender {
    contents: Contents,
    lending: Mutex<Lending>,
}

/// How the probe that runs is supplied.
#[derive(Debug, Default)]
struct Lending {
    /// Until when a fetch may go on.
    until: Option<Instant>,
    /// What was fetched one by one.
    brought: BTreeSet<String>,
    failed: Option<GitError>,
    /// All that earlier probes looked at.
    used: BTreeSet<PathBuf>,
}

impl Lending {
    fn begin(&mut self) {
        self.failed = None;
        self.brought.clear();
    }
}

impl Lender {
    /// Fetches in one batch what a probe of a commit will read, as far as that is known.
    pub(super) fn prepare(
        &self,
        mounted: &TreeFs,
        number: usize,
        commit: &CommitId,
        time: Duration,
    ) -> Result<(), EvaluatorError> {
        let mut lending = lock(&self.lending);
        let wanted = match lending.used.is_empty() {
            true => Wanted::Ending(AT_FIRST),
            false => Wanted::Paths(&lending.used),
        };
        let lacking = mounted.lacking(number, commit, wanted);
        let lacking = lacking.map_err(|error| EvaluatorError::machine("read the trees of a commit", error))?;
        self.contents.fetch(&lacking, time, &mut |_| ()).map_err(|error| self.failed(error))?;
        lending.until = Instant::now().checked_add(time);
        Ok(())
    }

    /// Remembers what a probe looked at.
    pub(super) fn learn(&self, reads: &Reads) {
        lock(&self.lending).used.extend(reads.uses.keys().cloned());
    }

    /// Fetches one object while a probe waits for it. Others who want one wait too.
    fn bring(&self, hash: &str) -> Supply {
        let mut lending = lock(&self.lending);
        if lending.failed.is_some() {
            // The server was waited for once; that is enough.
            return Supply::Unavailable;
        }
        if lending.brought.contains(hash) {
            return Supply::Brought;
        }
        let left = lending.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        match self.contents.fetch(&[hash.to_owned()], left, &mut |_| ()) {
            Ok(()) => {
                lending.brought.insert(hash.to_owned());
                Supply::Brought
            }
            Err(error) => {
                lending.failed = Some(error);
                Supply::Unavailable
            }
        }
    }

    fn failed(&self, error: GitError) -> EvaluatorError {
        EvaluatorError::machine(format!("fetch contents for the clone {}", self.contents.git_dir().display()), error)
    }
}

/// Locks; a thread that panicked leaves whole values behind here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Commits as directories, without a checkout: a read-only FUSE file system over git's objects.
//!
//! Owns `MOUNT/VIEW/COMMIT/source/…` and the record of what was looked at there. Each
//! probe gets a view of its own, so that its read-set is complete. Must not run git or Nix.
//!
//! Contents are what is recorded in git, as in a checkout by `sys::git`: no filters, no keywords
//! (`export-subst`), nothing left out (`export-ignore`), submodules as empty directories.
//!
//! The programs that read must run as our own user. A probe that hangs can hold up neither the
//! unmounting, which is lazy, nor other probes. A read of ours that hangs ends with its probe, see `watch`.

mod alike;
mod cache;
mod callbacks;
mod expected;
mod fragments;
mod mount;
mod nar;
mod objects;
mod point;
mod read_set;
mod tree;
mod watch;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::store_path::NarHash;
use thiserror::Error;

use super::interrupt::Interrupt;
use super::namespace::Namespace;
use super::warden::Warden;
use expected::Expecting;
use fragments::Fragments;
use mount::Mount;
use objects::{Objects, Repository};
use tree::{Forest, SOURCE};

pub use mount::{Refused, Way};
pub use nar::NarError;
pub use objects::{OnMissing, Supply};
pub use point::MountPoint;
pub use read_set::{ReadSet, Reads, Use};
pub use tree::Wanted;
pub use watch::Watch;

/// Says why commits cannot be shown as directories.
#[derive(Debug, Error)]
pub enum TreeFsError {
    /// The file system could not be mounted.
    #[error("cannot mount a file system at `{}`{}", at.display(), reasons(refused))]
    Mount {
        /// Where.
        at: PathBuf,
        /// What the system said to each way that was tried.
        refused: Vec<Refused>,
    },
    /// There is no git repository.
    #[error("cannot read the git repository `{}`", git_dir.display())]
    Repository {
        /// Its git folder.
        git_dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn reasons(refused: &[Refused]) -> String {
    refused.iter().map(|Refused { way, why }| format!("; {way}: {why}")).collect()
}

/// The commits of some repositories, mounted; unmounted when it and its views are dropped.
#[derive(Debug, Clone)]
pub struct TreeFs {
    inner: Arc<Inner>,
    on_missing: Missing,
    /// What hashes have in common.
    fragments: Arc<Fragments>,
}

/// Who is asked for objects that are missing.
#[derive(Clone)]
struct Missing(Arc<OnMissing>);

impl std::fmt::Debug for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnMissing")
    }
}

struct Inner {
    // Unmounted first.
    mount: Mount,
    forest: Arc<Forest>,
    /// Whether a read hung, and was given up with the whole mount.
    given_up: AtomicBool,
}

impl Inner {
    const fn new(mount: Mount, forest: Arc<Forest>) -> Self {
        Self { mount, forest, given_up: AtomicBool::new(false) }
    }

    /// Tells the kernel that no answer will come any more.
    fn give_up(&self) {
        self.given_up.store(true, Ordering::SeqCst);
        self.mount.abort();
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Mounted").field(&self.mount.at()).finish()
    }
}

impl TreeFs {
    /// Mounts at `at`, an existing empty directory, the repositories with these git folders, numbered
    /// from 0. The warden unmounts it if we are killed. An object that is missing in a repository is
    /// an input/output error for the reader.
    ///
    /// # Errors
    /// FUSE cannot be used here, or a repository is none.
    pub fn mount(at: &Path, repositories: &[PathBuf], warden: &Warden) -> Result<Self, TreeFsError> {
        Self::mount_in(at, repositories, warden, &Way::ALL)
    }

    /// Does the same in the first of these ways that works.
    ///
    /// # Errors
    /// As [`TreeFs::mount`].
    pub fn mount_in(at: &Path, repositories: &[PathBuf], warden: &Warden, ways: &[Way]) -> Result<Self, TreeFsError> {
        Self::mount_with(at, repositories, warden, ways, Arc::new(|_, _| Supply::Unavailable))
    }

    /// Does the same in one of these ways, and asks `on_missing` for objects that are missing.
    ///
    /// # Errors
    /// As [`TreeFs::mount`].
    pub fn mount_with(
        at: &Path,
        repositories: &[PathBuf],
        warden: &Warden,
        ways: &[Way],
        on_missing: Arc<OnMissing>,
    ) -> Result<Self, TreeFsError> {
        let open = repositories.iter().map(|git_dir| open(git_dir, &on_missing)).collect::<Result<_, _>>()?;
        let forest = Arc::new(Forest::new(open));
        let mount = Mount::new(Arc::clone(&forest), at, warden, ways)
            .map_err(|refused| TreeFsError::Mount { at: at.to_owned(), refused })?;
        Ok(Self {
            inner: Arc::new(Inner::new(mount, forest)),
            on_missing: Missing(on_missing),
            fragments: Arc::default(),
        })
    }

    /// Tells whether a way works on this machine, by mounting an empty one for a moment.
    ///
    /// # Errors
    /// What is in the way.
    pub fn try_out(way: Way, program: &Path) -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let warden = Warden::start(program)?;
        let mount = Mount::new(Arc::new(Forest::new(Vec::new())), folder.path(), &warden, &[way]);
        mount.map(drop).map_err(|refused| {
            refused.into_iter().next().map_or_else(|| io::Error::other("it was not tried"), |refused| refused.why)
        })
    }

    /// Returns the namespace that readers must be in; none: they need not be anywhere.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        self.inner.mount.namespace()
    }

    /// Adds a repository and returns its number.
    ///
    /// # Errors
    /// It is none.
    pub fn add_repository(&self, git_dir: &Path) -> Result<usize, TreeFsError> {
        Ok(self.inner.forest.add(open(git_dir, &self.on_missing.0)?))
    }

    /// Computes the NAR hash that Nix finds for a commit, without writing anything. It takes as long as reading all
    /// contents of the commit that those before did not have.
    ///
    /// # Errors
    /// The commit cannot be read, or an archive of it may hold something else.
    pub fn nar_hash(&self, repository: usize, commit: &CommitId) -> Result<NarHash, NarError> {
        self.hashing(repository, commit)()
    }

    /// Returns what does that in any thread. It does not keep the mount.
    pub fn hashing(
        &self,
        repository: usize,
        commit: &CommitId,
    ) -> impl FnOnce() -> Result<NarHash, NarError> + Send + 'static {
        let (objects, commit) = (self.inner.forest.repository(repository), commit.clone());
        let fragments = Arc::clone(&self.fragments);
        move || {
            let objects = objects.ok_or(NarError::NoCommit)?;
            let root = objects.root(&commit)?.ok_or(NarError::NoCommit)?;
            nar::hash(&*objects, &fragments, root)
        }
    }

    /// Mounts one commit by itself at an existing empty directory, in the way that this one was mounted; with a
    /// read-set of its own. `warden` is the one of this mount; `expected` is what is probably looked at.
    ///
    /// # Errors
    /// As [`TreeFs::mount`].
    pub fn mount_commit(
        &self,
        at: &Path,
        (repository, commit): (usize, &CommitId),
        warden: &Warden,
        expected: Option<&Arc<Reads>>,
    ) -> Result<CommitMount, TreeFsError> {
        let refuse = |why: io::Error| {
            let refused = vec![Refused { way: self.inner.mount.way(), why }];
            TreeFsError::Mount { at: at.to_owned(), refused }
        };
        let forest = self.inner.forest.alone(repository, commit);
        let forest = forest.map_err(|error| refuse(io::Error::other(error.to_string())))?;
        let forest = Arc::new(forest.ok_or_else(|| refuse(io::Error::other("there is no such commit")))?);
        let mount = Mount::new(Arc::clone(&forest), at, warden, &[self.inner.mount.way()])
            .map_err(|refused| TreeFsError::Mount { at: at.to_owned(), refused })?;
        let inner = Arc::new(Inner::new(mount, forest));
        let main = &self.inner.forest;
        let expecting = expected.filter(|_| inner.mount.namespace().is_none());
        let expecting = expecting
            .map(|reads| Expecting::start(main, (repository, commit), inner.mount.at().to_owned(), reads, warden));
        Ok(CommitMount { _expecting: expecting, inner })
    }

    /// Lists the hashes of blobs of a commit that its repository lacks.
    ///
    /// # Errors
    /// A tree of the commit is missing or damaged.
    pub fn lacking(&self, repository: usize, commit: &CommitId, wanted: Wanted<'_>) -> io::Result<Vec<String>> {
        let ids = self.inner.forest.lacking(repository, commit, wanted).map_err(io::Error::other)?;
        Ok(ids.iter().map(ToString::to_string).collect())
    }

    /// Tells whether somebody who looked at this much of the first commit would have seen the same in the second.
    ///
    /// # Errors
    /// A commit or a tree is missing or damaged.
    pub fn are_alike(
        &self,
        repository: usize,
        (one, other): (&CommitId, &CommitId),
        reads: &Reads,
    ) -> io::Result<bool> {
        let none = || io::Error::from(io::ErrorKind::NotFound);
        let objects = self.inner.forest.repository(repository).ok_or_else(none)?;
        let root = |commit| objects.root(commit).map_err(io::Error::other)?.ok_or_else(none);
        alike::are_alike(&*objects, (root(one)?, root(other)?), reads).map_err(io::Error::other)
    }

    /// Begins a view: commits' directories for one probe, with a read-set of its own.
    #[must_use]
    pub fn view(&self) -> View {
        View { expecting: Vec::new(), number: self.inner.forest.begin_view(), inner: Arc::clone(&self.inner) }
    }
}

/// One commit, mounted by itself; unmounted when dropped.
#[derive(Debug)]
pub struct CommitMount {
    // Ended first.
    _expecting: Option<Expecting>,
    inner: Arc<Inner>,
}

impl CommitMount {
    /// Returns where it is mounted.
    #[must_use]
    pub fn at(&self) -> &Path {
        self.inner.mount.at()
    }

    /// Returns what was looked at so far, complete from the beginning.
    #[must_use]
    pub fn read_set(&self) -> ReadSet {
        self.inner.forest.read_set(Forest::ROOT)
    }

    /// Does what [`View::watch`] does, for this mount.
    pub fn watch(&self, end: Option<Instant>, interrupt: &Interrupt) -> Watch {
        Watch::start(Arc::clone(&self.inner), Forest::ROOT, end, interrupt)
    }

    /// Tells whether a read hung and the mount was given up.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.inner.given_up.load(Ordering::SeqCst)
    }
}

fn open(git_dir: &Path, on_missing: &Arc<OnMissing>) -> Result<Arc<dyn Objects>, TreeFsError> {
    let opened = Repository::open(git_dir, Arc::clone(on_missing));
    let repository = opened.map_err(|source| TreeFsError::Repository { git_dir: git_dir.to_owned(), source })?;
    Ok(Arc::new(repository))
}

/// All commits of all repositories, as one probe sees them; gone when dropped.
#[derive(Debug)]
pub struct View {
    expecting: Vec<Expecting>,
    number: u64,
    inner: Arc<Inner>,
}

impl View {
    /// Returns a commit's directory, whose last component is `source`. It exists if the commit does.
    #[must_use]
    pub fn folder(&self, repository: usize, commit: &CommitId) -> PathBuf {
        let name = self.inner.forest.name(self.number, repository, commit);
        self.inner.mount.at().join(self.number.to_string()).join(name.to_string()).join(SOURCE)
    }

    /// Looks names up in a commit's directory beside the probe, which will probably look at the same as an earlier one:
    /// it need not wait for them then. They are in the read-set as names that were looked up.
    ///
    /// Nothing is done where only those in a namespace see the directory.
    pub fn expect(&mut self, repository: usize, commit: &CommitId, reads: &Arc<Reads>) {
        if self.inner.mount.namespace().is_none() {
            let folder = self.folder(repository, commit);
            let (forest, warden) = (&self.inner.forest, self.inner.mount.warden());
            self.expecting.push(Expecting::start(forest, (repository, commit), folder, reads, warden));
        }
    }

    /// Watches, while a probe runs that should have ended at `end`, or when somebody asks to stop, that no read
    /// of objects holds it up after that. One that does is given up, and the whole mount with it.
    pub fn watch(&self, end: Option<Instant>, interrupt: &Interrupt) -> Watch {
        Watch::start(Arc::clone(&self.inner), self.number, end, interrupt)
    }

    /// Tells whether a read hung and the mount was given up.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.inner.given_up.load(Ordering::SeqCst)
    }

    /// Returns what was looked at in this view so far, complete from the view's beginning.
    #[must_use]
    pub fn read_set(&self) -> ReadSet {
        self.inner.forest.read_set(self.number)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.expecting.clear();
        self.inner.forest.end_view(self.number);
        self.inner.mount.forget(&self.number.to_string());
    }
}

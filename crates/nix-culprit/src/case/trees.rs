//! Commits as folders that probes can read: through a file system of our own where one can be mounted, else as
//! checkouts that are moved from commit to commit.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix_culprit_core::ids::{CommitId, NodeKey};
use nix_culprit_core::read_set::Reads;
use serde::{Deserialize, Serialize};

use super::contents::{Lender, Lenders};
use super::evaluator::EvaluatorError;
use super::expected::Expected;
use super::hashes::Compute;
use crate::sys::git::{Checkout, Contents, Git, GitError, Repository};
use crate::sys::interrupt::Interrupt;
use crate::sys::namespace::Namespace;
use crate::sys::nix::{ASKED, Tree};
use crate::sys::treefs::{CommitMount, MountPoint, ReadSet, TreeFs, View, Watch, Way};
use crate::sys::warden::Warden;

/// Why a commit cannot be mounted by itself.
pub(super) type MountError = Box<dyn std::error::Error + Send + Sync>;

/// The folders of a case.
#[derive(Debug)]
pub struct Trees {
    git: Git,
    /// Below it lie the checkouts.
    folder: PathBuf,
    /// What a probe may use of time, and so a server.
    time: Duration,
    lenders: Lenders,
    expected: Expected,
    repositories: BTreeMap<PathBuf, Opened>,
    checkouts: BTreeMap<(PathBuf, NodeKey), Checkout>,
    mounted: Option<TreeFs>,
    /// Unmounts if we are killed; none where nothing is mounted.
    warden: Option<Warden>,
    /// What the running probe sees of the mount.
    view: Option<View>,
    /// Which commit it sees of which repository of the mount, by lock node; none where not all are in the mount.
    shown: Option<BTreeMap<NodeKey, (usize, CommitId)>>,
    /// Where the mount is; removed when all that uses it is gone.
    _point: Option<MountPoint>,
}

/// What a probe looked at in the folder of a lock node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedAt {
    /// The commit that the folder showed.
    pub commit: CommitId,
    /// What was looked at in it.
    pub reads: Reads,
}

#[derive(Debug)]
struct Opened {
    repository: Repository,
    /// Its number in the mount; none where it has to be checked out.
    mounted: Option<usize>,
    /// Brings the contents that it lacks.
    lender: Option<Arc<Lender>>,
}

impl Trees {
    /// Prepares folders below `folder`; `program` is nix-culprit itself, for the warden of the mount; `time` is
    /// what a server may take to send contents that a clone lacks; `expected` is what probes will probably look at.
    ///
    /// Where nothing can be mounted, checkouts are made: slower for large trees, and all the same in result.
    #[must_use]
    pub fn new(git: Git, folder: PathBuf, program: &Path, time: Duration, expected: Expected) -> Self {
        let lenders = Lenders::default();
        let warden = fs::create_dir_all(&folder).ok().and_then(|()| Warden::start(program).ok());
        let point = warden.as_ref().and_then(|warden| MountPoint::new(&folder.join("mounted-at"), warden).ok());
        let mounted = warden.as_ref().zip(point.as_ref()).and_then(|(warden, point)| {
            TreeFs::mount_with(point.at(), &[], warden, &Way::ALL, lenders.on_missing()).ok()
        });
        Self {
            git,
            folder,
            time,
            lenders,
            expected,
            repositories: BTreeMap::new(),
            checkouts: BTreeMap::new(),
            mounted,
            warden,
            view: None,
            shown: None,
            _point: point,
        }
    }

    /// Returns the namespace that evaluations must be in to see the folders; none: they need not be anywhere.
    #[must_use]
    pub fn namespace(&self) -> Option<&Namespace> {
        self.mounted.as_ref().and_then(TreeFs::namespace)
    }

    /// Begins a probe: what an earlier one saw is forgotten.
    pub fn begin(&mut self) {
        self.lenders.begin();
        self.view = self.mounted.as_ref().map(TreeFs::view);
        self.shown = self.view.as_ref().map(|_| BTreeMap::new());
    }

    /// Returns a folder that shows a commit of a clone, for a lock node.
    ///
    /// # Errors
    /// When the clone cannot be read, or the disk does not take a checkout.
    pub fn folder(&mut self, clone: &Path, key: &NodeKey, commit: &CommitId) -> Result<Tree, EvaluatorError> {
        let place = self.folder.clone();
        let failed = |source| {
            if is_full(&place) {
                return EvaluatorError::DiskFull(place.clone());
            }
            EvaluatorError::machine(format!("show `{key}` as a folder"), source)
        };
        self.open(clone).map_err(failed)?;
        let opened = &self.repositories[clone];
        let modified = opened.repository.committed(commit).map_err(failed)?.seconds;
        let path = match (&mut self.view, opened.mounted) {
            (Some(view), Some(number)) => {
                if let (Some(lender), Some(mounted)) = (&opened.lender, &self.mounted) {
                    lender.prepare(mounted, number, commit, self.time)?;
                }
                if let Some(shown) = &mut self.shown {
                    shown.insert(key.clone(), (number, commit.clone()));
                }
                // What is not there would be fetched one by one.
                if let (None, Some(reads)) = (&opened.lender, self.expected.of(clone)) {
                    view.expect(number, commit, &reads);
                }
                view.folder(number, commit)
            }
            (Some(_) | None, _) => {
                self.shown = None;
                let slot = (clone.to_owned(), key.clone());
                if !self.checkouts.contains_key(&slot) {
                    let folder = self.folder.join(self.checkouts.len().to_string());
                    let checkout = Checkout::new(&opened.repository, &folder).map_err(failed)?;
                    self.checkouts.insert(slot.clone(), checkout);
                }
                let checkout = self.checkouts.get_mut(&slot).expect("it was put there");
                checkout.move_to(commit, &mut |_| ()).map_err(failed)?;
                checkout.path().to_owned()
            }
        };
        Ok(Tree::new(path, Some(commit.as_str()), modified))
    }

    /// Opens a clone, once.
    fn open(&mut self, clone: &Path) -> Result<(), GitError> {
        if !self.repositories.contains_key(clone) {
            let repository = Repository::open(&self.git, clone)?;
            // Where even folders are still with the server, all is better fetched in one go, by a checkout.
            let mounted = self.mounted.as_ref().filter(|_| !repository.is_partial() || repository.lacks_blobs_only());
            let contents = mounted.filter(|_| repository.is_partial()).map(|_| {
                let view = self.folder.join(format!("contents-{}", self.repositories.len()));
                Contents::of(&repository, &view)
            });
            let contents = contents.transpose()?;
            let git_dir = contents.as_ref().map_or(repository.git_dir(), Contents::git_dir);
            let mounted = mounted.and_then(|mounted| mounted.add_repository(git_dir).ok());
            let lender = contents.filter(|_| mounted.is_some()).map(|contents| self.lenders.add(contents));
            self.repositories.insert(clone.to_owned(), Opened { repository, mounted, lender });
        }
        Ok(())
    }

    /// Tells whether a clone lacks contents, or cannot be read.
    pub fn lacks_contents(&mut self, clone: &Path) -> bool {
        self.open(clone).is_err() || self.repositories[clone].repository.is_partial()
    }

    /// Tells whether commits can be mounted at all.
    #[must_use]
    pub const fn can_mount(&self) -> bool {
        self.mounted.is_some()
    }

    /// Returns what computes the NAR hash of a commit, in any thread; `Err` says to people why it cannot be known.
    ///
    /// # Errors
    /// A reason for people.
    pub fn hashing(&mut self, clone: &Path, commit: &CommitId) -> Result<Compute, String> {
        self.open(clone).map_err(|error| error.to_string())?;
        let opened = &self.repositories[clone];
        if opened.repository.is_partial() {
            return Err("its clone is without contents, and all of them would have to be fetched".to_owned());
        }
        match (&self.mounted, opened.mounted) {
            (Some(mounted), Some(number)) => {
                let hashing = mounted.hashing(number, commit);
                Ok(Box::new(move || hashing().map_err(|error| error.to_string())))
            }
            (Some(_) | None, _) => Err("commits cannot be mounted here".to_owned()),
        }
    }

    /// Returns what counts the commits up to one, in any thread; `Err` says to people why that is not known.
    ///
    /// # Errors
    /// A reason for people.
    pub fn counting(
        &mut self,
        clone: &Path,
        commit: &CommitId,
    ) -> Result<impl FnOnce() -> Result<u64, String> + Send + 'static, String> {
        self.open(clone).map_err(|error| error.to_string())?;
        let (repository, commit) = (self.repositories[clone].repository.clone(), commit.clone());
        Ok(move || repository.count(&commit).map_err(|error| error.to_string()))
    }

    /// Mounts a commit by itself at an existing folder.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount(&mut self, clone: &Path, commit: &CommitId, at: &Path) -> Result<CommitMount, MountError> {
        self.open(clone)?;
        let opened = &self.repositories[clone];
        match (&self.mounted, &self.warden, opened.mounted) {
            (Some(mounted), Some(warden), Some(number)) => {
                let expected = self.expected.of(clone).filter(|_| opened.lender.is_none());
                Ok(mounted.mount_commit(at, (number, commit), warden, expected.as_ref())?)
            }
            (_, _, _) => Err("commits cannot be mounted here".into()),
        }
    }

    /// Returns what the probe looked at, by lock node, if all its folders are in the mount.
    #[must_use]
    pub fn looked_at(&self) -> Option<BTreeMap<NodeKey, LookedAt>> {
        let (view, shown) = (self.view.as_ref()?, self.shown.as_ref()?);
        let all = view.read_set();
        let looked_at = |(key, place): (&NodeKey, &(usize, CommitId))| {
            // What was never entered was not looked at.
            let reads = all.get(place).cloned().unwrap_or_default();
            (key.clone(), LookedAt { commit: place.1.clone(), reads })
        };
        Some(shown.iter().map(looked_at).collect())
    }

    /// Tells whether a probe would have seen the same of another commit of the clone. In doubt it would not.
    #[must_use]
    pub fn looks_alike(&self, clone: &Path, seen: &LookedAt, other: &CommitId) -> bool {
        let Some(opened) = self.repositories.get(clone) else { return false };
        if seen.reads.uses.contains_key(Path::new(ASKED)) {
            return false;
        }
        match (&self.mounted, opened.mounted) {
            (Some(mounted), Some(number)) => {
                mounted.are_alike(number, (&seen.commit, other), &seen.reads).unwrap_or(false)
            }
            // What was looked at can be known from an earlier case.
            (Some(_) | None, _) => {
                let changes = opened.repository.changed(&seen.commit, other);
                changes.is_ok_and(|changes| seen.reads.hold_after(&changes))
            }
        }
    }

    /// Tells whether the probe had to wait for a server, so that its time says nothing.
    #[must_use]
    pub fn made_it_wait(&self) -> bool {
        self.lenders.made_it_wait()
    }

    /// Watches, while a probe runs that may take `time`, that no read of a clone holds it up for longer.
    #[must_use]
    pub fn watch(&self, time: Duration, interrupt: &Interrupt) -> Option<Watch> {
        Some(self.view.as_ref()?.watch(Instant::now().checked_add(time), interrupt))
    }

    /// Fails when the probe could not read something that is there: then it says nothing about the commit.
    ///
    /// # Errors
    /// When a clone lacks an object, or is damaged.
    pub fn check(&self) -> Result<(), EvaluatorError> {
        let Some(view) = &self.view else { return Ok(()) };
        if view.is_given_up() {
            return Err(hangs());
        }
        let set = view.read_set();
        for opened in self.repositories.values() {
            let (Some(lender), Some(number)) = (&opened.lender, opened.mounted) else { continue };
            set.iter().filter(|((repository, _), _)| *repository == number).for_each(|(_, reads)| lender.learn(reads));
        }
        self.lenders.check()?;
        readable(&set)
    }
}

/// Says that a clone could not be read in time.
pub(super) fn hangs() -> EvaluatorError {
    let hangs = "reading its clone hangs; is it on a disk or a server that is gone?";
    EvaluatorError::machine("show a commit as a folder", hangs)
}

/// Fails when something that is there could not be read.
pub(super) fn readable(set: &ReadSet) -> Result<(), EvaluatorError> {
    for ((_, commit), reads) in set {
        if let Some(path) = reads.unreadable.first() {
            let what = format!("read {} of commit {} in its clone", path.display(), commit.short());
            return Err(EvaluatorError::machine(what, "the object is missing or damaged; `git fsck` tells more"));
        }
    }
    Ok(())
}

/// Tells whether the disk that holds a folder is full; git does not say that this is why it failed.
pub(super) fn is_full(folder: &Path) -> bool {
    const FULL: u64 = 64 << 10;
    let existing = folder.ancestors().find(|folder| folder.exists());
    existing.is_some_and(|folder| {
        rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < FULL)
    })
}

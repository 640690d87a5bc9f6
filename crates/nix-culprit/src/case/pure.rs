//! The pure way: the user's own command in a store of the case's own, in which the inputs that have a clone are
//! mounted at their true store paths, neither fetched nor copied.
//!
//! Owns that store, and when this way may be used: only for an input whose hash, computed from the clone, was seen to
//! be the one that Nix wrote into a lock. Never writes to the user's store.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix_culprit_core::flake::{Attrs, Lock};
use nix_culprit_core::ids::{CommitId, NodeKey};
use nix_culprit_core::read_set::{Reads, Use};
use nix_culprit_core::store_path::NarHash;

use super::assignment::Assignment;
use super::evaluator::EvaluatorError;
use super::hashes::{Hashes, Place};
use super::trees::{LookedAt, MountError, Trees, is_full};
use crate::sys::child;
use crate::sys::interrupt::Interrupt;
use crate::sys::nix::{Nix, Sources, make_fetcher_cache, user_cache};
use crate::sys::treefs::{CommitMount, Watch};

/// How long bringing one source from the user's store may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a lock node says besides which tree it is: two nodes that agree in it are fetched in the same way.
const OF_ONE_TREE: [&str; 6] = ["rev", "ref", "narHash", "lastModified", "revCount", "dir"];

/// The folder of a case for those who probe ahead of a search, each with a folder in it.
pub const AHEAD: &str = "ahead";
/// The folder of a case for evaluators that are not its own, each with a folder in it.
pub const OTHERS: &str = "other-nix";
/// The store in the folder of an evaluator.
pub const STORE: &str = "store";

/// Lists the stores of all others who evaluated for a case, given the folder of its own evaluator.
#[must_use]
pub fn stores_of_others(work: &Path) -> Vec<PathBuf> {
    let folders = [AHEAD, OTHERS].into_iter().filter_map(|name| fs::read_dir(work.join(name)).ok());
    let stores = folders.flatten().flatten().map(|entry| entry.path().join(STORE));
    let mut stores: Vec<PathBuf> = stores.filter(|store| store.is_dir()).collect();
    stores.sort();
    stores
}

/// The private store of a case.
#[derive(Debug)]
pub struct PureStore {
    nix: Nix,
    interrupt: Interrupt,
    /// The store's root; its paths lie in `nix/store` below it.
    root: PathBuf,
    /// The cache folder in which Nix finds the store paths of sources, where it has to be told.
    cache: PathBuf,
    /// Whether there is one for the running probe.
    has_cache: bool,
    /// What the user's store was already asked for.
    brought: BTreeSet<NarHash>,
    hashes: Hashes,
}

/// An assignment with all that Nix would find out by fetching.
#[derive(Debug)]
pub struct Known {
    /// The lock with every node's hash, date and number.
    pub lock: Lock,
    /// The commits to be mounted, by hash.
    commits: BTreeMap<NarHash, (PathBuf, CommitId)>,
    /// The hashes of the other inputs.
    others: Vec<NarHash>,
}

/// The mounts of one probe; unmounted when dropped.
#[derive(Debug)]
pub struct Stage {
    mounts: Vec<(CommitMount, NarHash)>,
}

impl PureStore {
    /// Prepares a store in a folder, which is made when it is needed.
    #[must_use]
    pub fn new(nix: Nix, interrupt: Interrupt, hashes: Hashes, root: PathBuf) -> Self {
        let cache = root.with_extension("cache");
        Self { nix, interrupt, root, cache, has_cache: false, brought: BTreeSet::new(), hashes }
    }

    /// Returns the store's root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the folder of caches that Nix is to use with this store, if it is another one than the user's.
    #[must_use]
    pub fn cache(&self) -> Option<&Path> {
        self.has_cache.then_some(&*self.cache)
    }

    /// Takes note of the hashes that a lock has of trees in clones.
    pub fn note(&self, assignment: &Assignment) {
        for (key, clone) in &assignment.clones {
            let Some(locked) = locked(&assignment.lock, key) else { continue };
            let hash = locked.text("narHash").and_then(|hash| hash.parse().ok());
            let commit = locked.text("rev").and_then(|rev| rev.parse().ok());
            if let (Some(hash), Some(commit)) = (hash, commit) {
                self.hashes.note(place(clone, locked), commit, hash);
            }
        }
    }

    /// Finds out what Nix would by fetching; `Err` says why that cannot be known.
    ///
    /// # Errors
    /// A reason for people.
    pub fn know(&self, trees: &mut Trees, assignment: &Assignment) -> Result<Known, String> {
        if std::env::var_os("NIX_STORE_DIR").is_some() {
            return Err("NIX_STORE_DIR is set, and what lies elsewhere than in /nix/store has other paths".to_owned());
        }
        self.note(assignment);
        let (mut lock, mut commits, mut others) = (assignment.lock.clone(), BTreeMap::new(), Vec::new());
        for (key, node) in &assignment.lock.nodes {
            let Some(attrs) = &node.locked else { continue };
            let Some(clone) = assignment.clones.get(key) else {
                others.extend(attrs.text("narHash").and_then(|hash| hash.parse::<NarHash>().ok()));
                continue;
            };
            let about = |why: String| format!("{key}: {why}");
            if attrs.flag("submodules") == Some(true) || attrs.flag("lfs") == Some(true) {
                return Err(about("it is fetched with its submodules or large files".to_owned()));
            }
            let commit: CommitId =
                attrs.text("rev").and_then(|rev| rev.parse().ok()).ok_or_else(|| about("no revision".to_owned()))?;
            let place = place(clone, attrs);
            self.hashes.vouched(&place, |commit| self.hash(trees, clone, commit)).map_err(about)?;
            let hash = self.hash(trees, clone, &commit).map_err(about)?;
            let mut attrs = attrs.clone();
            attrs.set("narHash", Some(hash.to_string()));
            if attrs.number("lastModified").is_none() {
                return Err(about("its date is not known".to_owned()));
            }
            if lacks_count(&attrs) {
                let count = trees.counting(clone, &commit).and_then(|count| count()).map_err(about)?;
                attrs.set("revCount", Some(count));
            }
            lock = lock.with_locked(key, attrs).map_err(|error| about(error.to_string()))?;
            commits.insert(hash, (clone.clone(), commit));
        }
        if commits.is_empty() {
            return Err("no input has a clone".to_owned());
        }
        Ok(Known { lock, commits, others })
    }

    /// Begins to find out what [`PureStore::know`] will ask for, in another thread.
    pub fn foresee(&self, trees: &mut Trees, assignment: &Assignment) {
        self.vouch(trees, assignment);
        for (key, clone) in &assignment.clones {
            let Some(attrs) = locked(&assignment.lock, key) else { continue };
            let Some(commit) = attrs.text("rev").and_then(|rev| rev.parse().ok()) else { continue };
            self.hashes.begin(clone, &commit, || {
                let hash = trees.hashing(clone, &commit)?;
                let count = if lacks_count(attrs) { Some(trees.counting(clone, &commit)?) } else { None };
                Ok(Box::new(move || {
                    // It is kept; what is wrong with it is said when it is asked for.
                    let _kept = count.map(|count| count());
                    hash()
                }))
            });
        }
    }

    /// As [`PureStore::foresee`], only of what vouches for the hashes of any commit.
    pub fn vouch(&self, trees: &mut Trees, assignment: &Assignment) {
        for (key, clone) in &assignment.clones {
            let Some(attrs) = locked(&assignment.lock, key) else { continue };
            for (commit, _) in self.hashes.vouchers(&place(clone, attrs)) {
                self.hashes.begin(clone, &commit, || trees.hashing(clone, &commit));
            }
        }
    }

    /// Copies what the user's store has of these; the rest is fetched, and Nix says what is wrong if it cannot be.
    fn bring<'h>(&mut self, hashes: impl Iterator<Item = &'h NarHash>) {
        let hashes: Vec<NarHash> = hashes.copied().filter(|hash| self.brought.insert(*hash)).collect();
        let copy = |hashes: &[NarHash]| {
            let copied = child::output(&self.nix.bring(&self.root, hashes), Some(PATIENCE), &self.interrupt);
            copied.is_ok_and(|copied| copied.success())
        };
        // One call, if all are there.
        if !hashes.is_empty() && !copy(&hashes) && hashes.len() > 1 {
            for hash in &hashes {
                copy(std::slice::from_ref(hash));
            }
        }
    }

    fn hash(&self, trees: &mut Trees, clone: &Path, commit: &CommitId) -> Result<NarHash, String> {
        self.hashes.of(clone, commit, || trees.hashing(clone, commit).and_then(|compute| compute()))
    }

    /// Makes the store ready for one probe: what is in clones is mounted, what the user's store has is copied, and
    /// Nix fetches the rest as locked.
    ///
    /// # Errors
    /// Something on this machine is in the way.
    pub fn stage(&mut self, trees: &mut Trees, known: &Known) -> Result<Stage, EvaluatorError> {
        let folder = self.root.join("nix/store");
        fs::create_dir_all(&folder)
            .map_err(|error| EvaluatorError::machine(format!("make the store {}", self.root.display()), error))?;
        self.bring(known.others.iter().filter(|hash| !known.commits.contains_key(hash)));
        let mut mounts = Vec::new();
        for (hash, (clone, commit)) in &known.commits {
            let path = hash.source_path();
            let name = path.as_str().rsplit('/').next().unwrap_or_default();
            let at = folder.join(name);
            let failed =
                |error: MountError| EvaluatorError::machine(format!("show {} in the store", commit.short()), error);
            fs::create_dir_all(&at).map_err(|error| failed(error.into()))?;
            mounts.push((trees.mount(clone, commit, &at).map_err(failed)?, *hash));
        }
        let hashes: Vec<NarHash> = known.commits.keys().copied().collect();
        let call = self.nix.register(&self.root, &hashes);
        let doing = || format!("register paths in the store {}", self.root.display());
        let done = child::output(&call, Some(PATIENCE), &self.interrupt)
            .map_err(|error| EvaluatorError::machine(doing(), error))?;
        if !done.success() && is_full(&self.root) {
            return Err(EvaluatorError::DiskFull(self.root.clone()));
        }
        if !done.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            let said = nix_culprit_core::text::printable(said.trim());
            return Err(EvaluatorError::machine(doing(), said));
        }
        // Without it Nix finds out by reading the sources.
        self.has_cache = self.nix.version().hashes_sources_again()
            && make_fetcher_cache(&self.cache, user_cache().as_deref(), &sources(&known.lock)).is_ok();
        Ok(Stage { mounts })
    }
}

impl Stage {
    /// Returns the folders of the mounted inputs, as Nix may name them.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let physical = self.mounts.iter().map(|(mount, _)| mount.at().to_owned());
        physical.chain(self.mounts.iter().map(|(_, hash)| hash.source_path().as_str().into())).collect()
    }

    /// Returns what the evaluation looked at, by the lock node that a mount stands for; nothing where Nix seems to have
    /// looked at all of a tree to hash it, as 2.26 does.
    #[must_use]
    pub fn looked_at(&self, assignment: &Assignment) -> Option<BTreeMap<NodeKey, LookedAt>> {
        let all = self.mounts.iter().flat_map(|(mount, _)| mount.read_set());
        let all: BTreeMap<CommitId, Reads> = all.map(|((_, commit), reads)| (commit, reads)).collect();
        let is_hashed = |reads: &Reads| reads.uses.get(Path::new("")) == Some(&Use::Listed);
        if all.values().any(is_hashed) {
            return None;
        }
        let of = |key: &NodeKey| {
            let commit = locked(&assignment.lock, key)?.text("rev")?.parse().ok()?;
            let reads = all.get(&commit)?.clone();
            Some((key.clone(), LookedAt { commit, reads }))
        };
        Some(assignment.clones.keys().filter_map(of).collect())
    }

    /// Watches, while a probe runs that may take `time`, that no read of a clone holds it up for longer.
    #[must_use]
    pub fn watch(&self, time: Duration, interrupt: &Interrupt) -> Vec<Watch> {
        let end = Instant::now().checked_add(time);
        self.mounts.iter().map(|(mount, _)| mount.watch(end, interrupt)).collect()
    }

    /// Fails when the probe could not read something that is there.
    ///
    /// # Errors
    /// When a clone lacks an object, or is damaged.
    pub fn check(&self) -> Result<(), EvaluatorError> {
        self.mounts.iter().try_for_each(|(mount, _)| {
            if mount.is_given_up() { Err(super::trees::hangs()) } else { super::trees::readable(&mount.read_set()) }
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for (mount, _) in self.mounts.drain(..) {
            let at = mount.at().to_owned();
            drop(mount);
            // An empty folder where Nix believes a source would be worse than none.
            let _in_use = fs::remove_dir(at);
        }
    }
}

/// Returns what Nix tells the sources of a lock apart by, with their hashes.
fn sources(lock: &Lock) -> Sources {
    let (mut sources, mut unclear) = (Sources::new(), BTreeSet::new());
    for attrs in lock.nodes.values().filter_map(|node| node.locked.as_ref()) {
        let hash = attrs.text("narHash").and_then(|text| Some((text, text.parse::<NarHash>().ok()?)));
        let Some((text, hash)) = hash else { continue };
        // With any of these a revision is not all that tells it apart.
        let is_plain = ["submodules", "lfs", "exportIgnore"].iter().all(|name| attrs.flag(name) != Some(true));
        for fingerprint in attrs.text("rev").filter(|_| is_plain).into_iter().chain([text]) {
            if sources.insert(fingerprint.to_owned(), hash).is_some_and(|other| other != hash) {
                unclear.insert(fingerprint.to_owned());
            }
        }
    }
    sources.retain(|fingerprint, _| !unclear.contains(fingerprint));
    sources
}

fn locked<'l>(lock: &'l Lock, key: &NodeKey) -> Option<&'l Attrs> {
    lock.nodes.get(key)?.locked.as_ref()
}

/// Tells whether Nix would find out by fetching how many commits the history has.
fn lacks_count(locked: &Attrs) -> bool {
    let counts = locked.text("type") == Some("git") && locked.flag("shallow") != Some(true);
    counts && locked.number("revCount").is_none()
}

fn place(clone: &Path, locked: &Attrs) -> Place {
    let mut attrs = locked.clone();
    for name in OF_ONE_TREE {
        attrs.0.remove(name);
    }
    (clone.to_owned(), serde_json::to_string(&attrs).unwrap_or_default())
}

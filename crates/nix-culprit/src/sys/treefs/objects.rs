//! Git objects by id: commits' trees, trees' entries, blobs.
//!
//! Owns what the file system knows of git's storage (packs, loose objects, alternates), and is its
//! only place that names the crates that read it. Must not know of paths, mounts or views.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gix_object::tree::EntryKind;
use gix_object::{CommitRefIter, Exists as _, Find, Kind, TreeRefIter};
use gix_odb::HandleArc;
use gix_pack::cache::lru::MemoryCappedHashmap;
use nix_culprit_core::ids::CommitId;
use thiserror::Error;

pub(super) use gix_hash::ObjectId;

/// Says why an object could not be read.
#[derive(Debug, Error)]
pub(super) enum ReadError {
    /// The repository does not have it (a blobless or damaged clone).
    #[error("object {0} is missing")]
    Missing(ObjectId),
    /// It is not what the one who refers to it says it is, or it is damaged.
    #[error("object {id} cannot be read: {reason}")]
    Broken {
        /// Which object.
        id: ObjectId,
        /// In what way.
        reason: String,
    },
}

/// What a name in a tree stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mode {
    /// A directory.
    Tree,
    /// A file.
    File,
    /// A file that can be executed.
    Executable,
    /// A symbolic link; the blob is its target.
    Symlink,
    /// A commit of another repository: shown as an empty directory.
    Submodule,
}

/// One name in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Box<[u8]>,
    pub(super) mode: Mode,
    pub(super) id: ObjectId,
}

/// Where objects come from: a repository, or a test's memory.
pub(super) trait Objects: Send + Sync {
    /// Returns the tree of a commit, `None` when there is no such commit.
    fn root(&self, commit: &CommitId) -> Result<Option<ObjectId>, ReadError>;
    /// Returns the entries of a tree, in any order.
    fn tree(&self, id: ObjectId) -> Result<Vec<Entry>, ReadError>;
    /// Returns the length of a blob in bytes, without reading it where that is possible.
    fn size(&self, id: ObjectId) -> Result<u64, ReadError>;
    /// Returns a blob's content.
    fn blob(&self, id: ObjectId) -> Result<Vec<u8>, ReadError>;
    /// Keeps of these objects those that are not there; nobody is asked to bring them.
    fn lacking(&self, ids: Vec<ObjectId>) -> Vec<ObjectId>;
}

/// Whether somebody brought a missing object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// It is in the repository now: look again.
    Brought,
    /// It is not to be had: the reader gets an input/output error.
    Unavailable,
}

/// What to do when the repository lacks an object, as a blobless clone does.
///
/// It is called with the git folder and the object's hash, on the thread that serves the reader,
/// which waits for the answer; so it must not read from the mount itself, and a slow one holds up
/// other readers too. It may be called from several threads at once, for the same object too.
pub type OnMissing = dyn Fn(&Path, &str) -> Supply + Send + Sync;

/// The objects of one repository.
pub(super) struct Repository {
    git_dir: PathBuf,
    hash: gix_hash::Kind,
    handles: Mutex<Handles>,
    on_missing: Arc<OnMissing>,
}

/// Ways into the same open packs, one for each reader at a time.
struct Handles {
    model: HandleArc,
    /// Used again, because each carries a cache of delta bases.
    resting: Vec<HandleArc>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("git_dir", &self.git_dir).finish_non_exhaustive()
    }
}

impl Repository {
    /// The most bytes of delta bases that one handle keeps.
    const BASES: usize = 16 << 20;
    /// How many packs a repository may come to have while it is open: every fetch into a blobless
    /// clone adds one.
    const PACKS: u16 = 4096;

    /// Opens the repository whose git folder is `git_dir`.
    pub(super) fn open(git_dir: &Path, on_missing: Arc<OnMissing>) -> io::Result<Self> {
        // The git folder of a linked worktree has no objects of its own.
        let common = match fs::read_to_string(git_dir.join("commondir")) {
            Ok(common) => git_dir.join(common.trim_end_matches('\n')),
            Err(error) if error.kind() == io::ErrorKind::NotFound => git_dir.to_owned(),
            Err(error) => return Err(error),
        };
        let config = match fs::read_to_string(common.join("config")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            config => config?,
        };
        let hash = if is_sha256(&config) { gix_hash::Kind::Sha256 } else { gix_hash::Kind::Sha1 };
        let options = gix_odb::store::init::Options {
            slots: gix_odb::store::init::Slots::Given(Self::PACKS),
            ..Default::default()
        };
        // Replacements (`refs/replace`) are not looked at: Nix asks for commits by their true hash.
        let store = gix_odb::at_opts(common.join("objects"), hash, None, options)?.into_arc()?;
        let model = store.with_pack_cache(|| Box::new(MemoryCappedHashmap::new(Self::BASES)));
        let handles = Mutex::new(Handles { model, resting: Vec::new() });
        Ok(Self { git_dir: git_dir.to_owned(), hash, handles, on_missing })
    }

    /// Reads with a handle, and once more if the object was missing and then brought.
    fn with<T, E: fmt::Display>(
        &self,
        id: ObjectId,
        read: impl Fn(&HandleArc) -> Result<Option<T>, E>,
    ) -> Result<Option<T>, ReadError> {
        let handle = self.take();
        let look = || read(&handle).map_err(|error| ReadError::Broken { id, reason: error.to_string() });
        let mut found = look()?;
        if found.is_none() && (self.on_missing)(&self.git_dir, &id.to_string()) == Supply::Brought {
            found = look()?;
        }
        self.give_back(handle);
        Ok(found)
    }

    fn take(&self) -> HandleArc {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.resting.pop().unwrap_or_else(|| handles.model.clone())
    }

    fn give_back(&self, handle: HandleArc) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).resting.push(handle);
    }

    /// Reads an object that must be there and be of this kind.
    fn read(&self, id: ObjectId, kind: Kind) -> Result<Vec<u8>, ReadError> {
        let found = self.with(id, |odb| {
            let mut bytes = Vec::new();
            let kind = odb.try_find(&id, &mut bytes).map(|data| data.map(|data| data.kind));
            kind.map(|kind| kind.map(|kind| (kind, bytes)))
        })?;
        match found {
            None => Err(ReadError::Missing(id)),
            Some((found, bytes)) if found == kind => Ok(bytes),
            Some((found, _)) => Err(ReadError::Broken { id, reason: format!("it is a {found}, not a {kind}") }),
        }
    }
}

impl Objects for Repository {
    fn root(&self, commit: &CommitId) -> Result<Option<ObjectId>, ReadError> {
        let Ok(id) = ObjectId::from_hex(commit.as_str().as_bytes()) else { return Ok(None) };
        if id.kind() != self.hash {
            return Ok(None);
        }
        match self.read(id, Kind::Commit) {
            Ok(bytes) => {
                let tree = CommitRefIter::from_bytes(&bytes, self.hash).tree_id();
                tree.map(Some).map_err(|error| ReadError::Broken { id, reason: error.to_string() })
            }
            Err(ReadError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn tree(&self, id: ObjectId) -> Result<Vec<Entry>, ReadError> {
        let bytes = self.read(id, Kind::Tree)?;
        let entries = TreeRefIter::from_bytes(&bytes, self.hash).map(|entry| {
            entry.map(|entry| Entry {
                name: <[u8]>::to_vec(entry.filename).into(),
                mode: match entry.mode.kind() {
                    EntryKind::Tree => Mode::Tree,
                    EntryKind::Blob => Mode::File,
                    EntryKind::BlobExecutable => Mode::Executable,
                    EntryKind::Link => Mode::Symlink,
                    EntryKind::Commit => Mode::Submodule,
                },
                id: entry.oid.to_owned(),
            })
        });
        entries.collect::<Result<_, _>>().map_err(|error| ReadError::Broken { id, reason: error.to_string() })
    }

    fn size(&self, id: ObjectId) -> Result<u64, ReadError> {
        let header = self.with(id, |odb| gix_odb::Header::try_header(&**odb, &id))?;
        header.map(|header| header.size()).ok_or(ReadError::Missing(id))
    }

    fn blob(&self, id: ObjectId) -> Result<Vec<u8>, ReadError> {
        self.read(id, Kind::Blob)
    }

    fn lacking(&self, mut ids: Vec<ObjectId>) -> Vec<ObjectId> {
        let handle = self.take();
        // New packs are looked for once, and not for each object that is not there.
        let _there = ids.first().is_some_and(|first| handle.exists(first));
        ids.retain(|id| !handle.exists_without_refresh(id));
        self.give_back(handle);
        ids
    }
}

/// Tells from a repository's configuration whether its hashes are SHA-256 (`extensions.objectFormat`).
fn is_sha256(config: &str) -> bool {
    config.lines().any(|line| {
        line.split_once('=').is_some_and(|(key, value)| {
            key.trim().eq_ignore_ascii_case("objectformat") && value.trim().eq_ignore_ascii_case("sha256")
        })
    })
}

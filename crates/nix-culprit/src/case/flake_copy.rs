//! The copy of the user's flake that every probe of a case evaluates, made once.

use std::fs;
use std::path::Path;

use nix_culprit_core::ids::CommitId;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use serde::{Deserialize, Serialize};

use super::settings::Root;
use super::store::CaseDir;
use super::{CaseError, StoreError};
use crate::sys::git::{Git, Repository, Snapshot};

/// What is known of the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlakeCopy {
    /// The flake's folder in it; empty for the top.
    pub dir: String,
    /// The commit that the working tree was based on.
    pub head: Option<CommitId>,
    /// The time that all its files bear, in seconds since 1970: Nix shows it to the flake.
    pub modified: i64,
}

impl FlakeCopy {
    /// Makes the copy, or finds the one that the case has.
    ///
    /// # Errors
    /// When the flake cannot be read, or the disk does not take the copy.
    pub fn of(git: &Git, (flake, root): (&Path, &Root), case: &CaseDir) -> Result<(Self, Snapshot), CaseError> {
        let io = |path: &Path, source| StoreError::Io { path: path.to_owned(), source };
        let about = case.file("copy.json");
        let copied = case.file("flake").join("source");
        if let Ok(text) = fs::read(&about)
            && let Ok(copy) = serde_json::from_slice::<Self>(&text)
        {
            let snapshot = Snapshot {
                root: copied,
                dir: copy.dir.clone().into(),
                head: copy.head.clone(),
                dirty: copy.head.is_none(),
            };
            return Ok((copy, snapshot));
        }
        if !flake.join(root.file()).is_file() {
            return Err(match root {
                Root::Flake => CaseError::NoFlake(flake.to_owned()),
                Root::File { file, .. } => CaseError::NoFile(flake.join(file)),
            });
        }
        // What an interrupted copy left.
        match fs::remove_dir_all(&copied) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(io(&copied, source).into()),
        }
        let snapshot = Snapshot::take(git, flake, &copied)?;
        if !snapshot.root.join(&snapshot.dir).join(root.file()).is_file() {
            return Err(CaseError::Untracked(flake.join(root.file())));
        }
        let modified = match &snapshot.head {
            Some(head) => Repository::open(git, flake)?.committed(head)?.seconds,
            None => 0,
        };
        set_times(&snapshot.root, modified).map_err(|source| io(&snapshot.root, source))?;
        let dir = snapshot.dir.to_string_lossy().into_owned();
        let copy = Self { dir, head: snapshot.head.clone(), modified };
        case.write("copy.json", &serde_json::to_vec(&copy).expect("plain data"))?;
        Ok((copy, snapshot))
    }
}

impl FlakeCopy {
    /// Copies the copy to another folder, for somebody who works beside others.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn again(&self, git: &Git, snapshot: &Snapshot, into: &Path) -> Result<Snapshot, CaseError> {
        copy_again(git, (snapshot, self.modified), into)
    }
}

/// Copies a copy, whose files bear a time in seconds since 1970, to another folder.
pub(super) fn copy_again(
    git: &Git,
    (snapshot, modified): (&Snapshot, i64),
    into: &Path,
) -> Result<Snapshot, CaseError> {
    let io = |path: &Path, source| StoreError::Io { path: path.to_owned(), source };
    match fs::remove_dir_all(into) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(source) => return Err(io(into, source).into()),
    }
    let snapshot = snapshot.again(git, into)?;
    set_times(&snapshot.root, modified).map_err(|source| io(&snapshot.root, source))?;
    Ok(snapshot)
}

/// Gives everything below a folder the same time.
pub(super) fn set_times(path: &Path, seconds: i64) -> std::io::Result<()> {
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            set_times(&entry?.path(), seconds)?;
        }
    }
    set_time(path, seconds)
}

/// Gives a file or a folder a time, in seconds since 1970.
pub(super) fn set_time(path: &Path, seconds: i64) -> std::io::Result<()> {
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

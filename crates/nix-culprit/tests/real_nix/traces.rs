//! What a run must not leave: changed files, processes, mounts, temporary files.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::room::{Room, eventually};

/// Everything below some folders: kind, rights, time and content of each file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listing(BTreeMap<PathBuf, String>);

impl Listing {
    pub(crate) fn of(folders: &[&Path]) -> Self {
        let mut all = BTreeMap::new();
        for folder in folders {
            list(folder, &mut all);
        }
        Self(all)
    }

    /// What is new or another than before.
    pub(crate) fn changed_since(&self, before: &Self) -> Vec<&Path> {
        self.0.iter().filter(|(path, what)| before.0.get(*path) != Some(what)).map(|(path, _)| path.as_path()).collect()
    }

    #[track_caller]
    pub(crate) fn is_same_as(&self, before: &Self) {
        let changed = self.changed_since(before);
        let gone: Vec<_> = before.0.keys().filter(|path| !self.0.contains_key(*path)).collect();
        assert!(changed.is_empty() && gone.is_empty(), "changed: {changed:#?}\ngone: {gone:#?}");
    }
}

fn list(path: &Path, all: &mut BTreeMap<PathBuf, String>) {
    let meta = fs::symlink_metadata(path).unwrap();
    let content = if meta.is_symlink() {
        fs::read_link(path).unwrap().as_os_str().as_bytes().to_vec()
    } else if meta.is_file() {
        fs::read(path).unwrap()
    } else {
        Vec::new()
    };
    let digest: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    let what = format!("{:o} {}.{} {digest}", meta.mode(), meta.mtime(), meta.mtime_nsec());
    all.insert(path.to_owned(), what);
    if meta.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            list(&entry.unwrap().path(), all);
        }
    }
}

/// The processes that were started in a room: its home is in their environment.
pub(crate) fn processes(room: &Room) -> Vec<String> {
    let mark = format!("HOME={}", room.home.display()).into_bytes();
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let ours = entries.filter(|entry| {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark)
    });
    ours.map(|entry| {
        String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).unwrap_or_default()).replace('\0', " ")
    })
    .collect()
}

/// Checks that nothing of a room goes on: no process, no mount, no temporary file, no lock of git.
#[track_caller]
pub(crate) fn nothing_goes_on(room: &Room) {
    let mut left = Vec::new();
    eventually("the end of all processes", || {
        left = processes(room);
        left.is_empty()
    });
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let room_path = room.root.to_str().unwrap();
    assert!(!mounts.contains(room_path), "{mounts}");
    let temporary: Vec<_> = fs::read_dir(room.root.join("tmp")).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(temporary.is_empty(), "{temporary:?}");
    let mut files = BTreeMap::new();
    list(&room.app, &mut files);
    list(&room.sample.pkgs, &mut files);
    let locks: Vec<_> = files.keys().filter(|path| path.extension().is_some_and(|end| end == "lock")).collect();
    assert_eq!(locks, [&room.app.join("flake.lock")]);
}

//! The file that Nix writes what it counted to, one for each evaluation.
//!
//! Owns that it is gone afterwards. What lies there may have been put there by anybody: nothing but a plain file is
//! opened, and no more of it read than Nix can have written.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix_culprit_core::counters::Counters;

use crate::sys::child::Call;

/// Nix writes less than 1 KiB.
const MOST: u64 = 1 << 16;

/// The file of one evaluation.
#[derive(Debug)]
#[must_use = "the file goes when it is dropped"]
pub struct CountersFile {
    path: PathBuf,
}

impl CountersFile {
    /// Chooses a name in a folder that no other evaluation of this process has.
    pub fn in_folder(folder: &Path) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let file = Self { path: folder.join(format!("counters-{}.json", COUNT.fetch_add(1, Ordering::Relaxed))) };
        file.remove();
        file
    }

    /// Makes a call write what it counts.
    #[must_use]
    pub fn asked_of(&self, call: Call) -> Call {
        call.env("NIX_SHOW_STATS", "1").env("NIX_SHOW_STATS_PATH", self.path.as_os_str())
    }

    /// Returns what was counted, if it was written wholly.
    #[must_use]
    pub fn read(self) -> Option<Counters> {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).ok()?;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&self.path).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut text = Vec::new();
        file.take(MOST).read_to_end(&mut text).ok()?;
        Counters::parse(&text)
    }

    fn remove(&self) {
        let _absent = fs::remove_file(&self.path);
    }
}

impl Drop for CountersFile {
    fn drop(&mut self) {
        self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_read_once_and_the_file_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let file = CountersFile::in_folder(folder.path());
        let shown = format!("{:?}", file.asked_of(Call::new("nix")).sees());
        assert!(shown.contains("NIX_SHOW_STATS_PATH") && shown.contains(file.path.to_str().unwrap()), "{shown}");
        fs::write(&file.path, r#"{"nrThunks":7}"#).unwrap();
        assert_eq!(file.read().unwrap().get(&"nrThunks".parse().unwrap()), Some(7));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_plain_file_is_not_read_and_nothing_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let other = folder.path().join("other");
        fs::write(&other, r#"{"nrThunks":7}"#).unwrap();
        let link = CountersFile::in_folder(folder.path());
        std::os::unix::fs::symlink(&other, &link.path).unwrap();
        assert_eq!(link.read(), None);
        let pipe = CountersFile::in_folder(folder.path());
        assert!(std::process::Command::new("mkfifo").arg(&pipe.path).status().unwrap().success());
        assert_eq!(pipe.read(), None);
        let large = CountersFile::in_folder(folder.path());
        fs::write(&large.path, format!("{{\"nrThunks\":7{}}}", " ".repeat(1 << 20))).unwrap();
        assert_eq!(large.read(), None);
        assert_eq!(CountersFile::in_folder(folder.path()).read(), None);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the other file is left");
    }
}

//! Whether a file was opened during some time, and which ones of a folder. In doubt a file was.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Watches a file from when it is made.
#[derive(Debug)]
pub struct Touched {
    #[cfg(target_os = "linux")]
    watch: Option<std::os::fd::OwnedFd>,
}

#[cfg(target_os = "linux")]
impl Touched {
    /// Begins to watch a file.
    #[must_use]
    pub fn watch(file: &Path) -> Self {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
        let watch = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok();
        Self { watch: watch.filter(|watch| add_watch(watch, file, WatchFlags::OPEN | WatchFlags::ACCESS).is_ok()) }
    }

    /// Tells whether the file was opened since, or replaced, or this cannot be known.
    #[must_use]
    pub fn happened(&self) -> bool {
        let nothing = |watch| rustix::io::read(watch, &mut [0_u8; 4096]) == Err(rustix::io::Errno::AGAIN);
        !self.watch.as_ref().is_some_and(nothing)
    }
}

#[cfg(not(target_os = "linux"))]
impl Touched {
    /// Cannot watch here.
    #[must_use]
    pub fn watch(_file: &Path) -> Self {
        Self {}
    }

    /// It cannot be known here.
    #[must_use]
    pub fn happened(&self) -> bool {
        true
    }
}

/// Watches all files below a folder; those that come later, too, but not folders that do.
#[derive(Debug)]
pub struct Opened {
    #[cfg(target_os = "linux")]
    watch: Option<(std::os::fd::OwnedFd, std::collections::HashMap<i32, PathBuf>)>,
}

#[cfg(target_os = "linux")]
impl Opened {
    /// Begins to watch.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { watch: Self::begin(root).ok() }
    }

    fn begin(root: &Path) -> std::io::Result<(std::os::fd::OwnedFd, std::collections::HashMap<i32, PathBuf>)> {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
        let watch = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let mut folders = std::collections::HashMap::new();
        let mut todo = vec![PathBuf::new()];
        while let Some(folder) = todo.pop() {
            let here = root.join(&folder);
            for entry in std::fs::read_dir(&here)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    todo.push(folder.join(entry.file_name()));
                }
            }
            folders.insert(add_watch(&watch, &here, WatchFlags::OPEN | WatchFlags::ONLYDIR)?, folder);
        }
        Ok((watch, folders))
    }

    /// Returns the files that were opened since, by their paths from the folder; none where that cannot be known.
    #[must_use]
    pub fn files(self) -> Option<BTreeSet<PathBuf>> {
        use rustix::fs::inotify::{ReadFlags, Reader};
        use std::os::unix::ffi::OsStrExt as _;
        let (watch, folders) = self.watch?;
        let mut room = [std::mem::MaybeUninit::uninit(); 8192];
        let mut reader = Reader::new(&watch, &mut room);
        let mut opened = BTreeSet::new();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::AGAIN) => return Some(opened),
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return None,
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                return None;
            }
            let (Some(folder), Some(name)) = (folders.get(&event.wd()), event.file_name()) else { continue };
            if !event.events().contains(ReadFlags::ISDIR) {
                opened.insert(folder.join(std::ffi::OsStr::from_bytes(name.to_bytes())));
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Opened {
    /// Cannot watch here.
    #[must_use]
    pub fn below(_root: &Path) -> Self {
        Self {}
    }

    /// It cannot be known here.
    #[must_use]
    pub fn files(self) -> Option<BTreeSet<PathBuf>> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_opened_is_told_from_one_that_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let (idle, used) = (Touched::watch(&file), Touched::watch(&file));
        assert!(file.exists() && !idle.happened());
        std::fs::read(&file).unwrap();
        assert!(used.happened());
        assert!(Touched::watch(&folder.path().join("none")).happened(), "in doubt");
    }
    #[test]
    fn the_files_of_a_folder_that_were_opened_are_listed_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        for name in ["top", "a/seen", "a/b/deep", "a/b/closed"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let opened = Opened::below(folder.path());
        std::fs::read(folder.path().join("a/b/deep")).unwrap();
        std::fs::read(folder.path().join("top")).unwrap();
        std::fs::read_dir(folder.path().join("a")).unwrap().for_each(drop);
        assert!(folder.path().join("a/seen").exists());
        assert_eq!(opened.files().unwrap(), ["a/b/deep".into(), "top".into()].into());
        assert_eq!(Opened::below(&folder.path().join("none")).files(), None);
    }
}

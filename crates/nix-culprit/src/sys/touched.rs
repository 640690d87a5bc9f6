//! Whether a file was opened during some time, and which ones of a folder. In doubt a file was.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Watches a file, one time after another.
///
/// The kernel takes 10 ms and more to end what watches, so the same is used for each evaluation.
#[derive(Debug)]
pub struct Touched {
    #[cfg(target_os = "linux")]
    watch: Option<std::os::fd::OwnedFd>,
    /// Whether the file is being watched.
    #[cfg(target_os = "linux")]
    watches: bool,
}

#[cfg(target_os = "linux")]
impl Touched {
    /// Watches nothing yet.
    #[must_use]
    pub fn new() -> Self {
        use rustix::fs::inotify::{CreateFlags, init};
        Self { watch: init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok(), watches: false }
    }

    /// Begins to watch a file; what happened before is forgotten.
    pub fn watch(&mut self, file: &Path) {
        use rustix::fs::inotify::{WatchFlags, add_watch};
        // Again each time: it may have been replaced.
        let watch = self.watch.as_ref().filter(|watch| {
            let added = add_watch(watch, file, WatchFlags::OPEN | WatchFlags::ACCESS);
            added.is_ok() && (0..1000).any(|_| Self::happens(watch) == Err(rustix::io::Errno::AGAIN))
        });
        self.watches = watch.is_some();
    }

    /// Tells whether the file was opened since, or replaced, or this cannot be known.
    #[must_use]
    pub fn happened(&self) -> bool {
        let watch = self.watch.as_ref().filter(|_| self.watches);
        watch.is_none_or(|watch| Self::happens(watch) != Err(rustix::io::Errno::AGAIN))
    }

    /// Takes some of what happened out of the queue.
    fn happens(watch: &std::os::fd::OwnedFd) -> rustix::io::Result<usize> {
        rustix::io::read(watch, &mut [0_u8; 4096])
    }
}

#[cfg(not(target_os = "linux"))]
impl Touched {
    /// Watches nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {}
    }

    /// Cannot watch here.
    pub fn watch(&mut self, _file: &Path) {}

    /// It cannot be known here.
    #[must_use]
    pub fn happened(&self) -> bool {
        true
    }
}

impl Default for Touched {
    fn default() -> Self {
        Self::new()
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
        let (mut idle, mut used) = (Touched::new(), Touched::new());
        assert!(idle.happened(), "in doubt");
        idle.watch(&file);
        used.watch(&file);
        assert!(file.exists() && !idle.happened());
        std::fs::read(&file).unwrap();
        assert!(used.happened());
        idle.watch(&folder.path().join("none"));
        assert!(idle.happened(), "in doubt");
    }

    #[test]
    fn what_watches_can_be_used_again_also_when_the_file_was_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let [file, other] = ["file", "other"].map(|name| folder.path().join(name));
        [&file, &other].iter().for_each(|path| std::fs::write(path, "x").unwrap());
        let mut touched = Touched::new();
        touched.watch(&file);
        std::fs::write(&file, "y").unwrap();
        touched.watch(&file);
        assert!(!touched.happened(), "what happened before is forgotten");
        std::fs::rename(&other, &file).unwrap();
        touched.watch(&file);
        assert!(!touched.happened());
        std::fs::read(&file).unwrap();
        assert!(touched.happened());
        touched.watch(&file);
        std::fs::remove_file(&file).unwrap();
        assert!(touched.happened());
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

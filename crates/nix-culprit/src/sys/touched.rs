//! Whether a file was opened during some time. In doubt it was.

use std::path::Path;

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
}

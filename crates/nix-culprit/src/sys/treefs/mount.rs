//! Mounting and unmounting: a session with the kernel that ends with us.
//!
//! Owns the mount point, its options and its end, also after a kill. Must not answer requests; that
//! is `callbacks`' part.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use fuser::{BackgroundSession, Config, INodeNo, MountOption, Notifier, Session};

use super::super::child::{self, Call};
use super::super::interrupt::Interrupt;
use super::super::warden::{Duty, Held, Warden};
use super::callbacks::Callbacks;
use super::tree::Forest;

/// A mounted forest; unmounted when dropped, by the warden if we are killed.
#[derive(Debug)]
pub(super) struct Mount {
    at: PathBuf,
    notifier: Notifier,
    // Ended in this order, after `at` was detached.
    _session: BackgroundSession,
    _held: Option<Held>,
}

impl Mount {
    /// How many requests are answered at the same time, at least and at most: more threads than
    /// cores measurably cost time, and with a single one a reader could hold up all others.
    const THREADS: RangeInclusive<usize> = 2..=4;

    /// Mounts at an existing directory. A dead mount that a killed run left there is removed.
    pub(super) fn new(forest: Arc<Forest>, at: &Path, warden: Option<&Warden>) -> io::Result<Self> {
        if let Err(error) = fs::metadata(at) {
            if rustix::io::Errno::from_io_error(&error) != Some(rustix::io::Errno::NOTCONN) {
                return Err(error);
            }
            detach(at)?;
        }
        let at = fs::canonicalize(at)?;
        let mut config = Config::default();
        config.mount_options = vec![
            MountOption::RO,
            MountOption::NoAtime,
            MountOption::NoSuid,
            MountOption::NoDev,
            MountOption::FSName("nix-culprit".to_owned()),
        ];
        let cores = available_parallelism().map_or(1, NonZero::get);
        let threads = cores.clamp(*Self::THREADS.start(), *Self::THREADS.end());
        config.n_threads = cfg!(target_os = "linux").then_some(threads);
        // Held before there is a mount: from then on there is no moment without somebody to undo it.
        let held = warden.map(|warden| warden.hold(Duty::Unmount(at.clone()))).transpose()?;
        let session = Session::new(Callbacks::new(forest), &at, &config).and_then(Session::spawn)?;
        Ok(Self { at, notifier: session.notifier(), _session: session, _held: held })
    }

    /// Returns the directory it is mounted at.
    pub(super) fn at(&self) -> &Path {
        &self.at
    }

    /// Makes the kernel forget a name in the top directory and all below it.
    pub(super) fn forget(&self, name: &str) {
        // The kernel may not know it at all, and what is in use stays until it is not.
        let _unknown = self.notifier.inval_entry(INodeNo::ROOT, OsStr::new(name));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Away from the tree of files at once, even where a stuck program still uses it: such a
        // program is served on until it ends. The session would wait for it to be unused.
        let _at_start_of_next_run = detach(&self.at);
    }
}

/// Unmounts lazily: by ourselves where we may, else with the helper that may.
#[cfg(target_os = "linux")]
fn detach(at: &Path) -> io::Result<()> {
    use rustix::mount::{UnmountFlags, unmount};
    let Err(refused) = unmount(at, UnmountFlags::DETACH) else { return Ok(()) };
    if refused != rustix::io::Errno::PERM {
        return Err(refused.into());
    }
    let call = Call::new("fusermount3").args(["-u", "-z", "--"]).arg(at);
    let done = child::output(&call, Some(Duration::from_secs(5)), &Interrupt::new()).map_err(io::Error::other)?;
    if done.success() { Ok(()) } else { Err(io::Error::other(String::from_utf8_lossy(&done.stderr).trim().to_owned())) }
}

/// Unmounts lazily: elsewhere there is no mount.
#[cfg(not(target_os = "linux"))]
fn detach(_at: &Path) -> io::Result<()> {
    Ok(())
}

//! Mounting and unmounting: a session with the kernel that ends with us.
//!
//! Owns the mount point, the way it was mounted and its end, also after a kill. Must not answer
//! requests; that is `callbacks`' part.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::num::NonZero;
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

use fuser::{BackgroundSession, Config, INodeNo, Notifier, Session, SessionACL};

use super::super::fuse;
use super::super::namespace::Namespace;
use super::super::warden::{Duty, Held, Warden};
use super::callbacks::Callbacks;
use super::tree::Forest;

/// A way to mount, the best first: what everybody sees is simplest, and a helper is better than
/// evaluations in a namespace of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// By ourselves, as root may.
    Direct,
    /// By `fusermount3`, which may for any user.
    Helper,
    /// In a user namespace, where only those inside see it.
    Namespace,
}

impl Way {
    /// All, the best first.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Helper, Self::Namespace];
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "mounted by ourselves",
            Self::Helper => "mounted by fusermount3",
            Self::Namespace => "mounted in a user namespace of our own",
        })
    }
}

/// A mounted forest; unmounted when dropped, and when we are killed.
#[derive(Debug)]
pub(super) struct Mount {
    at: PathBuf,
    way: Way,
    notifier: Notifier,
    warden: Warden,
    // Ended in this order.
    end: End,
    _session: BackgroundSession,
}

/// Who ends a mount.
#[derive(Debug)]
enum End {
    /// We, or else the warden.
    Seen {
        /// What the kernel calls it.
        connection: Option<u32>,
        _held: Held,
    },
    /// The warden, in its namespace, or else the kernel.
    Inside(Warden),
}

impl Mount {
    /// How many requests are answered at the same time, at least and at most: more threads than
    /// cores measurably cost time, and with a single one a reader could hold up all others.
    const THREADS: RangeInclusive<usize> = 2..=4;

    /// Mounts at an existing directory, in one of these ways. A dead mount that a killed run left there
    /// is removed.
    pub(super) fn new(forest: Arc<Forest>, at: &Path, warden: &Warden, ways: &[Way]) -> Result<Self, Vec<Refused>> {
        let no_place = |error: io::Error| vec![Refused { way: Way::Direct, why: error }];
        if let Err(error) = fs::metadata(at) {
            if rustix::io::Errno::from_io_error(&error) != Some(rustix::io::Errno::NOTCONN) {
                return Err(no_place(error));
            }
            fuse::detach(at).map_err(no_place)?;
        }
        let at = fs::canonicalize(at).map_err(no_place)?;
        let mut refused = Vec::new();
        for way in ways {
            match open(*way, &at, warden) {
                Ok((device, end)) => return Self::serve(forest, (at, *way), device, (end, warden)).map_err(no_place),
                Err(why) => refused.push(Refused { way: *way, why }),
            }
        }
        Err(refused)
    }

    fn serve(
        forest: Arc<Forest>,
        (at, way): (PathBuf, Way),
        device: OwnedFd,
        (end, warden): (End, &Warden),
    ) -> io::Result<Self> {
        let mut config = Config::default();
        let cores = available_parallelism().map_or(1, NonZero::get);
        let threads = cores.clamp(*Self::THREADS.start(), *Self::THREADS.end());
        config.n_threads = cfg!(target_os = "linux").then_some(threads);
        let session = Session::from_fd(Callbacks::new(forest), device, SessionACL::Owner, config);
        match session.and_then(Session::spawn) {
            Ok(session) => {
                Ok(Self { at, way, notifier: session.notifier(), warden: warden.clone(), end, _session: session })
            }
            Err(error) => {
                end.come(&at);
                Err(error)
            }
        }
    }

    /// Tells the kernel that no answer will come: whoever waits for one gets an error, and so does all that follows.
    pub(super) fn abort(&self) {
        match &self.end {
            End::Seen { connection, .. } => _ = fuse::abort(&self.at, *connection),
            End::Inside(warden) => warden.abort(&self.at),
        }
    }

    /// Returns the namespace in which it is seen; none: everywhere.
    pub(super) fn namespace(&self) -> Option<&Namespace> {
        match &self.end {
            End::Seen { .. } => None,
            End::Inside(warden) => warden.namespace(),
        }
    }

    /// Returns who would unmount it.
    pub(super) const fn warden(&self) -> &Warden {
        &self.warden
    }

    /// Returns the directory it is mounted at.
    pub(super) fn at(&self) -> &Path {
        &self.at
    }

    /// Returns how it was mounted.
    pub(super) const fn way(&self) -> Way {
        self.way
    }

    /// Makes the kernel forget a name in the top directory and all below it, soon: for the thousands of names that an
    /// evaluation looked at it takes 2 to 10 ms, for which the next one does not wait.
    pub(super) fn forget(&self, name: &str) {
        let (notifier, name) = (self.notifier.clone(), name.to_owned());
        // The kernel may not know it at all, and what is in use stays until it is not. Without a thread it is kept.
        let forget = move || _ = notifier.inval_entry(INodeNo::ROOT, OsStr::new(&name));
        let _kept = std::thread::Builder::new().name("forget".to_owned()).spawn(forget);
    }
}

/// A way that cannot be had, and why.
#[derive(Debug)]
pub struct Refused {
    /// Which way.
    pub way: Way,
    /// What the system said.
    pub why: io::Error,
}

fn open(way: Way, at: &Path, warden: &Warden) -> io::Result<(OwnedFd, End)> {
    // Held before there is a mount: from then on there is no moment without somebody to undo it.
    let hold = || warden.hold(Duty::Unmount(at.to_owned()));
    match way {
        Way::Direct => {
            let held = hold()?;
            Ok((fuse::mount(at)?, End::Seen { connection: None, _held: held }))
        }
        Way::Helper => {
            let held = hold()?;
            let device = fuse::mount_by_helper(at)?;
            Ok((device, End::Seen { connection: fuse::connection(at), _held: held }))
        }
        Way::Namespace => Ok((warden.mount(at)?, End::Inside(warden.clone()))),
    }
}

impl End {
    /// Takes the mount away from the tree of files at once, even where a stuck program still uses it: such
    /// a program is served on until it ends.
    fn come(&self, at: &Path) {
        match self {
            Self::Seen { .. } => _ = fuse::detach(at),
            Self::Inside(warden) => warden.detach(at),
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.end.come(&self.at);
    }
}

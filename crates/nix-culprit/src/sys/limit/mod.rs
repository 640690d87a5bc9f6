//! Running a program under a hard memory and time budget.
//!
//! Owns what a budget is, which layers of limits this machine offers, and what is told about a
//! finished run. The watching itself is done by a warden, a small process of our own between us and
//! the program (see `warden`), so that nothing it started outlives us, however we end. Must not
//! judge an outcome; that is the core's part.
//!
//! In force in every run on Linux: no core dumps, `RLIMIT_DATA` as a backstop, the memory of the whole
//! process tree polled, SIGKILL at the budget, nothing of the tree left at the end. On top of that
//! comes, where it can be had, one [`Layer`] that the kernel enforces.

pub mod budget;
mod cgroup;
mod cgroup_v1;
mod cgroup_v2;
#[cfg(target_os = "linux")]
mod curve;
#[cfg(target_os = "linux")]
mod run;
#[cfg(not(target_os = "linux"))]
#[path = "run_elsewhere.rs"]
mod run;
mod scope;
#[cfg(target_os = "linux")]
mod standby;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(target_os = "linux")]
pub(super) mod watch;

use std::fmt;
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::sync::Arc;
use std::time::Duration;

use nix_culprit_core::outcome::{End, Kill};
use nix_culprit_core::quantity::Bytes;
use serde::{Deserialize, Serialize};

use super::namespace::Namespace;

/// How much one run may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Resident memory of the whole process tree.
    pub memory: Bytes,
    /// Wall time.
    pub time: Option<Duration>,
}

/// What somebody sees who looks on while a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen<'a> {
    /// The next bytes of its standard error.
    Stderr(&'a [u8]),
    /// The next bytes of the pipe beside it.
    Pipe(&'a [u8]),
    /// The resident memory of the whole process tree just now.
    Memory(Bytes),
}

/// What an onlooker wants of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It goes on.
    GoOn,
    /// It stands still, until there is another wish. Its time goes on.
    Pause,
    /// It ends at once; it is told as [`Kill::Interrupt`].
    End,
}

/// Looks on while a run goes.
pub struct Onlooker<'a> {
    /// A pipe that the run writes to by its name, open for reading without blocking.
    pub pipe: Option<&'a std::fs::File>,
    /// How often it is told of the memory, at most.
    pub every: Duration,
    /// Is told what is seen, and says what it wants.
    pub look: &'a mut dyn FnMut(Seen<'_>) -> Wish,
}

impl fmt::Debug for Onlooker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Onlooker").field("pipe", &self.pipe).field("every", &self.every).finish_non_exhaustive()
    }
}

/// Who holds a run to its memory budget, beside the backstop of each process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// We alone, by polling.
    Polling,
    /// We, and a scope of systemd's user manager.
    Scope,
    /// We, and a cgroup (version 1) of our own.
    CgroupV1,
    /// We, and a cgroup (version 2) of our own.
    CgroupV2,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Polling => "polling",
            Self::Scope => "polling and a systemd user scope",
            Self::CgroupV1 => "polling and a cgroup (v1)",
            Self::CgroupV2 => "polling and a cgroup (v2)",
        })
    }
}

/// One layer as `doctor` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerState {
    /// Which one.
    pub layer: Layer,
    /// Why it cannot be had here; `None` when it was seen to work.
    pub missing: Option<String>,
}

/// Where the kernel's folders and the programs are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roots {
    /// The process folder, `/proc`.
    pub proc: PathBuf,
    /// The folder of the cgroup hierarchies, `/sys/fs/cgroup`.
    pub cgroup: PathBuf,
    /// The user's runtime folder (`XDG_RUNTIME_DIR`), where the user manager's bus is.
    pub runtime: Option<PathBuf>,
    /// The program that starts scopes, `systemd-run`.
    pub systemd_run: PathBuf,
    /// The program that changes the environment of another, `env`.
    pub env: PathBuf,
    /// The nix-culprit program itself, which is run again as the warden.
    pub warden: PathBuf,
}

impl Roots {
    /// Returns the usual places; `warden` is the nix-culprit program (never a test's harness).
    #[must_use]
    pub fn usual(warden: PathBuf) -> Self {
        Self {
            proc: "/proc".into(),
            cgroup: "/sys/fs/cgroup".into(),
            runtime: std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from),
            systemd_run: "systemd-run".into(),
            env: "/usr/bin/env".into(),
            warden,
        }
    }
}

/// Runs programs under a budget, with the layers that were found on this machine.
#[derive(Debug, Clone)]
pub struct Guard {
    roots: Roots,
    layers: Vec<LayerState>,
    layer: Layer,
    /// The cgroup under which each run gets its own.
    above: Option<PathBuf>,
    /// Where runs take place; none: where we are.
    namespace: Option<Namespace>,
    /// Where a warden waits for the next run, if one does.
    #[cfg(target_os = "linux")]
    place: Option<Arc<standby::Place>>,
}

impl Guard {
    /// Tries which layers this machine offers, and chooses the best one that works.
    #[must_use]
    pub fn detect(roots: Roots) -> Self {
        let (v2, v1) = (cgroup_v2::find(&roots), cgroup_v1::find(&roots));
        let (layer, above, scope) = match (&v2, &v1) {
            (Ok(above), _) => (Layer::CgroupV2, Some(above.clone()), None),
            (Err(_), Ok(above)) => (Layer::CgroupV1, Some(above.clone()), None),
            (Err(_), Err(_)) => match scope::verify(&roots) {
                Ok(()) => (Layer::Scope, None, Some(Ok(()))),
                Err(reason) => (Layer::Polling, None, Some(Err(reason))),
            },
        };
        let scope = scope.unwrap_or_else(|| Err("not tried, a cgroup of our own is better".to_owned()));
        let polling = if cfg!(target_os = "linux") { None } else { Some("made for Linux so far".to_owned()) };
        let layers = vec![
            LayerState { layer: Layer::CgroupV2, missing: v2.err() },
            LayerState { layer: Layer::CgroupV1, missing: v1.err() },
            LayerState { layer: Layer::Scope, missing: scope.err() },
            LayerState { layer: Layer::Polling, missing: polling },
        ];
        Self {
            roots,
            layers,
            layer,
            above,
            namespace: None,
            #[cfg(target_os = "linux")]
            place: None,
        }
    }

    /// Uses polling alone, whatever the machine offers.
    #[must_use]
    pub const fn polling(roots: Roots) -> Self {
        Self {
            roots,
            layers: Vec::new(),
            layer: Layer::Polling,
            above: None,
            namespace: None,
            #[cfg(target_os = "linux")]
            place: None,
        }
    }

    /// Returns a guard of which one run follows another: while one goes on, the next is made ready, so that it begins
    /// at once. Its clones share what is ready, and it goes with the last of them.
    #[must_use]
    pub fn one_after_another(&self) -> Self {
        Self {
            #[cfg(target_os = "linux")]
            place: Some(Arc::default()),
            ..self.clone()
        }
    }

    /// Returns a guard whose runs take place in a namespace, with what is mounted there; none: where we are.
    #[must_use]
    pub fn inside(&self, namespace: Option<&Namespace>) -> Self {
        Self { namespace: namespace.cloned(), ..self.clone() }
    }

    /// Returns every layer with the reason why it is missing, best first.
    #[must_use]
    pub fn layers(&self) -> &[LayerState] {
        &self.layers
    }

    /// Returns the nix-culprit program itself, which wardens are made of.
    #[must_use]
    pub fn program(&self) -> &std::path::Path {
        &self.roots.warden
    }

    /// Returns how much memory runs may use together without harm to anything else.
    #[must_use]
    pub fn spare(&self) -> Bytes {
        budget::default(&self.roots)
    }

    /// Returns the layer that runs get.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        self.layer
    }
}

/// What is told about a guarded run.
#[derive(Clone, PartialEq, Eq)]
pub struct Finished {
    /// How the program ended.
    pub end: End,
    /// Why we ended it, if we did.
    pub kill: Option<Kill>,
    /// Whether the kernel killed something in the run for lack of memory.
    pub kernel_oom: bool,
    /// Its standard output, within the call's limit; empty when inherited.
    pub stdout: Vec<u8>,
    /// How many bytes of the standard output are missing in `stdout`.
    pub stdout_missing: u64,
    /// Its standard error, within the call's limit; empty when inherited.
    pub stderr: Vec<u8>,
    /// How many bytes of the standard error are missing in `stderr`.
    pub stderr_missing: u64,
    /// The largest resident memory of the whole process tree.
    pub peak: Bytes,
    /// Wall time from spawn to the end of the last process.
    pub wall: Duration,
    /// Processor time of the whole process tree.
    pub cpu: Duration,
    /// Resident memory over time: at most 64 evenly spaced samples.
    pub curve: Vec<Bytes>,
    /// The layer that was in force.
    pub layer: Layer,
}

impl fmt::Debug for Finished {
    /// Shows the ends of the streams only: they can be many megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = |stream: &[u8]| String::from_utf8_lossy(&stream[stream.len().saturating_sub(200)..]).into_owned();
        f.debug_struct("Finished")
            .field("end", &self.end)
            .field("kill", &self.kill)
            .field("kernel_oom", &self.kernel_oom)
            .field("stdout", &last(&self.stdout))
            .field("stderr", &last(&self.stderr))
            .field("peak", &self.peak)
            .field("wall", &self.wall)
            .field("cpu", &self.cpu)
            .field("curve", &self.curve)
            .field("layer", &self.layer)
            .finish_non_exhaustive()
    }
}

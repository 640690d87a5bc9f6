//! A warden that is ready for a run: started for one that is asked for, or for one that may come.
//!
//! Owns its process, the ends of its streams, and the place in which it waits for the next run.

use std::fs::File;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::run::ready;
use super::watch::Stage;
use super::{Guard, cgroup};
use crate::sys::child::{self, Call, Output, Start, Stdin};
use crate::sys::namespace::Namespace;
use crate::sys::warden::Request;

/// A warden that is ready for a run; it ends when it is dropped, and its run with it.
#[derive(Debug)]
pub(super) struct Standby {
    pub(super) warden: Child,
    pub(super) control: UnixStream,
    /// What the run prints: standard output and standard error, where they are captured.
    pub(super) pipes: [Option<File>; 2],
    stage: Stage,
    namespace: Option<Namespace>,
}

impl Standby {
    /// Starts a warden for a program that reads and prints to these places.
    pub(super) fn start(guard: &Guard, input: &Stdin, output: Output) -> io::Result<Self> {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let stage = Stage {
            layer: guard.layer,
            name: format!("{}{}-{run}", cgroup::PREFIX, std::process::id()),
            above: guard.above.clone(),
            roots: guard.roots.clone(),
        };
        let (control, theirs) = UnixStream::pair()?;
        let theirs = OwnedFd::from(theirs);
        let mut command = Call::new(&guard.roots.warden).args(["warden", &theirs.as_raw_fd().to_string()]).command();
        match input {
            Stdin::Inherit => _ = command.stdin(Stdio::inherit()),
            Stdin::Null | Stdin::Bytes(_) => {}
        }
        match output {
            Output::Capture(_) => command.stdout(Stdio::piped()).stderr(Stdio::piped()),
            Output::Inherit => command.stdout(Stdio::inherit()).stderr(Stdio::inherit()),
        };
        // The command keeps their end of the pair until the spawn is done, and then drops it.
        let enter = guard.namespace.as_ref().map(Namespace::entrance);
        let mut warden = child::spawn(command, Start { pass: Some(theirs), enter, ..Start::plain() })?;
        let pipes = [
            warden.stdout.take().map(|pipe| OwnedFd::from(pipe).into()),
            warden.stderr.take().map(|pipe| OwnedFd::from(pipe).into()),
        ];
        let standby = Self { warden, control, pipes, stage, namespace: guard.namespace.clone() };
        let _lost = standby.say(&Request::Ready(Box::new(standby.stage.clone())));
        Ok(standby)
    }

    /// Tells the warden something. That it cannot even read is found out when its answer is missing.
    pub(super) fn say(&self, request: &Request) -> io::Result<()> {
        io::Write::write_all(&mut &self.control, &request.line()?)
    }

    /// Waits for the end of the warden, which comes as soon as nobody talks to it.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let _gone = self.control.shutdown(Shutdown::Both);
        self.warden.wait().map(drop)
    }

    /// Ends what a warden that was killed has left.
    pub(super) fn abandon(&self) {
        if let Some(above) = &self.stage.above {
            cgroup::abandon(&above.join(&self.stage.name));
        }
    }

    /// Tells whether it is as a run of this guard needs it.
    fn suits(&self, guard: &Guard) -> bool {
        match (&self.namespace, &guard.namespace) {
            (None, None) => true,
            (Some(own), Some(wanted)) => own.is(wanted),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    /// Tells whether it has ended, or said something, which it does not before a run.
    fn is_lost(&self) -> bool {
        ready(&self.control)
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        let _gone = self.end();
    }
}

/// The place of the one that waits for the next run.
#[derive(Debug, Default)]
pub(super) struct Place(Mutex<Option<Standby>>);

impl Place {
    /// Takes the one that waits, if it can be used for a run of this guard.
    pub(super) fn take(&self, guard: &Guard) -> Option<Standby> {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take_if(|waiting| waiting.suits(guard))?;
        if waiting.is_lost() {
            waiting.abandon();
            return None;
        }
        Some(waiting)
    }

    /// Sees to it that one waits for a run of this guard.
    pub(super) fn fill(&self, guard: &Guard) {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if place.as_ref().is_none_or(|waiting| !waiting.suits(guard)) {
            // Without one the next run only begins later.
            *place = Standby::start(guard, &Stdin::Null, Output::Capture(0)).ok();
        }
    }
}

//! A process that stands by until it is told which program to become.
//!
//! Owns the fork, and what the process does until it executes the program. What takes long and does not depend on the
//! program is done before: to join a cgroup the kernel waits for 5 to 15 ms.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Stdio;

use nix_culprit_core::quantity::Bytes;
use rustix::process::{Pid, Signal, WaitOptions};
use serde::{Deserialize, Serialize};

use super::{Call, Group, Start, Stdin, prepare};

/// What to become.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sys) struct Orders {
    /// The program.
    pub(in crate::sys) call: Call,
    /// Its process group.
    pub(in crate::sys) group: Group,
    /// The most private memory that one process may map.
    pub(in crate::sys) data: Bytes,
}

/// What went wrong: the system's error number, if it has one, and its text.
type Failure = (Option<i32>, String);

/// A process that stands by; one that is dropped ends.
#[derive(Debug)]
pub(in crate::sys) struct Seat {
    line: UnixStream,
    /// The process, until it is somebody else's to wait for.
    process: Option<Pid>,
}

impl Seat {
    /// Forks a process that goes through this door of a cgroup and waits; it has our standard streams, and the kernel
    /// kills it when we end. Only for a process with a single thread.
    ///
    /// # Errors
    /// When there can be no process more.
    pub(in crate::sys) fn take(door: Option<File>) -> io::Result<Self> {
        let (line, theirs) = UnixStream::pair()?;
        let above = rustix::process::getpid();
        #[expect(unsafe_code, reason = "std can start programs only, and this one is not known yet")]
        // SAFETY: a warden has one thread, so in the new process, too, no lock is held by anybody else, and it may do
        // what any process may.
        let forked = unsafe { libc::fork() };
        match forked {
            0 => {
                drop(line);
                // Whatever happens, it must not go on as a second warden.
                let _failed = catch_unwind(AssertUnwindSafe(|| sit(door, theirs, above)));
                #[expect(unsafe_code, reason = "what the warden registered to be done at its exit is not for this one")]
                // SAFETY: it ends the process, whatever its state.
                unsafe {
                    libc::_exit(1)
                }
            }
            pid => match Pid::from_raw(pid).filter(|_| pid > 0) {
                Some(process) => Ok(Self { line, process: Some(process) }),
                None => Err(io::Error::last_os_error()),
            },
        }
    }

    /// Has it become the program, and returns the process, which is the caller's to wait for.
    ///
    /// # Errors
    /// When it could not join the cgroup, or the program could not be started.
    pub(in crate::sys) fn fill(mut self, orders: &Orders) -> io::Result<Pid> {
        let told = self.line.write_all(&serde_json::to_vec(orders)?).and_then(|()| self.line.shutdown(Shutdown::Write));
        let mut answer = Vec::new();
        // The line ends when the program is executed.
        self.line.read_to_end(&mut answer)?;
        if !answer.is_empty() {
            let (number, text): Failure = serde_json::from_slice(&answer)?;
            return Err(number.map_or_else(|| io::Error::other(text), io::Error::from_raw_os_error));
        }
        told?;
        self.process.take().ok_or_else(|| io::Error::other("the process is gone"))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _gone = self.line.shutdown(Shutdown::Both);
        if let Some(process) = self.process {
            let wait = || rustix::process::waitpid(Some(process), WaitOptions::empty());
            while wait().is_err_and(|error| error == rustix::io::Errno::INTR) {}
        }
    }
}

/// Lives in the new process; returns only when it has not become a program.
fn sit(door: Option<File>, mut line: UnixStream, above: Pid) {
    let failed = match wait(door, &mut line, above) {
        Ok(Some(orders)) => become_program(&orders),
        // Nothing is to be run.
        Ok(None) => return,
        Err(error) => error,
    };
    let failure: Failure = (failed.raw_os_error(), failed.to_string());
    let _gone = serde_json::to_vec(&failure).map(|text| line.write_all(&text));
}

/// Joins the cgroup, and waits until it is said what to become.
fn wait(door: Option<File>, line: &mut UnixStream, above: Pid) -> io::Result<Option<Orders>> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != Some(above) {
        return Ok(None);
    }
    if let Some(mut door) = door {
        door.write_all(b"0")?;
    }
    let mut orders = Vec::new();
    line.read_to_end(&mut orders)?;
    if orders.is_empty() { Ok(None) } else { Ok(Some(serde_json::from_slice(&orders)?)) }
}

/// Executes the program; returns why that failed.
fn become_program(orders: &Orders) -> io::Error {
    let mut command = orders.call.command();
    match orders.call.input() {
        Stdin::Inherit => _ = command.stdin(Stdio::inherit()),
        Stdin::Null | Stdin::Bytes(_) => {}
    }
    // Captured or not: our own streams are those that it is to have.
    command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let start = Start { group: orders.group, data: Some(orders.data), ..Start::plain() };
    prepare(&mut command, start);
    command.exec()
}

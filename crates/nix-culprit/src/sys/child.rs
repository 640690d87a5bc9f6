//! Starting programs: the only place in the product that does.
//!
//! Owns the step from a [`Call`] to a running process (its group and its limits, in force before it
//! execs) and the unguarded run of small helper programs such as git: both pipes drained while it
//! runs, a time limit, the whole group killed, always reaped. Must not watch memory; that is
//! `limit`'s part. Says nothing about what an exit code means.

#[cfg(target_os = "linux")]
pub(super) mod seat;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use nix_culprit_core::outcome::{End, Kill};
use nix_culprit_core::quantity::Bytes;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use super::call::{Call, Environment, Output, Stdin};
use super::interrupt::{Asked, Interrupt};
use super::kept::Kept;
#[cfg(target_os = "linux")]
use super::namespace::Entrance;

/// Says why a program could not be run or watched.
#[derive(Debug, Error)]
pub enum ChildError {
    /// It could not be started.
    #[error("cannot run `{program}`")]
    Start {
        /// The program as it was named.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// Its output could not be read, or it could not be waited for.
    #[error("lost touch with `{program}`")]
    Watch {
        /// The program as it was named.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The process that watches the program ended without an answer.
    #[error("the warden of `{program}` was killed; what it ran was ended with it")]
    Warden {
        /// The program as it was named.
        program: String,
    },
}

impl ChildError {
    pub(super) fn start(call: &Call, source: io::Error) -> Self {
        Self::Start { program: call.program().to_string_lossy().into_owned(), source }
    }

    pub(super) fn watch(call: &Call, source: io::Error) -> Self {
        Self::Watch { program: call.program().to_string_lossy().into_owned(), source }
    }
}

/// Which process group a new process is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Group {
    /// A new one, which it leads.
    Own,
    /// An existing one of our session.
    Existing(i32),
}

/// What is in force in a new process before its program starts.
#[derive(Debug)]
pub(super) struct Start {
    /// Its process group.
    pub(super) group: Group,
    /// The most private memory that one process may map (`RLIMIT_DATA`); also turns core dumps off.
    pub(super) data: Option<Bytes>,
    /// A descriptor that the program is to find open.
    pub(super) pass: Option<OwnedFd>,
    /// The namespace that it goes into.
    #[cfg(target_os = "linux")]
    pub(super) enter: Option<Entrance>,
}

impl Start {
    /// A process in a group of its own, without limits.
    pub(super) const fn plain() -> Self {
        Self {
            group: Group::Own,
            data: None,
            pass: None,
            #[cfg(target_os = "linux")]
            enter: None,
        }
    }
}

/// Starts a prepared command: the sole spawn point.
pub(super) fn spawn(mut command: Command, start: Start) -> io::Result<Child> {
    prepare(&mut command, start);
    command.spawn()
}

/// Has what is to be in force be so before the program starts.
fn prepare(command: &mut Command, start: Start) {
    command.process_group(match start.group {
        Group::Own => 0,
        Group::Existing(group) => group,
    });
    // A soft limit above the hard one would be refused, so never ask for more than is allowed.
    let data = start.data.map(|data| {
        let hard = rustix::process::getrlimit(Resource::Data).maximum;
        let most = Some(hard.map_or(data.0, |hard| hard.min(data.0)));
        Rlimit { current: most, maximum: most }
    });
    let core = Rlimit { current: Some(0), maximum: Some(0) };
    let before_exec = move || -> io::Result<()> {
        if let Some(data) = data {
            rustix::process::setrlimit(Resource::Data, data)?;
            rustix::process::setrlimit(Resource::Core, core)?;
        }
        if let Some(pass) = &start.pass {
            rustix::io::fcntl_setfd(pass, rustix::io::FdFlags::empty())?;
        }
        #[cfg(target_os = "linux")]
        if let Some(entrance) = &start.enter {
            entrance.enter()?;
        }
        Ok(())
    };
    #[expect(unsafe_code, reason = "limits must be in force before exec, and std has no safe way to say so")]
    // SAFETY: the closure runs in the forked child, where other threads' locks may be held for ever (or in a seat),
    // so it must not allocate or lock. It makes bare system calls (rustix issues them directly or
    // through thin libc wrappers) on values that were made before the fork; its errors are plain
    // errno values; nothing is dropped in the child, because exec or _exit follows.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// Sends a signal to a whole process group; one that is already gone is fine.
pub(super) fn signal_group(leader: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(leader.id()).ok().and_then(Pid::from_raw) {
        let _gone = rustix::process::kill_process_group(pid, signal);
    }
}

/// Translates the kernel's words.
pub(super) fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Signalled(signal.unwrap_or_default()),
    }
}

/// What a helper program gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helped {
    /// How it ended.
    pub end: End,
    /// Why we ended it, if we did: time or interrupt.
    pub kill: Option<Kill>,
    /// Its standard output, within the call's limit.
    pub stdout: Vec<u8>,
    /// How many bytes of standard output are missing in `stdout`.
    pub stdout_missing: u64,
    /// Its standard error, within the call's limit.
    pub stderr: Vec<u8>,
}

impl Helped {
    /// Tells whether it ran to its end and said that all is well.
    #[must_use]
    pub fn success(&self) -> bool {
        self.kill.is_none() && self.end == End::Exited(0)
    }
}

/// How a streamed helper program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Streamed {
    /// How it ended.
    pub end: End,
    /// Why we ended it, if we did: time or interrupt.
    pub kill: Option<Kill>,
}

/// Runs a helper program to its end, without a memory budget, and collects its output.
///
/// # Errors
/// When it cannot be started or watched; how it ended is no error.
pub fn output(call: &Call, time: Option<Duration>, interrupt: &Interrupt) -> Result<Helped, ChildError> {
    let limit = match call.destination() {
        Output::Capture(limit) => limit,
        Output::Inherit => 0,
    };
    let mut stderr = Kept::within(limit);
    let (read, streamed) = stream(
        call,
        time,
        interrupt,
        |stdout| {
            let mut kept = Kept::within(limit);
            loop {
                let chunk = stdout.fill_buf()?;
                if chunk.is_empty() {
                    break Ok::<_, io::Error>(kept);
                }
                kept.push(chunk);
                let taken = chunk.len();
                stdout.consume(taken);
            }
        },
        |line| stderr.push(line),
    )?;
    let (stdout, stdout_missing) = read.map_err(|source| ChildError::watch(call, source))?.finish();
    Ok(Helped { end: streamed.end, kill: streamed.kill, stdout, stdout_missing, stderr: stderr.finish().0 })
}

/// Runs a helper program and hands its output over while it runs.
///
/// `on_stdout` gets the standard output and may stop reading early: the rest is then thrown away.
/// `on_stderr` gets each line of standard error with its line end; a carriage return ends a line too,
/// so that git's progress arrives as it is drawn. What `on_stdout` returned is returned beside the end.
///
/// # Errors
/// When it cannot be started or watched; how it ended is no error.
pub fn stream<T>(
    call: &Call,
    time: Option<Duration>,
    interrupt: &Interrupt,
    on_stdout: impl FnOnce(&mut dyn BufRead) -> T,
    mut on_stderr: impl FnMut(&[u8]) + Send,
) -> Result<(T, Streamed), ChildError> {
    let mut command = call.command();
    let inherit = match call.destination() {
        Output::Capture(_) => false,
        Output::Inherit => true,
    };
    match call.input() {
        Stdin::Null => {}
        Stdin::Inherit => _ = command.stdin(Stdio::inherit()),
        Stdin::Bytes(_) => _ = command.stdin(Stdio::piped()),
    }
    command.stdout(if inherit { Stdio::inherit() } else { Stdio::piped() });
    command.stderr(if inherit { Stdio::inherit() } else { Stdio::piped() });
    let mut child = spawn(command, Start::plain()).map_err(|source| ChildError::start(call, source))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ended = &AtomicBool::new(false);
    let (drained, hear_drained) = channel::<()>();
    let result = std::thread::scope(|scope| {
        let waiter = scope.spawn(move || {
            let waited = wait(&mut child, time, interrupt, &hear_drained);
            ended.store(true, Ordering::SeqCst);
            waited
        });
        if let (Some(mut stdin), Stdin::Bytes(bytes)) = (stdin, call.input()) {
            // A program that does not read it all is no error; it will say so itself.
            scope.spawn(move || _ = stdin.write_all(bytes));
        }
        let errors = stderr.map(|stderr| {
            let drained = drained.clone();
            scope.spawn(move || {
                let read = each_line(&mut BufReader::new(Drain::new(stderr.into(), ended)), &mut on_stderr);
                drop(drained);
                read
            })
        });
        let taken = match stdout {
            Some(stdout) => {
                let mut stdout = BufReader::with_capacity(1 << 16, Drain::new(stdout.into(), ended));
                let taken = on_stdout(&mut stdout);
                let rest = io::copy(&mut stdout, &mut io::sink());
                rest.map(|_| taken)
            }
            None => Ok(on_stdout(&mut io::empty())),
        };
        drop(drained);
        let lines = errors.map_or(Ok(Ok(())), std::thread::ScopedJoinHandle::join);
        (taken, lines, waiter.join())
    });
    match result {
        (taken, Ok(lines), Ok(waited)) => {
            let (status, kill) = waited.map_err(|source| ChildError::watch(call, source))?;
            lines.map_err(|source| ChildError::watch(call, source))?;
            let taken = taken.map_err(|source| ChildError::watch(call, source))?;
            Ok((taken, Streamed { end: end_of(status), kill }))
        }
        (_, Err(panic), _) | (_, _, Err(panic)) => std::panic::resume_unwind(panic),
    }
}

/// Waits for the end of a helper, and ends its group when its time is up or somebody asks to stop.
fn wait(
    child: &mut Child,
    time: Option<Duration>,
    interrupt: &Interrupt,
    drained: &Receiver<()>,
) -> io::Result<(ExitStatus, Option<Kill>)> {
    let began = Instant::now();
    let mut kill = None;
    let mut looks = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, kill));
        }
        if kill.is_none() {
            kill = if interrupt.asked() > Asked::No {
                Some(Kill::Interrupt)
            } else if time.is_some_and(|time| began.elapsed() >= time) {
                Some(Kill::Time)
            } else {
                None
            };
            if kill.is_some() {
                signal_group(child, Signal::KILL);
            }
        }
        match drained.recv_timeout(Duration::from_millis(20)) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            // Both pipes are closed, so the end is near: look often, but not for ever.
            Err(RecvTimeoutError::Disconnected) => {
                looks += 1;
                std::thread::sleep(Duration::from_micros(if looks < 100 { 200 } else { 20_000 }));
            }
        }
    }
}

/// Calls `on_line` with each line; a carriage return ends one too.
fn each_line(source: &mut dyn BufRead, on_line: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        let chunk = source.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let taken = match chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(at) => at + 1,
            None => chunk.len(),
        };
        line.extend_from_slice(&chunk[..taken]);
        source.consume(taken);
        // A line without end must not fill our memory either.
        if line.ends_with(b"\n") || line.ends_with(b"\r") || line.len() > 1 << 16 {
            on_line(&line);
            line.clear();
        }
    }
    if !line.is_empty() {
        on_line(&line);
    }
    Ok(())
}

/// Reads a pipe to its end, or until its program has ended and nothing more comes: a process left in
/// the background (git's maintenance, a shared ssh connection) may hold the pipe open for long.
struct Drain<'a> {
    pipe: File,
    ended: &'a AtomicBool,
}

impl<'a> Drain<'a> {
    fn new(pipe: OwnedFd, ended: &'a AtomicBool) -> Self {
        Self { pipe: pipe.into(), ended }
    }
}

impl Read for Drain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let ended = self.ended.load(Ordering::SeqCst);
            if readable(&self.pipe, Duration::from_millis(100))? {
                return self.pipe.read(buffer);
            }
            if ended {
                return Ok(0);
            }
        }
    }
}

/// Waits until there is something to read (or the other side has closed), at most for `time`.
fn readable(source: impl AsFd, time: Duration) -> io::Result<bool> {
    let time = time.try_into().map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(&source, PollFlags::IN)], Some(&time)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;

//! The tool's side of a guarded run: start the warden, pass requests to stop, collect output and answer.

use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};

use super::standby::Standby;
use super::tree::Tree;
use super::watch::{Answer, KILL, PAUSE, Plan, RESUME, Report, STOP};
use super::{Budget, Finished, Guard, Onlooker, Seen, Wish};
use crate::sys::child::{Call, ChildError, Group, Output, Stdin};
use crate::sys::interrupt::{Asked, Interrupt};
use crate::sys::kept::Kept;
use crate::sys::warden::Request;

/// How long a request to stop may stay unheard.
const HEARING: Duration = Duration::from_millis(50);
impl Guard {
    /// Runs a program to its end, or to the end of its budget.
    ///
    /// Any number of threads may do so at the same time; each run has its own warden. A branch of an
    /// [`Interrupt`] cancels one run from another thread.
    ///
    /// # Errors
    /// When it cannot be started, or the warden is lost; how it ended is no error.
    pub fn run(&self, call: &Call, budget: Budget, interrupt: &Interrupt) -> Result<Finished, ChildError> {
        self.run_for(call, budget, interrupt, None)
    }

    /// As [`Guard::run`], with somebody who looks on and may pause it or end it early.
    ///
    /// # Errors
    /// As [`Guard::run`].
    pub fn run_looked_at(
        &self,
        call: &Call,
        budget: Budget,
        interrupt: &Interrupt,
        onlooker: &mut Onlooker<'_>,
    ) -> Result<Finished, ChildError> {
        self.run_for(call, budget, interrupt, Some(onlooker))
    }

    fn run_for(
        &self,
        call: &Call,
        budget: Budget,
        interrupt: &Interrupt,
        onlooker: Option<&mut Onlooker<'_>>,
    ) -> Result<Finished, ChildError> {
        let waits = match (call.input(), call.destination()) {
            (Stdin::Null | Stdin::Bytes(_), Output::Capture(_)) => self.place.as_ref(),
            (Stdin::Inherit, _) | (_, Output::Inherit) => None,
        };
        let standby = waits.and_then(|place| place.take(self)).map_or_else(
            || Standby::start(self, call.input(), call.destination()).map_err(|source| ChildError::start(call, source)),
            Ok,
        )?;
        let group = if shares_terminal(call) {
            Group::Existing(rustix::process::getpgrp().as_raw_nonzero().get())
        } else {
            Group::Own
        };
        let _lost = standby.say(&Request::Run(Box::new(Plan { call: call.clone(), budget, group })));
        // While this one runs, one makes ready for the next.
        waits.inspect(|place| place.fill(self));
        let limit = match call.destination() {
            Output::Capture(limit) => limit,
            Output::Inherit => 0,
        };
        let mut talk = Talk { standby, answer: Vec::new(), stdout: Kept::within(limit), stderr: Kept::within(limit) };
        let heard = match onlooker {
            None => talk.until_the_end(interrupt, None),
            Some(onlooker) => {
                let tree = Tree::new(self.roots.proc.clone());
                talk.until_the_end(interrupt, Some(Looking { onlooker, tree, paused: Wish::GoOn, due: Instant::now() }))
            }
        };
        // The warden ends by itself once nobody talks to it, and ends the run with it.
        talk.standby.end().and(heard).map_err(|source| ChildError::watch(call, source))?;
        match serde_json::from_slice(&talk.answer) {
            Ok(Answer::Ran(report)) => Ok(finished(report, talk.stdout, talk.stderr)),
            Ok(Answer::NotStarted(number, text)) => {
                let source = number.map_or_else(|| io::Error::other(text), io::Error::from_raw_os_error);
                Err(ChildError::start(call, source))
            }
            Err(_) => {
                talk.standby.abandon();
                Err(ChildError::Warden { program: call.program().to_string_lossy().into_owned() })
            }
        }
    }
}

/// Tells whether a program stays in our process group, so that it can read from our terminal and gets
/// the terminal's own signals; in any other group it would be stopped at its first read.
fn shares_terminal(call: &Call) -> bool {
    match call.input() {
        Stdin::Inherit => io::stdin().is_terminal(),
        Stdin::Null | Stdin::Bytes(_) => false,
    }
}

fn finished(report: Report, stdout: Kept, stderr: Kept) -> Finished {
    let (stdout, stdout_missing) = stdout.finish();
    let (stderr, stderr_missing) = stderr.finish();
    Finished {
        end: report.end,
        kill: report.kill,
        kernel_oom: report.kernel_oom,
        stdout,
        stdout_missing,
        stderr,
        stderr_missing,
        peak: report.peak,
        wall: report.wall,
        cpu: report.cpu,
        curve: report.curve,
        layer: report.layer,
    }
}

/// A conversation with one warden.
struct Talk {
    standby: Standby,
    answer: Vec<u8>,
    stdout: Kept,
    stderr: Kept,
}

impl Talk {
    /// Listens until the warden has said its last word.
    fn until_the_end(&mut self, interrupt: &Interrupt, mut looking: Option<Looking<'_, '_>>) -> io::Result<()> {
        let mut told = Asked::No;
        let mut over = false;
        let mut chunk = vec![0; 1 << 16];
        loop {
            let asked = interrupt.asked();
            if asked > told {
                told = asked;
                let _gone = (&self.standby.control).write_all(&[if asked == Asked::Force { KILL } else { STOP }]);
            }
            let beside = looking.as_ref().and_then(|looking| looking.onlooker.pipe);
            let wait = match &looking {
                _ if over => Duration::ZERO,
                Some(looking) => looking.onlooker.every.min(HEARING),
                None => HEARING,
            };
            let mut sources = vec![PollFd::new(&self.standby.control, PollFlags::IN)];
            sources
                .extend(self.standby.pipes.iter().flatten().chain(beside).map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            match poll(&mut sources, Some(&wait.try_into().map_err(io::Error::other)?)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let mut got = false;
            let streams = [&mut self.stdout, &mut self.stderr];
            for (at, (pipe, kept)) in self.standby.pipes.iter_mut().zip(streams).enumerate() {
                let Some(open) = pipe.as_mut().filter(|open| ready(open)) else { continue };
                match open.read(&mut chunk)? {
                    0 => *pipe = None,
                    count => {
                        kept.push(&chunk[..count]);
                        got = true;
                        if let Some(looking) = looking.as_mut().filter(|_| at == 1) {
                            looking.show(Seen::Stderr(&chunk[..count]), &self.standby.control);
                        }
                    }
                }
            }
            if let Some(looking) = &mut looking {
                got |= looking.read_pipe(&mut chunk, &self.standby.control)?;
                if !over {
                    looking.show_memory(self.standby.warden.id(), &self.standby.control);
                }
            }
            if over && !got {
                return Ok(());
            }
            if !over && ready(&self.standby.control) {
                let count = match self.standby.control.read(&mut chunk) {
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
                    Err(error) => return Err(error),
                };
                self.answer.extend_from_slice(&chunk[..count]);
                // What is still in the pipes is taken, but a stranger who holds them is not waited for.
                over = count == 0;
            }
        }
    }
}

/// An onlooker, and what it wanted last.
struct Looking<'a, 'b> {
    onlooker: &'a mut Onlooker<'b>,
    tree: Tree,
    paused: Wish,
    /// When the next look at the memory is due.
    due: Instant,
}

impl Looking<'_, '_> {
    fn show(&mut self, seen: Seen<'_>, mut control: &UnixStream) {
        let wish = (self.onlooker.look)(seen);
        // What has been ended stays so.
        if wish == self.paused || self.paused == Wish::End {
            return;
        }
        self.paused = wish;
        let word = match wish {
            Wish::GoOn => RESUME,
            Wish::Pause => PAUSE,
            Wish::End => KILL,
        };
        let _gone = control.write_all(&[word]);
    }

    /// Shows what is in the pipe beside the run; tells whether there was anything.
    fn read_pipe(&mut self, chunk: &mut [u8], control: &UnixStream) -> io::Result<bool> {
        let Some(mut pipe) = self.onlooker.pipe.filter(|pipe| ready(pipe)) else { return Ok(false) };
        match pipe.read(chunk) {
            Ok(count) => {
                self.show(Seen::Pipe(&chunk[..count]), control);
                Ok(count > 0)
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn show_memory(&mut self, warden: u32, control: &UnixStream) {
        let now = Instant::now();
        if now < self.due {
            return;
        }
        self.due = now + self.onlooker.every;
        let members = self.tree.descendants(warden);
        let total = self.tree.resident(&members).total;
        self.show(Seen::Memory(total), control);
    }
}

/// Tells whether a read would not block.
pub(super) fn ready(source: impl AsFd) -> bool {
    let none = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&source, PollFlags::IN)], Some(&none)).is_ok_and(|ready| ready > 0)
}

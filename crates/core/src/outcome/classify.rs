//! From how a run ended to its outcome.
//!
//! Owns the order in which the signs are believed. Must not run anything.
//!
//! # What cannot be forged
//!
//! Evaluated code prints what it likes: by `throw`, `abort`, `trace`, `warn`, names, file names, in a
//! builder's log, in URLs that git repeats. What it prints decides nothing but which of the classes that
//! *are* messages of evaluated code it gets: evaluation error, refused, nix too old. The other classes rest
//! on these signs, in this order:
//!
//! 1. our own kill, the signal, the kernel's count of kills, the exit statuses 100 to 107;
//! 2. [`LogFormat::TracedJson`] (Nix 2.13 or newer, with `--show-trace`): the last line is Nix's own; the
//!    text of `throw` is told from all other messages, because its error has no position and its innermost
//!    frame is the call of `throw`. All classes can be had and none can be forged. Measured with 2.26 and 2.34;
//! 3. [`LogFormat::InternalJson`] (2.4 to 2.12, or without `--show-trace`): infinite recursion and call depth
//!    have a position, which `throw` has not; out of memory is no message of Nix's error class; the stack
//!    overflow's message is no JSON. These cannot be forged. What else Nix says without a position (a failed
//!    download, a disabled feature, a refused import) is a possible `throw`, and hence an evaluation error.
//!    Measured with 2.8;
//! 4. [`LogFormat::Text`] (2.3, and commands that the user typed): nothing printed can be told from `throw`.
//!    All is an evaluation error, except out of memory when half the budget was used as well
//!    ([`Ending::memory`]): so code that uses half the budget and then throws `out of memory` can still
//!    forge that one. The message is kept, so two runs that failed alike still have the same signature,
//!    and [`claim`] tells what it says.
//!
//! This holds while Nix evaluates and builds. Once Nix has handed over to a program (`nix develop`, `nix run`),
//! that program's exit status and output are seen instead, a shell hook's too.

use super::plain::shorten;
use super::stderr::{LastWord, Voice, last_word};
use super::table::claim;
use super::{Class, End, Kill, Outcome};
use crate::quantity::Bytes;

/// The longest message of an outcome, in characters.
const MESSAGE_CHARS: usize = 400;

const SIGINT: i32 = 2;
const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// How Nix was asked to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// As text: 2.3, or a command that the user typed.
    Text,
    /// `--log-format internal-json`, from 2.4 on.
    InternalJson,
    /// `--log-format internal-json --show-trace` of Nix 2.13 or newer: the trace tells who spoke.
    TracedJson,
}

/// How much memory a run used, next to what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// The largest resident memory of the process tree.
    pub peak: Bytes,
    /// The budget.
    pub budget: Bytes,
}

/// All that is known about how a run of Nix ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// How the process ended.
    pub end: End,
    /// Why we ended it, if we did.
    pub kill: Option<Kill>,
    /// Whether the kernel killed something in the process tree for want of memory.
    pub kernel_oom: bool,
    /// How much memory was used; without it, `out of memory` in plain text is not believed.
    pub memory: Option<MemoryUse>,
    /// What was printed; if not all was kept, then the end of it.
    pub stderr: &'a [u8],
    /// How Nix was asked to log.
    pub log: LogFormat,
}

impl Ending<'_> {
    fn is_near_budget(&self) -> bool {
        self.memory.is_some_and(|memory| memory.peak >= memory.budget.percent(50))
    }

    /// The status of a shell whose child was ended by a signal is that signal plus 128.
    fn true_end(&self) -> End {
        match self.end {
            End::Exited(status @ 129..=192) => End::Signalled(status - 128),
            end @ (End::Exited(_) | End::Signalled(_)) => end,
        }
    }
}

/// Tells what kind of end a run came to, with the root cause as far as it was printed.
#[must_use]
pub fn classify(ending: &Ending<'_>) -> Outcome {
    let only = |class| Outcome { class, message: None, position: None };
    match ending.kill {
        Some(Kill::Memory) => return only(Class::OutOfMemory),
        Some(Kill::Time) => return only(Class::TimeOut),
        Some(Kill::Interrupt) => return only(Class::Interrupted),
        None => {}
    }
    let status = match ending.true_end() {
        End::Exited(0) => return only(Class::Success),
        _ if ending.kernel_oom => return only(Class::OutOfMemory),
        End::Signalled(signal) => {
            let class = signal_class(signal, ending);
            let message = (class == Class::Killed).then(|| format!("ended by signal {signal}"));
            return Outcome { class, message, position: None };
        }
        End::Exited(status) => status,
    };
    let word = last_word(ending.stderr, ending.log);
    let class = status_class(status).unwrap_or_else(|| word_class(word.as_ref(), ending));
    match word {
        Some(LastWord { message, position, .. }) => {
            let message = Some(shorten(&message, MESSAGE_CHARS)).filter(|message| !message.is_empty());
            Outcome { class, message, position }
        }
        None => only(class),
    }
}

fn signal_class(signal: i32, ending: &Ending<'_>) -> Class {
    match signal {
        SIGINT => Class::Interrupted,
        // Nix gives up like this when there is no memory left even for its error.
        SIGABRT if ending.is_near_budget() && tells_of_allocation(ending.stderr) => Class::OutOfMemory,
        // Where Nix has no handler for it; but a failed allocation can end so, too.
        SIGSEGV if !ending.is_near_budget() => Class::StackOverflow,
        _ => Class::Killed,
    }
}

fn tells_of_allocation(stderr: &[u8]) -> bool {
    const MARKS: [&[u8]; 3] =
        [b"std::bad_alloc", b"Insufficient space for initial table allocation", b"Out of Memory!"];
    let tail = &stderr[stderr.len().saturating_sub(64 << 10)..];
    MARKS.iter().any(|mark| tail.windows(mark.len()).any(|window| window == *mark))
}

/// Nix adds to 100: 1 for a time-out, 2 for a hash mismatch, 4 for a result that differs between builds.
fn status_class(status: i32) -> Option<Class> {
    match status {
        102 | 103 | 106 | 107 => Some(Class::HashMismatch),
        100 | 101 | 104 | 105 => Some(Class::BuildFailure),
        _ => None,
    }
}

fn word_class(word: Option<&LastWord>, ending: &Ending<'_>) -> Class {
    let Some((word, class)) = word.and_then(|word| Some((word, claim(&word.message)?))) else {
        return Class::EvaluationError;
    };
    let believed = match (word.voice, class) {
        (Voice::Nix, _) | (_, Class::Refused | Class::NixTooOld) => true,
        (Voice::Bare, class) => matches!(class, Class::StackOverflow | Class::NixUnusable),
        (Voice::Anyone, class) => {
            class == Class::OutOfMemory && ending.log == LogFormat::Text && ending.is_near_budget()
        }
    };
    if believed { class } else { Class::EvaluationError }
}

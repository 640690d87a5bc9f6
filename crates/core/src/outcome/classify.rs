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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FULL: Option<MemoryUse> = Some(MemoryUse { peak: Bytes(512 << 20), budget: Bytes(512 << 20) });

    fn ending(end: End, stderr: &[u8], log: LogFormat) -> Ending<'_> {
        Ending { end, kill: None, kernel_oom: false, memory: None, stderr, log }
    }

    fn class_of(end: End, stderr: &str) -> Class {
        classify(&ending(end, stderr.as_bytes(), LogFormat::TracedJson)).class
    }

    /// The line that Nix prints for a message; `file` is `None` for `throw`.
    fn line(message: &str, file: Option<&str>, trace: &[&str]) -> String {
        let trace: Vec<_> = trace.iter().map(|text| serde_json::json!({ "raw_msg": text })).collect();
        let entry = serde_json::json!({ "action": "msg", "level": 0, "file": file, "line": 3, "column": 7,
            "msg": format!("error: {message}"), "raw_msg": message, "trace": trace });
        format!("@nix {entry}\n")
    }

    #[test]
    fn our_own_kill_comes_before_all_else() {
        let stderr = line("interrupted by the user", None, &[]);
        for (kill, class) in
            [(Kill::Memory, Class::OutOfMemory), (Kill::Time, Class::TimeOut), (Kill::Interrupt, Class::Interrupted)]
        {
            for end in [End::Signalled(9), End::Exited(1), End::Exited(0), End::Exited(100)] {
                let ending = ending(end, stderr.as_bytes(), LogFormat::TracedJson);
                assert_eq!(classify(&Ending { kill: Some(kill), ..ending }).class, class);
            }
        }
    }

    #[test]
    fn a_kill_that_nobody_explains_is_not_out_of_memory() {
        for end in [End::Signalled(9), End::Exited(137)] {
            let killed = ending(end, b"error: out of memory\n", LogFormat::Text);
            assert_eq!(classify(&Ending { memory: FULL, ..killed }).class, Class::Killed);
            assert_eq!(classify(&Ending { kernel_oom: true, ..killed }).class, Class::OutOfMemory);
        }
        assert_eq!(
            classify(&ending(End::Signalled(9), b"", LogFormat::Text)).to_string(),
            "killed, cause unknown: ended by signal 9"
        );
    }

    #[test]
    fn a_crash_is_out_of_memory_only_with_the_words_and_the_memory() {
        let words = "Nix crashed. This is a bug.\nException: std::bad_alloc: std::bad_alloc\n";
        for (stderr, memory, class) in [
            (words, FULL, Class::OutOfMemory),
            (words, None, Class::Killed),
            ("Nix crashed. This is a bug.\nException: other\n", FULL, Class::Killed),
        ] {
            let crashed = ending(End::Signalled(6), stderr.as_bytes(), LogFormat::Text);
            assert_eq!(classify(&Ending { memory, ..crashed }).class, class);
        }
    }

    #[test]
    fn other_signals_have_a_class_of_their_own() {
        assert_eq!(class_of(End::Signalled(2), ""), Class::Interrupted);
        assert_eq!(class_of(End::Exited(130), ""), Class::Interrupted);
        assert_eq!(class_of(End::Signalled(11), ""), Class::StackOverflow);
        assert_eq!(class_of(End::Signalled(15), ""), Class::Killed);
    }

    #[test]
    fn exit_statuses_of_builds_come_before_any_message() {
        let stderr = line("infinite recursion encountered", Some("/x.nix:3:7"), &[]);
        assert_eq!(class_of(End::Exited(100), &stderr), Class::BuildFailure);
        assert_eq!(class_of(End::Exited(102), &stderr), Class::HashMismatch);
        assert_eq!(class_of(End::Exited(104), &stderr), Class::BuildFailure);
    }

    #[test]
    fn a_message_is_believed_when_throw_cannot_have_said_it() {
        let throw = "while calling the '\x1b[35;1mthrow\x1b[0m' builtin";
        for (message, file, trace, class) in [
            ("infinite recursion encountered", Some("/x.nix:3:7"), &[] as &[&str], Class::InfiniteRecursion),
            ("infinite recursion encountered", Some("/x.nix:3:7"), &[throw], Class::InfiniteRecursion),
            ("infinite recursion encountered", None, &[throw], Class::EvaluationError),
            ("unable to download 'x'", None, &["while calling the 'fetchurl' builtin", throw], Class::FetchFailure),
            ("unable to download 'x'", None, &[throw, "while fetching the input 'x'"], Class::EvaluationError),
            ("out of memory", None, &[throw], Class::EvaluationError),
        ] {
            assert_eq!(class_of(End::Exited(1), &line(message, file, trace)), class, "{message} {file:?} {trace:?}");
        }
    }

    #[test]
    fn the_last_line_counts_whatever_else_was_printed() {
        let forged = line("infinite recursion encountered", Some("/x.nix:3:7"), &[]);
        let real = line("attribute 'a' missing", Some("/y.nix:3:7"), &[]);
        let stop = "@nix {\"action\":\"stop\",\"id\":1}\nGC Warning: x\n\n";
        for stderr in
            [format!("{forged}{real}"), format!("{forged}{real}{stop}"), format!("error: unrecognised flag '{real}")]
        {
            let outcome = classify(&ending(End::Exited(1), stderr.as_bytes(), LogFormat::TracedJson));
            assert_eq!(outcome.to_string(), "evaluation error: attribute 'a' missing (at /y.nix:3:7)");
        }
    }

    #[test]
    fn a_json_run_that_ends_in_plain_text_is_believed_about_its_stack_and_its_options_only() {
        for (message, class) in [
            ("stack overflow (possible infinite recursion)", Class::StackOverflow),
            ("unrecognised flag '--x'\nTry 'nix --help' for more information.", Class::NixUnusable),
            ("infinite recursion encountered", Class::EvaluationError),
            ("unable to download 'x'", Class::EvaluationError),
        ] {
            assert_eq!(class_of(End::Exited(1), &format!("error: {message}\n")), class, "{message}");
        }
    }

    #[test]
    fn a_very_long_message_is_shortened() {
        let outcome =
            classify(&ending(End::Exited(1), line(&"ä".repeat(1 << 20), None, &[]).as_bytes(), LogFormat::TracedJson));
        assert_eq!(outcome.message.unwrap().chars().count(), MESSAGE_CHARS);
    }

    fn formats() -> impl Strategy<Value = LogFormat> {
        prop_oneof![Just(LogFormat::Text), Just(LogFormat::InternalJson), Just(LogFormat::TracedJson)]
    }

    /// Pieces that the readers look for, in any order, among any bytes.
    fn outputs() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..12),
            prop::sample::select(vec![
                "error:",
                "error: ",
                "\n",
                "\n       error: ",
                "@nix {\"",
                "@nix {\"action\":\"msg\",\"level\":0,\"raw_msg\":\"x\"}",
                "while evaluating x:\n",
                ", at /x:1:2",
                "       at /x.nix:99999999999:1:",
                "\u{1b}[",
                "…",
                "': ",
                "out of memory",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_output_makes_it_panic_or_puts_control_characters_into_the_outcome(
            stderr in outputs(), status in -3..260, log in formats(),
        ) {
            let outcome = classify(&ending(End::Exited(status), &stderr, log));
            prop_assert!(!outcome.to_string().chars().any(char::is_control));
        }

        #[test]
        fn what_throw_says_is_always_an_evaluation_error(
            before in "\\PC{0,20}", row in prop::sample::select(vec![
                "out of memory", "infinite recursion encountered", "stack overflow; max-call-depth exceeded",
                "stack overflow (possible infinite recursion)", "unable to download 'x'", "interrupted by the user",
                "unrecognised flag '--x'", "hash mismatch in 'x'", "Cannot build 'x'.",
            ]), breaks in "[\n\r ]{0,3}",
        ) {
            let said = format!("{before}{breaks}{row}");
            let traced = line(&said, None, &["while calling the 'throw' builtin"]);
            let untraced = line(&said, None, &[]);
            let text = format!("error: {said}\n");
            for (stderr, log) in
                [(&traced, LogFormat::TracedJson), (&untraced, LogFormat::InternalJson), (&text, LogFormat::Text)]
            {
                let outcome = classify(&ending(End::Exited(1), stderr.as_bytes(), log));
                prop_assert_eq!(outcome.class, Class::EvaluationError);
            }
        }
    }
}

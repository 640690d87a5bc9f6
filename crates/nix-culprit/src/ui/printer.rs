//! Results to stdout, all else to stderr, with colour where it is wanted.

use std::io::{self, IsTerminal, Write};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use nix_culprit_core::explain::Strokes;
use nix_culprit_core::report::redact::credentials;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::block;

/// A way of setting words off. Without colour they are plain, and the text must do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// As it is.
    Plain,
    /// Bold.
    Strong,
    /// Green.
    Good,
    /// Red.
    Bad,
    /// Yellow.
    Warning,
    /// Faint.
    Dim,
}

impl Paint {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Good => "\x1b[32m",
            Self::Bad => "\x1b[31m",
            Self::Warning => "\x1b[33m",
            Self::Dim => "\x1b[2m",
        }
    }

    /// Returns the text with this paint's codes around it; the stream strips them where colour is not wanted.
    #[must_use]
    pub fn over(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Strong | Self::Good | Self::Bad | Self::Warning | Self::Dim => {
                format!("{}{text}\x1b[0m", self.code())
            }
        }
    }
}

/// Whether progress is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loudness {
    /// Show progress.
    Normal,
    /// Only results and errors.
    Quiet,
}

/// What somebody said to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Yes,
    /// Anything else.
    No,
    /// There is no terminal.
    Nobody,
}

/// Writes to the two streams.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    color: ColorChoice,
    quiet: bool,
}

impl Printer {
    /// Prints with this choice of colour.
    #[must_use]
    pub const fn new(color: ColorChoice, loudness: Loudness) -> Self {
        Self { color, quiet: matches!(loudness, Loudness::Quiet) }
    }

    /// Tells whether progress is shown at all.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Tells whether lines can be shown that change: on a terminal that somebody looks at, and that can move its cursor.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let moves = set("TERM").is_some_and(|term| term != "dumb");
        !self.quiet && moves && set("CI").is_none() && io::stderr().is_terminal()
    }

    /// Says what a terminal like the user's can show.
    #[must_use]
    pub fn strokes(&self) -> Strokes {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"];
        let set = names.into_iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
        let is = set.is_some_and(|set| set.to_string_lossy().to_ascii_lowercase().replace('-', "").contains("utf8"));
        if is { Strokes::Boxes } else { Strokes::Ascii }
    }

    /// Shows lines at the bottom of the terminal, in place of those that are there; none: takes them away.
    pub(super) fn show(&self, lines: Vec<String>) {
        block::show(match self.choice(true) {
            ColorChoice::Never => lines.iter().map(|line| strip_str(line).to_string()).collect(),
            ColorChoice::Auto | ColorChoice::Always | ColorChoice::AlwaysAnsi => lines,
        });
    }

    /// Writes a result, without credentials.
    ///
    /// # Errors
    /// When stdout does not take it, such as on a full disk.
    pub fn result(&self, text: &str) -> io::Result<()> {
        self.script(&credentials(text))
    }

    /// Writes text of our own for a program, as it is. A closed pipe is not an error: nobody wants to read on.
    ///
    /// # Errors
    /// When stdout does not take it, such as on a full disk.
    pub fn script(&self, text: &str) -> io::Result<()> {
        let write = || {
            let mut stream = AutoStream::new(io::stdout().lock(), self.choice(io::stdout().is_terminal()));
            stream.write_all(text.as_bytes()).and_then(|()| stream.flush())
        };
        match block::aside(write) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Writes a line of progress or a note, unless quiet.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            self.error(line);
        }
    }

    /// Asks a question that is answered by yes or no, where somebody can answer it; `stopped` means no.
    #[must_use]
    pub fn ask(&self, question: &str, stopped: &dyn Fn() -> bool) -> Answer {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Answer::Nobody;
        }
        block::aside(|| self.ask_somebody(question, stopped))
    }

    fn ask_somebody(self, question: &str, stopped: &dyn Fn() -> bool) -> Answer {
        let mut stream = AutoStream::new(io::stderr().lock(), self.choice(true));
        let _ = write!(stream, "{question} [y/N] ").and_then(|()| stream.flush());
        // Signals do not interrupt a read.
        let is_there = || {
            let stdin = io::stdin();
            let mut wanted = [PollFd::new(&stdin, PollFlags::IN)];
            poll(&mut wanted, Some(&Timespec { tv_sec: 0, tv_nsec: 100_000_000 })).is_ok_and(|ready| ready > 0)
        };
        while !is_there() {
            if stopped() {
                return Answer::No;
            }
        }
        let mut answer = String::new();
        match io::stdin().read_line(&mut answer) {
            Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Answer::Yes,
            Ok(_) | Err(_) => Answer::No,
        }
    }

    /// Writes a line about something that went wrong, without credentials: it may be kept, as in a log of CI. Where
    /// stderr is closed there is nobody to tell.
    pub fn error(&self, line: &str) {
        block::aside(|| {
            let mut stream = AutoStream::new(io::stderr().lock(), self.choice(io::stderr().is_terminal()));
            let _ = writeln!(stream, "{}", credentials(line));
        });
    }

    fn choice(self, terminal: bool) -> ColorChoice {
        match self.color {
            ColorChoice::Auto if !terminal || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => {
                ColorChoice::Never
            }
            ColorChoice::Auto => ColorChoice::Always,
            other => other,
        }
    }
}

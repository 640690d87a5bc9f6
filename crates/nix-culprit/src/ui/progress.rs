//! Progress: a moving line on a terminal, plain lines elsewhere, nothing when quiet.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nix_culprit_core::event::{Event, EventSink, Mode, Purpose, Remaining};
use nix_culprit_core::flake::AttrPath;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::quantity::show_duration;
use nix_culprit_core::text::{printable, printable_lines};

use super::{Paint, Printer};

/// Shows what happens.
#[derive(Debug)]
pub struct Progress {
    printer: Printer,
    bar: Option<ProgressBar>,
    last: Option<Observation>,
    settled: Option<CommitId>,
    remembered: bool,
    fetched: Option<(String, u8)>,
    /// The percentage that a reduction was last told at.
    reduced: Option<usize>,
}

impl Progress {
    /// Shows events through this printer.
    #[must_use]
    pub fn new(printer: Printer) -> Self {
        let bar = printer.is_interactive().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed:.dim}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        Self { printer, bar, last: None, settled: None, remembered: false, fetched: None, reduced: None }
    }

    /// Writes a line: a painted head, and text that may hold names from strangers.
    fn line(&self, head: &str, text: &str) {
        let line = format!("{head}{}", printable_lines(text));
        match &self.bar {
            Some(bar) => bar.suspend(|| self.printer.note(&line)),
            None => self.printer.note(&line),
        }
    }

    fn moving(&self, message: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(printable(&message));
            bar.enable_steady_tick(Duration::from_millis(120));
        }
    }

    fn judged(&mut self, purpose: &Purpose, verdict: &Verdict) {
        let (word, reason) = match verdict {
            Verdict::Good => (Paint::Good.over("good"), None),
            Verdict::Bad => (Paint::Bad.over("bad "), None),
            Verdict::Skip(reason) => (Paint::Warning.over("skip"), Some(reason.as_str())),
        };
        let known = if std::mem::take(&mut self.remembered) { "from an earlier case" } else { "known from before" };
        let known = self
            .settled
            .take()
            .map_or_else(|| known.to_owned(), |by| format!("as at {}: nothing that it read differs", by.short()));
        let seen = self.last.take().map_or_else(
            || known,
            |seen| {
                let what = reason.map_or_else(|| seen.outcome.class.words(), |_| "").to_owned();
                format!("{:<19} {:>8} {:>8}", what, seen.peak.to_string(), show_duration(seen.wall))
            },
        );
        let reason = reason.map(|reason| format!("  {reason}")).unwrap_or_default();
        self.line(&format!("  {word}  "), &format!("{:<28} {}{reason}", purpose.words, seen.trim_end()));
    }
}

fn remaining_words(remaining: &Remaining) -> String {
    let steps = match remaining.steps {
        1 => "about 1 step left".to_owned(),
        steps => format!("about {steps} steps left"),
    };
    let time = remaining.time.map(|time| format!(", {}", show_duration(time))).unwrap_or_default();
    format!("{} commits, {steps}{time}", remaining.suspects)
}

impl EventSink for Progress {
    fn tell(&mut self, event: &Event) {
        match event {
            Event::Started { flake, nix, memory, time, layers } => {
                self.line("", &format!("{flake} with {nix}"));
                let time = show_duration(*time);
                self.line("", &format!("each evaluation may use {memory} and {time}, enforced by {layers}"));
            }
            Event::Ends { good, bad, changes } => {
                self.line("", &format!("good: {good}; bad: {bad}; inputs that differ: {changes}"));
            }
            Event::ProbeStarted { purpose, mode, remaining } => {
                let how = match mode {
                    Mode::Fast => "",
                    Mode::Pure => ", by your own command",
                    Mode::Faithful => ", by your own command, which fetches",
                };
                let left = remaining.as_ref().map(|left| format!(" ({})", remaining_words(left))).unwrap_or_default();
                self.moving(format!("evaluating {}{how}{left}", purpose.words));
            }
            Event::ProbeFinished { observation, .. } => self.last = Some(observation.clone()),
            Event::Remembered { .. } => self.remembered = true,
            Event::Settled { by, .. } => self.settled = Some(by.clone()),
            Event::Target { attr } => self.line("", &format!("evaluating {}", AttrPath(attr.clone()))),
            Event::Judged { purpose, verdict } => self.judged(purpose, verdict),
            Event::Noted { .. } | Event::Learned { .. } => {}
            Event::Isolated { input, how } => self.line("", &format!("the input is {input}: {how}")),
            Event::Searching { input, suspects } => {
                self.line("", &format!("searching {suspects} commits of {input}"));
            }
            Event::Explaining { way } => {
                self.moving(format!("looking why it fails, by {}", way.words()));
            }
            Event::Explained { explanation, .. } => self.line("", &explanation.in_a_line()),
            Event::Correcting { what } => self.line("", &format!("does it help to {what}?")),
            Event::Fetching { url, phase, percent } => {
                let done = percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
                self.moving(format!("fetching {url}: {phase}{done}"));
                let tens = percent.unwrap_or(0) / 25;
                let stage = (phase.clone(), tens);
                if self.bar.is_none() && self.fetched.as_ref() != Some(&stage) {
                    self.line("", &format!("fetching {url}: {phase}{done}"));
                    self.fetched = Some(stage);
                }
            }
            Event::Reducing { what, size, from, tried } => {
                let percent = size * 100 / from.max(&1);
                self.moving(format!("leaving out {what}: {size} of {from} bytes ({percent} %), {tried} candidates"));
                if self.bar.is_none() && self.reduced.is_none_or(|before| percent < before) {
                    self.line("", &format!("{size} of {from} bytes ({percent} %) after {tried} candidates"));
                    self.reduced = Some(percent);
                }
            }
            Event::Warned { text } => self.line(&Paint::Warning.over("note: "), text),
            Event::Finished { .. } => {
                if let Some(bar) = &self.bar {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

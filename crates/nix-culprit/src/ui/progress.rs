//! Progress: lines that stay, with a view of what runs below them on a terminal; nothing when quiet.

use std::time::Instant;

use nix_culprit_core::event::{Event, EventSink, Purpose};
use nix_culprit_core::flake::AttrPath;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::quantity::show_duration;
use nix_culprit_core::text::printable_lines;

use super::block::Size;
use super::view::View;
use super::{Paint, Printer};

/// Shows what happens.
#[derive(Debug)]
pub struct Progress {
    printer: Printer,
    /// What is shown below the lines that stay, until the end.
    view: Option<View>,
    began: Instant,
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
        let view = printer.is_interactive().then(View::new);
        let (settled, fetched) = (None, None);
        Self { printer, view, began: Instant::now(), last: None, settled, remembered: false, fetched, reduced: None }
    }

    /// Writes a line that stays: a painted head, and text that may hold names from strangers.
    fn line(&self, head: &str, text: &str) {
        self.printer.note(&format!("{head}{}", printable_lines(text)));
        self.draw();
    }

    /// Draws the view as it is now.
    fn draw(&self) {
        if let Some(view) = &self.view {
            self.printer.show(view.lines(self.began.elapsed(), Size::now(), self.printer.strokes()));
        }
    }

    /// Takes the view away for good.
    fn end(&mut self) {
        if self.view.take().is_some() {
            self.printer.show(Vec::new());
        }
    }

    fn judged(&mut self, purpose: &Purpose, verdict: &Verdict) {
        let (word, reason) = match verdict {
            Verdict::Good => (Paint::Good.over("good"), None),
            Verdict::Bad => (Paint::Bad.over("bad "), None),
            Verdict::Skip(reason) => (Paint::Warning.over("skip"), Some(reason.as_str())),
        };
        let remembered = std::mem::take(&mut self.remembered);
        let (settled, seen) = (self.settled.take(), self.last.take());
        let (outcome, memory, took, how) = match (seen, settled) {
            (Some(seen), _) => {
                let outcome = reason.map_or_else(|| seen.outcome.class.words(), |_| "");
                (outcome, seen.peak.to_string(), show_duration(seen.wall), String::new())
            }
            (None, Some(by)) => {
                let how = format!(", as at {}: nothing that it read differs", by.short());
                ("not run", String::new(), String::new(), how)
            }
            (None, None) => {
                let how = if remembered { "from an earlier case" } else { "known from before" };
                ("not run", String::new(), String::new(), format!(", {how}"))
            }
        };
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        let text = format!("{outcome:<19} {memory:>8} {took:>8}  {}{how}{reason}", purpose.words);
        self.line(&format!("  {word}  "), &text);
    }
}

impl EventSink for Progress {
    fn tell(&mut self, event: &Event) {
        if let Some(view) = &mut self.view {
            view.note(event);
        }
        match event {
            Event::Started { flake, nix, memory, time, layers } => {
                self.line("", &format!("{flake} with {nix}"));
                let time = show_duration(*time);
                self.line("", &format!("each evaluation may use {memory} and {time}, enforced by {layers}"));
            }
            Event::Ends { good, bad, changes } => {
                self.line("", &format!("good: {good}; bad: {bad}; inputs that differ: {changes}"));
            }
            Event::ProbeFinished { observation, .. } => self.last = Some(observation.clone()),
            Event::Remembered { .. } => self.remembered = true,
            Event::Settled { by, .. } => self.settled = Some(by.clone()),
            Event::Target { attr } => self.line("", &format!("evaluating {}", AttrPath(attr.clone()))),
            Event::Judged { purpose, verdict } => self.judged(purpose, verdict),
            Event::Running { .. } => self.draw(),
            Event::ProbeStarted { .. }
            | Event::Explaining { .. }
            | Event::Filling { .. }
            | Event::Noted { .. }
            | Event::Learned { .. } => {}
            Event::Isolated { input, how } => self.line("", &format!("the input is {input}: {how}")),
            Event::Searching { input, suspects } => {
                self.line("", &format!("searching {suspects} commits of {input}"));
            }
            Event::Explained { explanation, .. } => self.line("", &explanation.in_a_line()),
            Event::Correcting { what } => self.line("", &format!("does it help to {what}?")),
            Event::Fetching { url, phase, percent } => {
                let stage = (phase.clone(), percent.unwrap_or(0) / 25);
                if self.view.is_none() && self.fetched.as_ref() != Some(&stage) {
                    let done = percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
                    self.line("", &format!("fetching {url}: {phase}{done}"));
                    self.fetched = Some(stage);
                }
            }
            Event::Reducing { what: _, size, from, tried, left: _ } => {
                let percent = size * 100 / from.max(&1);
                if self.view.is_none() && self.reduced.is_none_or(|before| percent < before) {
                    self.line("", &format!("{size} of {from} bytes ({percent} %) after {tried} candidates"));
                    self.reduced = Some(percent);
                }
            }
            Event::Warned { text } => self.line(&Paint::Warning.over("note: "), text),
            // A last look at what runs may still be told after it.
            Event::Finished { .. } => self.end(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

//! What is shown while it runs: how far it has come, and what runs with its memory against the budget.
//!
//! Owns what is known of the moment, and its lines at any width. Must not print.

use std::time::Duration;

use nix_culprit_core::event::{Event, Mode, Remaining, Run};
use nix_culprit_core::explain::Strokes;
use nix_culprit_core::quantity::{counted, show_duration, show_estimate};
use nix_culprit_core::text::printable;

use super::Paint;
use super::block::Size;
use super::width::{columns, fit, pad};

/// The most probes that get a line of their own.
const MOST: usize = 8;
/// Below so many columns not much is spent on looks.
const NARROW: usize = 60;
/// What a bar may take of a line, in columns.
const BAR: (usize, usize) = (10, 24);

/// What is known of the moment.
#[derive(Debug)]
pub(super) struct View {
    /// How far it has come, in parts that may be on different lines.
    heading: Vec<String>,
    /// The input whose history is searched.
    input: Option<String>,
    /// The probe that was asked for last, as long as it has not ended: it may not run yet.
    asked: Option<(String, String)>,
    runs: Vec<Run>,
    /// How often it was drawn.
    turn: usize,
}

impl View {
    /// Begins before anything is known.
    pub(super) fn new() -> Self {
        Self { heading: vec!["getting ready".to_owned()], input: None, asked: None, runs: Vec::new(), turn: 0 }
    }

    /// Takes note of what happens.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::ProbeStarted { key, purpose, mode, remaining } => {
                self.asked = Some((key.clone(), purpose.words.clone()));
                self.heading = match remaining {
                    Some(remaining) => self.search(remaining),
                    None => vec![format!("evaluating {}", purpose.words)],
                };
                match mode {
                    Mode::Fast => {}
                    Mode::Pure => self.heading.push("by your own command".to_owned()),
                    Mode::Faithful => self.heading.push("by your own command, which fetches".to_owned()),
                }
            }
            Event::ProbeFinished { key, .. } => {
                self.runs.retain(|run| run.key != *key);
                self.asked = self.asked.take().filter(|(asked, _)| asked != key);
            }
            Event::Running { runs } => {
                self.runs.clone_from(runs);
                self.turn += 1;
            }
            Event::Judged { .. } => self.asked = None,
            Event::Searching { input, .. } => self.input = Some(input.to_string()),
            Event::Explaining { way } => {
                self.heading = vec!["looking why it fails".to_owned(), format!("by {}", way.words())];
            }
            Event::Correcting { what } => self.heading = vec![format!("does it help to {what}?")],
            Event::Fetching { url, phase, percent } => {
                let done = percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
                self.heading = vec![format!("fetching {url}"), format!("{phase}{done}")];
            }
            Event::Reducing { what, size, from, tried, left } => {
                let percent = size * 100 / from.max(&1);
                self.heading = vec![
                    format!("leaving out {what}"),
                    format!("{size} of {from} bytes ({percent} %)"),
                    format!("{tried} candidates tried"),
                    format!("at most {} more", clock(*left)),
                ];
            }
            Event::Filling { done, of, left } => {
                self.heading = vec![format!("filling the table: {done} of {of}")];
                self.heading.extend(left.map(show_estimate));
            }
            Event::Started { .. } => self.heading = vec!["looking at the flake".to_owned()],
            Event::Ends { .. }
            | Event::Remembered { .. }
            | Event::Settled { .. }
            | Event::Target { .. }
            | Event::Noted { .. }
            | Event::Learned { .. }
            | Event::Isolated { .. }
            | Event::Explained { .. }
            | Event::Warned { .. }
            | Event::Finished { .. } => {}
        }
    }

    fn search(&self, remaining: &Remaining) -> Vec<String> {
        let mut parts = vec![format!("{} left", counted(remaining.suspects, "commit"))];
        if let Some(input) = &self.input {
            parts.insert(0, format!("searching {input}"));
        }
        if let Some((old, new)) = remaining.dates {
            let (old, new) = (old.day(), new.day());
            parts.push(if old == new { format!("of {old}") } else { format!("{old} to {new}") });
        }
        parts.push(format!("about {}", counted(remaining.steps, "step")));
        parts.extend(remaining.time.map(show_estimate));
        parts
    }

    /// Draws it, after so long; none of the lines is as wide as the terminal, and all of them are fewer than its rows.
    pub(super) fn lines(&self, after: Duration, size: Size, strokes: Strokes) -> Vec<String> {
        let marks = Marks::of(strokes);
        let room = size.columns.saturating_sub(1);
        let spinner = marks.spinner[self.turn % marks.spinner.len()];
        let head = format!("{spinner} {}  ", clock(after));
        let indent = if room < NARROW { 2 } else { columns(&head) };
        let mut lines = self.heading(head, indent, room, marks.cut);
        let begun = |(key, words): &(String, String)| Run { words: words.clone(), ..nothing_yet(key) };
        let asked = self.asked.as_ref().filter(|(key, _)| self.runs.iter().all(|run| run.key != *key)).map(begun);
        let runs: Vec<Run> = self.runs.iter().cloned().chain(asked).collect();
        let most = MOST.min(size.rows.saturating_sub(lines.len() + 2));
        let words = runs.iter().map(|run| columns(&printable(&run.words))).max().unwrap_or(0);
        lines.extend(runs.iter().take(most).map(|run| line(run, words, room, &marks)));
        if runs.len() > most {
            lines.push(fit(&format!("  and {} more", runs.len() - most), room, marks.cut));
        }
        lines.truncate(size.rows.saturating_sub(1).max(1));
        lines
    }

    /// Returns the heading on as many lines as it takes.
    fn heading(&self, head: String, indent: usize, room: usize, cut: char) -> Vec<String> {
        let mut lines = vec![head];
        let mut comma = "";
        for part in self.heading.iter().map(|part| printable(part)) {
            let line = lines.last_mut().expect("there is the head");
            if comma.is_empty() || columns(line) + 2 + columns(&part) <= room {
                line.push_str(&format!("{comma}{part}"));
            } else {
                lines.push(format!("{}{part}", pad("", indent)));
            }
            comma = ", ";
        }
        lines.iter().map(|line| fit(line, room, cut)).collect()
    }
}

fn nothing_yet(key: &str) -> Run {
    let nothing = nix_culprit_core::quantity::Bytes(0);
    Run { key: key.to_owned(), words: String::new(), memory: nothing, budget: nothing, time: Duration::ZERO }
}

/// What is drawn with.
struct Marks {
    full: char,
    empty: char,
    cut: char,
    spinner: &'static [char],
}

impl Marks {
    const fn of(strokes: Strokes) -> Self {
        match strokes {
            Strokes::Boxes => {
                let spinner = &['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
                Self { full: '█', empty: '░', cut: '…', spinner }
            }
            Strokes::Ascii => Self { full: '#', empty: '.', cut: '~', spinner: &['|', '/', '-', '\\'] },
        }
    }
}

/// Draws a probe: what it is, a bar, what it uses of what it may, and for how long.
fn line(run: &Run, words: usize, room: usize, marks: &Marks) -> String {
    let (memory, time) = (format!("{:>8}", run.memory.to_string()), show_duration(run.time));
    let tails = if run.budget.0 == 0 {
        vec!["begins".to_owned()]
    } else {
        vec![format!("{memory} of {}  {time:>7}", run.budget), format!("{memory} of {}", run.budget), memory]
    };
    // Two columns before, between and between.
    let left = |tail: &String| room.saturating_sub(6 + columns(tail));
    let tail = tails.iter().find(|tail| left(tail) >= 24).or(tails.last()).cloned().unwrap_or_default();
    let left = left(&tail);
    let bar = left.saturating_sub(words).clamp(BAR.0.min(left / 2), BAR.1);
    let words = words.min(left.saturating_sub(bar));
    let what = pad(&fit(&printable(&run.words), words, marks.cut), words);
    let bar = draw(run, bar, marks);
    // Where there is no room for all three, two of them go.
    if left < 12 {
        return fit(&format!("  {}", printable(&run.words)), room, marks.cut);
    }
    format!("  {what}  {bar}  {tail}")
}

/// Draws a bar of so many columns; its colour says nothing that its length does not.
fn draw(run: &Run, wide: usize, marks: &Marks) -> String {
    let share = |of: usize| {
        let part = u128::from(run.memory.0) * of as u128 / u128::from(run.budget.0.max(1));
        usize::try_from(part).unwrap_or(usize::MAX).min(of)
    };
    let full = share(wide);
    let paint = match share(100) {
        0..70 => Paint::Good,
        70..90 => Paint::Warning,
        _ => Paint::Bad,
    };
    let repeat = |mark: char, count| std::iter::repeat_n(mark, count).collect::<String>();
    format!("{}{}", paint.over(&repeat(marks.full, full)), Paint::Dim.over(&repeat(marks.empty, wide - full)))
}

/// Shows a time that goes on: `0:07`, `12:45`, `1:02:03`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;

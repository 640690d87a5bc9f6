//! The calm summary at the end of a case: lines of styled text, at most [`WIDTH`] columns wide.
//!
//! Colours are the ui's; here a style only says what a text means. Must not hold anything but
//! printable text: hidden characters are made visible and credentials are taken out.

mod answer;
mod corrections;
mod lines;
mod next;
mod suffices;

pub use lines::{Line, Segment, Style, WIDTH, plain};

use super::escape::line;
use super::model::{End, Report};
use super::redact::credentials;
use super::words;
use crate::explain::Strokes;
use crate::growth::{Grown, Measure};
use crate::outcome::Verdict;
use answer::{confirmation, result, which, why};
use corrections::corrections;
use lines::Lines;
use next::next;
use suffices::suffices;

/// What the summary points to; shown as given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Where the report was written.
    pub report: Option<String>,
    /// The command that goes on with an unfinished case.
    pub resume: Option<String>,
    /// The characters that drawings may have.
    pub strokes: Strokes,
}

/// Returns the summary.
#[must_use]
pub fn render(report: &Report, places: &Places) -> Vec<Line> {
    let mut out = Lines::default();
    end(&mut out, report, "Good", report.good.as_ref());
    end(&mut out, report, "Bad", report.bad.as_ref());
    if let Some(input) = &report.input {
        out.row("Input")
            .add(Style::Strong, &format!("{}:", line(&input.path.to_string(), 100)))
            .add(Style::Plain, words::isolation(input.isolation))
            .add(Style::Dim, &format!("({})", clean(&input.repository, 200)));
    }
    which(&mut out, report);
    out.blank();
    result(&mut out, report);
    why(&mut out, report, places);
    confirmation(&mut out, report);
    corrections(&mut out, report);
    suffices(&mut out, report);
    growth(&mut out, report);
    out.blank();
    doubts(&mut out, report);
    out.row("Searched").add(Style::Plain, &words::totals(report));
    if let Some(path) = &places.report {
        out.row("Report").add(Style::Plain, &line(path, 300));
    }
    next(&mut out, report, places);
    out.finish()
}

fn clean(text: &str, most: usize) -> String {
    line(&credentials(text), most)
}

fn end(out: &mut Lines, report: &Report, label: &'static str, end: Option<&End>) {
    let row = out.row(label);
    let Some(end) = end else {
        row.add(Style::Dim, "not probed");
        return;
    };
    if let Some(revision) = &end.revision {
        row.add(Style::Plain, revision.short());
    }
    if let Some(date) = end.date {
        row.add(Style::Dim, &format!("({})", date.day()));
    }
    row.add(verdict_style(&end.verdict), &words::seen(&end.observation, &report.environment.limits));
    if let Some(message) = &end.observation.outcome.message {
        row.next_line().add(Style::Dim, &clean(message, 140));
    }
}

const fn verdict_style(verdict: &Verdict) -> Style {
    match verdict {
        Verdict::Good => Style::Good,
        Verdict::Bad => Style::Bad,
        Verdict::Skip(_) => Style::Dim,
    }
}

fn doubts(out: &mut Lines, report: &Report) {
    for (index, skipped) in report.skipped.iter().enumerate().take(4) {
        out.row(if index == 0 { "Skipped" } else { "" })
            .add(Style::Plain, &format!("{}:", words::counted(skipped.commits.len(), "commit")))
            .add(Style::Dim, &clean(&skipped.reason, 120));
    }
    if report.skipped.len() > 4 {
        out.row("").add(Style::Dim, &format!("… for {} more reasons", report.skipped.len() - 4));
    }
    for (index, contradiction) in report.contradictions.iter().enumerate().take(3) {
        out.row(if index == 0 { "Doubts" } else { "" }).add(Style::Bad, &clean(contradiction, 200));
    }
    if report.contradictions.len() > 3 {
        out.row("").add(Style::Dim, &format!("… and {} more", report.contradictions.len() - 3));
    }
}

/// Shows what of the bad end is more than of the good one, where both succeed.
fn growth(out: &mut Lines, report: &Report) {
    // All of them are on the page; here are those that people know.
    let is_known = |grown: &&Grown| {
        let known = ["nrThunks", "nrFunctionCalls", "nrPrimOpCalls", "values.number", "sets.number", "gc.totalBytes"];
        match &grown.measure {
            Measure::Peak | Measure::Wall | Measure::Cpu => true,
            Measure::Counter(name) => known.contains(&name.as_str()),
        }
    };
    for (index, grown) in words::grown(report).iter().filter(is_known).enumerate() {
        let text = words::jumped(&grown.measure, grown.good, grown.bad);
        out.row(if index == 0 { "Differs" } else { "" }).add(Style::Plain, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::suffices::indented;
    use super::*;
    use crate::correct::Step;

    #[test]
    fn the_summary_of_each_sample_reads_well() {
        for (name, report) in samples::all() {
            let places = Places {
                report: Some("~/.local/state/nix-culprit/case-1/report.md".to_owned()),
                resume: Some("nix-culprit resume case-1".to_owned()),
                strokes: Strokes::Boxes,
            };
            insta::assert_snapshot!(format!("summary_{name}"), plain(&render(&report, &places)));
        }
    }

    #[test]
    fn lines_of_a_patch_keep_how_far_they_are_indented() {
        assert_eq!(indented("+    wheel\u{1b} x", 80), "+    wheel<U+001B> x");
        assert_eq!(indented("-\t wheel", 80), "-     wheel");
        assert_eq!(indented("+   \t ", 80), "+");
        assert_eq!(indented(&format!("+{}x", " ".repeat(1000)), 80), format!("+{}x", " ".repeat(40)));
        assert_eq!(indented("", 80), "");
    }

    #[test]
    fn lines_fit_the_width_and_hold_only_printable_text() {
        for (name, report) in samples::all() {
            for line in plain(&render(&report, &Places::default())).lines() {
                let whole = ["nix flake lock", "inputs."].iter().any(|start| line.trim_start().starts_with(start))
                    || line.contains("https://");
                assert!(line.chars().count() <= WIDTH || whole, "{name}: {line}");
                assert!(!line.contains(char::is_control) && line.trim_end() == line, "{name}: {line:?}");
            }
        }
    }

    #[test]
    fn a_command_with_a_password_is_shown_without_it_and_says_so() {
        let mut report = samples::corrected();
        let command = "nix flake lock --override-input o 'git+https://me:hunter2@host/o?rev=1'".to_owned();
        report.corrections.as_mut().unwrap().works[0].steps = vec![Step::Command { command }];
        let shown = plain(&render(&report, &Places::default()));
        assert!(shown.contains("'git+https://REDACTED@host/o?rev=1'\n            put your own secret"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn verdicts_carry_their_style() {
        let lines = render(&samples::normal(), &Places::default());
        let styled = |style, text: &str| lines.iter().flatten().any(|s| s.style == style && s.text.contains(text));
        assert!(styled(Style::Good, "success"));
        assert!(styled(Style::Bad, "out of memory"));
        assert!(styled(Style::Strong, "5a9dda28aa00"));
    }
}

//! `report.md`: what is pasted into an issue tracker.
//!
//! Every text that is not our own goes through `Page::code` or `Page::block`: redacted, made
//! inert, and cut to a length. The whole stays under [`MOST`] characters. Authors are not named.

mod answer;
mod corrections;
mod evidence;
mod files;

use std::fmt::Write as _;

use super::escape::Place;
use super::model::{End, Report};
use super::redact::Redactor;
use super::{escape, words};
use crate::outcome::Observation;
use crate::quantity::show_duration;

/// The most characters that a report has; trackers take 65,536 characters.
pub const MOST: usize = 65_000;

/// Returns the report as Markdown for issue trackers.
#[must_use]
pub fn render(report: &Report, redactor: &Redactor) -> String {
    let mut page = Page { out: String::new(), redactor, report };
    page.problem();
    page.result();
    page.why();
    page.confirmation();
    page.corrections();
    page.extract();
    page.growth();
    page.doubts();
    page.environment();
    page.lock_changes();
    page.reproducer();
    page.replay();
    page.evidence();
    let footer = format!("\nMade by nix-culprit {}.\n", page.code(&report.environment.tool_version, 40));
    page.out.push_str(&footer);
    debug_assert!(page.length() <= MOST, "the parts' limits add up to less than the whole's");
    page.out
}

struct Page<'a> {
    out: String,
    redactor: &'a Redactor,
    report: &'a Report,
}

impl Page<'_> {
    /// Writes one line, or a paragraph if it ends in an empty one.
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn length(&self) -> usize {
        self.out.chars().count()
    }

    fn heading(&mut self, text: &str) {
        let _ = write!(self.out, "\n### {text}\n\n");
    }

    fn code(&self, text: &str, most: usize) -> String {
        escape::code(&self.redactor.start(text, most), Place::Text, most)
    }

    fn cell(&self, text: &str, most: usize) -> String {
        escape::code(&self.redactor.start(text, most), Place::Cell, most)
    }

    fn block(&self, text: &str, most: usize) -> String {
        escape::block(&self.redactor.start(text, most), most)
    }

    fn seen(&self, seen: &Observation) -> String {
        words::seen(seen, &self.report.environment.limits)
    }

    fn problem(&mut self) {
        let report = self.report;
        let title = words::headline(report, |text| self.code(text, 100));
        self.put(&format!("## {title}\n"));
        let (command, target) = (self.code(&report.flake.command, 300), self.code(&report.flake.target, 200));
        let good = self.end("good", report.good.as_ref());
        let bad = self.end("bad", report.bad.as_ref());
        self.put(&format!("{command} (target {target}) {good} It {bad}"));
        if let Some(message) = report.bad.as_ref().and_then(|end| end.observation.outcome.message.as_ref()) {
            let block = self.block(message, 2_000);
            self.put(&format!("\nThe message:\n\n{block}"));
        }
    }

    /// Says what came of one end, as the rest of a sentence.
    fn end(&self, word: &str, end: Option<&End>) -> String {
        let Some(end) = end else { return format!("was not tried at the {word} end.") };
        let input = self.report.input.as_ref().map(|input| self.code(&input.path.to_string(), 100));
        let at = match (&end.revision, input) {
            (Some(revision), Some(input)) => format!(" with input {input} at `{}`", revision.short()),
            (Some(revision), None) => format!(" at `{}`", revision.short()),
            (None, _) => format!(" with the lock of the {word} end"),
        };
        let date = end.date.map(|date| format!(" ({})", date.day())).unwrap_or_default();
        let verdict = words::verdict(&end.verdict);
        let seen = self.seen(&end.observation);
        format!("is {verdict}{at}{date}: {seen}.")
    }

    /// Shows what of the bad end is more than of the good one, where both succeed.
    fn growth(&mut self) {
        let grown = words::grown(self.report);
        if grown.is_empty() {
            return;
        }
        self.heading("What differs between the ends");
        self.put("| | good | bad | |\n|---|---|---|---|");
        for one in grown.iter().take(16) {
            let measure = &one.measure;
            let (good, bad) = (measure.show(one.good), measure.show(one.bad));
            self.put(&format!("| {measure} | {good} | {bad} | {} |", one.show_ratio()));
        }
    }

    fn doubts(&mut self) {
        let (skipped, contradictions) = (&self.report.skipped, &self.report.contradictions);
        if skipped.is_empty() && contradictions.is_empty() {
            return;
        }
        self.heading("What was not proven");
        for contradiction in contradictions.iter().take(10) {
            let text = self.code(contradiction, 300);
            self.put(&format!("- contradiction: {text}"));
        }
        if contradictions.len() > 10 {
            self.put(&format!("- and {} more contradictions (see report.json)", contradictions.len() - 10));
        }
        for group in skipped.iter().take(15) {
            let mut names: Vec<_> = group.commits.iter().take(5).map(|id| format!("`{}`", id.short())).collect();
            if group.commits.len() > 5 {
                names.push("…".to_owned());
            }
            let reason = self.code(&group.reason, 200);
            let count = words::counted(group.commits.len(), "commit");
            self.put(&format!("- skipped {count} ({}): {reason}", names.join(", ")));
        }
        if skipped.len() > 15 {
            self.put(&format!("- and skips for {} more reasons (see report.json)", skipped.len() - 15));
        }
    }

    fn environment(&mut self) {
        let (environment, flake) = (&self.report.environment, &self.report.flake);
        self.heading("Environment");
        let limits = &environment.limits;
        for (name, text) in [
            ("Nix", &environment.nix_version),
            ("program", &environment.nix_program),
            ("system", &environment.system),
            ("flake", &flake.url),
        ] {
            let text = self.code(text, 200);
            self.put(&format!("- {name}: {text}"));
        }
        if let Some(revision) = &flake.revision {
            self.put(&format!("- the flake's commit: `{}`", revision.short()));
        }
        if let Some(description) = &flake.description {
            let description = self.code(description, 200);
            self.put(&format!("- the flake's description: {description}"));
        }
        let layer = self.code(&limits.layer, 200);
        let (memory, time) = (limits.memory, show_duration(limits.time));
        self.put(&format!("- budget of each probe: {memory} of memory, {time}; {layer}"));
        if let Some(reduced) = limits.search_memory {
            let words =
                "of memory: the good end needs far less, and both decisive commits were run with the whole budget";
            self.put(&format!("- probes between the ends: {reduced} {words}"));
        }
        if let Some(reduced) = limits.search_time {
            let words = "the good end needs far less, and both decisive commits were run with the whole budget";
            self.put(&format!("- probes between the ends: {}: {words}", show_duration(reduced)));
        }
        self.put(&format!("- done: {}", words::totals(self.report)));
    }
}

#[cfg(test)]
mod tests;

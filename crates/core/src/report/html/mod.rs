//! `report.html`: one file for a browser, which needs no network and no script.
//!
//! Owns the page and its drawings. Every text that is not our own goes through `Ink`: redacted, on one line or a few,
//! with hidden characters made visible; the templates escape all of it. A policy in the page's head forbids scripts and
//! requests, so that a mistake here could not run anything either.

mod corrections;
mod evidence;
mod extract;
mod findings;
mod flames;
mod inputs;
mod memory;
mod page;
mod reproducer;
mod ring;
mod search;

use super::Redactor;
use super::escape;
use super::model::{Report, Subject};
use super::words;

/// What a page can show beside the model.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras<'a> {
    /// A flame graph of the bad end: an SVG document.
    pub flamegraph: Option<&'a [u8]>,
    /// One of the bad end against the good one, likewise.
    pub difference: Option<&'a [u8]>,
}

/// Returns the report as a page of HTML.
#[must_use]
pub fn render(report: &Report, redactor: &Redactor, extras: Extras<'_>) -> String {
    page::page(report, &Ink(redactor), extras).into_string()
}

/// Makes texts of strangers fit to be shown; escaping is the templates' part.
struct Ink<'a>(&'a Redactor);

impl Ink<'_> {
    /// Returns at most `most` characters on one line.
    fn line(&self, text: &str, most: usize) -> String {
        escape::line(&self.0.start(text, most), most)
    }

    /// Returns at most `most` characters on lines of their own.
    fn lines(&self, text: &str, most: usize) -> String {
        escape::lines(&self.0.start(text, most), most)
    }

    /// Names what a probe ran on.
    fn subject(&self, subject: &Subject) -> String {
        self.line(&words::subject(subject), 120)
    }
}

/// Puts a drawing's attributes for screen readers into the head of its SVG: `title` is the id of its title.
fn labelled(svg: &str, class: &str, title: &str) -> String {
    svg.replacen("<svg ", &format!("<svg role=\"img\" class=\"{class}\" aria-labelledby=\"{title}\" "), 1)
}

#[cfg(test)]
mod tests;

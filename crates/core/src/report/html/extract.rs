//! Which part of the culprit suffices.

use maud::{Markup, html};

use super::super::extract;
use super::super::model::Report;
use super::Ink;
use crate::hunks::PATCH;

/// Shows the part, if it was looked for.
pub(super) fn section(report: &Report, ink: &Ink<'_>) -> Markup {
    let Some(found) = &report.extract else { return html! {} };
    html! {
        section #extract {
            h2 { "What of the culprit suffices" }
            p { (extract::headline(found)) "." }
            @for hunk in found.hunks.iter().take(50) {
                p { code { (ink.line(&extract::place(hunk), 200)) } }
                @let lines: Vec<String> = extract::lines(hunk).take(50).collect();
                @if !lines.is_empty() { pre tabindex="0" { (ink.lines(&lines.join("\n"), 4000).trim_end()) } }
            }
            ul {
                li { (extract::basis(found, report.direction, &|text| ink.line(text, 200))) }
                li { "confirmed " (extract::proof(found, &|text| ink.line(text, 200))) }
                li { (PATCH) " has all of it" }
            }
            p.quiet { (extract::totals(found)) "." }
        }
    }
}

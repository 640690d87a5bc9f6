//! What was tried to make it evaluate again, side by side.

use maud::{Markup, html};

use super::super::helps;
use super::super::model::Report;
use super::Ink;
use crate::correct::{Correction, Step};
use crate::quantity::{Bytes, show_duration};

/// Shows the corrections, if any were tried.
pub(super) fn section(report: &Report, ink: &Ink<'_>) -> Markup {
    let Some(corrections) = &report.corrections else { return html! {} };
    let ends = [&report.good, &report.bad].into_iter().flatten().map(|end| end.observation.peak);
    let most = corrections.works.iter().map(|one| one.observation.peak).chain(ends).max().unwrap_or(Bytes(1));
    html! {
        section #corrections {
            h2 { "What helps" }
            @if corrections.works.is_empty() { p { "None of what was tried helps." } }
            div.cards {
                @for (number, correction) in (1..).zip(corrections.works.iter().take(12)) {
                    (card(number, correction, report, most, ink))
                }
            }
            @if corrections.works.len() > 12 { p { (corrections.works.len() - 12) " more are in report.json." } }
            @if !corrections.failed.is_empty() || !corrections.untried.is_empty() {
                details {
                    summary { (corrections.failed.len()) " do not help, " (corrections.untried.len()) " were not tried" }
                    ul {
                        @for one in corrections.failed.iter().take(50) {
                            li { "does not help: " (ink.line(&one.what, 200)) ": " (ink.line(&one.why, 200)) }
                        }
                        @for one in corrections.untried.iter().take(50) {
                            li { "not tried: " (ink.line(&one.what, 200)) ": " (ink.line(&one.why, 200)) }
                        }
                    }
                }
            }
            p.quiet { (helps::totals(corrections)) "." }
        }
    }
}

fn card(number: usize, correction: &Correction, report: &Report, most: Bytes, ink: &Ink<'_>) -> Markup {
    let words = correction.action.words(&|text| ink.line(text, 160));
    let seen = &correction.observation;
    html! {
        article.card {
            h3 { (number) ". " (words) }
            @for step in correction.steps.iter().take(6) {
                @match step {
                    Step::Command { command } => { pre tabindex="0" { (ink.lines(command, 500).trim_end()) } }
                    Step::Write { file, text } => {
                        p { "in " code { (ink.line(file, 100)) } ":" }
                        pre tabindex="0" { (ink.lines(text, 800).trim_end()) }
                    }
                    Step::Do { what } => { p { (ink.line(what, 300)) } }
                }
            }
            dl.bars {
                @if let Some(good) = &report.good { (bar("good end", "good", good.observation.peak, most)) }
                (bar("with it", "with", seen.peak, most))
                @if let Some(bad) = &report.bad { (bar("bad end", "bad", bad.observation.peak, most)) }
            }
            ul {
                li { (seen.outcome.class) ", " (seen.peak) ", " (show_duration(seen.wall)) }
                li { (helps::proof(correction, &|text| ink.line(text, 300))) }
                @if let Some(derivations) = correction.derivations { li { (helps::derivations(derivations)) } }
                @for note in correction.notes.iter().take(6) { li { (ink.line(note, 300)) } }
            }
        }
    }
}

/// Draws an amount of memory beside others; the number stands in it for those who do not see the bar.
fn bar(name: &str, class: &str, peak: Bytes, most: Bytes) -> Markup {
    let share = peak.0.saturating_mul(100) / most.0.max(1);
    html! {
        dt { (name) }
        dd {
            svg width="100%" height="10" aria-hidden="true" {
                rect class=(class) width=(format!("{}%", share.clamp(1, 100))) height="10" rx="3" {}
            }
            (peak)
        }
    }
}

//! The history as a line of commits with the verdict of each probe, and the range as it shrinks.
//!
//! Everything lies at hundredths of the width, so that a drawing fits a telephone as it fits a screen.

use maud::{Markup, html};

use super::super::date::Timestamp;
use super::super::model::{Direction, End, Probe, Report, SearchResult, Subject};
use super::super::words;
use super::Ink;
use crate::ids::CommitId;
use crate::outcome::Verdict;

/// The height that many steps share.
const TALLEST: usize = 1_600;

/// A probe of a commit, at its place in the history.
struct Step<'a> {
    revision: &'a CommitId,
    date: Timestamp,
    title: &'a str,
    probe: &'a Probe,
}

/// Draws the history, if commits were probed.
pub(super) fn section(report: &Report, ink: &Ink<'_>) -> Markup {
    let steps: Vec<Step<'_>> = report.probes.iter().filter_map(step).collect();
    if steps.is_empty() {
        return html! {};
    }
    let scale = Scale::of(report, &steps);
    let height = (TALLEST / steps.len()).clamp(4, 18);
    let total = height * steps.len();
    let culprit = match &report.result {
        SearchResult::Culprit { commit } => Some(commit),
        _ => None,
    };
    let ranges = ranges(report.direction, &steps, &scale);
    html! {
        section #search {
            h2 { "The search" }
            p { (words::totals(report)) ". Old commits are on the left, by date." }
            figure {
                svg.history role="img" aria-labelledby="history-title" width="100%" height="44" {
                    line.rail x1="1%" x2="99%" y1="22" y2="22" {}
                    @if let Some(commit) = culprit {
                        line.culprit x1=(scale.percent(commit.date)) x2=(scale.percent(commit.date)) y1="2" y2="42" {}
                    }
                    @for step in &steps { (mark(step, &scale, "22")) }
                }
                div.between aria-hidden="true" { span { (scale.first.day()) } span { (scale.last.day()) } }
                figcaption #history-title {
                    "Each commit that was probed: a ring is good, a cross is bad, a dot was skipped."
                    @if let Some(commit) = culprit {
                        " The line is at " code { (commit.revision.short()) } ", the " (words::first_commit(report.direction)) "."
                    }
                }
            }
            figure {
                svg.steps role="img" aria-labelledby="steps-title" width="100%" height=(total) {
                    @for (at, (step, range)) in steps.iter().zip(&ranges).enumerate() {
                        @let y = at * height;
                        @if let Some((from, to)) = range {
                            rect.range x=(percent(*from)) y=(y + 1) width=(percent((to - from).max(0.3))) height=(height - 2) {}
                        }
                        (mark(step, &scale, &(y + height / 2).to_string()))
                    }
                }
                figcaption #steps-title {
                    "The same, one step below the other; the bar is what was still between the nearest good and the nearest bad commit, by date."
                }
            }
            details {
                summary { "The steps as a table" }
                div.scroll tabindex="0" role="region" aria-label="The steps of the search" {
                    table {
                        thead { tr {
                            th scope="col" { "step" } th scope="col" { "commit" } th scope="col" { "date" }
                            th scope="col" { "verdict" } th scope="col" { "title" }
                        } }
                        tbody {
                            @for (number, step) in (1..).zip(&steps) {
                                tr {
                                    th scope="row" { (number) }
                                    td { code { (step.revision.short()) } }
                                    td { (step.date.day()) }
                                    td { (verdict(&step.probe.verdict)) }
                                    td { (ink.line(step.title, 100)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Shows a verdict as a word in its colour.
pub(super) fn verdict(verdict: &Verdict) -> Markup {
    let word = words::verdict(verdict);
    html! { span class=(word) { (word) } }
}

fn step(probe: &Probe) -> Option<Step<'_>> {
    match &probe.subject {
        Subject::Commit { revision, date, title } => Some(Step { revision, date: *date, title, probe }),
        Subject::GoodLock | Subject::BadLock | Subject::Inputs { .. } | Subject::Corrected { .. } => None,
    }
}

/// Draws a verdict in a form and a colour of its own.
fn mark(step: &Step<'_>, scale: &Scale, y: &str) -> Markup {
    let x = scale.percent(step.date);
    let told = format!("{} {}: {}", step.revision.short(), step.date.day(), words::verdict(&step.probe.verdict));
    html! {
        @match &step.probe.verdict {
            Verdict::Good => { circle.mark.good cx=(x) cy=(y) r="4" { title { (told) } } }
            Verdict::Bad => {
                svg.mark.bad x=(x) y=(y) overflow="visible" { path d="M-4-4 4 4M-4 4 4-4" { title { (told) } } }
            }
            Verdict::Skip(_) => { circle.mark.skip cx=(x) cy=(y) r="2.5" { title { (told) } } }
        }
    }
}

/// From dates to hundredths of the width.
struct Scale {
    first: Timestamp,
    last: Timestamp,
}

impl Scale {
    fn of(report: &Report, steps: &[Step<'_>]) -> Self {
        let ends = [&report.good, &report.bad].into_iter().flatten().filter_map(|end: &End| end.date);
        let dates: Vec<Timestamp> = steps.iter().map(|step| step.date).chain(ends).collect();
        let first = dates.iter().min().copied().unwrap_or(Timestamp::from_unix(0));
        Self { first, last: dates.iter().max().copied().unwrap_or(first) }
    }

    #[expect(clippy::cast_precision_loss, reason = "a pixel is far more than what is lost")]
    fn place(&self, date: Timestamp) -> f64 {
        let whole = (self.last.unix() - self.first.unix()) as f64;
        let part = (date.unix() - self.first.unix()) as f64;
        if whole <= 0.0 { 50.0 } else { 2.0 + 96.0 * (part / whole).clamp(0.0, 1.0) }
    }

    fn percent(&self, date: Timestamp) -> String {
        percent(self.place(date))
    }
}

fn percent(hundredths: f64) -> String {
    format!("{hundredths:.2}%")
}

/// Returns for each step the places between which the culprit could still be after it; nothing where the verdicts so far
/// do not go by date.
fn ranges(direction: Direction, steps: &[Step<'_>], scale: &Scale) -> Vec<Option<(f64, f64)>> {
    let (mut from, mut to) = (2.0_f64, 98.0_f64);
    steps
        .iter()
        .map(|step| {
            let at = scale.place(step.date);
            match (&step.probe.verdict, direction) {
                (Verdict::Good, Direction::FindCulprit) | (Verdict::Bad, Direction::FindFix) => from = from.max(at),
                (Verdict::Bad, Direction::FindCulprit) | (Verdict::Good, Direction::FindFix) => to = to.min(at),
                (Verdict::Skip(_), _) => {}
            }
            (from <= to).then_some((from, to))
        })
        .collect()
}

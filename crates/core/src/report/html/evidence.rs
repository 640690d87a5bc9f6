//! Every probe as a row.

use maud::{Markup, html};

use super::super::model::{Probe, Report, Subject};
use super::super::words;
use super::Ink;
use super::search::verdict;
use crate::outcome::Verdict;
use crate::quantity::show_duration;

/// The most rows: a page of these is as large as a browser likes it.
const MOST: usize = 2_000;

/// Shows the probes, if there were any.
pub(super) fn section(report: &Report, ink: &Ink<'_>) -> Markup {
    let probes = &report.probes;
    if probes.is_empty() {
        return html! {};
    }
    let count = words::probes(report.totals.probes, report.totals.settled, report.totals.remembered);
    html! {
        section #evidence {
            h2 { "Evidence" }
            details open[probes.len() <= 40] {
                summary { (count) }
                @if probes.len() > MOST { p { (probes.len() - MOST) " earlier ones are in report.json." } }
                div.scroll tabindex="0" role="region" aria-label="All probes" {
                    table {
                        thead { tr {
                            @for head in ["probed", "date", "title", "verdict", "reason", "peak", "time", "mode"] {
                                th scope="col" { (head) }
                            }
                        } }
                        tbody { @for probe in &probes[probes.len().saturating_sub(MOST)..] { (row(probe, ink)) } }
                    }
                }
            }
        }
    }
}

fn row(probe: &Probe, ink: &Ink<'_>) -> Markup {
    let seen = &probe.observation;
    let (date, title) = match &probe.subject {
        Subject::Commit { date, title, .. } => (date.day(), ink.line(title, 100)),
        Subject::GoodLock | Subject::BadLock | Subject::Inputs { .. } | Subject::Corrected { .. } => {
            (String::new(), String::new())
        }
    };
    let reason = match &probe.verdict {
        Verdict::Skip(reason) => ink.line(reason, 160),
        Verdict::Good | Verdict::Bad => seen.outcome.class.words().to_owned(),
    };
    html! {
        tr {
            th scope="row" { code { (ink.subject(&probe.subject)) } }
            td { (date) }
            td.text { (title) }
            td { (verdict(&probe.verdict)) }
            td.text { (reason) }
            @if let Some(by) = &probe.settled_by {
                td {} td {} td { "not run: as " code { (by.short()) } }
            } @else {
                td.amount { (seen.peak) }
                td.amount { (show_duration(seen.wall)) }
                td { (if probe.remembered { "not run: from an earlier case" } else { words::mode(probe.mode) }) }
            }
        }
    }
}

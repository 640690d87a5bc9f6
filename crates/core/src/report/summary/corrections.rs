//! What helps, and what of all that was tried does not.

use super::super::helps;
use super::super::model::Report;
use super::super::redact::{HIDDEN, credentials};
use super::clean;
use super::lines::{Lines, Style};
use crate::correct::{Correction, Step};

/// The most corrections of a kind that are listed.
const MOST_CORRECTIONS: usize = 6;

/// Says what helps, and what of all that was tried does not.
pub(super) fn corrections(out: &mut Lines, report: &Report) {
    let Some(corrections) = &report.corrections else { return };
    out.blank();
    if corrections.works.is_empty() {
        out.row("Helps")
            .add(Style::Strong, "nothing of what was tried")
            .add(Style::Dim, &format!("({})", helps::totals(corrections)));
    }
    for (number, correction) in (1..).zip(corrections.works.iter().take(MOST_CORRECTIONS)) {
        helps_by(out, report, number, correction);
    }
    if corrections.works.len() > MOST_CORRECTIONS {
        out.row("").add(Style::Dim, &format!("… and {} more that work", corrections.works.len() - MOST_CORRECTIONS));
    }
    let failed = corrections.failed.iter().map(|failed| (failed.what.as_str(), failed.why.as_str()));
    helps_not(out, "No help", failed.collect());
    let untried = corrections.untried.iter().map(|untried| (untried.what.as_str(), untried.why.as_str()));
    helps_not(out, "Not tried", untried.collect());
}

/// Lists corrections that cannot be had, each with the reason.
fn helps_not(out: &mut Lines, label: &'static str, all: Vec<(&str, &str)>) {
    for (index, (what, why)) in all.iter().enumerate().take(MOST_CORRECTIONS) {
        out.row(if index == 0 { label } else { "" })
            .add(Style::Plain, &format!("{}:", clean(what, 200)))
            .add(Style::Dim, &clean(why, 160));
    }
    if all.len() > MOST_CORRECTIONS {
        out.row("").add(Style::Dim, &format!("… and {} more", all.len() - MOST_CORRECTIONS));
    }
}

/// Tells of one correction that works.
fn helps_by(out: &mut Lines, report: &Report, number: usize, correction: &Correction) {
    let words = correction.action.words(&|text| clean(text, 160));
    out.row(if number == 1 { "Helps" } else { "" }).add(Style::Strong, &format!("{number}. {words}"));
    for step in &correction.steps {
        match (step, helps::command(step)) {
            (_, Some(command)) if clean(command, 600) == command => _ = out.whole(command),
            (_, Some(command)) if clean(command, 600) == credentials(command) => {
                out.whole(&credentials(command));
                out.row("").add(Style::Dim, &format!("put your own secret in the place of {HIDDEN}"));
            }
            (Step::Command { .. }, _) => _ = out.row("").add(Style::Dim, "the command cannot be shown as it is"),
            (Step::Write { file, text }, _) => {
                out.row("").add(Style::Plain, &format!("in {}:", clean(file, 100)));
                let lines = text.lines().map(|text| clean(text, 300)).filter(|text| !text.trim().is_empty());
                lines.take(12).for_each(|text| _ = out.whole(text.trim_end()));
            }
            (Step::Do { what }, _) => _ = out.row("").add(Style::Plain, &clean(what, 300)),
        }
    }
    out.row("").add(Style::Good, &helps::measured(correction, report));
    out.row("").add(Style::Dim, &helps::proof(correction, &|text| clean(text, 160)));
    if let Some(derivations) = correction.derivations {
        out.row("").add(Style::Dim, &helps::derivations(derivations));
    }
    for note in &correction.notes {
        out.row("").add(Style::Dim, &clean(note, 300));
    }
}

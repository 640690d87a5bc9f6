//! The inputs of the lock as a graph, with the changed ones marked.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::super::model::{LockChange, LockInput, LockedAt, Report};
use super::super::words;
use super::Ink;
use crate::ids::{CommitId, InputPath};

/// The most inputs that are drawn.
const MOST: usize = 120;
const ROW: usize = 26;
const STEP: usize = 28;

/// Draws the graph and lists what changed, if there is anything to tell.
pub(super) fn section(report: &Report, ink: &Ink<'_>) -> Markup {
    if report.inputs.is_empty() && report.lock_changes.is_empty() {
        return html! {};
    }
    html! {
        section #inputs {
            h2 { "The lock’s inputs" }
            @if !report.inputs.is_empty() { (graph(report, ink)) }
            @if !report.lock_changes.is_empty() { (changes(&report.lock_changes, ink)) }
        }
    }
}

fn graph(report: &Report, ink: &Ink<'_>) -> Markup {
    // Each input stands below the one that has it.
    let mut inputs: Vec<&LockInput> = report.inputs.iter().collect();
    inputs.sort_by(|one, two| one.input.cmp(&two.input));
    let left_out = inputs.len().saturating_sub(MOST);
    inputs.truncate(MOST);
    let rows: BTreeMap<&InputPath, usize> = (1..).zip(&inputs).map(|(row, input)| (&input.input, row)).collect();
    let changed: BTreeMap<&InputPath, &LockChange> =
        report.lock_changes.iter().map(|change| (&change.input, change)).collect();
    let end = |input: &&LockInput| {
        let change = changed.get(&input.input).copied();
        left(input) + 11 + 8 * label(input, change, ink).chars().count() + 8
    };
    let ends: Vec<usize> = inputs.iter().map(end).collect();
    let culprit = report.input.as_ref().map(|input| &input.path);
    html! {
        figure {
            div.scroll tabindex="0" role="region" aria-label="Graph of the inputs" {
                svg.graph viewBox=(format!("0 0 700 {}", (inputs.len() + 1) * ROW + 6)) role="img" aria-labelledby="inputs-title" {
                    text.root x="6" y="18" { "the flake" }
                    @for (row, input) in (1..).zip(&inputs) {
                        (edge_to(row, input, &rows))
                        (follows((row, input), &rows, &ends))
                        @let change = changed.get(&input.input).copied();
                        @let class = if culprit == Some(&input.input) { "culprit" } else if change.is_some() { "changed" } else { "same" };
                        @let x = left(input);
                        circle class=(class) cx=(x) cy=(middle(row)) r="5" {}
                        text class=(class) x=(x + 11) y=(middle(row) + 5) { (label(input, change, ink)) }
                    }
                }
            }
            figcaption #inputs-title {
                "The inputs of the failing lock. Marked are those that changed; a dashed line leads to the input that is followed."
                @if left_out > 0 { " " (left_out) " more are in report.json." }
            }
        }
    }
}

/// Returns where an input stands: the deeper, the further right.
fn left(input: &LockInput) -> usize {
    input.input.0.len().min(8) * STEP
}

const fn middle(row: usize) -> usize {
    row * ROW + ROW / 2
}

fn label(input: &LockInput, change: Option<&LockChange>, ink: &Ink<'_>) -> String {
    let name = ink.line(input.input.0.last().map_or("", String::as_str), 40);
    let what = match (&input.follows, input.at.as_ref().and_then(|at| at.revision.as_ref())) {
        (Some(target), _) => format!(" follows {}", ink.line(&path(target), 60)),
        (None, Some(revision)) => format!(" {}", revision.short()),
        (None, None) => String::new(),
    };
    let change = change.map(|change| format!(" ({})", words::change(change.kind))).unwrap_or_default();
    format!("{name}{what}{change}")
}

fn path(input: &InputPath) -> String {
    if input.0.is_empty() { "the flake".to_owned() } else { input.to_string() }
}

/// Draws the line from the input that has this one.
fn edge_to(row: usize, input: &LockInput, rows: &BTreeMap<&InputPath, usize>) -> Markup {
    let depth = input.input.0.len().min(8);
    let owner = InputPath(input.input.0[..input.input.0.len().saturating_sub(1)].to_vec());
    let above = rows.get(&owner).map_or(22, |row| middle(*row) + 5);
    let x = depth.saturating_sub(1) * STEP + if depth == 1 { 12 } else { 0 };
    html! { path.edge d=(format!("M{x} {above}V{}H{}", middle(row), depth * STEP - 5)) {} }
}

/// Draws the line to the input that is followed, on the right of both names.
fn follows((row, input): (usize, &LockInput), rows: &BTreeMap<&InputPath, usize>, ends: &[usize]) -> Markup {
    let Some(target) = input.follows.as_ref().and_then(|target| rows.get(target)) else { return html! {} };
    let (from, to) = (middle(row), middle(*target));
    let end = |row: usize| ends.get(row - 1).copied().unwrap_or_default().min(640);
    let (start, stop) = (end(row), end(*target));
    let out = (start.max(stop) + 30 + from.abs_diff(to) / 6).min(695);
    html! { path.follows d=(format!("M{start} {from}C{out} {from} {out} {to} {stop} {to}")) {} }
}

fn changes(changes: &[LockChange], ink: &Ink<'_>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="What changed in the lock" {
            table {
                caption { (words::counted(changes.len(), "change")) " in the lock file" }
                thead { tr { th scope="col" { "input" } th scope="col" { "what" } th scope="col" { "good end" } th scope="col" { "bad end" } } }
                tbody {
                    @for change in changes.iter().take(500) {
                        tr {
                            th scope="row" { (ink.line(&change.input.to_string(), 100)) }
                            td { (words::change(change.kind)) }
                            td { (locked(change.from.as_ref())) }
                            td { (locked(change.to.as_ref())) }
                        }
                    }
                }
            }
        }
    }
}

fn locked(at: Option<&LockedAt>) -> Markup {
    let revision = at.and_then(|at| at.revision.as_ref()).map(CommitId::short);
    let date = at.and_then(|at| at.date).map(|date| date.day());
    html! {
        @match (at, revision, date) {
            (None, _, _) => "none",
            (Some(_), None, None) => "no revision",
            (Some(_), revision, date) => {
                @if let Some(revision) = revision { code { (revision) } " " }
                @if let Some(date) = date { (date) }
            }
        }
    }
}

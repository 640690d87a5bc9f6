//! What the user can do now, from what was measured.

use super::super::escape::line;
use super::super::model::{Confirmation, Direction, NotFound, ReplaySource, Report, SearchResult};
use super::super::words;
use super::lines::{Lines, Style};
use super::{Places, clean};
use crate::correct::lock_command;
use crate::growth::suggestion;

/// Says what the user can do now, from what was measured.
pub(super) fn next(out: &mut Lines, report: &Report, places: &Places) {
    let not_confirmed = matches!(report.confirmation, Some(Confirmation::NotConfirmed { .. }));
    match &report.result {
        SearchResult::Unfinished { .. } => {
            if let Some(command) = &places.resume {
                out.row("Next").add(Style::Plain, "go on with:").whole(&line(command, 300));
            }
        }
        SearchResult::NotFound { why: NotFound::BothBad } => {
            out.row("Next")
                .add(Style::Plain, "name an older good state: --good with a revision, a date or a lock file");
        }
        SearchResult::NotFound { why: NotFound::BothGood } => {
            let row = out.row("Next");
            match suggestion(&words::grown(report)) {
                Some(rule) => {
                    row.add(Style::Plain, "it became heavier; to find the commit:");
                    row.whole(&format!("nix-culprit find --bad-when '{rule}'"));
                }
                None => {
                    row.add(Style::Plain, "check the command and the budget, or say with --bad-when what bad is");
                }
            }
        }
        SearchResult::Culprit { .. } | SearchResult::OneOf { .. } if !not_confirmed && report.corrections.is_none() => {
            if let Some((hint, command)) = stay_at_good(report) {
                out.row("Next").add(Style::Plain, hint).whole(&command);
            }
        }
        SearchResult::Culprit { .. }
        | SearchResult::OneOf { .. }
        | SearchResult::NotFound { .. }
        | SearchResult::NixVersion { .. }
        | SearchResult::Jumps { .. }
        | SearchResult::Inputs => {}
    }
}

/// Returns the command that locks the input to the decisive commit that was good.
fn stay_at_good(report: &Report) -> Option<(&'static str, String)> {
    let replay = report.replay.as_ref()?;
    let ReplaySource::References { before, after } = &replay.source else { return None };
    let (reference, hint) = match report.direction {
        Direction::FindCulprit => (before, "until it is corrected, stay before it:"),
        Direction::FindFix => (after, "update to it:"),
    };
    let command = lock_command(&replay.input, reference);
    // A command that cannot be shown as it is, is not shown.
    (clean(&command, 300) == command).then_some((hint, command))
}

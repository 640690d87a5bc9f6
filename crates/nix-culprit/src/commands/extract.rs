//! `reduce --culprit`: which part of the culprit of a case suffices to make the change.

use nix_culprit_core::hunks::Proof;

use super::run_case::conclude;
use super::{CommandError, Context, Exit};
use crate::case::Cases;
use crate::cli::ResultOptions;
use crate::cli::reduce::Args;

pub(super) fn run(id: Option<&str>, args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let cases = Cases::below(&context.dirs.state);
    let (case, mut settings) = cases.find(id)?;
    if settings.matrix.is_some() {
        return Err(CommandError::NoSearch(case.id()));
    }
    settings.extract = Some(args.max_time);
    // Whoever goes on with the case later is told of it, too. What the case knows is not asked again.
    case.keep(&settings)?;
    context.printer.note(&format!("looking which part of the culprit of the case {} suffices", case.id()));
    let wanted = ResultOptions { output: args.output.clone(), json: false };
    let told = conclude(&case, &settings, &wanted, context)?;
    Ok(match told.report.extract.map(|extract| extract.proof) {
        Some(Proof::Own { .. } | Proof::Fast { .. }) => Exit::OK,
        Some(Proof::Refuted { .. }) | None => Exit::BAD,
    })
}

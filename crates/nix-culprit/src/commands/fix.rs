//! `fix`: what makes a case's target evaluate again, tried.

use super::run_case::conclude;
use super::{CommandError, Context, Exit};
use crate::case::{Cases, Correcting};
use crate::cli::fix::Args;

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let (case, mut settings) = Cases::below(&context.dirs.state).find(args.case.as_deref())?;
    if settings.matrix.is_some() {
        return Err(CommandError::NoSearch(case.id()));
    }
    // What the case knows is not asked again.
    settings.correcting = Correcting::All;
    context.printer.note(&format!("looking what helps in the case {}", case.id()));
    let report = conclude(&case, &settings, &args.results, context)?;
    let helps = report.corrections.is_some_and(|corrections| !corrections.works.is_empty());
    Ok(if helps { Exit::OK } else { Exit::BAD })
}

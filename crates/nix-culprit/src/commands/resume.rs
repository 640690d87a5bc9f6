//! `resume`: goes on with a case; the journal answers what is known.

use super::matrix::{self, Asking};
use super::run_case::run_case;
use super::{CommandError, Context, Exit};
use crate::case::Cases;
use crate::cli::case::Resume;

pub(super) fn run(args: &Resume, context: &Context) -> Result<Exit, CommandError> {
    let (case, settings) = Cases::below(&context.dirs.state).find(args.case.as_deref())?;
    context.printer.note(&format!("going on with the case {}", case.id()));
    if settings.matrix.is_some() {
        return matrix::go_on(&case, &settings, &args.results, Asking::Agreed, context);
    }
    run_case(&case, &settings, &args.results, context)
}

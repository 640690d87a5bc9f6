//! `resume`: goes on with a case; the journal answers what is known.

use super::matrix::{self, Asking};
use super::run_case::run_case;
use super::{CommandError, Context, Exit, reproducer};
use crate::case::{Cases, StoreError};
use crate::cli::case::Resume;

pub(super) fn run(args: &Resume, context: &Context) -> Result<Exit, CommandError> {
    let (cases, reductions) = (Cases::below(&context.dirs.state), reproducer::reductions(&context.dirs.state));
    let (case, settings) = match (cases.find(args.case.as_deref()), &args.case) {
        (Err(error @ (StoreError::NoCase(_) | StoreError::NoCases)), id) => {
            let (reduction, _) = reductions.find(id.as_deref()).map_err(|_| error)?;
            return Err(CommandError::IsReduction(reduction.id()));
        }
        (found, _) => found?,
    };
    let newest = if args.case.is_none() { reductions.list()?.pop() } else { None };
    if let Some(reduction) = newest.filter(|reduction| *reduction > case.id()) {
        let text = format!("`nix-culprit reduce --go-on` goes on with the reduction {reduction}, which is newer");
        context.printer.note(&text);
    }
    context.printer.note(&format!("going on with the case {}", case.id()));
    if settings.matrix.is_some() {
        return matrix::go_on(&case, &settings, &args.results, Asking::Agreed, context);
    }
    run_case(&case, &settings, &args.results, context)
}

//! `explain`: why the bad end fails, of a case or of the flake in a folder.

use std::path::Path;

use nix_culprit_core::explain;

use super::run_case::{begin, run_case};
use super::settings::{Way, input_path, settings};
use super::{CommandError, Context, Exit};
use crate::case::{Cases, Explaining, Scope};
use crate::cli::explain::{Args, By};

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let by = args.by.map(|by| match by {
        By::Profile => explain::Way::Profile,
        By::CallDepth => explain::Way::CallDepth,
        By::Tracer => explain::Way::Tracer,
        By::Trace => explain::Way::Trace,
    });
    // A case can be named where the flake is: no folder is called so.
    let cases = Cases::below(&context.dirs.state);
    let named = &args.ask.flake.flake;
    let named = (!Path::new(named).exists()).then(|| cases.find(Some(named)).ok()).flatten();
    let Some((case, mut settings)) = args.case.as_ref().map(|case| cases.find(Some(case))).transpose()?.or(named)
    else {
        let input = args.input.as_deref().map(input_path);
        let scope = Scope::Locks { good: args.ends.good.clone(), bad: args.ends.bad.clone(), input };
        let mut settings = settings(&args.ask, scope, Way::EXPLAIN, context)?;
        settings.explained_by = by;
        return begin(&settings, &args.results, context);
    };
    // A case that was searched is told with its culprit; what it knows already is not asked again.
    let searched = case.is_finished();
    settings.explanation = match settings.explanation {
        Explaining::Guides if searched => Explaining::Guides,
        _ if searched => Explaining::Tells,
        _ => Explaining::Alone,
    };
    settings.explained_by = by.or(settings.explained_by);
    context.printer.note(&format!("looking at the case {}", case.id()));
    run_case(&case, &settings, &args.results, context)
}

//! `find`: the whole investigation.

use nix_culprit_core::correct::PullRequests;

use super::run_case::begin;
use super::settings::{Way, input_path, program, settings};
use super::{CommandError, Context, Exit};
use crate::case::{Correcting, Scope};
use crate::cli::find::Args;

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let input = args.input.as_deref().map(input_path);
    let scope = Scope::Locks { good: args.ends.good.clone(), bad: args.ends.bad.clone(), input };
    let mut settings = settings(&args.ask, scope, Way::of(&args.search), context)?;
    settings.nix_good = args.nix_good.as_deref().map(program);
    if !args.no_fix {
        settings.correcting = Correcting::Quick;
    }
    if args.pull_requests {
        settings.pull_requests = PullRequests::Used;
    }
    begin(&settings, &args.search.results, context)
}

//! `bisect`: one input between two of its revisions.

use nix_culprit_core::bisect::Goal;

use super::run_case::begin;
use super::settings::{Way, input_path, settings};
use super::{CommandError, Context, Exit};
use crate::case::Scope;
use crate::cli::bisect::Args;

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let scope = Scope::Input {
        input: input_path(&args.input),
        good: args.good.clone(),
        bad: args.bad.clone(),
        goal: if args.find_fix { Goal::FirstGood } else { Goal::FirstBad },
    };
    let settings = settings(&args.ask, scope, Way::of(&args.search), context)?;
    begin(&settings, &args.search.results, context)
}

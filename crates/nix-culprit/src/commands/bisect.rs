//! `bisect`: one input between two of its revisions.

use nix_culprit_core::bisect::Goal;

use super::run_case::begin;
use super::settings::{Way, input_path, settings};
use super::{CommandError, Context, Exit};
use crate::case::Scope;
use crate::cli::bisect::Args;

/// Returns the input that is searched: without a flake, it need not be named when there is only one.
fn searched(args: &Args) -> Result<String, CommandError> {
    let pin = args.ask.flake.pin.as_ref().map(|pin| pin.name.clone());
    let repository = match args.ask.repositories.repositories.as_slice() {
        [(name, _)] => Some(name.clone()),
        _ => None,
    };
    args.input.clone().or(pin).or(repository).ok_or(CommandError::NoInput)
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let scope = Scope::Input {
        input: input_path(&searched(args)?),
        good: args.good.clone().or_else(|| args.ask.flake.pin.as_ref().map(|pin| pin.old.clone())),
        bad: args.bad.clone(),
        goal: if args.find_fix { Goal::FirstGood } else { Goal::FirstBad },
    };
    let settings = settings(&args.ask, scope, Way::of(&args.search), context)?;
    begin(&settings, &args.search.results, context)
}

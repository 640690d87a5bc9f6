//! `inputs`: which changes of the lock make the difference.

use super::run_case::begin;
use super::settings::{Way, input_path, program, settings};
use super::{CommandError, Context, Exit};
use crate::case::Scope;
use crate::cli::inputs::Args;

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let likely = args.likely.iter().map(|input| input_path(input)).collect();
    let scope = Scope::Inputs { good: args.ends.good.clone(), bad: args.ends.bad.clone(), likely };
    let mut settings = settings(&args.ask, scope, Way::NONE, context)?;
    settings.nix_good = args.nix_good.as_deref().map(program);
    begin(&settings, &args.results, context)
}

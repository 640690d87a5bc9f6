//! `find`: the whole investigation.

use nix_culprit_core::bisect::Mode;

use super::run_case::{Wanted, run_case, stamp};
use super::settings::{Options, settings};
use super::{CommandError, Context, Exit};
use crate::case::{Cases, Confirmation, Scope};
use crate::cli::find::Args;

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let settings = settings(
        Options {
            flake: &args.flake,
            budget: &args.budget,
            repositories: &args.repositories,
            programs: &args.programs,
            verdict: &args.verdict,
            scope: Scope::Locks {
                good: args.good.clone(),
                bad: args.bad.clone(),
                input: args.input.as_deref().map(super::settings::input_path),
            },
            mode: if args.first_parent { Mode::FirstParent } else { Mode::Full },
            confirmation: if args.no_confirm { Confirmation::Unwanted } else { Confirmation::Wanted },
        },
        context,
    )?;
    let case = Cases::below(&context.dirs.state).begin(&stamp(), &settings)?;
    run_case(&case, &settings, &Wanted { output: args.output.as_deref(), json: args.json }, context)
}

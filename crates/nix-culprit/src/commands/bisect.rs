//! `bisect`: one input between two of its revisions.

use nix_culprit_core::bisect::{Goal, Mode};

use super::run_case::{Wanted, run_case, stamp};
use super::settings::{Options, input_path, settings};
use super::{CommandError, Context, Exit};
use crate::case::{Cases, Confirmation, Scope};
use crate::cli::bisect::Args;

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let settings = settings(
        Options {
            flake: &args.flake,
            budget: &args.budget,
            repositories: &args.repositories,
            programs: &args.programs,
            verdict: &args.verdict,
            scope: Scope::Input {
                input: input_path(&args.input),
                good: args.good.clone(),
                bad: args.bad.clone(),
                goal: if args.find_fix { Goal::FirstGood } else { Goal::FirstBad },
            },
            mode: if args.first_parent { Mode::FirstParent } else { Mode::Full },
            confirmation: if args.no_confirm { Confirmation::Unwanted } else { Confirmation::Wanted },
        },
        context,
    )?;
    let case = Cases::below(&context.dirs.state).begin(&stamp(), &settings)?;
    run_case(&case, &settings, &Wanted { output: args.output.as_deref(), json: args.json }, context)
}

//! `reduce`: the smallest flake that still fails in the same way.

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;

use nix_culprit_core::quantity::show_duration;
use nix_culprit_core::text::printable;

use super::run_case::stamp;
use super::settings::{Way, settings};
use super::{CommandError, Context, Exit, extract, reproducer};
use crate::case::{
    Anonymised, CaseDir, Ended, Inputs, Naming, Origin, Reduced, Reduction, Restored, Same, Scope, Steps, Trust,
    has_begun, reduce, result_in,
};
use crate::cli::reduce::Args;
use crate::cli::{AskOptions, BudgetOptions, VerdictOptions};
use crate::ui::{Paint, Progress};

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    if let Some(id) = &args.culprit {
        return extract::run(Some(id.as_str()).filter(|id| !id.is_empty()), args, context);
    }
    let cases = reproducer::reductions(&context.dirs.state);
    if let Some(id) = &args.history {
        let (case, settings) = cases.find(Some(id.as_str()).filter(|id| !id.is_empty()))?;
        return history(&Steps::of(&settings, &case, &context.interrupt)?, args, &case, context);
    }
    let (case, settings) = match &args.go_on {
        Some(id) => cases.find(Some(id.as_str()).filter(|id| !id.is_empty()))?,
        None => {
            let budget =
                BudgetOptions { memory: args.memory, search_memory: None, timeout: args.timeout, search_timeout: None };
            let ask = AskOptions {
                flake: args.flake.clone(),
                budget,
                repositories: args.repositories.clone(),
                programs: args.programs.clone(),
                verdict: VerdictOptions { bad_when: args.bad_when.clone(), script: Vec::new() },
            };
            let scope = Scope::Locks { good: None, bad: None, input: None };
            let settings = settings(&ask, scope, Way::NONE, context)?;
            (cases.begin(&stamp(), &settings)?, settings)
        }
    };
    let output = output(args, &case)?;
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let wanted = Reduction {
        time: args.max_time,
        candidates: args.max_candidates,
        jobs: args.jobs.map_or(cores, NonZero::get),
        output,
        inputs: if args.vendor { Inputs::Vendored } else { Inputs::Fetched },
        names: if args.anonymise { Naming::Anonymous } else { Naming::Own },
    };
    let surroundings = context.surroundings();
    let reduced = {
        let mut progress = Progress::new(context.printer);
        reduce(&settings, &wanted, &case, &surroundings, &mut progress)
    };
    let reduced = reduced.inspect_err(|error| {
        // What could not begin leaves nothing to go on with.
        if args.go_on.is_none() && !error.may_pass() && !has_begun(&case) {
            let _left = case.discard();
        }
    })?;
    reproducer::keep(&reduced, &case)?;
    context.printer.result(&words(&reduced, &case)).map_err(CommandError::Print)?;
    Ok(match (reduced.ended, reduced.trust) {
        (Ended::Stopped, _) => Exit::INTERRUPTED,
        (_, Trust::Confirmed { .. } | Trust::Earlier { .. }) => Exit::OK,
        (_, Trust::NotConfirmed { .. } | Trust::NotRun { .. }) => Exit::BAD,
    })
}

/// Lists the steps of a reduction, or writes one of them.
fn history(steps: &Steps, args: &Args, case: &CaseDir, context: &Context) -> Result<Exit, CommandError> {
    if let Some(number) = args.step {
        let output = output(args, case)?;
        return match steps.restore(number, &output)? {
            Restored::Written => Ok(Exit::OK),
            Restored::NoSuchStep => Err(CommandError::NoSuchStep { number, last: steps.steps().len() - 1 }),
        };
    }
    let mut text = String::new();
    for (number, (pass, files, bytes)) in steps.steps().enumerate() {
        let without = pass.map_or_else(|| "the whole".to_owned(), |pass| format!("without {}", pass.words()));
        text.push_str(&format!("{number:>5}  {bytes:>9} bytes in {files} files  {without}\n"));
    }
    context.printer.result(&text).map_err(CommandError::Print)?;
    Ok(Exit::OK)
}

/// The folder for the result: one that the user named must be new or empty.
fn output(args: &Args, case: &CaseDir) -> Result<PathBuf, CommandError> {
    let Some(output) = &args.output else { return Ok(result_in(case)) };
    match fs::read_dir(output).map(|mut entries| entries.next().is_some()) {
        Ok(true) => Err(CommandError::NotEmpty(output.clone())),
        Ok(false) | Err(_) => Ok(output.clone()),
    }
}

fn words(reduced: &Reduced, case: &CaseDir) -> String {
    let percent = reduced.after.1 * 1000 / reduced.before.1.max(1);
    let mut text = format!(
        "{}  {} bytes in {} files, of {} in {}{} ({}.{} %)\n",
        Paint::Strong.over("Reduced  "),
        reduced.after.1,
        reduced.after.0,
        reduced.before.1,
        reduced.before.0,
        if reduced.origins.is_empty() { "" } else { " with what is read of its inputs" },
        percent / 10,
        percent % 10,
    );
    let tried = format!("{} candidates in {}", reduced.tried, show_duration(reduced.wall));
    let why = match reduced.ended {
        Ended::Smallest => format!("{tried}; no single piece can go"),
        Ended::Time => format!("{tried}; the time was used up: `nix-culprit reduce --go-on {}` goes on", case.id()),
        Ended::Candidates => {
            format!("{tried}; more were not wanted: `nix-culprit reduce --go-on {}` goes on", case.id())
        }
        Ended::Stopped => format!("{tried}; stopped: `nix-culprit reduce --go-on {}` goes on", case.id()),
    };
    text.push_str(&format!("{}  {why}\n", Paint::Strong.over("Tried    ")));
    match &reduced.same {
        Same::Outcome => {}
        Same::Loop(shown) => text.push_str(&format!("{}  {shown}, as in the whole\n", Paint::Strong.over("The loop "))),
        Same::Unknown { why } => {
            text.push_str(&format!("{}  not compared: {why}\n", Paint::Strong.over("The loop ")));
        }
    }
    let trust = match &reduced.trust {
        Trust::Confirmed { observation } => {
            format!("by your own nix eval: {}, {}", observation.outcome.class, observation.peak)
        }
        Trust::Earlier { observation, why } => format!(
            "by your own nix eval: {}, {}; the next smaller one ends in: {}",
            observation.outcome.class,
            observation.peak,
            printable(why)
        ),
        Trust::NotConfirmed { why } => format!("not: {}", printable(why)),
        Trust::NotRun { why } => format!("not run by your own nix eval: {}", printable(why)),
    };
    text.push_str(&format!("{}  {trust}\n", Paint::Strong.over("Confirmed")));
    for Origin { folder, from, revision, .. } in &reduced.origins {
        let from = format!("{}/ is from {} at {}", printable(folder), printable(from), printable(revision));
        text.push_str(&format!("{}  {from}\n", Paint::Strong.over("Input    ")));
    }
    if let Some(anonymised) = &reduced.anonymised {
        text.push_str(&format!("{}  {}\n", Paint::Strong.over("Names    "), names(anonymised)));
    }
    for note in &reduced.notes {
        text.push_str(&format!("{}  {}\n", Paint::Strong.over("Not done "), printable(note)));
    }
    text.push_str(&format!("{}  {}\n", Paint::Strong.over("Result   "), reduced.folder.display()));
    text
}

/// Says which names are others now, and which are not.
fn names(anonymised: &Anonymised) -> String {
    let Anonymised { replaced, needed, fetched, complete } = anonymised;
    let listed = |names: &[String]| names.iter().map(|name| printable(name)).collect::<Vec<_>>().join(", ");
    let mut parts = vec![format!("{replaced} replaced")];
    if !needed.is_empty() {
        let why = if *complete { "without them it fails otherwise" } else { "the time was over" };
        parts.push(format!("not ({why}): {}", listed(needed)));
    }
    if !fetched.is_empty() {
        parts.push(format!("not (Nix fetches by them): {}", listed(fetched)));
    }
    parts.join("; ")
}

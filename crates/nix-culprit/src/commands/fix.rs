//! `fix`: what makes a case's target evaluate again, tried; and written into the working tree, if asked.

use nix_culprit_core::correct::unified;
use nix_culprit_core::text::printable_lines;

use super::run_case::{Told, conclude};
use super::settings::program;
use super::{CommandError, Context, Exit};
use crate::case::{Cases, Confirmation, Correcting, Explaining, Settings, uncommitted};
use crate::cli::fix::Args;
use crate::sys::interrupt::Asked;
use crate::ui::{Answer, Paint};

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let cases = Cases::below(&context.dirs.state);
    let (case, mut settings) = cases.find(args.case.as_deref())?;
    if settings.matrix.is_some() {
        return Err(CommandError::NoSearch(case.id()));
    }
    // Whoever goes on with the case later is told all of it, too. What the case knows is not asked again.
    settings.correcting = Correcting::All;
    if settings.explanation == Explaining::Alone {
        // `explain` had nothing to confirm; a correction has.
        settings.confirmation = Confirmation::Wanted;
    }
    for nix in args.nix.iter().map(|path| program(path)) {
        if !settings.other_nix.contains(&nix) {
            settings.other_nix.push(nix);
        }
    }
    case.keep(&settings)?;
    context.printer.note(&format!("looking what helps in the case {}", case.id()));
    let told = conclude(&case, &settings, &args.results, context)?;
    let helps = told.report.corrections.as_ref().is_some_and(|corrections| !corrections.works.is_empty());
    match args.apply {
        Some(number) => apply(number, &told, &settings, args, context),
        None if helps => Ok(Exit::OK),
        None => Ok(Exit::BAD),
    }
}

/// Writes a correction into the working tree, after showing what that changes.
fn apply(
    number: usize,
    told: &Told,
    settings: &Settings,
    args: &Args,
    context: &Context,
) -> Result<Exit, CommandError> {
    let count = told.changes.len();
    let change = number.checked_sub(1).and_then(|at| told.changes.get(at));
    let change = change.ok_or(CommandError::NoCorrection { number, count })?;
    let change = change.as_ref().ok_or(CommandError::ByHand(number))?;
    let mut shown = String::new();
    for file in &change.files {
        shown.push_str(&painted(&unified(file.name, &file.before, &file.after)));
    }
    context.printer.result(&format!("\n{shown}")).map_err(CommandError::Print)?;
    let names: Vec<&str> = change.files.iter().map(|file| file.name).collect();
    for name in uncommitted(settings, &names, &context.interrupt)? {
        context.printer.note(&format!("{name} has changes that are not committed; they stay in it"));
    }
    if !args.yes {
        let question = format!("write this into {}?", names.join(" and "));
        match context.printer.ask(&question, &|| context.interrupt.asked() != Asked::No) {
            Answer::Yes => {}
            Answer::No => return Ok(Exit::BAD),
            Answer::Nobody => return Err(CommandError::NotAsked),
        }
    }
    change.apply(&settings.flake)?;
    let undo = "nothing was committed";
    context.printer.note(&format!("{} written; {undo}", names.join(" and ")));
    Ok(Exit::OK)
}

/// Sets off what goes and what comes. The lines may hold anything that a lock or a flake holds.
fn painted(diff: &str) -> String {
    let line = |line: &str| {
        let paint = match line.as_bytes().first() {
            Some(b'+') => Paint::Good,
            Some(b'-') => Paint::Bad,
            Some(b'@') => Paint::Dim,
            _ => Paint::Plain,
        };
        format!("{}\n", paint.over(&printable_lines(line)))
    };
    diff.lines().map(line).collect()
}

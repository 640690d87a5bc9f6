//! `fix`: what makes a case's target evaluate again, tried; and written into the working tree, if asked.

use nix_culprit_core::correct::{Correction, Proof, PullRequests, Step, unified};
use nix_culprit_core::text::{printable, printable_lines};

use super::run_case::{Telling, Told, conclude_with};
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
    if args.pull_requests {
        settings.pull_requests = PullRequests::Used;
    }
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
    settings.pin = args.apply.filter(|_| args.pin);
    context.printer.note(&format!("looking what helps in the case {}", case.id()));
    let telling = if args.apply.is_some() { Telling::Nothing } else { Telling::All };
    let told = conclude_with(&case, &settings, (&args.results, telling), context)?;
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
    let works = told.report.corrections.as_ref().map(|corrections| corrections.works.as_slice()).unwrap_or_default();
    let at = number.checked_sub(1);
    let both = at.and_then(|at| Some((works.get(at)?, told.changes.get(at)?)));
    let (correction, change) = both.ok_or(CommandError::NoCorrection { number, count: works.len() })?;
    let mut shown = Paint::Strong.over(&printable(&format!("{number}. {}", correction.action.words(&str::to_owned))));
    shown.push('\n');
    let Some(change) = change else {
        shown.push_str(&by_hand(correction));
        context.printer.result(&format!("\n{shown}")).map_err(CommandError::Print)?;
        return Err(CommandError::ByHand(number));
    };
    if let Some(why) = &told.not_pinned {
        return Err(CommandError::NotPinned { number, why: printable(why) });
    }
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

/// Says what a person does to make a correction that is not written for them, and why it is not, where that is known.
fn by_hand(correction: &Correction) -> String {
    let step = |step: &Step| match step {
        Step::Command { command } => printable_lines(command),
        Step::Write { file, text } => printable_lines(&format!("in {file}: {text}")),
        Step::Do { what } => printable_lines(what),
    };
    let why = match &correction.proof {
        Proof::Fast { why } => Some(printable(why)),
        Proof::Own { .. } => None,
    };
    correction.steps.iter().map(step).chain(why).map(|line| format!("   {}\n", line.trim_end())).collect()
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

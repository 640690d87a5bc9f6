//! `probe`: one evaluation under the budget, its observation and its verdict.

use nix_culprit_core::event::Mode;
use nix_culprit_core::growth::Bound;
use nix_culprit_core::outcome::{Criterion, Observation, Verdict};
use nix_culprit_core::quantity::show_duration;
use nix_culprit_core::text::printable;

use super::settings::{Way, input_path, settings};
use super::{CommandError, Context, Exit};
use crate::case::{CaseDir, Scope, Single, Target, probe_once};
use crate::cli::probe::Args;
use crate::ui::{Paint, Progress};

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let scope = Scope::Locks { good: None, bad: None, input: None };
    let settings = settings(&args.ask, scope, Way::NONE, context)?;
    if let Some(rule) = settings.criterion.as_ref().and_then(Criterion::rule)
        && matches!(rule.bound, Bound::OfGood(_))
    {
        return Err(CommandError::NoGoodEnd(rule.to_string()));
    }
    let temporary = tempfile::tempdir().map_err(|source| CommandError::Write { path: std::env::temp_dir(), source })?;
    let surroundings = context.surroundings();
    let single = Single {
        lock: args.lock.clone(),
        revisions: args.revisions.iter().map(|(input, revision)| (input_path(input), revision.clone())).collect(),
        mode: match (args.pure, args.faithful) {
            (true, _) => Mode::Pure,
            (false, true) => Mode::Faithful,
            (false, false) => Mode::Fast,
        },
    };
    let folder = CaseDir::at(temporary.path());
    let mut progress = Progress::new(context.printer);
    let (observation, verdict, target) = probe_once(&settings, &single, &folder, &surroundings, &mut progress)?;
    drop(progress);
    let text =
        if args.json { document(&observation, &verdict, &target) } else { words(&observation, &verdict, &target) };
    context.printer.result(&text).map_err(CommandError::Print)?;
    Ok(match verdict {
        Verdict::Good => Exit::OK,
        Verdict::Bad => Exit::BAD,
        Verdict::Skip(_) => Exit::SKIP,
    })
}

fn words(observation: &Observation, verdict: &Verdict, target: &Target) -> String {
    let verdict = match verdict {
        Verdict::Good => Paint::Good.over("good"),
        Verdict::Bad => Paint::Bad.over("bad"),
        Verdict::Skip(_) => Paint::Warning.over("skip"),
    };
    let outcome = &observation.outcome;
    let mut text = format!(
        "{verdict}: {}, {} at most, {}\n  {}\n",
        outcome.class,
        observation.peak,
        show_duration(observation.wall),
        printable(&target.attr().to_string())
    );
    if let Some(message) = &outcome.message {
        text.push_str(&format!("  {message}\n"));
    }
    if let Some(position) = &outcome.position {
        text.push_str(&format!("  at {position}\n"));
    }
    if let Some(path) = &observation.drv_path {
        text.push_str(&format!("  {path}\n"));
    }
    text
}

fn document(observation: &Observation, verdict: &Verdict, target: &Target) -> String {
    let value = serde_json::json!({
        "schema": "nix-culprit/probe",
        "version": 1,
        "target": target.attr().to_string(),
        "verdict": verdict,
        "observation": observation,
    });
    format!("{value:#}\n")
}

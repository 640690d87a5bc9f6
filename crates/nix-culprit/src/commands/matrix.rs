//! `matrix`: evaluations under many conditions, as a table.

use std::fs;
use std::path::Path;

use nix_culprit_core::event::Mode;
use nix_culprit_core::matrix::{document, markdown, plain};
use nix_culprit_core::quantity::show_duration;
use nix_culprit_core::report::Redactor;

use super::run_case::{stamp, unfinished};
use super::settings::{Way, absolute, input_path, program, settings};
use super::{CommandError, Context, Exit};
use crate::case::{Axes, CaseDir, Cases, Scope, Settings, Size, tabulate};
use crate::cli::matrix::Args;
use crate::cli::{AskOptions, ProgramOptions, ResultOptions, VerdictOptions};
use crate::sys::interrupt::Asked;
use crate::sys::limit::budget;
use crate::sys::nix::Installed;
use crate::ui::{Answer, Progress};

/// With more evaluations than these left the user is asked.
const MANY: usize = 36;

/// Whether the user is asked before many evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    /// They are, on a terminal.
    OnTerminal,
    /// They said that they agree.
    Agreed,
}

/// The page of a table in its case, to paste into an issue.
pub(super) const PAGE: &str = "matrix.md";
/// The same for programs.
pub(super) const DOCUMENT: &str = "matrix.json";

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let mut nix: Vec<_> = args.nix.iter().map(|path| program(path)).collect();
    let first = nix.first().cloned().unwrap_or_else(|| "nix".into());
    if args.nix_installed {
        let all = Installed::usual().list();
        nix = if all.is_empty() { nix } else { all };
    }
    let ask = AskOptions {
        flake: args.flake.clone(),
        budget: args.budget.clone(),
        repositories: args.repositories.clone(),
        programs: ProgramOptions { nix: first, git: args.git.clone() },
        verdict: VerdictOptions { bad_when: None, script: Vec::new() },
    };
    let state = |name: &String| {
        let path = Path::new(name);
        // A case can be gone on with from elsewhere.
        if path.is_file() { absolute(path).to_string_lossy().into_owned() } else { name.clone() }
    };
    let scope = Scope::Locks { good: args.good.as_ref().map(state), bad: args.bad.as_ref().map(state), input: None };
    let pair = |(input, other): &(String, String)| (input_path(input), other.clone());
    let axes = Axes {
        nix,
        nix_from: args.nix_from.clone(),
        locks: args.locks.iter().map(state).collect(),
        revisions: args.revisions.iter().map(pair).collect(),
        inputs: args.inputs.iter().map(|input| input_path(input)).collect(),
        follows: args.follows.iter().map(|(input, target)| (input_path(input), input_path(target))).collect(),
        mode: if args.faithful { Mode::Faithful } else { Mode::Fast },
        jobs: args.jobs,
    };
    let settings = Settings { matrix: Some(axes), ..settings(&ask, scope, Way::NONE, context)? };
    let case = Cases::below(&context.dirs.state).begin(&stamp(), &settings)?;
    let asking = if args.yes { Asking::Agreed } else { Asking::OnTerminal };
    go_on(&case, &settings, &args.results, asking, context)
}

/// Fills the table of a case, or goes on with it.
pub(super) fn go_on(
    case: &CaseDir,
    settings: &Settings,
    wanted: &ResultOptions,
    asking: Asking,
    context: &Context,
) -> Result<Exit, CommandError> {
    let axes = settings.matrix.as_ref().ok_or_else(|| CommandError::NoSearch(case.id()))?;
    let surroundings = context.surroundings();
    let total = budget::default(&context.roots);
    let mut approve = |size: &Size| {
        context.printer.note(&words(size));
        let ask = size.left > MANY && asking == Asking::OnTerminal;
        !ask || context.printer.ask("go on?", &|| context.interrupt.asked() != Asked::No) != Answer::No
    };
    let tabulated = {
        let mut progress = Progress::new(context.printer);
        tabulate((settings, axes), case, &surroundings, total, &mut progress, &mut approve)
            .map_err(|error| unfinished(case, error))?
    };
    let matrix = &tabulated.matrix;
    let redactor = Redactor::for_home(&context.dirs.home().to_string_lossy());
    let json = format!("{:#}\n", document(matrix, &redactor));
    let page = markdown(matrix, &redactor);
    let folders = std::iter::once(case.path()).chain(wanted.output.as_deref());
    for folder in folders {
        fs::create_dir_all(folder).map_err(|source| CommandError::Write { path: folder.to_owned(), source })?;
        for (name, text) in [(PAGE, &page), (DOCUMENT, &json)] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|source| CommandError::Write { path, source })?;
        }
    }
    let text = if wanted.json { json } else { plain(matrix) };
    context.printer.result(&text).map_err(CommandError::Print)?;
    if let Some(error) = tabulated.stopped {
        return Err(unfinished(case, error));
    }
    if !wanted.json {
        let folder = wanted.output.as_deref().unwrap_or_else(|| case.path());
        context.printer.note(&format!("to paste into an issue: {}", folder.join(PAGE).display()));
    }
    Ok(if matrix.is_whole() { Exit::OK } else { Exit::BAD })
}

fn words(size: &Size) -> String {
    let Size { cells, left, at_once, about } = size;
    format!(
        "{cells} evaluations, {left} still to run, {at_once} at once: about {} if each takes as long as the first",
        show_duration(*about)
    )
}

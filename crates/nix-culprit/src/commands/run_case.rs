//! Runs a case to its end, writes its report, and says what was found; `find`, `bisect` and `resume` share it.

use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::correct::PATCH;
use nix_culprit_core::hunks;
use nix_culprit_core::report::model::{Confirmation, NotFound, SearchResult};
use nix_culprit_core::report::{Redactor, Report, html, json, markdown, replay, summary};

use super::{CommandError, Context, Exit, reproducer};
use crate::case::{
    CaseDir, CaseError, Cases, Concluded, FLAMEGRAPH, FLAMEGRAPH_DIFFERENCE, FileChanges, Settings, investigate,
};
use crate::cli::ResultOptions;
use crate::ui::{Paint, Progress};

/// Begins a case and runs it.
pub(super) fn begin(settings: &Settings, wanted: &ResultOptions, context: &Context) -> Result<Exit, CommandError> {
    let case = Cases::below(&context.dirs.state).begin(&stamp(), settings)?;
    run_case(&case, settings, wanted, context)
}

/// Runs the case, or goes on with it.
pub(super) fn run_case(
    case: &CaseDir,
    settings: &Settings,
    wanted: &ResultOptions,
    context: &Context,
) -> Result<Exit, CommandError> {
    Ok(exit(&conclude(case, settings, wanted, context)?.report))
}

/// What a case came to, once it was told.
pub(super) struct Told {
    pub(super) report: Report,
    /// For each correction that works what it changes in the user's files, where that can be written for them.
    pub(super) changes: Vec<Option<FileChanges>>,
    /// Why the correction that was to be written into flake.nix, too, could not be.
    pub(super) not_pinned: Option<String>,
}

/// Whether it is said what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// All of it is.
    All,
    /// Nothing is: somebody else says what matters now.
    Nothing,
}

/// Runs the case, or goes on with it, writes its report, and says what was found.
pub(super) fn conclude(
    case: &CaseDir,
    settings: &Settings,
    wanted: &ResultOptions,
    context: &Context,
) -> Result<Told, CommandError> {
    conclude_with(case, settings, (wanted, Telling::All), context)
}

/// As [`conclude`], with little said.
pub(super) fn conclude_with(
    case: &CaseDir,
    settings: &Settings,
    (wanted, telling): (&ResultOptions, Telling),
    context: &Context,
) -> Result<Told, CommandError> {
    let surroundings = context.surroundings();
    let mut concluded = {
        let mut progress = Progress::new(context.printer);
        investigate(settings, case, &surroundings, &mut progress).map_err(|error| unfinished(case, error))?
    };
    reproducer::show(&mut concluded.report, settings, &context.dirs.state);
    let report = &concluded.report;
    if let Some(log) = &concluded.log {
        case.write("bisect.log", log.as_bytes())?;
    }
    let redactor = Redactor::for_home(&context.dirs.home().to_string_lossy());
    write_files(report, &redactor, (case, case.path()), &Form::ALL)?;
    if let Some(output) = &wanted.output {
        fs::create_dir_all(output).map_err(|source| CommandError::Write { path: output.clone(), source })?;
        write_files(report, &redactor, (case, output), &Form::ALL)?;
        copy_beside(case, output)?;
    }
    if wanted.json {
        let text = json::render(report, &redactor).expect("a report is plain data");
        context.printer.result(&text).map_err(CommandError::Print)?;
    } else if telling == Telling::All {
        let places = summary::Places {
            report: Some(wanted.output.as_deref().unwrap_or(case.path()).join("report.md").display().to_string()),
            strokes: context.printer.strokes(),
            resume: Some(format!("nix-culprit resume {}", case.id())),
        };
        context.printer.result(&format!("\n{}", painted(report, &places))).map_err(CommandError::Print)?;
    }
    match concluded.ended {
        Some(error) => Err(CommandError::Unfinished { case: case.id(), error }),
        None => {
            let Concluded { report, changes, not_pinned, .. } = concluded;
            Ok(Told { report, changes, not_pinned })
        }
    }
}

/// Makes the error of a case that did not come to its end; one that learnt nothing is removed.
pub(super) fn unfinished(case: &CaseDir, error: CaseError) -> CommandError {
    if !error.may_pass() && case.discard_unless_probed() {
        CommandError::Case(error)
    } else {
        CommandError::Unfinished { case: case.id(), error }
    }
}

/// A form of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Markdown,
    Html,
    Json,
    Replay,
}

impl Form {
    pub(super) const ALL: [Self; 4] = [Self::Markdown, Self::Html, Self::Json, Self::Replay];

    const fn file_name(self) -> &'static str {
        match self {
            Self::Markdown => "report.md",
            Self::Html => "report.html",
            Self::Json => "report.json",
            Self::Replay => "replay.sh",
        }
    }
}

/// Returns a report in one of its forms; only a replay can be nothing.
pub(super) fn text_of(report: &Report, redactor: &Redactor, case: &CaseDir, form: Form) -> Option<String> {
    match form {
        Form::Markdown => Some(markdown::render(report, redactor)),
        Form::Html => {
            let [flamegraph, difference] =
                [FLAMEGRAPH, FLAMEGRAPH_DIFFERENCE].map(|name| fs::read(case.file(name)).ok());
            let extras = html::Extras { flamegraph: flamegraph.as_deref(), difference: difference.as_deref() };
            Some(html::render(report, redactor, extras))
        }
        Form::Json => Some(json::render(report, redactor).expect("a report is plain data")),
        Form::Replay => replay::render(report, redactor),
    }
}

/// Writes forms of the report of a case into a folder, and returns the paths of the files.
pub(super) fn write_files(
    report: &Report,
    redactor: &Redactor,
    (case, folder): (&CaseDir, &Path),
    forms: &[Form],
) -> Result<Vec<PathBuf>, CommandError> {
    let mut paths = Vec::new();
    for form in forms {
        let path = folder.join(form.file_name());
        let Some(text) = text_of(report, redactor, case, *form) else { continue };
        fs::write(&path, text).map_err(|source| CommandError::Write { path: path.clone(), source })?;
        paths.push(path);
    }
    Ok(paths)
}

/// Copies what lies beside the report of a case into a folder, and returns the paths of the files.
pub(super) fn copy_beside(case: &CaseDir, folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let mut paths = Vec::new();
    for name in [FLAMEGRAPH, FLAMEGRAPH_DIFFERENCE, PATCH, hunks::PATCH] {
        let (made, path) = (case.file(name), folder.join(name));
        if made.exists() {
            fs::copy(&made, &path).map_err(|source| CommandError::Write { path: path.clone(), source })?;
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Returns the summary with paint.
fn painted(report: &Report, places: &summary::Places) -> String {
    let mut text = String::new();
    for line in summary::render(report, places) {
        for segment in line {
            let paint = match segment.style {
                summary::Style::Plain => Paint::Plain,
                summary::Style::Strong => Paint::Strong,
                summary::Style::Good => Paint::Good,
                summary::Style::Bad => Paint::Bad,
                summary::Style::Dim => Paint::Dim,
            };
            text.push_str(&paint.over(&segment.text));
        }
        text.push('\n');
    }
    text
}

/// A single culprit that nothing speaks against is what was asked for.
fn exit(report: &Report) -> Exit {
    match (&report.result, &report.confirmation) {
        (SearchResult::Culprit { .. }, Some(Confirmation::NotConfirmed { .. })) => Exit::BAD,
        (
            SearchResult::Culprit { .. }
            | SearchResult::NixVersion { .. }
            | SearchResult::NotFound { why: NotFound::NotSearched },
            _,
        ) => Exit::OK,
        (SearchResult::Inputs, _) => match &report.matters {
            Some(matters) if matters.sets.first().is_some_and(|set| set.proven) => Exit::OK,
            Some(_) | None => Exit::BAD,
        },
        (SearchResult::Jumps { jumps, .. }, _) if !jumps.is_empty() => Exit::OK,
        (SearchResult::Jumps { .. }, _) => Exit::BAD,
        (SearchResult::OneOf { .. } | SearchResult::NotFound { .. } | SearchResult::Unfinished { .. }, _) => Exit::BAD,
    }
}

/// Names a new case by the time, so that names sort by age.
pub(super) fn stamp() -> String {
    jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string()
}

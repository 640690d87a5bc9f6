//! `report`: the report of a case, made from its journal.

use std::fs;

use nix_culprit_core::report::{Redactor, journal};

use super::matrix::{DOCUMENT, PAGE};
use super::reproducer;
use super::run_case::{Form, copy_beside, text_of, write_files};
use super::{CommandError, Context, Exit};
use crate::case::{CaseDir, Cases, read_journal};
use crate::cli::case::{Report as Args, ReportFormat};

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let (case, settings) = Cases::below(&context.dirs.state).find(args.case.as_deref())?;
    if settings.matrix.is_some() {
        return table(args, &case, context);
    }
    let missing = || CommandError::NoReport(case.id());
    let entries = if case.journal().exists() { read_journal(&case.journal())? } else { Vec::new() };
    let mut report = journal::report(entries.iter().map(|entry| (entry.at, &entry.event))).ok_or_else(missing)?;
    reproducer::show(&mut report, &settings, &context.dirs.state);
    let redactor = Redactor::for_home(&context.dirs.home().to_string_lossy());
    let form = match args.format {
        Some(ReportFormat::Md) => Some(Form::Markdown),
        Some(ReportFormat::Html) => Some(Form::Html),
        Some(ReportFormat::Json) => Some(Form::Json),
        Some(ReportFormat::Replay) => Some(Form::Replay),
        Some(ReportFormat::All) | None => None,
    };
    if let Some(output) = &args.output {
        fs::create_dir_all(output).map_err(|source| CommandError::Write { path: output.clone(), source })?;
        let forms = form.as_ref().map_or(&Form::ALL[..], std::slice::from_ref);
        let mut written = write_files(&report, &redactor, (&case, output), forms)?;
        if form == Some(Form::Replay) && written.is_empty() {
            return Err(CommandError::NoReplay(case.id()));
        }
        if form.is_none() {
            written.extend(copy_beside(&case, output)?);
        }
        let names: String = written.iter().map(|path| format!("{}\n", path.display())).collect();
        context.printer.result(&names).map_err(CommandError::Print)?;
        return Ok(Exit::OK);
    }
    let text = text_of(&report, &redactor, &case, form.unwrap_or(Form::Markdown));
    let text = text.ok_or_else(|| CommandError::NoReplay(case.id()))?;
    context.printer.result(&text).map_err(CommandError::Print)?;
    Ok(Exit::OK)
}

/// Shows the page of a table, which was made with it.
fn table(args: &Args, case: &CaseDir, context: &Context) -> Result<Exit, CommandError> {
    let name = match args.format {
        Some(ReportFormat::Md | ReportFormat::All) | None => PAGE,
        Some(ReportFormat::Json) => DOCUMENT,
        Some(ReportFormat::Html | ReportFormat::Replay) => return Err(CommandError::IsTable(case.id())),
    };
    let text = fs::read_to_string(case.file(name)).map_err(|_| CommandError::NoReport(case.id()))?;
    let Some(output) = &args.output else {
        context.printer.result(&text).map_err(CommandError::Print)?;
        return Ok(Exit::OK);
    };
    let failed = |source| CommandError::Write { path: output.clone(), source };
    fs::create_dir_all(output).and_then(|()| fs::write(output.join(name), text)).map_err(failed)?;
    context.printer.result(&format!("{}\n", output.join(name).display())).map_err(CommandError::Print)?;
    Ok(Exit::OK)
}

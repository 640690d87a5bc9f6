//! `report`: the report of a case once more.

use std::fs;

use nix_culprit_core::report::{Redactor, Report, json, markdown, replay};

use super::run_case::write_files;
use super::{CommandError, Context, Exit};
use crate::case::Cases;
use crate::cli::case::{Report as Args, ReportFormat};

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, CommandError> {
    let (case, _) = Cases::below(&context.dirs.state).find(args.case.as_deref())?;
    let missing = || CommandError::NoReport(case.id());
    let text = fs::read(case.file("model.json")).map_err(|_| missing())?;
    let report: Report = serde_json::from_slice(&text).map_err(|_| missing())?;
    let redactor = Redactor::for_home(&context.dirs.home().to_string_lossy());
    if let Some(output) = &args.output {
        fs::create_dir_all(output).map_err(|source| CommandError::Write { path: output.clone(), source })?;
        let page = write_files(&report, &redactor, output)?;
        context.printer.result(&format!("{page}\n")).map_err(CommandError::Print)?;
        return Ok(Exit::OK);
    }
    let text = match args.format {
        ReportFormat::Md => markdown::render(&report, &redactor),
        ReportFormat::Json => json::render(&report, &redactor).map_err(|_| missing())?,
        ReportFormat::Replay => replay::render(&report, &redactor).ok_or_else(missing)?,
    };
    context.printer.result(&text).map_err(CommandError::Print)?;
    Ok(Exit::OK)
}

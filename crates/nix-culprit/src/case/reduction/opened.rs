//! Which of the project's own files its evaluation opens: the others are left out first.
//!
//! It only orders what is tried, so it may be wrong. It is kept: steps that are taken again have to be the same ones.

use std::collections::BTreeSet;
use std::path::PathBuf;

use nix_culprit_core::event::{Event, EventSink};
use nix_culprit_core::reduce::Project;

use super::super::error::CaseError;
use super::super::store::CaseDir;
use super::oracle::Oracle;
use super::slot::Slot;

/// The case's file with the files that are opened.
const OPENED: &str = "opened.json";
/// With fewer files, halving finds those that can go with about as many evaluations.
const WORTH_IT: usize = 8;

/// Returns the files that were found to be opened, as far as that was kept; none where it is not known.
pub(super) fn kept(case: &CaseDir) -> Option<BTreeSet<PathBuf>> {
    asked(case).flatten()
}

/// As [`kept`]; none where nobody has asked.
fn asked(case: &CaseDir) -> Option<Option<BTreeSet<PathBuf>>> {
    std::fs::read(case.file(OPENED)).ok().and_then(|text| serde_json::from_slice(&text).ok())
}

/// Finds which files the evaluation of a project opens, by one evaluation in the fast way, where that is worth it.
pub(super) fn opened(
    slot: &mut Slot,
    oracle: &Oracle<'_>,
    project: &Project,
    case: &CaseDir,
    sink: &mut dyn EventSink,
) -> Result<Option<BTreeSet<PathBuf>>, CaseError> {
    if let Some(known) = asked(case) {
        return Ok(known);
    }
    let count = project.files().count();
    let found = if count < WORTH_IT { None } else { oracle.opened(slot, project)? };
    // Where not even this one is among them, somebody else read the files for Nix.
    let found = found.filter(|files| files.iter().any(|path| path.file_name().is_some_and(|name| name == "flake.nix")));
    if let Some(files) = &found {
        let files = project.files().filter(|(path, _)| files.contains(*path)).count();
        let text = format!("its evaluation opens {files} of {count} files; the others are left out first");
        sink.tell(&Event::Warned { text });
    }
    case.write(OPENED, &serde_json::to_vec(&found).expect("names that are text"))?;
    Ok(found)
}

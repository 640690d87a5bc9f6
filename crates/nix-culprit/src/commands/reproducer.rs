//! What a reduction came to, kept in its folder for the reports of cases of the same flake.

use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::report::Report;
use nix_culprit_core::report::reproducer::Reproducer;

use crate::case::{CaseDir, Cases, Ended, Reduced, Settings, StoreError, Trust};

/// The name of the file in the folder of a reduction.
const FILE: &str = "reproducer.json";

/// Returns the reductions below a state folder: apart from the cases of searches, which `log` and `resume` list.
pub(super) fn reductions(state: &Path) -> Cases {
    Cases::below(&state.join("reductions"))
}

/// Keeps what a reduction came to, unless it was stopped.
pub(super) fn keep(reduced: &Reduced, case: &CaseDir) -> Result<(), StoreError> {
    if reduced.ended == Ended::Stopped {
        return Ok(());
    }
    let mut paths = Vec::new();
    files(&reduced.folder, &mut paths);
    let readme = fs::read_to_string(reduced.folder.join("README.md")).unwrap_or_default();
    let mut reproducer = Reproducer {
        outcome: reduced.outcome.clone(),
        command: readme.lines().find_map(|line| line.strip_prefix("    ")).unwrap_or_default().to_owned(),
        from: reduced.before.1,
        size: reduced.after.1,
        doubt: match &reduced.trust {
            Trust::Confirmed { .. } | Trust::Earlier { .. } => None,
            Trust::NotConfirmed { why } | Trust::NotRun { why } => Some(why.clone()),
        },
        files: Vec::new(),
    };
    let read = |path: PathBuf| {
        let content = fs::read(&path).ok()?;
        Some((path.strip_prefix(&reduced.folder).ok()?.display().to_string(), content))
    };
    // The README is about the others, and the report tells the same.
    let own = |(path, _): &(String, Vec<u8>)| path != "README.md";
    reproducer.take_files(paths.into_iter().filter_map(read).filter(own));
    let text = serde_json::to_vec(&reproducer).expect("a reproducer is plain data");
    case.write(FILE, &text).map(|_| ())
}

fn files(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files(&path, paths),
            Ok(kind) if kind.is_file() => paths.push(path),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Puts the newest reduction of a case's flake into its report, if it fails as the bad end does.
pub(super) fn show(report: &mut Report, settings: &Settings, state: &Path) {
    let Some(bad) = &report.bad else { return };
    let all = reductions(state);
    let names = all.list().unwrap_or_default();
    let of_flake = names.iter().rev().filter_map(|name| {
        let (case, reduced) = all.find(Some(name)).ok()?;
        let is_same = reduced.flake == settings.flake && reduced.attr == settings.attr && reduced.root == settings.root;
        is_same.then_some(case)
    });
    report.reproducer = of_flake
        .filter_map(|case| serde_json::from_slice::<Reproducer>(&fs::read(case.file(FILE)).ok()?).ok())
        .find(|reproducer| reproducer.shows(&bad.observation.outcome));
}

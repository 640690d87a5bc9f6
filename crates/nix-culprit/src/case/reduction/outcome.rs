//! What a reduction came to, and the folder that it is written to.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::flake::AttrPath;
use nix_culprit_core::outcome::{Observation, Outcome};
use nix_culprit_core::reduce::Project;
use nix_culprit_core::text::printable;

use super::super::error::outcome_words;
use super::super::settings::Settings;
use super::super::{CaseError, StoreError};
use super::{Anonymised, Origin};
use crate::sys::git::Snapshot;

/// Why a reduction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// No single piece can go.
    Smallest,
    /// The time was used up.
    Time,
    /// As many candidates were tried as were wanted.
    Candidates,
    /// Somebody asked to stop.
    Stopped,
}

/// How well the result is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Trust {
    /// The user's own command fails on it in the same way.
    Confirmed {
        /// What was seen.
        observation: Box<Observation>,
    },
    /// It does so on an earlier, larger project, which is the result.
    Earlier {
        /// What was seen.
        observation: Box<Observation>,
        /// What the next smaller one ends in.
        why: String,
    },
    /// It does not.
    NotConfirmed {
        /// What it does.
        why: String,
    },
    /// It was not run.
    NotRun {
        /// Why.
        why: String,
    },
}

/// In what besides the outcome the result is the same as the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Same {
    /// Nothing else was asked for.
    Outcome,
    /// The loop that runs away.
    Loop(String),
    /// It is not known whether it is the same loop.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// What a reduction came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Reduced {
    /// The attribute that fails.
    pub attr: AttrPath,
    /// How.
    pub outcome: Outcome,
    /// What else stayed the same.
    pub same: Same,
    /// Files and bytes of the whole project, with what is read of its inputs if these are in the result.
    pub before: (usize, usize),
    /// Files and bytes of the result.
    pub after: (usize, usize),
    /// How many candidates were evaluated.
    pub tried: usize,
    /// Why it ended.
    pub ended: Ended,
    /// How well the result is known.
    pub trust: Trust,
    /// How long it took.
    pub wall: Duration,
    /// Where the result is.
    pub folder: PathBuf,
    /// The inputs whose files are in the result.
    pub origins: Vec<Origin>,
    /// What became of private names, if they were to be replaced.
    pub anonymised: Option<Anonymised>,
    /// What was asked for and could not be done, a sentence each.
    pub notes: Vec<String>,
}

/// Removes what an earlier run left in a folder of ours, if it left something.
pub(super) fn remove(folder: &Path) -> Result<(), CaseError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::Io { path: folder.to_owned(), source }.into())
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes the result into its folder, which must be new or empty.
pub(super) fn write(
    project: &Project,
    snapshot: &Snapshot,
    reduced: &Reduced,
    settings: &Settings,
) -> Result<(), CaseError> {
    let folder = &reduced.folder;
    write_files(project, snapshot, folder)?;
    let dir = &snapshot.dir;
    let same = match &reduced.same {
        Same::Loop(shown) => format!(" The loop is {shown}."),
        Same::Outcome | Same::Unknown { .. } => String::new(),
    };
    let text = format!(
        "Reduced by nix-culprit from {} to {} bytes; it ends in: {}.{same}\n{}\n\n    {}\n",
        reduced.before.1,
        reduced.after.1,
        outcome_words(&reduced.outcome),
        inputs(reduced),
        command(settings, dir, &reduced.attr),
    );
    let readme = folder.join("README.md");
    fs::write(&readme, text).map_err(|source| StoreError::Io { path: readme, source })?;
    Ok(())
}

/// Writes the files of a project into a folder, executable where they were.
pub(super) fn write_files(project: &Project, snapshot: &Snapshot, folder: &Path) -> Result<(), CaseError> {
    let io = |path: &Path, source| StoreError::Io { path: path.to_owned(), source };
    fs::create_dir_all(folder).map_err(|source| io(folder, source))?;
    for (path, content) in project.files() {
        let place = folder.join(path);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).map_err(|source| io(parent, source))?;
        }
        fs::write(&place, content).map_err(|source| io(&place, source))?;
        let executable = fs::metadata(snapshot.root.join(path)).map(|metadata| metadata.permissions());
        if let Ok(permissions) = executable {
            fs::set_permissions(&place, permissions).map_err(|source| io(&place, source))?;
        }
    }
    Ok(())
}

/// Says where the inputs are, and whose the files are that come from them.
fn inputs(reduced: &Reduced) -> String {
    if reduced.origins.is_empty() {
        return "The inputs are as in flake.lock.".to_owned();
    }
    let line = |origin: &Origin| {
        format!("- {}/ is from {} at {}", origin.folder, printable(&origin.from), printable(&origin.revision))
    };
    let lines: Vec<String> = reduced.origins.iter().map(line).collect();
    format!(
        "Nothing is fetched. What is left of the inputs is in it, each under its own licence:\n\n{}",
        lines.join("\n")
    )
}

/// The command to type in the result's folder.
fn command(settings: &Settings, dir: &Path, attr: &AttrPath) -> String {
    // Address space, which is more than what is resident: the collector takes up to 384 MiB of it at the start.
    const ABOVE: u64 = 512 << 20;
    let memory = (settings.memory.0 + ABOVE) / 1024;
    let place = if dir.as_os_str().is_empty() { "path:.".to_owned() } else { format!("path:.?dir={}", dir.display()) };
    format!("(ulimit -v {memory}; nix eval --raw --no-write-lock-file '{place}#{attr}')")
}

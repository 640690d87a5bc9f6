//! A folder of its own in which candidates are evaluated, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::event::Mode;
use nix_culprit_core::ids::NodeKey;
use nix_culprit_core::outcome::Observation;
use nix_culprit_core::profile::Cycle;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::reduce::Project;

use super::super::assignment::Assignment;
use super::super::evaluator::{Evaluator as _, Target};
use super::super::flake_copy::{FlakeCopy, set_times};
use super::super::meter::Label;
use super::super::nix_evaluator::NixEvaluator;
use super::super::settings::Settings;
use super::super::store::CaseDir;
use super::super::surroundings::Surroundings;
use super::super::trees::LookedAt;
use super::super::{CaseError, StoreError};
use crate::sys::git::{Git, Snapshot};
use crate::sys::nix::Nix;
use crate::sys::touched::Opened;

/// A place for one evaluation at a time.
pub(super) struct Slot {
    evaluator: NixEvaluator,
    root: PathBuf,
    /// What the folder holds.
    there: BTreeMap<PathBuf, Vec<u8>>,
    modified: i64,
}

impl Slot {
    /// Makes the folder: a copy of the flake's copy, links and all.
    #[expect(clippy::too_many_arguments, reason = "all that an evaluator needs, and the slot's number")]
    pub(super) fn new(
        settings: &Settings,
        surroundings: &Surroundings,
        git: &Git,
        nix: &Nix,
        snapshot: &Snapshot,
        copy: &FlakeCopy,
        case: &CaseDir,
        number: usize,
    ) -> Result<Self, CaseError> {
        let work = case.file("slots").join(number.to_string());
        let root = work.join("flake").join("source");
        let io = |source| StoreError::Io { path: root.clone(), source };
        match fs::remove_dir_all(&work) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(io(source).into()),
        }
        let mut there = BTreeMap::new();
        copy_folder(&snapshot.root, &root, Path::new(""), &mut there).map_err(io)?;
        let tools = surroundings.tools(settings, nix.clone(), git.clone());
        let own = Snapshot { root: root.clone(), ..snapshot.clone() };
        let evaluator = NixEvaluator::new(tools, own, copy.modified, &work, Vec::new())?;
        Ok(Self { evaluator, root, there, modified: copy.modified })
    }

    /// Returns the files that the folder holds.
    pub(super) fn project(&self) -> Result<Project, CaseError> {
        Ok(Project::new(self.there.clone()))
    }

    /// Says why a way of asking cannot be had, if it cannot.
    pub(super) fn lacks(&self, mode: Mode) -> Option<String> {
        self.evaluator.lacks(mode)
    }

    /// Makes the folder hold a project, and evaluates it; `words` say what it is to those who look on.
    pub(super) fn evaluate(
        &mut self,
        words: &str,
        project: &Project,
        assignment: &Assignment,
        mode: Mode,
        (target, memory): (&Target, Bytes),
    ) -> Result<Observation, CaseError> {
        self.prepare(words, project)?;
        Ok(self.evaluator.evaluate(assignment, mode, target, memory)?.observation)
    }

    /// Makes the folder hold a project, evaluates it with the trace of its error, at a limit of the call depth if one is
    /// given, and returns the cycle on the stack that it ended with.
    pub(super) fn traced(
        &mut self,
        words: &str,
        project: &Project,
        assignment: &Assignment,
        (target, memory): (&Target, Bytes),
        depth: Option<u32>,
    ) -> Result<(Observation, Option<Cycle>), CaseError> {
        self.prepare(words, project)?;
        Ok(self.evaluator.traced(assignment, target, memory, depth)?)
    }

    /// Tells whether this Nix can be made to end at a depth of calls.
    pub(super) fn limits_call_depth(&self) -> bool {
        self.evaluator.limits_call_depth()
    }

    fn prepare(&mut self, words: &str, project: &Project) -> Result<(), CaseError> {
        self.hold(project).map_err(|source| StoreError::Io { path: self.root.clone(), source })?;
        // The evaluator may write the lock in its own form.
        self.there.retain(|path, _| path.file_name().is_none_or(|name| name != "flake.lock"));
        self.evaluator.label(Label { key: words.to_owned(), words: words.to_owned() });
        Ok(())
    }

    /// As [`Slot::evaluate`] in the fast way; returns what was looked at in the inputs, if all of that is known.
    pub(super) fn looked_at(
        &mut self,
        project: &Project,
        assignment: &Assignment,
        target: &Target,
        memory: Bytes,
    ) -> Result<Option<BTreeMap<NodeKey, LookedAt>>, CaseError> {
        self.evaluate("what it reads", project, assignment, Mode::Fast, (target, memory))?;
        Ok(self.evaluator.looked_at())
    }

    /// As [`Slot::evaluate`] in the fast way, which reads the folder itself; returns the files in it that were opened, if
    /// that is known, and how it ended.
    pub(super) fn opened(
        &mut self,
        project: &Project,
        assignment: &Assignment,
        (target, memory): (&Target, Bytes),
    ) -> Result<(Observation, Option<BTreeSet<PathBuf>>), CaseError> {
        self.prepare("which files it opens", project)?;
        let opened = Opened::below(&self.root);
        let seen = self.evaluator.evaluate(assignment, Mode::Fast, target, memory)?.observation;
        // Names that are no text cannot be kept.
        let files = opened.files().map(|files| files.into_iter().filter(|path| path.to_str().is_some()).collect());
        Ok((seen, files))
    }

    fn hold(&mut self, project: &Project) -> std::io::Result<()> {
        let gone: Vec<PathBuf> = self.there.keys().filter(|path| project.file(path).is_none()).cloned().collect();
        for path in gone {
            fs::remove_file(self.root.join(&path))?;
            self.there.remove(&path);
        }
        for (path, content) in project.files() {
            if self.there.get(path).is_none_or(|there| there != content) {
                let place = self.root.join(path);
                if let Some(folder) = place.parent() {
                    fs::create_dir_all(folder)?;
                }
                fs::write(&place, content)?;
                self.there.insert(path.to_owned(), content.to_vec());
            }
        }
        set_times(&self.root, self.modified)
    }
}

/// Reads the files below a folder; links are the folder's own.
pub(super) fn files_of(root: &Path) -> Result<Project, CaseError> {
    let mut files = BTreeMap::new();
    let mut open = vec![PathBuf::new()];
    let io = |source| StoreError::Io { path: root.to_owned(), source };
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(root.join(&path)).map_err(io)? {
            let entry = entry.map_err(io)?;
            let (below, kind) = (path.join(entry.file_name()), entry.file_type().map_err(io)?);
            if kind.is_dir() {
                open.push(below);
            } else if kind.is_file() {
                files.insert(below, fs::read(entry.path()).map_err(io)?);
            }
        }
    }
    Ok(Project::new(files))
}

/// Copies a folder with its links, and takes note of its files.
fn copy_folder(from: &Path, to: &Path, path: &Path, there: &mut BTreeMap<PathBuf, Vec<u8>>) -> std::io::Result<()> {
    fs::create_dir_all(to.join(path))?;
    for entry in fs::read_dir(from.join(path))? {
        let entry = entry?;
        let below = path.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(from, to, &below, there)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, to.join(&below))?;
        } else {
            fs::copy(entry.path(), to.join(&below))?;
            there.insert(below, fs::read(entry.path())?);
        }
    }
    Ok(())
}

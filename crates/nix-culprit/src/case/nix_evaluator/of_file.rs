//! Evaluating a project without a flake: commits as folders, and pins with the hashes that Nix checks.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use nix_culprit_core::event::Mode;
use nix_culprit_core::quantity::Bytes;

use super::NixEvaluator;
use crate::case::Assignment;
use crate::case::evaluator::{Evaluated, EvaluatorError, Target};
use crate::case::flake_copy::set_time;
use crate::case::project::Project;
use crate::sys::nix::{CommitFolder, FilePlan};

/// Folders of commits that are fetched, and of those that are channels by their names.
type Folders = (Vec<CommitFolder>, Vec<(String, PathBuf)>);

impl NixEvaluator {
    /// Makes folders of all commits that clones have, for a project without a flake.
    pub(super) fn commit_folders(
        &mut self,
        assignment: &Assignment,
        project: &Project,
    ) -> Result<Folders, EvaluatorError> {
        self.readable = vec![self.snapshot.root.clone()];
        self.trees.begin();
        let (mut folders, mut channels) = (Vec::new(), Vec::new());
        let names = assignment.lock.paths();
        for (key, clone) in &assignment.clones {
            let rev = assignment.lock.locked(key).ok().and_then(|locked| locked.rev());
            let Some(rev) = rev else { continue };
            let path = self.trees.folder(clone, key, &rev)?.out_path;
            self.readable.push(path.clone());
            let name = names.get(key).map(ToString::to_string).unwrap_or_default();
            if project.is_channel(&name) {
                channels.push((name, path));
            } else {
                folders.push(CommitFolder { rev: rev.as_str().to_owned(), path });
            }
        }
        Ok((folders, channels))
    }

    /// Writes the plan of the next fast evaluation of a project without a flake, and returns the folders of channels.
    pub(super) fn prepare_project(
        &mut self,
        assignment: &Assignment,
        project: &Project,
        target: &Target,
    ) -> Result<Vec<(String, PathBuf)>, EvaluatorError> {
        let (folders, channels) = self.commit_folders(assignment, project)?;
        let root = self.project_folder();
        let plan = FilePlan { root, file: project.file().to_owned(), attr: target.attr(), folders };
        let text = serde_json::to_vec(&plan).expect("a plan is plain data");
        fs::write(self.work.join("scene").join("plan.json"), text)
            .map_err(|error| EvaluatorError::machine("write the plan of an evaluation", error))?;
        Ok(channels)
    }

    /// Evaluates a project without a flake as its user does, with pins that Nix fetches itself.
    pub(super) fn instantiate(
        &mut self,
        assignment: &Assignment,
        project: &Project,
        target: &Target,
        memory: Bytes,
    ) -> Result<Evaluated, EvaluatorError> {
        let (_, channels) = self.commit_folders(assignment, project)?;
        if !self.script.is_empty() {
            return self.faithful(assignment, target, memory);
        }
        let file = self.project_folder().join(project.file());
        let attr = target.attr();
        let call = self.tools.nix.instantiate(&file, &attr, &channels).folder(self.project_folder());
        self.ask(&call, Some(attr), memory)
    }

    /// Writes an assignment into the copy of a project without a flake.
    pub(super) fn write_project(
        &mut self,
        assignment: &Assignment,
        project: &Project,
        mode: Mode,
    ) -> Result<(), EvaluatorError> {
        let mut hashes = BTreeMap::new();
        if mode == Mode::Faithful {
            self.commit_folders(assignment, project)?;
            let names = assignment.lock.paths();
            let is_channel = |key| names.get(key).is_some_and(|path| project.is_channel(&path.to_string()));
            for (key, clone) in assignment.clones.iter().filter(|(key, _)| !is_channel(*key)) {
                let rev = assignment.lock.locked(key).ok().and_then(|locked| locked.rev());
                if let Some(hash) =
                    rev.and_then(|rev| self.trees.hashing(clone, &rev).and_then(|compute| compute()).ok())
                {
                    hashes.insert(key.clone(), hash);
                }
            }
        }
        let folder = self.project_folder();
        let written = project
            .write(&folder, &assignment.lock, &|key| hashes.get(key).copied())
            .map_err(|error| EvaluatorError::machine("write the pins of a probe", error))?;
        for path in written.iter().flat_map(|path| [Some(path.as_path()), path.parent()]).flatten() {
            set_time(path, self.modified)
                .map_err(|error| EvaluatorError::machine(format!("write {}", path.display()), error))?;
        }
        Ok(())
    }

    pub(super) fn project_folder(&self) -> PathBuf {
        self.snapshot.root.join(&self.snapshot.dir)
    }
}

//! The files of the inputs that an evaluation read, put into the project: it stands alone then.

use std::collections::BTreeMap;

use nix_culprit_core::flake::{FlakeRef, Lock};
use nix_culprit_core::ids::NodeKey;
use nix_culprit_core::read_set::Use;
use nix_culprit_core::reduce::Project;
use nix_culprit_core::text::with_causes;
use nix_culprit_core::vendor::{Files, vendor};

use super::super::CaseError;
use super::super::clones::place_name;
use super::oracle::{Answer, Oracle};
use super::slot::Slot;
use crate::sys::git::{Git, Repository};

/// An input whose files are in the project now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Where its files are, from the top of the project.
    pub folder: String,
    /// Where they come from.
    pub from: String,
    /// The revision there.
    pub revision: String,
    /// How many files.
    pub files: usize,
}

impl Origin {
    /// Leaves out where the files come from, unless that is a forge that anyone can reach.
    pub(super) fn anonymous(self, in_text: impl Fn(&str) -> String) -> Self {
        const FORGES: [&str; 3] = ["github:", "gitlab:", "sourcehut:"];
        let is_public = FORGES.iter().any(|forge| self.from.starts_with(forge));
        let from = if is_public { self.from } else { "a place that is not told".to_owned() };
        Self { folder: in_text(&self.folder), from, ..self }
    }
}

/// What came of it.
pub(super) enum Attempt {
    /// The project fails without its inputs as it did with them.
    Stands(Project, Vec<Origin>),
    /// It could not be done, or it ends in another way.
    Not(String),
    /// Somebody asked to stop.
    Stopped,
}

/// Puts the files of the inputs of a project into it that its evaluation reads, and tries whether it still fails.
pub(super) fn stand_alone(
    slot: &mut Slot,
    oracle: &Oracle<'_>,
    git: &Git,
    project: &Project,
) -> Result<Attempt, CaseError> {
    let not = |why: &str| Ok(Attempt::Not(why.to_owned()));
    let Some(lock) = project.text(oracle.lock_path).and_then(|text| Lock::parse(text).ok()) else {
        return not("its lock cannot be read");
    };
    let Ok(table) = lock.inputs_table() else { return not("its lock leads nowhere") };
    let assignment = oracle.clones.assignment(lock.clone());
    let mut own = table.nodes.iter().filter(|(key, node)| **key != table.root && node.parent.is_none());
    if let Some((key, _)) = own.find(|(key, _)| !assignment.clones.contains_key(key)) {
        return Ok(Attempt::Not(format!("there is no clone of the input {key}")));
    }
    let Some(looked_at) = slot.looked_at(project, &assignment, &oracle.target, oracle.memory)? else {
        return not(
            "what its evaluation reads is not known here: commits cannot be mounted, or it did not end by itself",
        );
    };
    let (mut files, mut origins) = (Files::new(), BTreeMap::new());
    for (key, seen) in looked_at {
        let Some(clone) = assignment.clones.get(&key) else { continue };
        let repository = Repository::open(git, clone)?;
        let mut own = Vec::new();
        let wanted = |path: &std::path::Path| matches!(seen.reads.uses.get(path), Some(Use::Found | Use::Read));
        repository.each_file(&seen.commit, wanted, |path, content| own.push((path.to_owned(), content)))?;
        let from = lock.locked(&key).map(|reference: FlakeRef| place_name(&reference)).unwrap_or_default();
        origins.insert(key.clone(), (from, seen.commit.to_string(), own.len()));
        files.insert(key, own);
    }
    let dir = oracle.lock_path.parent().unwrap_or(oracle.lock_path);
    let vendored = match vendor(project, dir, &lock, &files) {
        Ok(vendored) => vendored,
        Err(error) => return Ok(Attempt::Not(with_causes(&error))),
    };
    match oracle.ask(slot, "its inputs in it", &vendored.project)? {
        Answer::Fails(_) => {}
        Answer::Otherwise(words) => return Ok(Attempt::Not(format!("with its inputs in it, it ends in: {words}"))),
        Answer::Stopped => return Ok(Attempt::Stopped),
    }
    let origin = |(key, (from, revision, files)): (NodeKey, (String, String, usize))| {
        let folder = vendored.folders.get(&key)?.display().to_string();
        Some(Origin { folder, from, revision, files })
    };
    let origins = origins.into_iter().filter_map(origin).filter(|origin| origin.files > 0).collect();
    Ok(Attempt::Stands(vendored.project, origins))
}

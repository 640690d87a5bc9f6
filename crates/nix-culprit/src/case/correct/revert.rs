//! The culprit taken back on top of the failing revision: a proof of the cause, and a patch.

use nix_culprit_core::correct::{Action, Correction, Failed, PATCH, Point, Step, Untried};
use nix_culprit_core::event::Purpose;
use nix_culprit_core::flake::{Attrs, Lock};
use nix_culprit_core::ids::{CommitId, InputPath, NodeKey};
use nix_culprit_core::report::model::Subject;

use super::super::clones::{CloneHistory, revision};
use super::super::history::History as _;
use super::super::prober::{Prober, Question, Round};
use super::super::{Assignment, CaseDir, CaseError};
use super::proof::{Proven, prove};
use super::{Attempt, Work, Works};
use crate::sys::git::{BRANCH, Repository, Revert, Reverted};

impl Work<'_> {
    /// Tries to take the culprit back.
    pub(super) fn revert(
        &mut self,
        prober: &mut Prober<'_>,
        input: &InputPath,
        culprit: &CommitId,
    ) -> Result<Attempt, CaseError> {
        let lock = &self.failing.lock;
        let key = lock.resolve(input)?;
        let reference = lock.locked(&key)?;
        let what = format!("take back {} in {input}", culprit.short());
        let untried = |why: String| Ok(Attempt::Untried(Untried { what: what.clone(), why }));
        let Some(on) = reference.rev() else { return untried("the input has no revision".to_owned()) };
        let repository = self.clones.with_commits(input, &reference, &[culprit, &on], prober.sink())?;
        let history = CloneHistory { repository: &repository, folder: self.folder };
        if history.merge_base(culprit, &on)?.as_ref() != Some(culprit) {
            return untried(format!("{} is not in the history of {}", culprit.short(), on.short()));
        }
        let folder = self.folder.join(format!("revert-{}", culprit.short()));
        let reverted = match repository.revert(culprit, &on, &folder)? {
            Revert::Done(reverted) => reverted,
            Revert::Nothing { why } => return untried(why.to_owned()),
            Revert::Conflict { files } => {
                let (named, more) = (files.iter().take(3).cloned().collect::<Vec<_>>().join(", "), files.len() > 3);
                let more = if more { ", …" } else { "" };
                let why = format!("later commits changed the same lines of {named}{more}");
                return Ok(Attempt::Fails(Failed { what, why, observation: None }));
            }
        };
        let commit = Point { revision: culprit.clone(), date: history.date(culprit)?, title: history.title(culprit)? };
        let assignment = self.reverted(prober, &key, &on, &reverted)?;
        let question = Question {
            purpose: Purpose { words: format!("{input} without {}", culprit.short()), commit: None },
            subject: Subject::Commit {
                revision: reverted.commit.clone(),
                date: commit.date,
                title: commit.title.clone(),
            },
            assignment: &assignment,
            mode: self.failing.mode,
            round: Round::Run,
            remaining: None,
        };
        let action = Action::Revert { input: input.clone(), commit };
        match prove(prober, self.settings, &question)? {
            Proven::Good(observation, proof) => {
                CaseDir::at(self.folder).write(PATCH, &reverted.patch)?;
                let steps = vec![Step::Do {
                    what: format!(
                        "{PATCH}, beside the report, is the difference to {} of {input}: apply it in a fork, and let {input} come \
                         from there; or in flake.nix, with what nixpkgs calls applyPatches",
                        on.short()
                    ),
                }];
                let notes = vec!["That proves the cause: nothing but this commit was taken out.".to_owned()];
                let correction = Correction { action, steps, proof, observation, derivations: None, notes };
                // Its commit is nowhere but in the case.
                Ok(Attempt::Works(Box::new(Works { correction, lock: None })))
            }
            Proven::Not(observation, why) => Ok(Attempt::Fails(Failed { what, why, observation: Some(observation) })),
        }
    }

    /// Makes the assignment with an input at a commit that only our git folder has.
    fn reverted(
        &self,
        prober: &mut Prober<'_>,
        key: &NodeKey,
        on: &CommitId,
        reverted: &Reverted,
    ) -> Result<Assignment, CaseError> {
        let lock = &self.failing.lock;
        let repository = Repository::open(&self.git, &reverted.git_dir)?;
        let at = |commit: &CommitId, hash: Option<&str>| -> Result<Assignment, CaseError> {
            let mut attrs = Attrs::default();
            attrs.set("type", Some("git"));
            attrs.set("url", Some(format!("file://{}", reverted.git_dir.display()).as_str()));
            attrs.set("ref", Some(BRANCH));
            attrs.set("rev", Some(commit.as_str()));
            attrs.set("dir", locked(lock, key, "dir"));
            attrs.set("narHash", hash);
            attrs.set("lastModified", revision(&repository, commit)?.last_modified);
            let mut assignment = self.clones.assignment(lock.with_locked(key, attrs)?);
            assignment.clones.insert(key.clone(), reverted.git_dir.clone());
            Ok(assignment)
        };
        // The hash that the failing lock has vouches for what the git folder shows: what is known of it is not fetched.
        if let Some(hash) = locked(lock, key, "narHash") {
            prober.note(&at(on, Some(hash))?);
        }
        at(&reverted.commit, None)
    }
}

/// Returns what a lock says of a node's tree.
fn locked<'l>(lock: &'l Lock, key: &NodeKey, name: &str) -> Option<&'l str> {
    lock.nodes.get(key)?.locked.as_ref()?.text(name)
}

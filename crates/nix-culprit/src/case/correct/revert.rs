//! The culprit taken back on top of the failing revision: a proof of the cause, and a patch.

use nix_culprit_core::correct::{Action, Correction, Failed, PATCH, Point, Step, Untried};
use nix_culprit_core::event::Purpose;
use nix_culprit_core::ids::{CommitId, InputPath};
use nix_culprit_core::report::model::Subject;

use super::super::clones::CloneHistory;
use super::super::history::History as _;
use super::super::ours::Ours;
use super::super::prober::{Prober, Question, Round};
use super::super::{CaseDir, CaseError};
use super::proof::{Proven, prove};
use super::{Attempt, Work, Works};
use crate::sys::git::Revert;

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
        let history = CloneHistory { repository: &repository, folder: self.folder, early: None };
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
        let ours = Ours::new(&self.git, &reverted.git_dir, self.clones, lock, &key)?;
        ours.vouch(prober)?;
        let assignment = ours.at(&reverted.commit)?;
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
}

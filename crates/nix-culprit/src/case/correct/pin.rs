//! The commit of a correction written into flake.nix, too, so that the next update of the inputs leaves it there.

use nix_culprit_core::correct::edit::{FlakeEdit, apply};
use nix_culprit_core::correct::{Action, Correction, Proof};
use nix_culprit_core::event::Purpose;
use nix_culprit_core::flake::FlakeRef;
use nix_culprit_core::report::model::Subject;

use super::super::CaseError;
use super::super::prober::{Prober, Question, Round};
use super::edge::address;
use super::proof::{Proven, prove};
use super::{Corrected, Work};

impl Work<'_> {
    /// Makes the files that have a correction and keep it, and proves them by the user's own command; `Err` says to
    /// people why it cannot be had.
    pub(super) fn pinned(
        &mut self,
        prober: &mut Prober<'_>,
        correction: &Correction,
        corrected: Option<&Corrected>,
    ) -> Result<Result<Corrected, String>, CaseError> {
        let (Action::Keep { input, .. } | Action::Forward { input, .. }, Some(corrected)) =
            (&correction.action, corrected)
        else {
            return Ok(Err("it does not put an input at a commit".to_owned()));
        };
        let Some(flake) = self.flake else { return Ok(Err("flake.nix could not be read".to_owned())) };
        let url = address(&corrected.lock, input)?;
        let asked = match FlakeRef::parse(&url) {
            Ok(reference) => reference.to_attrs(),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let edit = FlakeEdit::SetUrl { input: input.clone(), url };
        let edited = match apply(flake, &edit) {
            Ok(edited) => edited,
            Err(why) => return Ok(Err(format!("flake.nix has to be written by hand, as {why}: {}", edit.by_hand()))),
        };
        let lock = corrected.lock.with_original(&corrected.lock.resolve(input)?, asked)?;
        let assignment = self.clones.assignment(lock).with_flake(edited.clone());
        let change = format!("{}, and write it into flake.nix", correction.action.words(&str::to_owned));
        let question = Question {
            purpose: Purpose { words: change.clone(), commit: None },
            subject: Subject::Corrected { change },
            assignment: &assignment,
            mode: self.failing.mode,
            round: Round::Run,
            remaining: None,
        };
        Ok(match prove(prober, self.settings, &question)? {
            Proven::Good(_, Proof::Own { .. }) => {
                Ok(Corrected { lock: prober.as_locked(&assignment), flake: Some(edited) })
            }
            Proven::Good(_, Proof::Fast { why }) | Proven::Not(_, why) => Err(why),
        })
    }
}

//! What nixpkgs refuses, allowed: by the variables that it names itself, in the environment of the user's own command.
//!
//! Edits no code: a setting that is nothing but code is told, and not tried.

use nix_culprit_core::correct::{Action, Correction, Failed, Grounds, Permission, Refusal, Step, Untried};
use nix_culprit_core::event::Purpose;
use nix_culprit_core::report::model::Subject;

use super::super::CaseError;
use super::super::error::outcome_words;
use super::super::other_nix::Other;
use super::super::prober::{Prober, Question, Round};
use super::super::settings::Root;
use super::proof::{Own, by_own_command, with};
use super::{Attempt, Work, Works};

impl Work<'_> {
    /// Tries to allow a package; what is refused behind it is allowed too, as long as that is something else.
    pub(super) fn allow(&mut self, prober: &mut Prober<'_>, refusal: &Refusal) -> Result<Attempt, CaseError> {
        let Grounds::Lacks(first) = refusal.grounds else {
            let why = match refusal.setting() {
                Some(setting) => format!("that takes code, where nixpkgs is imported: config.{setting}"),
                None => "nixpkgs names no setting that allows it".to_owned(),
            };
            return Ok(Attempt::Untried(Untried { what: format!("allow {}", refusal.package), why }));
        };
        let mut given = vec![first];
        let mut refused = vec![refusal.clone()];
        loop {
            let variables = variables(&given);
            let what = format!("allow it: {variables}");
            if !self.settings.script.is_empty() {
                let why = "your own check has the environment that it has".to_owned();
                return Ok(Attempt::Untried(Untried { what, why }));
            }
            let (observation, proof) = match self.with_allowed(prober, &given)? {
                Own::Good(observation, proof) => (observation, proof),
                Own::Silent(why) => return Ok(Attempt::Untried(Untried { what, why })),
                Own::Not(observation) => match Refusal::of(&observation.outcome) {
                    Some(Refusal { package, grounds: Grounds::Lacks(next) }) if !given.contains(&next) => {
                        given.push(next);
                        refused.push(Refusal { package, grounds: Grounds::Lacks(next) });
                        continue;
                    }
                    Some(_) | None => {
                        let words = outcome_words(&observation.outcome);
                        let why = format!("by the user's own command it ends in: {words}");
                        return Ok(Attempt::Fails(Failed { what, why, observation: Some(observation) }));
                    }
                },
            };
            let impure = match self.settings.root {
                Root::Flake => ", and with --impure",
                Root::File { .. } => "",
            };
            let proof = with(proof, &variables, &self.settings.root);
            let now = Step::Do { what: format!("Run your commands with {variables} in the environment{impure}.") };
            let steps = std::iter::once(now).chain(refused.iter().filter_map(for_good)).collect();
            let refused = refused.iter().map(|refusal| match &refusal.grounds {
                Grounds::Lacks(permission) => format!("{} was refused because {permission}.", refusal.package),
                Grounds::Problems(_) | Grounds::Other => format!("{} was refused.", refusal.package),
            });
            let notes = refused.chain(given.iter().map(|permission| permission.permits().to_owned()));
            let notes = notes.chain(["It repairs nothing but the evaluation.".to_owned()]).collect();
            let action = Action::Allow { setting: variables };
            let correction = Correction { action, steps, proof, observation, derivations: None, notes };
            return Ok(Attempt::Works(Box::new(Works { correction, lock: None })));
        }
    }

    /// Runs the user's own command on the failing state with these permissions.
    fn with_allowed(&mut self, prober: &mut Prober<'_>, given: &[Permission]) -> Result<Own, CaseError> {
        let assignment = self.clones.assignment(self.failing.lock.clone());
        let question = Question {
            purpose: Purpose { words: format!("bad end with {}", variables(given)), commit: None },
            subject: Subject::BadLock,
            assignment: &assignment,
            mode: self.failing.mode,
            round: Round::Run,
            remaining: None,
        };
        let mut other = (self.others)(&Other::Allowing(given.to_vec()))?;
        let (own, ran) = other.ask(prober, |other| by_own_command(other, self.settings, &question));
        self.elsewhere += ran;
        own
    }
}

fn variables(given: &[Permission]) -> String {
    given.iter().map(|permission| format!("{}=1", permission.variable())).collect::<Vec<_>>().join(" ")
}

/// Says what allows a package for good.
fn for_good(refusal: &Refusal) -> Option<Step> {
    let setting = refusal.setting()?;
    let what = format!("For good, and not tried: where nixpkgs is imported, config.{setting}");
    Some(Step::Do { what })
}

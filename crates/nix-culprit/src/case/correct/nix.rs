//! Another Nix as a correction: those that the user named or has, each asked for the failing state.

use std::fs;
use std::path::Path;

use nix_culprit_core::correct::{Action, Correction, Failed, NixAtHand, Step, Untried, word};
use nix_culprit_core::event::{Event, Purpose};
use nix_culprit_core::report::model::Subject;
use nix_culprit_core::text::with_causes;

use super::super::CaseError;
use super::super::other_nix::Other;
use super::super::prober::{Prober, Question, Round};
use super::super::settings::{Root, Settings};
use super::proof::{Proven, by, prove};
use super::{Attempt, Work, Works};
use crate::sys::interrupt::Interrupt;
use crate::sys::nix::{Installed, Nix};

/// Finds the other Nix programs: those that the user named, and one of each other version that is installed.
pub fn at_hand(
    prober: &mut Prober<'_>,
    settings: &Settings,
    own: &Nix,
    installed: &Installed,
    interrupt: &Interrupt,
) -> (Vec<NixAtHand>, Vec<NixAtHand>) {
    let real = |program: &Path| fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
    let mut programs = vec![real(&settings.nix)];
    let (mut named, mut found): (Vec<NixAtHand>, Vec<NixAtHand>) = Default::default();
    for program in settings.nix_good.iter().chain(&settings.other_nix) {
        if programs.contains(&real(program)) {
            continue;
        }
        programs.push(real(program));
        match Nix::detect(program, settings.system.as_deref(), interrupt) {
            Ok(nix) => named.push(NixAtHand { version: nix.version().to_string(), program: program.clone() }),
            Err(error) => {
                let text = format!("whether another Nix helps was not tried: {}", with_causes(&error));
                prober.tell(&Event::Warned { text });
            }
        }
    }
    for program in installed.list() {
        if programs.contains(&real(&program)) {
            continue;
        }
        // What lies about and is no Nix was not asked for.
        let Ok(nix) = Nix::detect(&program, settings.system.as_deref(), interrupt) else { continue };
        let version = nix.version().to_string();
        let is_known = named.iter().chain(&found).any(|known| known.version == version);
        if version != own.version().to_string() && !is_known {
            found.push(NixAtHand { version, program });
        }
    }
    (named, found)
}

impl Work<'_> {
    /// Has the failing state evaluated by another Nix.
    pub(super) fn nix(&mut self, prober: &mut Prober<'_>, nix: &NixAtHand) -> Result<Attempt, CaseError> {
        let NixAtHand { version, program } = nix;
        let shown = program.display().to_string();
        let action = Action::Nix { version: version.clone(), program: shown.clone() };
        let what = action.words(&str::to_owned);
        let untried = |why: String| Ok(Attempt::Untried(Untried { what: what.clone(), why }));
        if !self.settings.script.is_empty() {
            return untried("your own check runs the Nix that it runs".to_owned());
        }
        if prober.rule().is_some() {
            return untried("what two versions of Nix need cannot be compared".to_owned());
        }
        let mut other = match (self.others)(&Other::Program(program.clone())) {
            Ok(other) => other,
            Err(error) => return untried(with_causes(&error)),
        };
        let assignment = self.clones.assignment(self.failing.lock.clone());
        let question = Question {
            purpose: Purpose { words: format!("bad end with {version}"), commit: None },
            subject: Subject::BadLock,
            assignment: &assignment,
            mode: self.failing.mode,
            round: Round::Run,
            remaining: None,
        };
        let lacks_flakes = |other: &Prober<'_>| match self.settings.root {
            Root::Flake => other.lacks(question.mode).or_else(|| other.lacks(nix_culprit_core::event::Mode::Faithful)),
            Root::File { .. } => None,
        };
        prober.begin_needed();
        let (proven, ran) = other.ask(prober, |other| match lacks_flakes(other) {
            Some(why) => Ok(Err(why)),
            None => prove(other, self.settings, &question).map(Ok),
        });
        self.elsewhere += ran;
        let (observation, proof) = match proven {
            Ok(Ok(Proven::Good(observation, proof))) => (observation, by(proof, program)),
            Ok(Ok(Proven::Not(observation, why))) => {
                return Ok(Attempt::Fails(Failed { what, why, observation: Some(observation) }));
            }
            Ok(Err(why)) | Err(CaseError::NixUnusable { message: why }) => return untried(why),
            Err(error) => return Err(error),
        };
        let folder = program.parent().unwrap_or(program);
        let steps = vec![Step::Do {
            what: format!(
                "Run your commands with {}, or put {} first in PATH.",
                word(&shown),
                word(&folder.display().to_string())
            ),
        }];
        let notes = vec!["What one Nix needs of memory and time says nothing about what another one needs.".to_owned()];
        let correction = Correction { action, steps, proof, observation, derivations: None, notes };
        Ok(Attempt::Works(Box::new(Works { correction, lock: None })))
    }
}

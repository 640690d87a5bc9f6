//! What a correction comes to by the user's own command, which has the last word.

use nix_culprit_core::correct::Proof;
use nix_culprit_core::event::Mode;
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::report::model::Inputs;

use super::super::CaseError;
use super::super::conclusion::own_command;
use super::super::error::outcome_words;
use super::super::prober::{Prober, Question, Round, is_from_outside};
use super::super::settings::{Confirmation, Settings};

/// What is known of an assignment that should be good.
pub(super) enum Proven {
    /// It is.
    Good(Observation, Proof),
    /// It is not, and this was seen.
    Not(Observation, String),
}

/// Runs an assignment by the user's own command: without fetching where that can be had, and else, or where it does
/// not succeed in that way, as the user would. Where there is no such command, or it can tell nothing, a fast probe
/// stands for it.
pub(super) fn prove(
    prober: &mut Prober<'_>,
    settings: &Settings,
    question: &Question<'_>,
) -> Result<Proven, CaseError> {
    let own = |mode| Question { mode, round: Round::Confirmation, ..question.clone() };
    let why = match (prober.lacks(Mode::Faithful), settings.confirmation) {
        (Some(why), _) => Some(why),
        (None, Confirmation::Unwanted) => Some("you asked to leave it out".to_owned()),
        (None, Confirmation::Wanted) => None,
    };
    if let Some(why) = why {
        return fast(prober, question, why);
    }
    if prober.own_mode(question.assignment) == Mode::Pure {
        let (observation, verdict) = prober.probe(own(Mode::Pure))?;
        if verdict == Verdict::Good {
            return Ok(good(prober, settings, observation, Inputs::AtStorePaths));
        }
    }
    let (observation, verdict) = prober.probe(own(Mode::Faithful))?;
    if verdict == Verdict::Good {
        return Ok(good(prober, settings, observation, Inputs::Fetched));
    }
    let words = outcome_words(&observation.outcome);
    if is_from_outside(observation.outcome.class) || observation.outcome.may_come_from_outside() {
        return fast(prober, question, format!("it ended in {words}"));
    }
    Ok(Proven::Not(observation, format!("by the user's own command it ends in: {words}")))
}

fn fast(prober: &mut Prober<'_>, question: &Question<'_>, why: String) -> Result<Proven, CaseError> {
    let (observation, verdict) = prober.probe(Question { round: Round::Run, ..question.clone() })?;
    Ok(match verdict {
        Verdict::Good => Proven::Good(observation, Proof::Fast { why }),
        Verdict::Bad | Verdict::Skip(_) => {
            let words = outcome_words(&observation.outcome);
            Proven::Not(observation, words)
        }
    })
}

fn good(prober: &Prober<'_>, settings: &Settings, observation: Observation, inputs: Inputs) -> Proven {
    let command = if settings.script.is_empty() {
        own_command(&settings.root, prober.target())
    } else {
        settings.script.join(" ")
    };
    Proven::Good(observation, Proof::Own { command, inputs })
}

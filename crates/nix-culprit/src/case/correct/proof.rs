//! What a correction comes to by the user's own command, which has the last word.

use std::path::Path;

use nix_culprit_core::correct::{Proof, word};
use nix_culprit_core::event::Mode;
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::report::model::Inputs;

use super::super::CaseError;
use super::super::conclusion::own_command;
use super::super::error::outcome_words;
use super::super::prober::{Prober, Question, Round, is_from_outside, needs_fetching};
use super::super::settings::{Confirmation, Root, Settings};

/// What is known of an assignment that should be good.
pub(super) enum Proven {
    /// It is.
    Good(Observation, Proof),
    /// It is not, and this was seen.
    Not(Observation, String),
}

/// What the user's own command says of an assignment.
pub(super) enum Own {
    /// It succeeded, with this command and its inputs come by in this way.
    Good(Observation, Proof),
    /// It did not, for the code's sake.
    Not(Observation),
    /// It can tell nothing, for this reason.
    Silent(String),
}

/// Runs an assignment by the user's own command. Where there is no such command, or it can tell nothing, a fast probe
/// stands for it.
pub(super) fn prove(
    prober: &mut Prober<'_>,
    settings: &Settings,
    question: &Question<'_>,
) -> Result<Proven, CaseError> {
    Ok(match by_own_command(prober, settings, question)? {
        Own::Good(observation, proof) => Proven::Good(observation, proof),
        Own::Not(observation) => {
            let words = outcome_words(&observation.outcome);
            Proven::Not(observation, format!("by the user's own command it ends in: {words}"))
        }
        Own::Silent(why) => {
            let (observation, verdict) = prober.probe(Question { round: Round::Run, ..question.clone() })?;
            match verdict {
                Verdict::Good => Proven::Good(observation, Proof::Fast { why }),
                Verdict::Bad | Verdict::Skip(_) => {
                    let words = outcome_words(&observation.outcome);
                    Proven::Not(observation, words)
                }
            }
        }
    })
}

/// Runs an assignment by the user's own command: without fetching where that can be had, and else, or where the
/// failure may come from that, as the user would.
pub(super) fn by_own_command(
    prober: &mut Prober<'_>,
    settings: &Settings,
    question: &Question<'_>,
) -> Result<Own, CaseError> {
    let own = |mode| Question { mode, round: Round::Confirmation, ..question.clone() };
    match (prober.lacks(Mode::Faithful), settings.confirmation) {
        (Some(why), _) => return Ok(Own::Silent(why)),
        (None, Confirmation::Unwanted) => return Ok(Own::Silent("you asked to leave it out".to_owned())),
        (None, Confirmation::Wanted) => {}
    }
    if prober.own_mode(question.assignment) == Mode::Pure {
        let (observation, verdict) = prober.probe(own(Mode::Pure))?;
        if verdict == Verdict::Good {
            return Ok(good(prober, settings, observation, Inputs::AtStorePaths));
        }
        if !needs_fetching(observation.outcome.class) && !observation.outcome.may_come_from_outside() {
            return Ok(Own::Not(observation));
        }
    }
    let (observation, verdict) = prober.probe(own(Mode::Faithful))?;
    if verdict == Verdict::Good {
        return Ok(good(prober, settings, observation, Inputs::Fetched));
    }
    if is_from_outside(observation.outcome.class) || observation.outcome.may_come_from_outside() {
        return Ok(Own::Silent(format!("it ended in {}", outcome_words(&observation.outcome))));
    }
    Ok(Own::Not(observation))
}

/// Names the program in the command of a proof that another Nix gave.
pub(super) fn by(proof: Proof, program: &Path) -> Proof {
    let beside = |name: &str| word(&program.with_file_name(name).display().to_string());
    match proof {
        Proof::Own { command, inputs } => {
            let command = match command.strip_prefix("nix-instantiate ") {
                Some(rest) => format!("{} {rest}", beside("nix-instantiate")),
                None => format!("{} {}", word(&program.display().to_string()), command.trim_start_matches("nix ")),
            };
            Proof::Own { command, inputs }
        }
        Proof::Fast { why } => Proof::Fast { why },
    }
}

/// Names in the command of a proof the variables that it was given.
pub(super) fn with(proof: Proof, variables: &str, root: &Root) -> Proof {
    match proof {
        Proof::Own { command, inputs } => {
            let command = match root {
                Root::Flake => command.replacen("nix eval ", "nix eval --impure ", 1),
                Root::File { .. } => command,
            };
            Proof::Own { command: format!("{variables} {command}"), inputs }
        }
        Proof::Fast { why } => Proof::Fast { why },
    }
}

fn good(prober: &Prober<'_>, settings: &Settings, observation: Observation, inputs: Inputs) -> Own {
    let command = if settings.script.is_empty() {
        own_command(&settings.root, prober.target())
    } else {
        settings.script.join(" ")
    };
    Own::Good(observation, Proof::Own { command, inputs })
}

//! Corrections, tried: each with the user's own target, under the budget, and those that work once more by the user's
//! own command.
//!
//! Owns the loop and when it ends. Which corrections there are and which is best is the core's part. The user's flake
//! is never written to, unless they ask for it: then `change` does.

mod allow;
mod change;
mod closing;
mod derivations;
mod edge;
mod nix;
mod pin;
mod proof;
mod pull_requests;
mod revert;
mod revision;
mod upcoming;

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use nix_culprit_core::correct::{Action, Candidate, Correction, Corrections, Facts, Failed, Untried, candidates, rank};
use nix_culprit_core::event::{Event, Mode};
use nix_culprit_core::flake::{Input, Lock};
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::quantity::show_duration;
use nix_culprit_core::text::with_causes;

pub use change::{ChangeError, FileChange, FileChanges, uncommitted};
pub use closing::{Closed, Closing, close};

use super::CaseError;
use super::clones::Clones;
use super::ends::Ends;
use super::evaluator::EvaluatorError;
use super::other_nix::MakeOther;
use super::prober::{Allowance, Prober};
use super::settings::{Correcting, Settings};
use crate::sys::git::Git;

/// The state that fails.
#[derive(Debug, Clone)]
pub struct Failing {
    /// Its lock.
    pub lock: Lock,
    /// The lock of the good end, if one was seen.
    pub good: Option<Lock>,
    /// In which way probes have to ask.
    pub mode: Mode,
}

impl Failing {
    /// Takes the bad end, beside the good one.
    #[must_use]
    pub fn of(ends: &Ends) -> Self {
        Self { lock: ends.bad.state.lock.clone(), good: Some(ends.good.state.lock.clone()), mode: ends.mode }
    }

    /// Returns the inputs that are nodes of their own, those nearest to the root first.
    #[must_use]
    pub fn inputs(&self) -> Vec<InputPath> {
        let mut inputs: Vec<InputPath> = self.lock.paths().into_values().filter(|input| !input.0.is_empty()).collect();
        inputs.sort_by(|one, two| one.0.len().cmp(&two.0.len()).then_with(|| one.cmp(two)));
        inputs
    }

    /// Tells whether an input is a node of its own, and not what another one is.
    #[must_use]
    pub fn has_own(&self, input: &InputPath) -> bool {
        let Some((name, above)) = input.0.split_last() else { return false };
        let above = self.lock.resolve(&InputPath(above.to_vec()));
        let node = above.ok().and_then(|key| self.lock.node(&key).ok()?.inputs.get(name));
        matches!(node, Some(Input::Node(_)))
    }
}

/// What corrections are tried with.
pub struct Work<'a> {
    /// What the user asked for.
    pub settings: &'a Settings,
    /// Where histories are.
    pub clones: &'a mut Clones,
    /// The user's git.
    pub git: Git,
    /// The folder of the case.
    pub folder: &'a Path,
    /// What fails.
    pub failing: &'a Failing,
    /// The text of the flake's flake.nix, if it has one.
    pub flake: Option<&'a str>,
    /// What the probes of a search may use.
    pub allowed: Allowance,
    /// How long the bad end takes to fail.
    pub fails_after: Duration,
    /// Makes evaluators that are not the case's own.
    pub others: &'a MakeOther<'a>,
    /// How many evaluations those made.
    pub elsewhere: usize,
    /// When nothing new is begun any more, and how long that was from the beginning.
    pub until: Option<(Instant, Duration)>,
}

/// What a correction makes of the flake's own files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrected {
    /// The lock, as Nix would write it.
    pub lock: Lock,
    /// The text of flake.nix, where it is another one, too.
    pub flake: Option<String>,
}

/// A correction that works, and the files that have it, if it is in files of the flake.
#[derive(Debug)]
pub struct Works {
    /// The correction.
    pub correction: Correction,
    /// The files.
    pub lock: Option<Corrected>,
}

/// All that came of it.
#[derive(Debug)]
pub struct Tried {
    /// What is told.
    pub corrections: Corrections,
    /// For each that works the files that have it, if it is in files of the flake.
    pub locks: Vec<Option<Corrected>>,
    /// The error that ended it before its end, if one did.
    pub ended: Option<CaseError>,
}

/// What came of one candidate.
enum Attempt {
    Works(Box<Works>),
    Fails(Failed),
    Untried(Untried),
}

/// Tries what may help, and returns what came of it.
pub fn correct(prober: &mut Prober<'_>, work: &mut Work<'_>, facts: &Facts) -> Tried {
    let (began, before) = (Instant::now(), prober.records().len());
    let mut corrections = Corrections::default();
    let mut ended = None;
    let mut works: Vec<Works> = Vec::new();
    let mut left: VecDeque<Candidate> = candidates(facts).into();
    work.foresee(prober, left.iter().skip(1));
    while let Some(candidate) = left.pop_front() {
        let what = candidate.words();
        if let Some(why) = work.is_left_out(&ended) {
            corrections.untried.push(Untried { what, why });
            continue;
        }
        prober.allow(prober.whole());
        if let Candidate::PullRequests(input) = &candidate {
            // Who is helped by the branch that the input follows needs none.
            let is_helped =
                |one: &Works| matches!(&one.correction.action, Action::Forward { input: moved, .. } if moved == input);
            if works.iter().any(is_helped) {
                continue;
            }
            match work.pull_requests(prober, input, facts) {
                Ok((heads, untried)) => {
                    heads.into_iter().rev().for_each(|head| left.push_front(head));
                    corrections.untried.extend(untried);
                }
                Err(error) => {
                    let why = with_causes(&error);
                    corrections.untried.push(Untried { what, why });
                    ended = ends_all(&error).then_some(error);
                }
            }
            continue;
        }
        match work.attempt(prober, &candidate, facts) {
            Ok(Attempt::Works(one)) => {
                if works.is_empty() {
                    work.foresee_derivations(prober);
                }
                works.push(*one);
            }
            Ok(Attempt::Fails(failed)) => corrections.failed.push(failed),
            Ok(Attempt::Untried(untried)) => corrections.untried.push(untried),
            Err(error) if ends_all(&error) => {
                corrections.untried.push(Untried { what, why: error.to_string() });
                ended = Some(error);
            }
            Err(error) => corrections.untried.push(Untried { what, why: with_causes(&error) }),
        }
    }
    prober.allow(prober.whole());
    if let Some(error) = work.is_left_out(&ended).and_then(|_| prober.end_ahead().err()) {
        ended = ended.or(Some(error));
    }
    let counted = match work.is_left_out(&ended) {
        Some(_) => Ok(()),
        None => derivations::count(prober, work, &mut works),
    };
    ended = ended.or(counted.err().filter(ends_all));
    rank(&mut works, |one| &one.correction, facts.keep.first().map(|keeping| &keeping.input));
    let ran = prober.records()[before..].iter().filter(|record| record.settled_by.is_none() && !record.remembered);
    corrections.evaluations = ran.count() + work.elsewhere;
    corrections.wall = began.elapsed();
    let locks;
    (corrections.works, locks) = works.into_iter().map(|one| (one.correction, one.lock)).unzip();
    Tried { corrections, locks, ended }
}

impl Work<'_> {
    /// Says why a candidate is not tried at all, if it is not.
    fn is_left_out(&self, ended: &Option<CaseError>) -> Option<String> {
        if let Some(error) = ended {
            return Some(error.to_string());
        }
        let (until, limit) = self.until?;
        (Instant::now() >= until).then(|| format!("the {} for corrections were over", show_duration(limit)))
    }

    /// Returns how much time is left, if that is bounded.
    fn left(&self) -> Option<Duration> {
        self.until.map(|(until, _)| until.saturating_duration_since(Instant::now()))
    }

    /// Returns what a probe may use that most probably fails: all where everything is tried.
    fn allowed_for_failures(&self, prober: &Prober<'_>) -> Allowance {
        if self.is_thorough() { prober.whole() } else { self.allowed }
    }

    /// Tells whether all is tried, however long it takes.
    fn is_thorough(&self) -> bool {
        self.settings.correcting == Correcting::All
    }

    fn attempt(&mut self, prober: &mut Prober<'_>, candidate: &Candidate, facts: &Facts) -> Result<Attempt, CaseError> {
        prober.tell(&Event::Correcting { what: candidate.words() });
        match candidate {
            Candidate::Keep(keeping) => self.keep(prober, keeping),
            Candidate::Revert { input, commit } => self.revert(prober, input, commit),
            Candidate::Forward(input) => self.forward(prober, input, facts.owners.contains(input)),
            Candidate::Nix(nix) => self.nix(prober, nix),
            Candidate::Allow(refusal) => self.allow(prober, refusal),
            Candidate::Own(input) => self.own(prober, input),
            Candidate::Follow(edge) => self.follow(prober, edge),
            Candidate::Apart { keeping, from } => self.apart(prober, keeping, from),
            Candidate::PullRequest(head) => self.pull_request(prober, head),
            // They are looked up before.
            Candidate::PullRequests(input) => Ok(Attempt::Untried(Untried {
                what: candidate.words(),
                why: format!("the pull requests of {input} are not known"),
            })),
        }
    }
}

/// Tells whether nothing more can be tried after an error.
fn ends_all(error: &CaseError) -> bool {
    let on_this_machine = matches!(
        error,
        CaseError::Journal(_)
            | CaseError::Store(_)
            | CaseError::NixUnusable { .. }
            | CaseError::Script(_)
            | CaseError::Evaluator(EvaluatorError::DiskFull(_))
    );
    on_this_machine || error.is_stop()
}

#[cfg(test)]
mod tests;

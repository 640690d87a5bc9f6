//! Whether a candidate still fails in the same way: by the criterion, and what runs away in the same loop.
//!
//! The loop is asked for first: Nix is made to end at a small depth of calls, which is quick and needs little memory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nix_culprit_core::event::Mode;
use nix_culprit_core::explain::without_version;
use nix_culprit_core::flake::Lock;
use nix_culprit_core::outcome::{Class, Criterion, Observation, Verdict};
use nix_culprit_core::profile::Cycle;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::reduce::{Candidate, Project};

use super::super::CaseError;
use super::super::assignment::Assignment;
use super::super::clones::Clones;
use super::super::error::outcome_words;
use super::super::evaluator::Target;
use super::outcome::Same;
use super::slot::Slot;

/// The limits of the call depth at which the loop is looked for, quickest first.
const DEPTHS: [u32; 4] = [300, 600, 1000, 2500];

/// What has to be the same besides the outcome.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sought {
    /// Nothing.
    Nothing,
    /// The loop, as it is on the stack at a depth of calls; at the end that Nix comes to by itself where there is none.
    Loop { cycle: Cycle, depth: Option<u32> },
    /// The loop ought to be, but it is not known.
    Unknown { why: &'static str },
}

/// What came of a candidate.
#[derive(Debug)]
pub(super) enum Answer {
    /// It fails in the same way.
    Fails(Box<Observation>),
    /// It does not; what it does in words.
    Otherwise(String),
    /// Somebody asked to stop.
    Stopped,
}

/// What one evaluation of a candidate needs besides its folder.
pub(super) struct Oracle<'a> {
    pub(super) clones: &'a Clones,
    /// Where the flake's lock is in the project.
    pub(super) lock_path: &'a Path,
    pub(super) target: Target,
    pub(super) mode: Mode,
    pub(super) memory: Bytes,
    pub(super) criterion: Criterion,
    pub(super) sought: Sought,
}

impl Oracle<'_> {
    /// Evaluates a project that is called so; none where its lock is none any more.
    pub(super) fn evaluate(
        &self,
        slot: &mut Slot,
        words: &str,
        project: &Project,
    ) -> Result<Option<Observation>, CaseError> {
        let Some(assignment) = self.assignment(project) else { return Ok(None) };
        slot.evaluate(words, project, &assignment, self.mode, (&self.target, self.memory)).map(Some)
    }

    /// Evaluates a project in the fast way, and returns the files that this opens, if that is known.
    pub(super) fn opened(&self, slot: &mut Slot, project: &Project) -> Result<Option<BTreeSet<PathBuf>>, CaseError> {
        let Some(assignment) = self.assignment(project) else { return Ok(None) };
        match slot.opened(project, &assignment, (&self.target, self.memory))? {
            (seen, _) if seen.outcome.class == Class::Interrupted => Err(CaseError::Stopped),
            (_, files) => Ok(files),
        }
    }

    fn assignment(&self, project: &Project) -> Option<Assignment> {
        let lock = project.text(self.lock_path).and_then(|text| Lock::parse(text).ok());
        lock.filter(|lock| lock.inputs_table().is_ok()).map(|lock| self.clones.assignment(lock))
    }

    /// Finds the loop of a project that fails, if it is one that has to have one.
    pub(super) fn seek(&mut self, slot: &mut Slot, project: &Project, seen: &Observation) -> Result<(), CaseError> {
        let class = seen.outcome.class;
        if !class.is_runaway() || self.mode != Mode::Faithful || !matches!(self.criterion, Criterion::SameSignature(_))
        {
            return Ok(());
        }
        let ends_by_itself = class == Class::InfiniteRecursion;
        if !ends_by_itself && !slot.limits_call_depth() {
            self.sought = Sought::Unknown { why: "this Nix cannot limit the depth of calls" };
            return Ok(());
        }
        self.sought = Sought::Unknown { why: "no derivations repeat each other on the stack" };
        let depths = if ends_by_itself { vec![None] } else { DEPTHS.map(Some).to_vec() };
        for depth in depths {
            let Some(assignment) = self.assignment(project) else { break };
            let (seen, cycle) =
                slot.traced("the loop of the whole flake", project, &assignment, (&self.target, self.memory), depth)?;
            match seen.outcome.class {
                Class::Interrupted => return Err(CaseError::Stopped),
                Class::CallDepth | Class::InfiniteRecursion => {}
                _ => break,
            }
            if let Some(cycle) = cycle {
                self.sought = Sought::Loop { cycle: without_versions(cycle), depth };
                break;
            }
        }
        Ok(())
    }

    /// Returns what besides the outcome is the same in all that is taken.
    pub(super) fn same(&self) -> Same {
        match &self.sought {
            Sought::Nothing => Same::Outcome,
            Sought::Loop { cycle, .. } => Same::Loop(loop_words(cycle)),
            Sought::Unknown { why } => Same::Unknown { why: (*why).to_owned() },
        }
    }

    /// Tells whether a candidate that is called so fails in the same way.
    pub(super) fn ask(&self, slot: &mut Slot, words: &str, project: &Project) -> Result<Answer, CaseError> {
        let Some(assignment) = self.assignment(project) else {
            return Ok(Answer::Otherwise("a lock that cannot be read".to_owned()));
        };
        if let Sought::Loop { cycle, depth } = &self.sought {
            let (seen, found) = slot.traced(words, project, &assignment, (&self.target, self.memory), *depth)?;
            match (seen.outcome.class, found) {
                (Class::Interrupted | Class::NixUnusable, _) => return self.judged(seen),
                (_, Some(found)) if without_versions(found.clone()).is_same_loop(cycle) => {}
                (_, Some(found)) => return Ok(Answer::Otherwise(format!("another loop: {}", loop_words(&found)))),
                (_, None) => {
                    return Ok(Answer::Otherwise(format!("{}, without the loop", outcome_words(&seen.outcome))));
                }
            }
            if depth.is_none() {
                return self.judged(seen);
            }
        }
        let seen = slot.evaluate(words, project, &assignment, self.mode, (&self.target, self.memory))?;
        self.judged(seen)
    }

    fn judged(&self, seen: Observation) -> Result<Answer, CaseError> {
        match seen.outcome.class {
            Class::Interrupted => return Ok(Answer::Stopped),
            Class::NixUnusable => return Err(CaseError::NixUnusable { message: outcome_words(&seen.outcome) }),
            _ => {}
        }
        Ok(match self.criterion.verdict(&seen, &[]).map_err(CaseError::Script)? {
            Verdict::Bad => Answer::Fails(Box::new(seen)),
            Verdict::Good | Verdict::Skip(_) => Answer::Otherwise(outcome_words(&seen.outcome)),
        })
    }

    /// Asks for as many candidates as there are slots, at the same time.
    pub(super) fn ask_all(&self, slots: &mut [Slot], candidates: &[Candidate]) -> Vec<Result<Answer, CaseError>> {
        std::thread::scope(|scope| {
            let running: Vec<_> = slots
                .iter_mut()
                .zip(candidates)
                .map(|(slot, candidate)| {
                    let words = format!("without {}", candidate.pass.words());
                    scope.spawn(move || self.ask(slot, &words, &candidate.project))
                })
                .collect();
            running.into_iter().map(|thread| thread.join().expect("an evaluation does not panic")).collect()
        })
    }
}

/// The versions of what the project makes itself may go.
fn without_versions(mut cycle: Cycle) -> Cycle {
    for step in &mut cycle.turn {
        step.name = without_version(&step.name).to_owned();
    }
    cycle
}

/// Shows a loop: `flit-core -> setuptools -> wheel -> flit-core`.
pub(super) fn loop_words(cycle: &Cycle) -> String {
    let cycle = without_versions(cycle.clone()).rotated();
    let names: Vec<&str> = cycle.names().chain(cycle.names().take(1)).collect();
    nix_culprit_core::text::printable(&names.join(" -> "))
}

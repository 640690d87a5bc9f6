//! The reductions of a case, one after the other: of the project, of it with its inputs, and with other names.

use std::time::{Duration, Instant};

use nix_culprit_core::event::{Event, EventSink, Purpose};
use nix_culprit_core::flake::{AttrPath, Lock};
use nix_culprit_core::outcome::Outcome;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::reduce::{Pass, Project, Reducer, Tried};

use super::super::CaseError;
use super::LEFT;
use super::anonymise::{Anonymised, anonymise};
use super::answers::Answers;
use super::oracle::{Answer, Oracle};
use super::outcome::{Ended, Trust};
use super::slot::Slot;
use super::trust::trusted;
use super::vendor::{self, Attempt, Origin};
use crate::sys::git::Git;

/// Where candidates are tried, and what came of them.
pub(super) struct Bench {
    pub(super) slots: Vec<Slot>,
    pub(super) answers: Answers,
    /// How many are tried, if that is bounded.
    pub(super) most: Option<usize>,
    /// How many were tried.
    pub(super) tried: usize,
    /// How long each reduction may take.
    pub(super) time: Duration,
    /// What a candidate may use.
    pub(super) less: Bytes,
    /// What the result may use.
    pub(super) full: Bytes,
    /// The attribute path that is evaluated, without what belongs to any derivation.
    pub(super) names: Vec<String>,
}

/// What is left of a project.
pub(super) struct Left {
    pub(super) project: Project,
    pub(super) trust: Trust,
    pub(super) ended: Ended,
}

/// What is told of the result, as it comes together.
pub(super) struct Told {
    /// Files and bytes of what is reduced.
    pub(super) before: (usize, usize),
    pub(super) attr: AttrPath,
    pub(super) outcome: Outcome,
    pub(super) origins: Vec<Origin>,
    pub(super) anonymised: Option<Anonymised>,
    pub(super) notes: Vec<String>,
}

impl Bench {
    /// Reduces a project, with less memory for each candidate than for what is left, which is run once more.
    pub(super) fn reduced(
        &mut self,
        oracle: &mut Oracle<'_>,
        project: &Project,
        until: Instant,
        sink: &mut dyn EventSink,
    ) -> Result<Left, CaseError> {
        oracle.memory = self.less;
        let (reducer, mut ended) = self.shrink(oracle, project, until, sink)?;
        oracle.memory = self.full;
        let (project, trust) = self.settled(oracle, &reducer, &mut ended, sink)?;
        Ok(Left { project, trust, ended })
    }

    /// Puts the inputs into what is left, where it stands alone then, and reduces all of that.
    pub(super) fn put_inputs_in(
        &mut self,
        oracle: &mut Oracle<'_>,
        git: &Git,
        left: &mut Left,
        told: &mut Told,
        sink: &mut dyn EventSink,
    ) -> Result<(), CaseError> {
        if left.ended != Ended::Stopped {
            oracle.memory = self.less;
            let attempt = vendor::stand_alone(&mut self.slots[0], oracle, git, &left.project)?;
            oracle.memory = self.full;
            match attempt {
                Attempt::Stopped => left.ended = Ended::Stopped,
                Attempt::Not(why) => told.notes.push(format!("its inputs are not in it: {why}")),
                Attempt::Stands(with_inputs, origins) => {
                    let text =
                        format!("its inputs are in it now, {} bytes; all of that is reduced", with_inputs.size());
                    sink.tell(&Event::Warned { text });
                    told.before = (with_inputs.files().count(), with_inputs.size());
                    let project = with_inputs.evaluated_at(&self.names);
                    *left = self.reduced(oracle, &project, Instant::now() + self.time, sink)?;
                    let is_left =
                        |origin: &Origin| left.project.files().any(|(path, _)| path.starts_with(&origin.folder));
                    told.origins = origins.into_iter().filter(is_left).collect();
                }
            }
        }
        if left.ended == Ended::Stopped && told.origins.is_empty() {
            told.notes.push("its inputs are not in it: it was stopped".to_owned());
        }
        Ok(())
    }

    /// Puts other names in the places of private ones, and runs that once more.
    pub(super) fn replace_names(
        &mut self,
        oracle: &mut Oracle<'_>,
        git: &Git,
        bad: &Lock,
        left: &mut Left,
        told: &mut Told,
    ) -> Result<(), CaseError> {
        if left.ended != Ended::Stopped {
            oracle.memory = self.less;
            let until = Instant::now() + self.time;
            let renamed = anonymise(&mut self.slots[0], oracle, git, (&left.project, bad), &told.outcome, until);
            oracle.memory = self.full;
            match renamed {
                Err(CaseError::Stopped) => left.ended = Ended::Stopped,
                Err(error) => return Err(error),
                Ok(renamed) => {
                    let origins = std::mem::take(&mut told.origins).into_iter();
                    told.origins = origins.map(|origin| origin.anonymous(|text| renamed.in_text(text))).collect();
                    (oracle.target, oracle.criterion) = (renamed.target.clone(), renamed.criterion);
                    (told.attr, told.outcome) = (renamed.target.attr(), renamed.outcome);
                    told.anonymised = Some(renamed.anonymised);
                    (left.project, left.trust) =
                        last_run(&mut self.slots[0], oracle, &[renamed.project], &mut left.ended)?;
                }
            }
        }
        if told.anonymised.is_none() {
            told.notes.push("names were not replaced: it was stopped".to_owned());
        }
        Ok(())
    }

    /// Tries smaller projects until no single piece can go, the time is over, or somebody asks to stop.
    fn shrink(
        &mut self,
        oracle: &Oracle<'_>,
        whole: &Project,
        until: Instant,
        sink: &mut dyn EventSink,
    ) -> Result<(Reducer, Ended), CaseError> {
        let mut reducer = Reducer::new(whole.clone(), &Pass::ORDER);
        self.answers.kept().iter().for_each(|(digest, tried)| reducer.record(*digest, *tried));
        loop {
            if Instant::now() >= until {
                return Ok((reducer, Ended::Time));
            }
            if self.most.is_some_and(|most| self.tried >= most) {
                return Ok((reducer, Ended::Candidates));
            }
            let candidates = reducer.candidates(self.slots.len());
            let Some(first) = candidates.first() else { return Ok((reducer, Ended::Smallest)) };
            sink.tell(&Event::Reducing {
                what: first.pass.words().to_owned(),
                size: reducer.smallest().size(),
                from: whole.size(),
                tried: self.tried,
                left: until.saturating_duration_since(Instant::now()),
            });
            let mut stopped = false;
            for (candidate, answer) in candidates.iter().zip(oracle.ask_all(&mut self.slots, &candidates)) {
                let tried = match answer? {
                    Answer::Fails(_) => Tried::Fails,
                    Answer::Otherwise(_) => Tried::Otherwise,
                    Answer::Stopped => {
                        stopped = true;
                        continue;
                    }
                };
                self.tried += 1;
                reducer.record(candidate.digest, tried);
                self.answers.keep(candidate.digest, tried)?;
            }
            if stopped {
                return Ok((reducer, Ended::Stopped));
            }
        }
    }

    /// Returns what a reduction came to, and how well that is known.
    fn settled(
        &mut self,
        oracle: &Oracle<'_>,
        reducer: &Reducer,
        ended: &mut Ended,
        sink: &mut dyn EventSink,
    ) -> Result<(Project, Trust), CaseError> {
        let (key, purpose) = (LEFT.to_owned(), Purpose { words: LEFT.to_owned(), commit: None });
        sink.tell(&Event::ProbeStarted { key, purpose, mode: oracle.mode, remaining: None });
        match *ended {
            Ended::Stopped => Ok((reducer.smallest().laid_out(), not_run())),
            Ended::Smallest | Ended::Time | Ended::Candidates => {
                last_run(&mut self.slots[0], oracle, reducer.steps(), ended)
            }
        }
    }
}

/// Runs the smallest of the steps once more; one that somebody stops is kept, not run.
fn last_run(
    slot: &mut Slot,
    oracle: &Oracle<'_>,
    steps: &[Project],
    ended: &mut Ended,
) -> Result<(Project, Trust), CaseError> {
    match trusted(slot, oracle, steps) {
        Err(CaseError::Stopped) => {
            *ended = Ended::Stopped;
            Ok((steps[steps.len() - 1].laid_out(), not_run()))
        }
        run => run,
    }
}

fn not_run() -> Trust {
    Trust::NotRun { why: "it was stopped".to_owned() }
}

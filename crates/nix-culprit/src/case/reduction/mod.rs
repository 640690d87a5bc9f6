//! The reduction of a failing project to the smallest one that still fails in the same way.
//!
//! Owns the loop: what is tried, under which budget, and when it ends. The core says which candidates there are; the
//! user's flake is never written to.

mod anonymise;
mod answers;
mod history;
mod opened;
mod oracle;
mod outcome;
mod slot;
mod trust;
mod vendor;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix_culprit_core::event::{Event, EventSink, Mode, Purpose};
use nix_culprit_core::flake::{AttrPath, Candidate as Place, Lock};
use nix_culprit_core::outcome::{Class, Criterion, Observation, Outcome, Signature, Verdict};
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::reduce::{Pass, Project, Reducer, Tried};
use nix_culprit_core::text::with_causes;

use super::CaseError;
use super::clones::Clones;
use super::error::outcome_words;
use super::evaluator::{Target, Yields};
use super::flake_copy::FlakeCopy;
use super::investigation::target;
use super::prober::is_from_outside;
use super::settings::Settings;
use super::states::States;
use super::store::CaseDir;
use super::surroundings::Surroundings;
use crate::sys::git::Git;
use crate::sys::nix::Nix;
use anonymise::anonymise;
use answers::Answers;
use oracle::{Answer, Oracle, Sought, loop_words};
use slot::Slot;
use trust::trusted;

pub use anonymise::Anonymised;
pub use history::{History, Restored};
pub use outcome::{Ended, Reduced, Same, Trust};
pub use vendor::Origin;

/// What a reduction may take, and where its result goes.
#[derive(Debug, Clone)]
pub struct Reduction {
    /// How long candidates are tried.
    pub time: Duration,
    /// How many candidates are tried, if that is bounded.
    pub candidates: Option<usize>,
    /// How many candidates are evaluated at the same time, at most; their budgets add up.
    pub jobs: usize,
    /// The new folder for the result.
    pub output: PathBuf,
    /// What becomes of the inputs.
    pub inputs: Inputs,
    /// What becomes of private names.
    pub names: Naming,
}

/// What becomes of the inputs of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inputs {
    /// Nix fetches them, as the lock has them.
    Fetched,
    /// Their files are in the result, and are reduced, too.
    Vendored,
}

/// What becomes of names in the result that none of the inputs knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// They stay.
    Own,
    /// Others take their places.
    Anonymous,
}

/// The case's file with what came of each candidate.
const ANSWERS: &str = "answers.jsonl";
/// What the smallest project is called.
const LEFT: &str = "what is left";
/// The budget of a candidate is at least this.
const LEAST: Bytes = Bytes(128 << 20);

/// Reduces the flake as it is, with the lock of its working tree.
///
/// # Errors
/// When it does not fail, or could not be looked at.
pub fn reduce(
    settings: &Settings,
    wanted: &Reduction,
    case: &CaseDir,
    surroundings: &Surroundings,
    sink: &mut dyn EventSink,
) -> Result<Reduced, CaseError> {
    surroundings.meter.tell_while(sink, |sink| reduce_told(settings, wanted, case, surroundings, sink))
}

/// Tells whether any candidate was evaluated, so that there is something to go on with.
#[must_use]
pub fn has_begun(case: &CaseDir) -> bool {
    case.file(ANSWERS).exists()
}

fn reduce_told(
    settings: &Settings,
    wanted: &Reduction,
    case: &CaseDir,
    surroundings: &Surroundings,
    sink: &mut dyn EventSink,
) -> Result<Reduced, CaseError> {
    let began = Instant::now();
    let git = Git::new(&settings.git, &surroundings.interrupt)?;
    let nix = Nix::detect(&settings.nix, settings.system.as_deref(), &surroundings.interrupt)?;
    let (copy, snapshot) = FlakeCopy::of(&git, (&settings.flake, &settings.root), case)?;
    let states =
        States::of(&git, &settings.flake, &copy, super::project::Project::of(settings, &git, &snapshot, case)?)?;
    let bad = states.working(case)?.lock;
    let mut clones = Clones::new(git.clone(), settings.repositories.clone(), settings.clones.clone());
    for (key, path) in bad.paths() {
        let Ok(reference) = bad.locked(&key) else { continue };
        let found = clones.at_hand(&path, &reference)?;
        if found.is_none() && wanted.inputs == Inputs::Vendored && !path.0.is_empty() {
            // What is left of the inputs in the end may do without it.
            if let Err(error) = clones.obtain(&path, &reference, sink) {
                sink.tell(&Event::Warned { text: with_causes(&error) });
            }
        }
    }
    sink.tell(&surroundings.started(settings, nix.version().to_string()));
    let places = target(settings, nix.system())?.candidates();
    let new_slot = |number| Slot::new(settings, surroundings, &git, &nix, &snapshot, &copy, case, number);
    let mut slots = vec![new_slot(0)?];
    let whole = slots[0].project()?;
    let lock_path = snapshot.dir.join("flake.lock");
    // The inputs stay as they are, so that the user's own command fetches them once; the fast way would take what pure
    // evaluation refuses.
    let mode = if slots[0].lacks(Mode::Faithful).is_none() { Mode::Faithful } else { Mode::Fast };
    let mut oracle = Oracle {
        clones: &clones,
        lock_path: &lock_path,
        target: Target::Among(places.clone()),
        mode,
        memory: settings.memory,
        criterion: settings.criterion.clone().unwrap_or(Criterion::AnyFailure),
        sought: Sought::Nothing,
    };
    let (attr, seen) = failing_target(&mut slots[0], &mut oracle, &whole, &places)?;
    if settings.criterion.is_none() {
        oracle.criterion = Criterion::SameSignature(Signature::of(&seen.outcome, &[]));
    }
    if oracle.criterion.verdict(&seen, &[]).map_err(CaseError::Script)? != Verdict::Bad {
        return Err(CaseError::NothingToReduce { outcome: outcome_words(&seen.outcome) });
    }
    oracle.seek(&mut slots[0], &whole, &seen)?;
    match &oracle.sought {
        Sought::Nothing => {}
        Sought::Loop { cycle, .. } => {
            sink.tell(&Event::Warned { text: format!("what is left must have the loop {}", loop_words(cycle)) });
        }
        Sought::Unknown { why } => {
            sink.tell(&Event::Warned { text: format!("what is left may run away in another loop: {why}") });
        }
    }
    let full = oracle.memory;
    if seen.outcome.class == Class::OutOfMemory {
        let healthy = healthy_peak(&mut slots[0], &mut oracle, &whole, &states, &bad)?;
        oracle.memory = reduced_budget(healthy, full);
        if oracle.memory < full {
            let text = format!("candidates may use {}; the result is run with {full}", oracle.memory);
            sink.tell(&Event::Warned { text });
        }
    }
    let jobs = wanted.jobs.min(usize::try_from(full.0 / oracle.memory.0.max(1)).unwrap_or(1).max(1));
    for number in 1..jobs {
        slots.push(new_slot(number)?);
    }

    let answers = Answers::open(&case.file(ANSWERS))?;
    let names: Vec<String> = attr.0.iter().filter(|name| *name != "drvPath").cloned().collect();
    history::keep_evaluated(case, &names)?;
    let mut bench = Bench { slots, answers, most: wanted.candidates, tried: 0 };
    let opened = opened::opened(&mut bench.slots[0], &oracle, &whole, case, sink)?;
    let project = whole.clone().evaluated_at(&names).with_opened(opened);
    let (reducer, mut ended) = bench.shrink(&oracle, &project, began + wanted.time, sink)?;
    let less = std::mem::replace(&mut oracle.memory, full);
    let (mut project, mut trust) = bench.settled(&oracle, &reducer, &mut ended, sink)?;
    let before = (whole.files().count(), whole.size());
    let (origins, anonymised, notes) = (Vec::new(), None, Vec::new());
    let mut told = Told { before, attr, outcome: seen.outcome, origins, anonymised, notes };
    if wanted.inputs == Inputs::Vendored && ended != Ended::Stopped {
        oracle.memory = less;
        match vendor::stand_alone(&mut bench.slots[0], &oracle, &git, &project)? {
            vendor::Attempt::Stopped => ended = Ended::Stopped,
            vendor::Attempt::Not(why) => told.notes.push(format!("its inputs are not in it: {why}")),
            vendor::Attempt::Stands(with_inputs, origins) => {
                let text = format!("its inputs are in it now, {} bytes; all of that is reduced", with_inputs.size());
                sink.tell(&Event::Warned { text });
                told.before = (with_inputs.files().count(), with_inputs.size());
                let until = Instant::now() + wanted.time;
                let reducer;
                (reducer, ended) = bench.shrink(&oracle, &with_inputs.evaluated_at(&names), until, sink)?;
                oracle.memory = full;
                (project, trust) = bench.settled(&oracle, &reducer, &mut ended, sink)?;
                let is_left = |origin: &Origin| project.files().any(|(path, _)| path.starts_with(&origin.folder));
                told.origins = origins.into_iter().filter(is_left).collect();
            }
        }
        oracle.memory = full;
    }
    if wanted.inputs == Inputs::Vendored && ended == Ended::Stopped && told.origins.is_empty() {
        told.notes.push("its inputs are not in it: it was stopped".to_owned());
    }
    if wanted.names == Naming::Anonymous && ended != Ended::Stopped {
        oracle.memory = less;
        let until = Instant::now() + wanted.time;
        let renamed = anonymise(&mut bench.slots[0], &mut oracle, &git, (&project, &bad), &told.outcome, until);
        oracle.memory = full;
        match renamed {
            Err(CaseError::Stopped) => ended = Ended::Stopped,
            Err(error) => return Err(error),
            Ok(renamed) => {
                let origins = std::mem::take(&mut told.origins).into_iter();
                told.origins = origins.map(|origin| origin.anonymous(|text| renamed.in_text(text))).collect();
                (oracle.target, oracle.criterion) = (renamed.target.clone(), renamed.criterion);
                (told.attr, told.outcome) = (renamed.target.attr(), renamed.outcome);
                told.anonymised = Some(renamed.anonymised);
                (project, trust) = last_run(&mut bench.slots[0], &oracle, &[renamed.project], &mut ended)?;
            }
        }
    }
    if wanted.names == Naming::Anonymous && told.anonymised.is_none() {
        told.notes.push("names were not replaced: it was stopped".to_owned());
    }
    let count = bench.tried;
    let reduced = Reduced {
        attr: told.attr,
        outcome: told.outcome,
        same: oracle.same(),
        before: told.before,
        after: (project.files().count(), project.size()),
        tried: count,
        ended,
        trust,
        wall: began.elapsed(),
        folder: wanted.output.clone(),
        origins: told.origins,
        anonymised: told.anonymised,
        notes: told.notes,
    };
    if reduced.folder == result_in(case) {
        outcome::remove(&reduced.folder)?;
    }
    outcome::write(&project, &snapshot, &reduced, settings)?;
    Ok(reduced)
}

/// Returns the folder for results that the user named none for: what an earlier run left there is replaced.
#[must_use]
pub fn result_in(case: &CaseDir) -> PathBuf {
    case.file("reduced")
}

/// What is told of the result, as it comes together.
struct Told {
    /// Files and bytes of what is reduced.
    before: (usize, usize),
    attr: AttrPath,
    outcome: Outcome,
    origins: Vec<Origin>,
    anonymised: Option<Anonymised>,
    notes: Vec<String>,
}

/// Where candidates are tried, and what came of them.
struct Bench {
    slots: Vec<Slot>,
    answers: Answers,
    /// How many are tried, if that is bounded.
    most: Option<usize>,
    /// How many were tried.
    tried: usize,
}

impl Bench {
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

/// Finds the attribute that is meant: of a project that fails, Nix does not say which one it took.
fn failing_target(
    slot: &mut Slot,
    oracle: &mut Oracle<'_>,
    project: &Project,
    places: &[Place],
) -> Result<(AttrPath, Observation), CaseError> {
    let mut last = None;
    let attrs = places.iter().filter_map(|place| match place {
        Place::Attr(attr) => Some(attr),
        Place::BelowOnly { .. } => None,
    });
    // What else a value that is no derivation any more holds must not be evaluated: Nix would not, either.
    let path = |attr: &AttrPath| AttrPath(attr.0.iter().cloned().chain(["drvPath".to_owned()]).collect());
    for attr in attrs.flat_map(|attr| [path(attr), attr.clone()]) {
        oracle.target = Target::Attr(attr.clone(), Yields::Value);
        let Some(observation) = oracle.evaluate(slot, "the whole flake", project)? else { continue };
        let class = observation.outcome.class;
        if class == Class::Interrupted {
            return Err(CaseError::Stopped);
        }
        let missing = observation.outcome.message.as_ref().is_some_and(|m| m.contains("does not provide attribute"));
        if class != Class::Success && is_from_outside(class) {
            return Err(CaseError::BadEnd {
                label: "flake.lock".to_owned(),
                outcome: outcome_words(&observation.outcome),
            });
        }
        last = Some((attr, observation));
        if !missing {
            break;
        }
    }
    last.ok_or_else(|| CaseError::NothingToReduce { outcome: "nothing that could be evaluated".to_owned() })
}

/// Returns what the newest committed lock that evaluates needs, if there is one: what fails needs far more.
fn healthy_peak(
    slot: &mut Slot,
    oracle: &mut Oracle<'_>,
    whole: &Project,
    states: &States,
    bad: &Lock,
) -> Result<Option<Bytes>, CaseError> {
    const MOST: usize = 3;
    for commit in states.committed(bad)?.iter().take(MOST) {
        let Some(state) = states.at(commit)? else { continue };
        let assignment = oracle.clones.assignment(state.lock);
        let seen =
            slot.evaluate("a committed lock", whole, &assignment, oracle.mode, (&oracle.target, oracle.memory))?;
        match seen.outcome.class {
            Class::Success => return Ok(Some(seen.peak)),
            Class::Interrupted => return Err(CaseError::Stopped),
            _ => {}
        }
    }
    Ok(None)
}

/// Twice what a healthy evaluation needs tells a runaway from it; without one, only the whole budget does.
fn reduced_budget(healthy: Option<Bytes>, full: Bytes) -> Bytes {
    healthy.map_or(full, |peak| peak.percent(200).max(LEAST).min(full))
}

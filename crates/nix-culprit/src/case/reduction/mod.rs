//! The reduction of a failing project to the smallest one that still fails in the same way.
//!
//! Owns the loop: what is tried, under which budget, and when it ends. The core says which candidates there are; the
//! user's flake is never written to.

mod anonymise;
mod answers;
mod bench;
mod failing;
mod history;
mod opened;
mod oracle;
mod outcome;
mod slot;
mod trust;
mod vendor;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix_culprit_core::event::{Event, EventSink, Mode};
use nix_culprit_core::flake::Lock;
use nix_culprit_core::outcome::Criterion;
use nix_culprit_core::text::with_causes;

use super::CaseError;
use super::clones::Clones;
use super::evaluator::Target;
use super::flake_copy::FlakeCopy;
use super::investigation::target;
use super::settings::Settings;
use super::states::States;
use super::store::CaseDir;
use super::surroundings::Surroundings;
use crate::sys::git::Git;
use crate::sys::nix::Nix;
use answers::Answers;
use bench::{Bench, Told};
use failing::{aim, less_memory};
use oracle::{Oracle, Sought};
use slot::Slot;

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
    let clones = clones(settings, wanted.inputs, &git, &bad, sink)?;
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
    let (attr, seen) = aim(&mut oracle, &mut slots[0], (&whole, &places), settings.criterion.as_ref(), sink)?;
    let full = oracle.memory;
    let less = less_memory(&mut slots[0], &oracle, (&whole, &seen), (&states, &bad), sink)?;
    let jobs = wanted.jobs.min(usize::try_from(full.0 / less.0.max(1)).unwrap_or(1).max(1));
    for number in 1..jobs {
        slots.push(new_slot(number)?);
    }

    let answers = Answers::open(&case.file(ANSWERS))?;
    let names: Vec<String> = attr.0.iter().filter(|name| *name != "drvPath").cloned().collect();
    history::keep_evaluated(case, &names)?;
    oracle.memory = less;
    let opened = opened::opened(&mut slots[0], &oracle, &whole, case, sink)?;
    let project = whole.clone().evaluated_at(&names).with_opened(opened);
    let mut bench = Bench { slots, answers, most: wanted.candidates, tried: 0, time: wanted.time, less, full, names };
    let mut left = bench.reduced(&mut oracle, &project, began + wanted.time, sink)?;
    let before = (whole.files().count(), whole.size());
    let (origins, anonymised, notes) = (Vec::new(), None, Vec::new());
    let mut told = Told { before, attr, outcome: seen.outcome, origins, anonymised, notes };
    match wanted.inputs {
        Inputs::Fetched => {}
        Inputs::Vendored => bench.put_inputs_in(&mut oracle, &git, &mut left, &mut told, sink)?,
    }
    match wanted.names {
        Naming::Own => {}
        Naming::Anonymous => bench.replace_names(&mut oracle, &git, &bad, &mut left, &mut told)?,
    }
    let reduced = Reduced {
        attr: told.attr,
        outcome: told.outcome,
        same: oracle.same(),
        before: told.before,
        after: (left.project.files().count(), left.project.size()),
        tried: bench.tried,
        ended: left.ended,
        trust: left.trust,
        wall: began.elapsed(),
        folder: wanted.output.clone(),
        origins: told.origins,
        anonymised: told.anonymised,
        notes: told.notes,
    };
    if reduced.folder == result_in(case) {
        outcome::remove(&reduced.folder)?;
    }
    outcome::write(&left.project, &snapshot, &reduced, settings)?;
    Ok(reduced)
}

/// Finds the clones of the inputs that are at hand; where their files are to be in the result, all are made.
fn clones(
    settings: &Settings,
    inputs: Inputs,
    git: &Git,
    bad: &Lock,
    sink: &mut dyn EventSink,
) -> Result<Clones, CaseError> {
    let mut clones = Clones::new(git.clone(), settings.repositories.clone(), settings.clones.clone());
    for (key, path) in bad.paths() {
        let Ok(reference) = bad.locked(&key) else { continue };
        let found = clones.at_hand(&path, &reference)?;
        if found.is_none() && inputs == Inputs::Vendored && !path.0.is_empty() {
            // What is left of the inputs in the end may do without it.
            if let Err(error) = clones.obtain(&path, &reference, sink) {
                sink.tell(&Event::Warned { text: with_causes(&error) });
            }
        }
    }
    Ok(clones)
}

/// Returns the folder for results that the user named none for: what an earlier run left there is replaced.
#[must_use]
pub fn result_in(case: &CaseDir) -> PathBuf {
    case.file("reduced")
}

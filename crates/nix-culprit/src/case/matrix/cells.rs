//! The cells: each is evaluated by a worker that has a copy of the flake, folders and programs of its own.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;

use nix_culprit_core::event::{Mode, Purpose};
use nix_culprit_core::matrix::Spot;
use nix_culprit_core::quantity::Bytes;

use crate::case::evaluator::{Evaluated, Evaluator as _, EvaluatorError, Target};
use crate::case::flake_copy::FlakeCopy;
use crate::case::meter::Label;
use crate::case::nix_evaluator::NixEvaluator;
use crate::case::project::Project;
use crate::case::settings::Settings;
use crate::case::surroundings::Surroundings;
use crate::case::{Assignment, CaseError};
use crate::sys::git::{Git, Snapshot};
use crate::sys::nix::Nix;

/// One evaluation to make.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// Where it is in the table.
    pub(super) spot: Spot,
    /// The number of the Nix that is asked.
    pub(super) nix: usize,
    /// Which revision each lock node has.
    pub(super) assignment: Assignment,
    /// What it is, for people.
    pub(super) purpose: Purpose,
    /// What it may use.
    pub(super) memory: Bytes,
}

/// What workers are made of.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) settings: &'a Settings,
    pub(super) nix: Vec<Nix>,
    pub(super) git: Git,
    pub(super) copy: FlakeCopy,
    pub(super) snapshot: Snapshot,
    pub(super) project: Option<Project>,
    pub(super) surroundings: &'a Surroundings,
    pub(super) folder: PathBuf,
}

impl Bench<'_> {
    /// Makes a worker; no two of the same number may work at the same time.
    pub(super) fn worker(&self, number: usize) -> Worker<'_> {
        Worker { bench: self, folder: self.folder.join(number.to_string()), evaluators: BTreeMap::new() }
    }
}

/// Evaluates cells, one after the other.
pub(super) struct Worker<'a> {
    bench: &'a Bench<'a>,
    folder: PathBuf,
    evaluators: BTreeMap<usize, NixEvaluator>,
}

impl Worker<'_> {
    /// Evaluates a cell.
    pub(super) fn look(
        &mut self,
        cell: &Cell,
        label: Label,
        mode: Mode,
        target: &Target,
    ) -> Result<Evaluated, EvaluatorError> {
        if !self.evaluators.contains_key(&cell.nix) {
            let evaluator = self.evaluator(cell.nix)?;
            self.evaluators.insert(cell.nix, evaluator);
        }
        let evaluator = self.evaluators.get_mut(&cell.nix).expect("it was put there");
        match evaluator.lacks(mode) {
            Some(why) => Err(EvaluatorError::Lacks(why)),
            None => {
                evaluator.label(label);
                evaluator.evaluate(&cell.assignment, mode, target, cell.memory)
            }
        }
    }

    fn evaluator(&self, number: usize) -> Result<NixEvaluator, EvaluatorError> {
        let Bench { settings, copy, surroundings, .. } = self.bench;
        let nix = self.bench.nix[number].clone();
        let folder = self.folder.join(number.to_string());
        let snapshot = copy
            .again(&self.bench.git, &self.bench.snapshot, &folder.join("flake").join("source"))
            .map_err(|error| EvaluatorError::machine("copy the flake", error))?;
        let tools = surroundings.tools(settings, nix, self.bench.git.clone());
        let evaluator = NixEvaluator::new(tools, snapshot, copy.modified, &folder, Vec::new())?;
        Ok(evaluator.of_project(self.bench.project.clone()))
    }
}

/// What a worker tells.
pub(super) enum Looked {
    /// A cell is about to be evaluated.
    Began(Label, Purpose),
    /// A cell was evaluated.
    Ended(Box<Cell>, Result<Evaluated, EvaluatorError>),
}

/// Evaluates cells with some workers at once, and tells `take` on this thread as they come in.
///
/// # Errors
/// The first that `take` returns; what is under way then is finished unheard, unless the user asked to stop.
pub(super) fn run(
    bench: &Bench<'_>,
    cells: Vec<Cell>,
    (mode, target, at_once): (Mode, &Target, usize),
    name: &(dyn Fn(&Cell) -> Label + Sync),
    take: &mut dyn FnMut(Looked) -> Result<(), CaseError>,
) -> Result<(), CaseError> {
    let queue = Mutex::new(VecDeque::from(cells));
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for number in 0..at_once {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let mut worker = bench.worker(number);
                while let Some(cell) = next() {
                    let label = name(&cell);
                    // Nobody listens any more after an error.
                    if sender.send(Looked::Began(label.clone(), cell.purpose.clone())).is_err() {
                        return;
                    }
                    let looked = worker.look(&cell, label, mode, target);
                    if sender.send(Looked::Ended(Box::new(cell), looked)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let result = receiver.iter().try_for_each(&mut *take);
        drop(receiver);
        result
    })
}

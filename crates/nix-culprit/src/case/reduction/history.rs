//! The steps of a reduction: every project that was taken, so that one can step back.
//!
//! Nothing but the answers is kept: the reducer, told them again, takes the same steps.

use std::path::Path;

use nix_culprit_core::reduce::{Pass, Project, Reducer};

use super::super::error::CaseError;
use super::super::flake_copy::FlakeCopy;
use super::super::settings::Settings;
use super::super::store::CaseDir;
use super::answers::Answers;
use super::outcome::write_files;
use super::slot::files_of;
use crate::sys::git::{Git, Snapshot};
use crate::sys::interrupt::Interrupt;

/// The case's file with the names on the path to what is evaluated.
const EVALUATED: &str = "evaluated.json";

/// The steps of a reduction.
#[derive(Debug)]
pub struct History {
    snapshot: Snapshot,
    steps: Vec<Project>,
    passes: Vec<Pass>,
}

impl History {
    /// Takes the steps of a case again; evaluates nothing.
    ///
    /// # Errors
    /// When the case cannot be read.
    pub fn of(settings: &Settings, case: &CaseDir, interrupt: &Interrupt) -> Result<Self, CaseError> {
        let git = Git::new(&settings.git, interrupt)?;
        let (_, snapshot) = FlakeCopy::of(&git, (&settings.flake, &settings.root), case)?;
        let names: Vec<String> = std::fs::read(case.file(EVALUATED))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        let whole = files_of(&snapshot.root)?.evaluated_at(&names).with_opened(super::opened::kept(case));
        let mut reducer = Reducer::new(whole, &Pass::ORDER);
        let answers = Answers::open(&case.file(super::ANSWERS))?;
        answers.kept().iter().for_each(|(digest, tried)| reducer.record(*digest, *tried));
        // As far as the answers go.
        let _next = reducer.step();
        Ok(Self { snapshot, steps: reducer.steps().to_vec(), passes: reducer.passes_taken().to_vec() })
    }

    /// Lists the steps from the whole project on: what went last, the files and the bytes.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = (Option<Pass>, usize, usize)> {
        let pass = |at: usize| at.checked_sub(1).and_then(|at| self.passes.get(at).copied());
        self.steps.iter().enumerate().map(move |(at, step)| (pass(at), step.files().count(), step.size()))
    }

    /// Writes a step into a new folder, laid out for people.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn restore(&self, number: usize, folder: &Path) -> Result<Restored, CaseError> {
        let Some(project) = self.steps.get(number) else { return Ok(Restored::NoSuchStep) };
        write_files(&project.laid_out(), &self.snapshot, folder)?;
        Ok(Restored::Written)
    }
}

/// What came of restoring a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// It is in the folder.
    Written,
    /// There is none of this number.
    NoSuchStep,
}

/// Keeps what is evaluated, which the passes are told.
pub(super) fn keep_evaluated(case: &CaseDir, names: &[String]) -> Result<(), CaseError> {
    case.write(EVALUATED, &serde_json::to_vec(names).expect("plain data"))?;
    Ok(())
}

//! Who probes ahead of a search: evaluators of their own, with a copy of the flake each.

use std::sync::Arc;

use crate::case::ahead::{Ahead, Places};
use crate::case::evaluator::{Evaluator, EvaluatorError};
use crate::case::flake_copy::FlakeCopy;
use crate::case::nix_evaluator::{NixEvaluator, Tools};
use crate::case::project::Project;
use crate::case::pure::AHEAD;
use crate::case::settings::{MemoryFrom, Settings};
use crate::case::store::CaseDir;
use crate::sys::git::Snapshot;
use crate::sys::interrupt::Interrupt;

/// What is evaluated, as the case has it.
pub(super) struct Copied {
    pub(super) copy: FlakeCopy,
    pub(super) snapshot: Snapshot,
    pub(super) project: Option<Project>,
}

/// Makes those who probe ahead of a search, if several evaluations may run at the same time.
///
/// All together get what one may use where only the machine bounds it; the budget that the user chose is that of one.
pub(super) fn ahead(settings: &Settings, tools: &Tools, own: Copied, case: &CaseDir) -> Option<Ahead> {
    // The user's own check may do anything, and is run by itself.
    if !settings.script.is_empty() {
        return None;
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let searching = settings.jobs.unwrap_or(1).saturating_sub(1);
    // Who asks for one at a time gets that.
    let beside = if settings.jobs == Some(1) { 0 } else { searching.max(usize::from(cores > 1)) };
    let most = Places { searching, beside };
    if beside == 0 {
        return None;
    }
    let memory = match settings.memory_from {
        MemoryFrom::Machine => settings.memory,
        MemoryFrom::User => tools.guard.spare().max(settings.memory),
    };
    let interrupt = tools.interrupt.clone();
    let (tools, folder) = (tools.clone(), case.path().join(AHEAD));
    let make = move |place: usize, interrupt: &Interrupt| -> Result<Box<dyn Evaluator>, EvaluatorError> {
        let work = folder.join(place.to_string());
        std::fs::create_dir_all(&work).map_err(|error| EvaluatorError::machine("use the folder of the case", error))?;
        let Copied { copy, snapshot, project } = &own;
        let snapshot = copy
            .again(&tools.git, snapshot, &work.join("flake").join("source"))
            .map_err(|error| EvaluatorError::machine("copy the flake", error))?;
        let guard = tools.guard.one_after_another();
        let tools = Tools { interrupt: interrupt.clone(), guard, ..tools.clone() };
        let evaluator = NixEvaluator::new(tools, snapshot, copy.modified, &work, Vec::new())?;
        Ok(Box::new(evaluator.of_project(project.clone())))
    };
    Some(Ahead::new(Arc::new(make), most, memory, &interrupt))
}

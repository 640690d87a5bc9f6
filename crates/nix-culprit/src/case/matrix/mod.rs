//! Evaluations under many conditions: which cells there are, and what each came to, journaled as they come in.
//!
//! `layout` decides what is evaluated, `cells` evaluates; the table and what it says are the core's.

mod cells;
mod layout;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix_culprit_core::event::{Event, EventSink, Mode, Purpose};
use nix_culprit_core::flake::AttrPath;
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::matrix::{Matrix, Seen};
use nix_culprit_core::outcome::{Class, Criterion, Observation, Verdict};
use nix_culprit_core::quantity::Bytes;
use serde::{Deserialize, Serialize};

use self::cells::{Bench, Cell, Looked};
use self::layout::Layout;
use super::CaseError;
use super::clones::Clones;
use super::evaluator::{Evaluated, EvaluatorError, Target, Yields};
use super::flake_copy::FlakeCopy;
use super::investigation::target;
use super::journal::Journal;
use super::meter::Label;
use super::prober::Round;
use super::project::Project;
use super::settings::{MemoryFrom, Settings};
use super::states::States;
use super::store::CaseDir;
use super::surroundings::Surroundings;
use crate::sys::git::Git;
use crate::sys::nix::{Nix, build_nix};

/// What is varied. Good and bad states are those of the settings' scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axes {
    /// Nix programs.
    pub nix: Vec<PathBuf>,
    /// Installables of Nix, which the first program builds.
    pub nix_from: Vec<String>,
    /// Lock files, or revisions or dates of the flake's repository.
    pub locks: Vec<String>,
    /// Inputs at other revisions.
    pub revisions: Vec<(InputPath, String)>,
    /// Inputs at good and at bad; empty for all that differ, where no other state is asked for.
    pub inputs: Vec<InputPath>,
    /// Inputs of inputs that follow another one, or have a node of their own.
    pub follows: Vec<(InputPath, InputPath)>,
    /// In which way Nix is asked.
    pub mode: Mode,
    /// How many evaluations may run at once, if the user said so.
    pub jobs: Option<usize>,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// All cells.
    pub cells: usize,
    /// Those that have to be run.
    pub left: usize,
    /// How many run at once.
    pub at_once: usize,
    /// How long that takes, if each takes as long as the first one.
    pub about: Duration,
}

/// What came of it: also an unfinished table is worth to be shown.
#[derive(Debug)]
pub struct Tabulated {
    /// The table.
    pub matrix: Matrix,
    /// Why it is unfinished, if it is.
    pub stopped: Option<CaseError>,
}

/// Fills the table, or goes on where the journal of the case ends.
///
/// `total` is what all evaluations together may use of memory. `approve` is asked once, after the first evaluation.
///
/// # Errors
/// When nothing could be evaluated at all.
pub fn tabulate(
    (settings, axes): (&Settings, &Axes),
    case: &CaseDir,
    surroundings: &Surroundings,
    total: Bytes,
    sink: &mut dyn EventSink,
    approve: &mut dyn FnMut(&Size) -> bool,
) -> Result<Tabulated, CaseError> {
    let tabulate = |sink: &mut dyn EventSink| tabulate_told((settings, axes), case, surroundings, total, sink, approve);
    surroundings.meter.tell_while(sink, tabulate)
}

fn tabulate_told(
    (settings, axes): (&Settings, &Axes),
    case: &CaseDir,
    surroundings: &Surroundings,
    total: Bytes,
    sink: &mut dyn EventSink,
    approve: &mut dyn FnMut(&Size) -> bool,
) -> Result<Tabulated, CaseError> {
    let git = Git::new(&settings.git, &surroundings.interrupt)?;
    let nix = programs(settings, axes, case, surroundings)?;
    let mut journal = Journal::open(&case.journal())?;
    let (copy, snapshot) = FlakeCopy::of(&git, (&settings.flake, &settings.root), case)?;
    let project = Project::of(settings, &git, &snapshot, case)?;
    let states = States::of(&git, &settings.flake, &copy, project.clone())?;
    let mut clones = Clones::new(git.clone(), settings.repositories.clone(), settings.clones.clone());
    let asked = target(settings, nix[0].system())?;
    if project.is_some() {
        clones.look_for(&states.working(case)?.lock)?;
    }
    let layout = Layout::of(&settings.scope, axes, &nix, (&states, case), &mut clones, sink)?;
    let versions: Vec<String> = nix.iter().map(|nix| nix.version().to_string()).collect();
    let started = surroundings.started(settings, versions.join(", "));
    let bench = Bench { settings, nix, git, copy, snapshot, project, surroundings, folder: case.path().join("matrix") };
    let mut table = Table { mode: axes.mode, asked, journal: &mut journal, sink, matrix: layout.matrix() };
    table.tell(&started);
    let stopped = table.fill(&bench, &layout, axes.jobs, total, approve).err();
    if let (Some(_), true) = (&stopped, table.matrix.seen.is_empty()) {
        return stopped.map_or_else(|| Ok(Tabulated { matrix: Matrix::default(), stopped: None }), Err);
    }
    if stopped.is_none() {
        table.tell(&Event::Finished { answer: format!("a table of {} evaluations", layout.spots().len()) });
    }
    Ok(Tabulated { matrix: table.matrix, stopped })
}

/// Finds out what the programs are, and has those built that are to be built.
fn programs(
    settings: &Settings,
    axes: &Axes,
    case: &CaseDir,
    surroundings: &Surroundings,
) -> Result<Vec<Nix>, CaseError> {
    let interrupt = &surroundings.interrupt;
    let mut programs = axes.nix.clone();
    for (index, installable) in axes.nix_from.iter().enumerate() {
        let link = case.file(&format!("nix-{index}"));
        programs.push(build_nix(&settings.nix, installable, &link, interrupt)?);
    }
    if programs.is_empty() {
        programs.push(settings.nix.clone());
    }
    let detected = programs.iter().map(|program| Nix::detect(program, settings.system.as_deref(), interrupt));
    Ok(detected.collect::<Result<_, _>>()?)
}

/// The table in the making.
struct Table<'a> {
    mode: Mode,
    asked: Target,
    journal: &'a mut Journal,
    sink: &'a mut dyn EventSink,
    matrix: Matrix,
}

impl Table<'_> {
    fn tell(&mut self, event: &Event) {
        self.journal.tell(event);
        self.sink.tell(event);
    }

    /// Runs the first cell alone, which tells what the others may use, and then all others.
    fn fill(
        &mut self,
        bench: &Bench<'_>,
        layout: &Layout,
        jobs: Option<usize>,
        total: Bytes,
        approve: &mut dyn FnMut(&Size) -> bool,
    ) -> Result<(), CaseError> {
        let mut memory = bench.settings.memory;
        let cells = |memory| layout.spots().iter().map(move |spot| layout.cell(spot, memory));
        let Some(first) = cells(memory).next() else { return Ok(()) };
        let wall = match self.known(bench, &first) {
            Some(known) => known.wall,
            None => {
                let label = name(bench, &first, self.mode, &self.asked);
                self.begun(label.clone(), &first.purpose);
                let looked = bench.worker(0).look(&first, label, self.mode, &self.asked);
                // What is not there in the first state may be in others, but most likely it is a slip of the pen.
                if let Err(error @ EvaluatorError::NoTarget { .. }) = looked {
                    return Err(error.into());
                }
                self.take(bench, &first, looked)?
            }
        };
        if let (MemoryFrom::Machine, Some(Seen::Observed { observation })) =
            (bench.settings.memory_from, self.matrix.seen.get(&first.spot))
        {
            memory = enough(observation, memory);
        }
        let cells: Vec<Cell> = cells(memory).skip(1).filter(|cell| self.known(bench, cell).is_none()).collect();
        let at_once = at_once(jobs, total, memory, cells.len());
        if jobs.is_some_and(|jobs| jobs > at_once && cells.len() > at_once) {
            let text = format!("{at_once} at once: {memory} for each is all that this machine can spare");
            self.tell(&Event::Warned { text });
        }
        let about = wall * u32::try_from(cells.len().div_ceil(at_once)).unwrap_or(u32::MAX);
        let size = Size { cells: layout.spots().len(), left: cells.len(), at_once, about };
        if cells.is_empty() {
            return Ok(());
        }
        if !approve(&size) {
            return Err(CaseError::Stopped);
        }
        let (target, mode, asked) = (self.target(), self.mode, self.asked.clone());
        let name = |cell: &Cell| name(bench, cell, mode, &asked);
        let began = Instant::now();
        let (mut ended, all) = (0, u32::try_from(cells.len()).unwrap_or(u32::MAX));
        let mut filling = Event::Filling { done: size.cells - size.left, of: size.cells, left: None };
        self.tell(&filling);
        cells::run(bench, cells, (mode, &target, at_once), &name, &mut |looked| match looked {
            Looked::Began(label, purpose) => {
                self.begun(label, &purpose);
                self.tell(&filling);
                Ok(())
            }
            Looked::Ended(cell, result) => {
                self.take(bench, &cell, result)?;
                ended += 1;
                let left = Some(began.elapsed() * all.saturating_sub(ended) / ended);
                filling = Event::Filling { done: self.matrix.seen.len(), of: size.cells, left };
                Ok(())
            }
        })
    }

    /// Returns what is evaluated, as far as that is known.
    fn target(&self) -> Target {
        let drv_path = self.matrix.seen.values().find_map(|seen| match seen {
            Seen::Observed { observation } if observation.outcome.class == Class::Success => {
                Some(observation.drv_path.as_ref())
            }
            Seen::Observed { .. } | Seen::Missed { .. } => None,
        });
        match (self.journal.target(), drv_path) {
            (Some(attr), Some(drv_path)) => Target::Attr(AttrPath(attr.to_vec()), Yields::of(drv_path)),
            (Some(_) | None, _) => self.asked.clone(),
        }
    }

    /// Returns what an earlier run of the case saw in a cell.
    fn known(&mut self, bench: &Bench<'_>, cell: &Cell) -> Option<Observation> {
        let key = name(bench, cell, self.mode, &self.asked).key;
        let known = self.journal.known(&key).cloned()?;
        if !self.matrix.seen.contains_key(&cell.spot) {
            self.note(cell, Seen::Observed { observation: Box::new(known.clone()) });
        }
        Some(known)
    }

    fn begun(&mut self, label: Label, purpose: &Purpose) {
        let (key, purpose) = (label.key, purpose.clone());
        self.tell(&Event::ProbeStarted { key, purpose, mode: self.mode, remaining: None });
    }

    /// Takes note of what a cell came to, and returns how long it took.
    fn take(
        &mut self,
        bench: &Bench<'_>,
        cell: &Cell,
        looked: Result<Evaluated, EvaluatorError>,
    ) -> Result<Duration, CaseError> {
        self.journal.check()?;
        let Evaluated { observation, attr, .. } = match looked {
            Ok(evaluated) => evaluated,
            Err(error @ (EvaluatorError::NoTarget { .. } | EvaluatorError::Lacks(_))) => {
                self.note(cell, Seen::Missed { why: error.to_string() });
                return Ok(Duration::ZERO);
            }
            Err(error) => return Err(error.into()),
        };
        if observation.outcome.class == Class::Interrupted {
            return Err(CaseError::Stopped);
        }
        if let (None, Some(attr)) = (self.journal.target(), attr) {
            self.tell(&Event::Target { attr: attr.0 });
        }
        let Label { key, .. } = name(bench, cell, self.mode, &self.asked);
        let (purpose, mode) = (cell.purpose.clone(), self.mode);
        self.tell(&Event::ProbeFinished { key, purpose, mode, observation: observation.clone() });
        self.journal.check()?;
        let wall = observation.wall;
        self.note(cell, Seen::Observed { observation: Box::new(observation) });
        Ok(wall)
    }

    fn note(&mut self, cell: &Cell, seen: Seen) {
        match &seen {
            Seen::Observed { observation } => {
                let verdict = Criterion::AnyFailure.verdict(observation, &[]);
                let verdict = verdict.unwrap_or_else(|error| Verdict::Skip(error.to_string()));
                self.tell(&Event::Judged { purpose: cell.purpose.clone(), verdict });
            }
            Seen::Missed { why } => {
                self.tell(&Event::Warned { text: format!("{}: could not look: {why}", cell.purpose.words) });
            }
        }
        self.matrix.seen.insert(cell.spot.clone(), seen);
        self.matrix.target = self
            .journal
            .target()
            .map_or_else(|| self.asked.attr().to_string(), |attr| AttrPath(attr.to_vec()).to_string());
    }
}

/// Returns what an evaluation is told as: its key is a digest of all that determines its result.
fn name(bench: &Bench<'_>, cell: &Cell, mode: Mode, asked: &Target) -> Label {
    let digest = cell.assignment.key(mode, Round::Run, cell.memory, asked);
    Label { key: format!("{digest} {}", bench.nix[cell.nix].name()), words: cell.purpose.words.clone() }
}

/// Returns what an evaluation may use where only the machine bounds it: far more than a good one needs tells nothing.
fn enough(first: &Observation, memory: Bytes) -> Bytes {
    const TIMES: u64 = 8;
    const LEAST: Bytes = Bytes(2 << 30);
    if first.outcome.class != Class::Success {
        return memory;
    }
    Bytes(first.peak.0.saturating_mul(TIMES)).max(LEAST).min(memory)
}

/// Returns how many evaluations run at once: as many as there are processors, and as fit into the memory.
fn at_once(jobs: Option<usize>, total: Bytes, each: Bytes, cells: usize) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let fit = usize::try_from(total.0 / each.0.max(1)).unwrap_or(usize::MAX);
    jobs.unwrap_or(processors).min(fit).min(cells).max(1)
}

#[cfg(test)]
mod tests {
    use nix_culprit_core::outcome::{End, Outcome};

    use super::*;

    #[test]
    fn evaluations_at_once_stay_within_the_memory_of_all() {
        let gib = |count: u64| Bytes(count << 30);
        assert_eq!(at_once(Some(4), gib(8), gib(3), 100), 2);
        assert_eq!(at_once(Some(4), gib(8), gib(1), 100), 4);
        assert_eq!(at_once(Some(4), gib(8), gib(1), 3), 3);
        assert_eq!(at_once(Some(4), gib(1), gib(3), 100), 1);
        assert_eq!(at_once(Some(0), gib(8), Bytes(0), 0), 1);
    }

    #[test]
    fn only_a_good_evaluation_says_what_is_enough() {
        let observation = |class, mib: u64| Observation {
            outcome: Outcome { class, message: None, position: None },
            end: End::Exited(0),
            peak: Bytes(mib << 20),
            wall: Duration::ZERO,
            curve: Vec::new(),
            drv_path: None,
            cpu: None,
            counters: None,
        };
        let memory = Bytes(32 << 30);
        assert_eq!(enough(&observation(Class::Success, 50), memory), Bytes(2 << 30));
        assert_eq!(enough(&observation(Class::Success, 1024), memory), Bytes(8 << 30));
        assert_eq!(enough(&observation(Class::OutOfMemory, 50), memory), memory);
        assert_eq!(enough(&observation(Class::Success, 50), Bytes(1 << 30)), Bytes(1 << 30));
    }
}

//! Which cells there are: the axes, their levels, and the lock of each combination.

use std::collections::BTreeMap;

use nix_culprit_core::event::{EventSink, Purpose};
use nix_culprit_core::flake::{Change, ChangeKind, Lock, Revision, diff};
use nix_culprit_core::ids::{CommitId, InputPath};
use nix_culprit_core::matrix::{Axis, Matrix, NIX, Spot, combinations};
use nix_culprit_core::quantity::Bytes;

use super::Axes;
use super::cells::Cell;
use crate::case::clones::{Clones, revision};
use crate::case::ends::State;
use crate::case::follows::with_own;
use crate::case::investigation::node_of;
use crate::case::settings::Scope;
use crate::case::states::{States, looks_like_a_date};
use crate::case::store::CaseDir;
use crate::case::{Assignment, CaseError};
use crate::sys::nix::Nix;

/// With more inputs than these not every combination of them is tried, but each alone and all but each.
const ALL_COMBINATIONS: usize = 3;

/// What a level of an axis does to a lock.
#[derive(Debug, Clone)]
enum Edit {
    /// It is this one.
    Lock(Box<Lock>),
    /// It stays as it is.
    Nothing,
    /// It takes this input, and what is below it, from another lock.
    From(InputPath, Box<Lock>),
    /// It has this input at another revision.
    At(InputPath, Revision),
    /// It has this input follow another one.
    Follows(InputPath, InputPath),
    /// It has this input of an input as the latter's own lock has it, if it follows another one.
    Own(InputPath),
}

/// The table before anything was evaluated.
#[derive(Debug)]
pub(super) struct Layout {
    axes: Vec<Axis>,
    spots: Vec<Spot>,
    notes: Vec<String>,
    /// The assignment by the levels on all axes but the last, which is that of Nix.
    assignments: BTreeMap<Vec<usize>, Assignment>,
}

impl Layout {
    /// Finds out what all the axes mean.
    ///
    /// # Errors
    /// When a state, an input or a revision that the user named is not there.
    pub(super) fn of(
        scope: &Scope,
        axes: &Axes,
        nix: &[Nix],
        (states, case): (&States, &CaseDir),
        clones: &mut Clones,
        sink: &mut dyn EventSink,
    ) -> Result<Self, CaseError> {
        let mut draft =
            Draft { base: states.working(case)?.lock, axes: Vec::new(), edits: Vec::new(), notes: Vec::new() };
        let is_plain = axes.locks.is_empty() && axes.revisions.is_empty() && axes.follows.is_empty();
        let mut every_combination = true;
        if !axes.locks.is_empty() {
            draft.locks(axes.locks.iter().map(|name| states.named(name)).collect::<Result<_, _>>()?);
        } else if !axes.inputs.is_empty() || is_plain {
            draft.ends(scope, &axes.inputs, (states, case))?;
            every_combination = !axes.inputs.is_empty() || draft.axes.len() <= ALL_COMBINATIONS;
        }
        let spots = combinations(&draft.axes);
        let one_factor = |spot: &Spot| {
            let bad = spot.0.iter().filter(|level| **level > 0).count();
            bad <= 1 || bad + 1 >= spot.0.len()
        };
        let kept: Vec<Spot> = spots.into_iter().filter(|spot| every_combination || one_factor(spot)).collect();
        let before = draft.axes.len();
        draft.revisions(&axes.revisions, clones, sink)?;
        draft.follows(&axes.follows)?;
        let more = combinations(&draft.axes[before..]);
        let join = |one: &Spot, two: &Spot| Spot(one.0.iter().chain(&two.0).copied().collect());
        let states: Vec<Spot> = kept.iter().flat_map(|spot| more.iter().map(move |other| join(spot, other))).collect();
        let mut assignments = BTreeMap::new();
        for spot in &states {
            let lock = draft.lock(spot, clones)?;
            assignments.insert(spot.0.clone(), clones.assignment(lock));
        }
        draft.axes.push(Axis { name: NIX.to_owned(), levels: levels_of(nix) });
        let with = |spot: &Spot, number| Spot(spot.0.iter().copied().chain([number]).collect());
        let spots = states.iter().flat_map(|spot| (0..nix.len()).map(move |number| with(spot, number))).collect();
        Ok(Self { axes: draft.axes, spots, notes: draft.notes, assignments })
    }

    /// Returns the empty table.
    pub(super) fn matrix(&self) -> Matrix {
        Matrix { axes: self.axes.clone(), spots: self.spots.clone(), notes: self.notes.clone(), ..Matrix::default() }
    }

    /// Returns all evaluations to make.
    pub(super) fn spots(&self) -> &[Spot] {
        &self.spots
    }

    /// Returns one of them.
    pub(super) fn cell(&self, spot: &Spot, memory: Bytes) -> Cell {
        let (nix, state) = spot.0.split_last().expect("the axis of Nix is always there");
        let matrix = self.matrix();
        let words = format!("{}: {}", matrix.nix(spot), matrix.row(spot));
        Cell {
            spot: spot.clone(),
            nix: *nix,
            assignment: self.assignments[state].clone(),
            purpose: Purpose { words, commit: None },
            memory,
        }
    }
}

/// Names the versions, with their programs where that is needed to tell them apart.
fn levels_of(nix: &[Nix]) -> Vec<String> {
    let version = |nix: &Nix| nix.version().to_string();
    let name = |own: &Nix| {
        let same = nix.iter().filter(|other| version(other) == version(own)).count();
        if same > 1 { own.name() } else { version(own) }
    };
    nix.iter().map(name).collect()
}

/// The axes of locks in the making.
struct Draft {
    base: Lock,
    axes: Vec<Axis>,
    /// For each axis what its levels do.
    edits: Vec<Vec<Edit>>,
    notes: Vec<String>,
}

impl Draft {
    fn axis(&mut self, name: String, levels: Vec<(String, Edit)>) {
        let (levels, edits) = levels.into_iter().unzip();
        self.axes.push(Axis { name, levels });
        self.edits.push(edits);
    }

    fn locks(&mut self, states: Vec<State>) {
        let level = |state: State| (state.label, Edit::Lock(Box::new(state.lock)));
        self.axis("lock".to_owned(), states.into_iter().map(level).collect());
    }

    /// Makes an axis of each input that is to be at good and at bad.
    fn ends(
        &mut self,
        scope: &Scope,
        wanted: &[InputPath],
        (states, case): (&States, &CaseDir),
    ) -> Result<(), CaseError> {
        let (good, bad) = match scope {
            Scope::Locks { good, bad, .. } => (good.as_deref(), bad.as_deref()),
            Scope::Input { .. } | Scope::Inputs { .. } => (None, None),
        };
        let bad = bad.map_or_else(|| states.working(case), |name| states.named(name))?;
        let good = match good {
            Some(name) => Some(states.named(name)?),
            None => newest_other(states, &bad)?,
        };
        self.base = bad.lock.clone();
        let Some(good) = good else {
            if wanted.is_empty() {
                return Ok(());
            }
            let why = "the flake has no committed flake.lock that differs from the bad one".to_owned();
            return Err(CaseError::NoGoodState { why });
        };
        let mut changes = diff(&good.lock, &bad.lock);
        changes.retain(|change| change.kind != ChangeKind::Declared);
        let changed: Vec<InputPath> = changes.iter().map(|change| change.path().clone()).collect();
        let is_named = |path: &InputPath, change: &Change| change.paths.contains(path);
        if let Some(input) = wanted.iter().find(|path| !changes.iter().any(|change| is_named(path, change))) {
            let changed = changed.iter().map(ToString::to_string).collect();
            return Err(CaseError::Unchanged { input: input.to_string(), changed });
        }
        let inputs = if wanted.is_empty() {
            let is_top = |path: &&InputPath| !changed.iter().any(|other| other != *path && path.is_below(other));
            changed.iter().filter(is_top).cloned().collect()
        } else {
            wanted.to_vec()
        };
        self.notes = vec![format!("good: {}", good.label), format!("bad: {}", bad.label)];
        for input in inputs {
            let levels = vec![
                ("good".to_owned(), Edit::From(input.clone(), Box::new(good.lock.clone()))),
                ("bad".to_owned(), Edit::Nothing),
            ];
            self.axis(input.to_string(), levels);
        }
        Ok(())
    }

    /// Makes an axis of each input that is to be at some revisions.
    fn revisions(
        &mut self,
        wanted: &[(InputPath, String)],
        clones: &mut Clones,
        sink: &mut dyn EventSink,
    ) -> Result<(), CaseError> {
        let mut levels: Vec<(InputPath, Vec<(String, Edit)>)> = Vec::new();
        for (input, name) in wanted {
            let reference = self.base.locked(&node_of(&self.base, input)?)?;
            let commit: CommitId = match name.parse() {
                Ok(commit) => commit,
                Err(_) => {
                    let repository = clones.obtain(input, &reference, sink)?;
                    if looks_like_a_date(name) {
                        repository.at_date("HEAD", name)?
                    } else {
                        repository.resolve(name)?
                    }
                }
            };
            let described = match clones.at_hand(input, &reference)? {
                Some(repository) if repository.has(&commit)? => revision(&repository, &commit)?,
                Some(_) | None => Revision::bare(&commit),
            };
            let level = (name.clone(), Edit::At(input.clone(), described));
            match levels.iter_mut().find(|(known, _)| known == input) {
                Some((_, levels)) => levels.push(level),
                None => levels.push((input.clone(), vec![level])),
            }
        }
        for (input, levels) in levels {
            self.axis(input.to_string(), levels);
        }
        Ok(())
    }

    /// Makes an axis of each input of an input that is to follow, and not to follow.
    fn follows(&mut self, wanted: &[(InputPath, InputPath)]) -> Result<(), CaseError> {
        for (input, target) in wanted {
            node_of(&self.base, input)?;
            node_of(&self.base, target)?;
            let levels = vec![
                (format!("follows {target}"), Edit::Follows(input.clone(), target.clone())),
                ("its own".to_owned(), Edit::Own(input.clone())),
            ];
            self.axis(input.to_string(), levels);
        }
        Ok(())
    }

    /// Returns the lock of a combination of levels.
    fn lock(&self, spot: &Spot, clones: &mut Clones) -> Result<Lock, CaseError> {
        let mut lock = self.base.clone();
        for (edits, level) in self.edits.iter().zip(&spot.0) {
            lock = match &edits[*level] {
                Edit::Nothing => lock,
                Edit::Lock(other) => (**other).clone(),
                Edit::From(input, other) => lock.with_input_from(input, other)?,
                Edit::At(input, revision) => lock.with_revision(&node_of(&lock, input)?, revision)?,
                Edit::Follows(input, target) => lock.with_follows(input, target)?,
                Edit::Own(input) => with_own(&lock, input, clones)?,
            };
        }
        Ok(lock)
    }
}

/// Returns the newest committed state that differs.
fn newest_other(states: &States, bad: &State) -> Result<Option<State>, CaseError> {
    for commit in states.committed(&bad.lock)? {
        match states.at(&commit) {
            Ok(Some(state)) if state.lock != bad.lock => return Ok(Some(state)),
            Ok(_) | Err(CaseError::Lock { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

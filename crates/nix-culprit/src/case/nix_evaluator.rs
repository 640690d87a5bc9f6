//! Evaluates assignments with the user's own Nix, under the guard.

mod of_file;
mod traced;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::counters::Counters;
use nix_culprit_core::event::Mode;
use nix_culprit_core::flake::{AttrPath, Candidate, Lock};
use nix_culprit_core::ids::{CommitId, DrvPath, NodeKey};
use nix_culprit_core::outcome::{Class, End, Ending, Kill, LogFormat, MemoryUse, Observation, Outcome, classify};
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::read_set::Reads;

use super::ahead::Order;
use super::assignment::Assignment;
use super::evaluator::{Counting, Evaluated, Evaluator, EvaluatorError, OwnWay, Settled, Target, Yields};
use super::expected::Expected;
use super::flake_copy::{copy_again, set_time};
use super::hashes::Hashes;
use super::instrumented::{How, Instrumented, ReadInFolders};
use super::kept::{AllKept, Asked, Kept, is_repeatable};
use super::meter::{LOOK, Label, Meter};
use super::project::Project;
use super::pure::{PureStore, STORE, stores_of_others};
use super::remembered::{Limits, Memory, Remembered, digest_of_folder};
use super::trees::{LookedAt, Trees, is_full};
use crate::sys::child::{self, Call};
use crate::sys::git::{Git, Snapshot};
use crate::sys::interrupt::Interrupt;
use crate::sys::limit::{Budget, Finished, Guard, Onlooker, Seen, Wish};
use crate::sys::nix::{
    CALL_FILE, CALL_FLAKE, CountersFile, ENTRY, FILE_ENTRY, Nix, Plan, PlannedNode, Scene, Tree, begins_with,
    read_answer, read_drv_path, read_requisites, with_cache, with_channels,
};
use crate::sys::touched::Touched;

/// What an evaluator needs besides the case's folder.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The user's Nix.
    pub nix: Nix,
    /// The user's git.
    pub git: Git,
    /// The limits.
    pub guard: Guard,
    /// What one evaluation may use of time.
    pub time: Duration,
    /// Whether somebody asked to stop.
    pub interrupt: Interrupt,
    /// What is known of the hashes of commits.
    pub hashes: Hashes,
    /// What the next probes will probably look at.
    pub expected: Expected,
    /// Who is told of what runs.
    pub meter: Meter,
}

/// Evaluates with real Nix.
#[derive(Debug)]
pub struct NixEvaluator {
    tools: Tools,
    snapshot: Snapshot,
    /// A copy of it in which flake.nix is another one, made when it is needed.
    edited: Option<Snapshot>,
    /// When the user's tree was last committed, in seconds since 1970.
    modified: i64,
    /// The folder for plans, trees and copies.
    work: PathBuf,
    /// The user's own check; empty for none.
    script: Vec<String>,
    trees: Trees,
    /// The store of the pure way.
    pure: PureStore,
    /// The folders that the running probe reads.
    readable: Vec<PathBuf>,
    /// The lock nodes that the folders of a fast probe stand for.
    shown: Vec<(NodeKey, PathBuf)>,
    /// What earlier fast probes looked at.
    kept: AllKept,
    counting: Counting,
    /// What an evaluation may use of time, if it is less than the whole budget.
    time: Option<Duration>,
    /// How large the heap of a fast evaluation is at the beginning, if that is not left to Nix.
    heap: Option<Bytes>,
    /// What the last evaluation looked at, where that is known.
    looked_at: Option<BTreeMap<NodeKey, LookedAt>>,
    /// What the evaluations of earlier cases came to.
    remembered: Remembered,
    /// What it is, if it is no flake.
    project: Option<Project>,
    /// What the next evaluations are told as while they run.
    label: Label,
    /// Says whether a fast evaluation looked at the lock file.
    lock_watch: Touched,
}

/// A copy of the flake, and the Nix that evaluates it.
struct Flake {
    copy: Snapshot,
    nix: Nix,
}

impl Flake {
    /// Returns the folder that has its flake.nix.
    fn folder(&self) -> PathBuf {
        self.copy.root.join(&self.copy.dir)
    }
}

impl NixEvaluator {
    /// Prepares to evaluate a copy of the user's flake, working below `work`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(
        tools: Tools,
        snapshot: Snapshot,
        modified: i64,
        work: &Path,
        script: Vec<String>,
    ) -> Result<Self, EvaluatorError> {
        let scene = work.join("scene");
        fs::create_dir_all(&scene)
            .and_then(|()| fs::write(scene.join("call-flake.nix"), CALL_FLAKE))
            .and_then(|()| fs::write(scene.join("entry.nix"), ENTRY))
            .and_then(|()| fs::write(scene.join("call-file.nix"), CALL_FILE))
            .and_then(|()| fs::write(scene.join("file.nix"), FILE_ENTRY))
            .map_err(|error| EvaluatorError::machine(format!("write to {}", scene.display()), error))?;
        let work = fs::canonicalize(work)
            .map_err(|error| EvaluatorError::machine(format!("use {}", work.display()), error))?;
        let kept = AllKept::open(&work.join("read-sets.jsonl"));
        let (git, expected) = (tools.git.clone(), tools.expected.clone());
        let trees = Trees::new(git, work.join("trees"), tools.guard.program(), tools.time, expected);
        let pure = PureStore::new(tools.nix.clone(), tools.interrupt.clone(), tools.hashes.clone(), work.join(STORE));
        Ok(Self {
            tools,
            snapshot,
            edited: None,
            modified,
            work,
            script,
            trees,
            pure,
            readable: Vec::new(),
            shown: Vec::new(),
            kept,
            counting: Counting::Off,
            time: None,
            heap: None,
            looked_at: None,
            remembered: Remembered::nothing(),
            project: None,
            label: Label::default(),
            lock_watch: Touched::new(),
        })
    }

    fn time(&self) -> Duration {
        self.time.unwrap_or(self.tools.time)
    }

    /// Uses what evaluations of earlier cases came to, and keeps what this one's do.
    pub fn use_cache(&mut self, path: &Path) {
        // What a check of the user's own depends on is not known, nor what code outside of flakes does.
        if !self.script.is_empty() || self.project.is_some() {
            return;
        }
        let Tools { nix, guard, interrupt, .. } = &self.tools;
        let flake = digest_of_folder(&self.snapshot.root, &self.lock_file());
        self.remembered = match (nix.settings(interrupt), flake) {
            (Some(settings), Ok(flake)) => {
                let about = [
                    env!("CARGO_PKG_VERSION").to_owned(),
                    nix.version().to_string(),
                    nix.system().to_owned(),
                    settings,
                    guard.layer().to_string(),
                    self.modified.to_string(),
                    self.snapshot.dir.to_string_lossy().into_owned(),
                ];
                let parts: Vec<&[u8]> = about.iter().map(|part| part.as_bytes()).chain([&flake[..]]).collect();
                Remembered::open(path, &parts)
            }
            (None, _) => {
                Remembered::without("goes on without the cache of observations: nix does not say its settings")
            }
            (_, Err(error)) => {
                Remembered::without(&format!("goes on without the cache of observations: the flake's copy: {error}"))
            }
        };
    }

    /// Evaluates a project without a flake, if there is one.
    #[must_use]
    pub fn of_project(self, project: Option<Project>) -> Self {
        Self { project, ..self }
    }

    fn fast(&mut self, assignment: &Assignment, target: &Target, memory: Bytes) -> Result<Evaluated, EvaluatorError> {
        let scene = self.work.join("scene");
        let call = if let Some(project) = self.project.clone() {
            let channels = self.prepare_project(assignment, &project, target)?;
            let call = self.tools.nix.fast(&Scene { folder: &scene, entry: "file.nix", readable: &self.readable });
            with_channels(call, &channels)
        } else {
            self.prepare(assignment, target)?;
            self.tools.nix.fast(&Scene { folder: &scene, entry: "entry.nix", readable: &self.readable })
        };
        let call = self.heap.map_or(call.clone(), |heap| begins_with(call, heap));
        // The lock names the commit, and the copy of the flake is not in the mount.
        let lock_file = self.lock_file();
        self.lock_watch.watch(&lock_file);
        let (mut finished, mut counters) = self.run(&call, memory)?;
        self.trees.check()?;
        if finished.kill == Some(Kill::Time) && self.trees.made_it_wait() {
            // What it waited for is here now.
            (finished, counters) = self.run(&call, memory)?;
            self.trees.check()?;
        }
        let kill = finished.kill;
        let answer = read_answer(&finished.stdout, finished.end);
        let mut observation = Observation { counters, ..self.observation(finished, memory) };
        let found = answer.as_ref().and_then(|answer| {
            let attr = answer.attr.clone()?;
            Some(Target::Attr(attr, Yields::of(answer.drv_path.as_ref())))
        });
        let repeatable = is_repeatable(observation.outcome.class, kill);
        // The code of a project without a flake holds the revisions itself, and is not in the mount.
        if self.project.is_none() && repeatable && !self.lock_watch.happened() {
            let looked_at = self.trees.looked_at();
            self.keep((assignment, Mode::Fast), found.as_ref().unwrap_or(target), memory, &observation, looked_at);
        }
        let Some(answer) = answer else { return Ok(Evaluated { observation, attr: None, repeatable }) };
        match (&answer.attr, target) {
            (Some(_), _) => {
                observation.drv_path = answer.drv_path;
                Ok(Evaluated { observation, attr: answer.attr, repeatable })
            }
            // It is there in another probe of the case: that it is not here is a failure of the code.
            (None, Target::Attr(attr, _)) => {
                let message = Some(if self.project.is_some() {
                    format!("attribute '{attr}' missing")
                } else {
                    format!("the flake does not provide attribute '{attr}'")
                });
                observation.outcome = Outcome { class: Class::EvaluationError, message, position: None };
                observation.end = End::Exited(1);
                Ok(Evaluated { observation, attr: None, repeatable })
            }
            (None, Target::Among(candidates)) => {
                let looked_for = candidates.iter().map(ToString::to_string).collect();
                Err(EvaluatorError::NoTarget { looked_for, outputs: answer.outputs })
            }
        }
    }

    /// Writes the plan of the next fast evaluation, and shows the folders that it reads.
    pub(super) fn prepare(&mut self, assignment: &Assignment, target: &Target) -> Result<(), EvaluatorError> {
        let plan = self.plan(assignment, target)?;
        let text = serde_json::to_vec(&plan).expect("a plan is plain data");
        fs::write(self.work.join("scene").join("plan.json"), text)
            .map_err(|error| EvaluatorError::machine("write the plan of an evaluation", error))
    }

    /// Returns the folder for plans, trees and copies.
    pub(super) fn work(&self) -> &Path {
        &self.work
    }

    /// Returns the user's Nix.
    pub(super) const fn nix(&self) -> &Nix {
        &self.tools.nix
    }

    /// Returns the folders that the running probe reads, and the lock nodes that they stand for.
    pub(super) fn shown_as(&self) -> impl Iterator<Item = (&NodeKey, &Path)> {
        self.shown.iter().map(|(key, folder)| (key, folder.as_path()))
    }

    /// Returns the folders that the running probe may read.
    pub(super) fn readable(&self) -> &[PathBuf] {
        &self.readable
    }

    /// Returns what the probe that has just ended looked at, for the folders of which that is known.
    pub(super) fn read_in_folders(&self) -> ReadInFolders {
        let seen = self.trees.looked_at().unwrap_or_default();
        seen.into_iter().map(|(key, looked_at)| (key, looked_at.reads.uses)).collect()
    }

    /// Has the next probes expect what the one that has just ended looked at, as far as that is known.
    pub(super) fn expect_the_same(&self, assignment: &Assignment) {
        self.note_expected(assignment, &self.trees.looked_at().unwrap_or_default());
    }

    fn note_expected(&self, assignment: &Assignment, looked_at: &BTreeMap<NodeKey, LookedAt>) {
        for (key, seen) in looked_at {
            assignment.clones.get(key).into_iter().for_each(|clone| self.tools.expected.note(clone, &seen.reads));
        }
    }

    /// Keeps what the probe that has just ended looked at, if all of that is known.
    fn keep(
        &mut self,
        (assignment, mode): (&Assignment, Mode),
        target: &Target,
        memory: Bytes,
        observation: &Observation,
        looked_at: Option<BTreeMap<NodeKey, LookedAt>>,
    ) {
        if let (Some(looked_at), Some((asked, _))) = (looked_at, Asked::of(assignment, target)) {
            self.note_expected(assignment, &looked_at);
            self.kept.keep(Kept { asked, memory, looked_at, observation: observation.clone(), mode });
        }
    }

    /// Makes the plan of a lock, and takes note of the folders it reads.
    fn plan(&mut self, assignment: &Assignment, target: &Target) -> Result<Plan, EvaluatorError> {
        let unusable = |error| EvaluatorError::machine("use the lock", error);
        let table = assignment.lock.inputs_table().map_err(unusable)?;
        self.shown.clear();
        self.readable.clear();
        self.trees.begin();
        let mut nodes = BTreeMap::new();
        for (key, mut node) in table.nodes {
            let tree = if key == table.root {
                node.dir = self.snapshot.dir.to_string_lossy().into_owned();
                self.shown.push((key.clone(), self.snapshot.root.clone()));
                self.readable.push(self.snapshot.root.clone());
                Some(Tree::new(self.snapshot.root.clone(), None, self.modified))
            } else if let Some(clone) = assignment.clones.get(&key) {
                let rev = assignment.lock.locked(&key).map_err(unusable)?.rev();
                let commit = rev.ok_or_else(|| {
                    EvaluatorError::machine(format!("show `{key}` as a folder"), "it has no revision")
                })?;
                let tree = self.trees.folder(clone, &key, &commit)?;
                self.shown.push((key.clone(), tree.out_path.clone()));
                self.readable.push(tree.out_path.clone());
                Some(tree)
            } else {
                None
            };
            nodes.insert(key, PlannedNode { node, tree });
        }
        Ok(Plan { root: table.root, nodes, candidates: target.candidates() })
    }

    /// Runs the user's own command with the inputs that have a clone mounted at their store paths.
    fn pure(&mut self, assignment: &Assignment, target: &Target, memory: Bytes) -> Result<Evaluated, EvaluatorError> {
        if is_full(&self.work) {
            return Err(EvaluatorError::DiskFull(self.work.clone()));
        }
        let known = self.pure.know(&mut self.trees, assignment);
        let known = known.map_err(|why| EvaluatorError::machine("show the inputs at their store paths", why))?;
        let stage = self.pure.stage(&mut self.trees, &known)?;
        self.readable = stage.folders();
        let flake = self.flake_of(assignment)?;
        self.write_lock(&flake, &known.lock)?;
        let watch = stage.watch(self.tools.time, &self.tools.interrupt);
        let evaluated = self.own_command(&flake, Some(self.pure.root()), target, memory)?;
        drop(watch);
        stage.check()?;
        if evaluated.repeatable {
            let looked_at = stage.looked_at(assignment);
            self.keep((assignment, Mode::Pure), target, memory, &evaluated.observation, looked_at);
        }
        Ok(evaluated)
    }

    fn faithful(
        &mut self,
        assignment: &Assignment,
        target: &Target,
        memory: Bytes,
    ) -> Result<Evaluated, EvaluatorError> {
        self.readable.clear();
        let flake = self.flake_of(assignment)?;
        if self.project.is_none() {
            self.write_lock(&flake, &assignment.lock)?;
        }
        if let Some((program, arguments)) = self.script.split_first() {
            let flake = flake.folder();
            let mut evaluated = self.ask(&Call::new(program).args(arguments).folder(&flake), None, memory)?;
            let Observation { outcome, end, .. } = &mut evaluated.observation;
            if let (Class::EvaluationError, None, End::Exited(status)) = (outcome.class, &outcome.message, &*end) {
                outcome.message = Some(format!("your check exited with status {status}"));
            }
            return Ok(evaluated);
        }
        self.own_command(&flake, None, target, memory)
    }

    /// Runs the user's own command, in another store if one is given.
    fn own_command(
        &self,
        flake: &Flake,
        store: Option<&Path>,
        target: &Target,
        memory: Bytes,
    ) -> Result<Evaluated, EvaluatorError> {
        let dir = flake.copy.dir.to_string_lossy();
        let ask = |target: &Target| {
            let (nix, root, question) = (&flake.nix, &flake.copy.root, target.question());
            let call = match store {
                Some(store) => {
                    let call = nix.pure(store, root, &dir, &question);
                    self.pure.cache().map_or(call.clone(), |cache| with_cache(call, cache))
                }
                None => nix.faithful(root, &dir, &question),
            };
            self.ask(&call, Some(target.attr()), memory)
        };
        let Target::Among(candidates) = target else { return ask(target) };
        // The command line has no words for "the only one", so it is left out.
        let attrs = candidates.iter().filter_map(|candidate| match candidate {
            Candidate::Attr(attr) => Some(Target::Attr(attr.clone(), Yields::Derivation)),
            Candidate::BelowOnly { .. } => None,
        });
        let mut first = None;
        for target in attrs {
            let evaluated = ask(&target)?;
            let message = evaluated.observation.outcome.message.as_deref().unwrap_or_default();
            if !message.contains("does not provide attribute") {
                return Ok(evaluated);
            }
            first.get_or_insert(evaluated);
        }
        first.map_or_else(|| ask(target), Ok)
    }

    /// Runs a command of the user, and says what attribute it evaluated if it succeeded.
    fn ask(&self, call: &Call, attr: Option<AttrPath>, memory: Bytes) -> Result<Evaluated, EvaluatorError> {
        let (finished, counters) = self.run(call, memory)?;
        let kill = finished.kill;
        let drv_path = read_drv_path(&finished.stdout, finished.end);
        let observation = Observation { drv_path, counters, ..self.observation(finished, memory) };
        let attr = attr.filter(|_| observation.outcome.class == Class::Success);
        let repeatable = is_repeatable(observation.outcome.class, kill);
        Ok(Evaluated { observation, attr, repeatable })
    }

    /// Returns the copy of the flake that the user's own command evaluates, with its flake.nix.
    fn flake_of(&mut self, assignment: &Assignment) -> Result<Flake, EvaluatorError> {
        let Some(text) = &assignment.flake else { return Ok(self.own_flake()) };
        let copy = match &self.edited {
            Some(copy) => copy.clone(),
            None => {
                let folder = self.work.join("edited").join("source");
                let failed = |error| EvaluatorError::machine("copy the flake", error);
                let copy = copy_again(&self.tools.git, (&self.snapshot, self.modified), &folder).map_err(failed)?;
                self.edited.insert(copy).clone()
            }
        };
        // What Nix would write anew is not what was tried.
        let flake = Flake { copy, nix: self.tools.nix.clone().bound_to_the_lock() };
        self.write(&flake, "flake.nix", text)?;
        Ok(flake)
    }

    fn own_flake(&self) -> Flake {
        Flake { copy: self.snapshot.clone(), nix: self.tools.nix.clone() }
    }

    /// Writes the lock into a copy of the flake. A text that says the same stays as it is.
    fn write_lock(&self, flake: &Flake, lock: &Lock) -> Result<(), EvaluatorError> {
        let there = fs::read_to_string(flake.folder().join("flake.lock")).ok();
        let there = there.filter(|text| Lock::parse(text).is_ok_and(|there| there == *lock));
        self.write(flake, "flake.lock", &there.unwrap_or_else(|| lock.to_json()))
    }

    /// Writes a file into a copy of the flake, with the copy's own time: it is part of what Nix sees.
    fn write(&self, flake: &Flake, name: &str, text: &str) -> Result<(), EvaluatorError> {
        let folder = flake.folder();
        let path = folder.join(name);
        fs::write(&path, text)
            .and_then(|()| set_time(&path, self.modified))
            .and_then(|()| set_time(&folder, self.modified))
            .map_err(|error| EvaluatorError::machine(format!("write {}", path.display()), error))
    }

    /// Tells whether the user's own command may be run with its inputs mounted, as far as no clone was looked at.
    fn may_be_pure(&self) -> bool {
        let is_flake = self.project.is_none() && self.tools.nix.version().has_flakes();
        self.script.is_empty() && is_flake && self.trees.can_mount()
    }

    fn lock_file(&self) -> PathBuf {
        self.snapshot.root.join(&self.snapshot.dir).join("flake.lock")
    }

    /// Takes the folders of this case out of what people and signatures see: they say nothing about the code.
    fn without_folders(&self, mut outcome: Outcome) -> Outcome {
        let copies = std::iter::once(&self.snapshot).chain(&self.edited);
        let folders = self.readable.iter().chain(copies.map(|copy| &copy.root));
        for folder in folders.map(|folder| format!("{}/", folder.display())) {
            if let Some(message) = &mut outcome.message {
                *message = message.replace(&folder, "");
            }
            if let Some(position) = &mut outcome.position {
                position.file = position.file.replace(&folder, "");
            }
        }
        outcome
    }

    fn run(&self, call: &Call, memory: Bytes) -> Result<(Finished, Option<Counters>), EvaluatorError> {
        let budget = Budget { memory, time: Some(self.time()) };
        let _watch = self.trees.watch(self.time(), &self.tools.interrupt);
        // A check of the user's own may run many a Nix.
        let counters = match self.counting {
            Counting::On if self.script.is_empty() => Some(CountersFile::in_folder(&self.work)),
            Counting::On | Counting::Off => None,
        };
        let call = counters.as_ref().map_or_else(|| call.clone(), |file| file.asked_of(call.clone()));
        let mut onlooker = Onlooker { pipe: None, every: LOOK, look: &mut |_| Wish::GoOn };
        let finished = self.run_looked_at(&call, budget, &mut onlooker)?;
        Ok((finished, counters.and_then(CountersFile::read)))
    }

    /// Runs something under a budget of its own, with an onlooker; the meter is told what it uses.
    pub(super) fn run_looked_at(
        &self,
        call: &Call,
        budget: Budget,
        onlooker: &mut Onlooker<'_>,
    ) -> Result<Finished, EvaluatorError> {
        let metered = self.tools.meter.begin(&self.label, budget.memory);
        let mut look = |seen: Seen<'_>| {
            if let Seen::Memory(memory) = seen {
                metered.note(memory);
            }
            (onlooker.look)(seen)
        };
        let mut onlooker = Onlooker { look: &mut look, ..*onlooker };
        self.tools
            .guard
            .inside(self.trees.namespace())
            .run_looked_at(call, budget, &self.tools.interrupt, &mut onlooker)
            .map_err(|error| EvaluatorError::machine("run an evaluation", error))
    }

    /// Tells how a run ended.
    pub(super) fn outcome(&self, finished: Finished, memory: Bytes) -> Outcome {
        self.observation(finished, memory).outcome
    }

    /// The form of what the running command prints on standard error.
    fn log(&self) -> LogFormat {
        let version = self.tools.nix.version();
        match () {
            () if !self.script.is_empty() || !version.has_flakes() => LogFormat::Text,
            () if version.at_least(2, 13) => LogFormat::TracedJson,
            () => LogFormat::InternalJson,
        }
    }

    fn observation(&self, finished: Finished, memory: Bytes) -> Observation {
        let outcome = classify(&Ending {
            end: finished.end,
            kill: finished.kill,
            kernel_oom: finished.kernel_oom,
            stderr: &finished.stderr,
            log: self.log(),
            memory: Some(MemoryUse { peak: finished.peak, budget: memory }),
        });
        Observation {
            outcome: self.without_folders(outcome),
            end: finished.end,
            peak: finished.peak,
            wall: finished.wall,
            cpu: Some(finished.cpu),
            counters: None,
            curve: finished.curve,
            drv_path: None,
        }
    }
}

impl Evaluator for NixEvaluator {
    fn evaluate(
        &mut self,
        assignment: &Assignment,
        mode: Mode,
        target: &Target,
        memory: Bytes,
    ) -> Result<Evaluated, EvaluatorError> {
        if let Some(project) = self.project.clone() {
            self.write_project(assignment, &project, mode)?;
            return match mode {
                Mode::Fast if self.script.is_empty() => self.fast(assignment, target, memory),
                Mode::Fast | Mode::Pure | Mode::Faithful => self.instantiate(assignment, &project, target, memory),
            };
        }
        self.write_lock(&self.own_flake(), &assignment.lock)?;
        let before = self.kept.count();
        let evaluated = match mode {
            Mode::Fast if self.script.is_empty() => self.fast(assignment, target, memory),
            Mode::Pure if self.script.is_empty() => self.pure(assignment, target, memory),
            Mode::Fast | Mode::Pure | Mode::Faithful => self.faithful(assignment, target, memory),
        }?;
        self.looked_at = self.kept.since(before).map(|kept| kept.looked_at.clone());
        let limits = Limits { memory, time: self.time() };
        self.remembered.keep(assignment, mode, target, &evaluated, (limits, self.looked_at.clone()));
        Ok(evaluated)
    }

    fn remembered(&mut self, assignment: &Assignment, mode: Mode, target: &Target, memory: Bytes) -> Option<Evaluated> {
        let limits = Limits { memory, time: self.time() };
        let memory = self.remembered.find(assignment, mode, target, limits)?;
        let Memory { observation, attr, looked_at, limits } = memory;
        // Nix tells what it counted where it comes to an end of its own.
        let counted = observation.counters.is_some() || observation.outcome.class != Class::Success;
        if self.counting == Counting::On && !counted {
            return None;
        }
        let evaluated = Evaluated { observation, attr, repeatable: true };
        if let Some(looked_at) = looked_at {
            self.adopt(assignment, mode, target, limits.memory, &evaluated, looked_at);
        }
        Some(evaluated)
    }

    fn looked_at(&self) -> Option<BTreeMap<NodeKey, LookedAt>> {
        self.looked_at.clone()
    }

    fn label(&mut self, label: Label) {
        self.label = label;
    }

    fn adopt(
        &mut self,
        assignment: &Assignment,
        mode: Mode,
        target: &Target,
        memory: Bytes,
        evaluated: &Evaluated,
        looked_at: BTreeMap<NodeKey, LookedAt>,
    ) {
        // What it looked at settles other probes of this case too.
        let Evaluated { observation, attr, .. } = evaluated;
        let found = attr.clone().map(|attr| Target::Attr(attr, Yields::of(observation.drv_path.as_ref())));
        let target = found.as_ref().unwrap_or(target);
        self.keep((assignment, mode), target, memory, observation, Some(looked_at));
    }

    fn limit_time(&mut self, time: Option<Duration>) {
        self.time = time;
    }

    fn begin_with(&mut self, heap: Option<Bytes>) {
        self.heap = heap;
    }

    fn keep(&mut self, order: &Order, evaluated: &Evaluated, looked_at: Option<BTreeMap<NodeKey, LookedAt>>) {
        let limits = Limits { memory: order.memory, time: order.time.unwrap_or(self.tools.time) };
        self.remembered.keep(&order.assignment, order.mode, &order.target, evaluated, (limits, looked_at));
    }

    fn complaint(&mut self) -> Option<String> {
        self.remembered.complaint()
    }

    fn settled(&mut self, assignment: &Assignment, mode: Mode, target: &Target, memory: Bytes) -> Option<Settled> {
        if mode != Mode::Fast || !self.script.is_empty() {
            return None;
        }
        let wanted = Asked::of(assignment, target)?;
        let trees = &self.trees;
        self.kept.settle(&wanted, memory, |clone, seen, commit| trees.looks_alike(clone, seen, commit))
    }

    fn reads(&self, clone: &Path, commit: &CommitId) -> Option<Reads> {
        self.kept.reads(clone, commit).cloned()
    }

    fn count(&mut self, counting: Counting) {
        self.counting = counting;
    }

    fn note(&mut self, assignment: &Assignment) {
        self.pure.note(assignment);
    }

    fn works_alone(&mut self, assignment: &Assignment) -> bool {
        // Nix without flakes does not lock its cache of git: two that fetch at the same time fail.
        !self.tools.nix.version().has_flakes()
            || assignment.clones.values().any(|clone| self.trees.lacks_contents(clone))
    }

    fn foresee(&mut self, assignment: &Assignment) {
        if self.may_be_pure() {
            self.pure.foresee(&mut self.trees, assignment);
        }
    }

    fn vouch(&mut self, assignment: &Assignment) {
        if self.may_be_pure() {
            self.pure.vouch(&mut self.trees, assignment);
        }
    }

    fn own_way(&mut self, assignment: &Assignment) -> OwnWay {
        // A check of the user's own may run anything; without flakes there is no command at all.
        if !self.script.is_empty() || self.project.is_some() || !self.tools.nix.version().has_flakes() {
            return OwnWay::Faithful { why: None };
        }
        if !self.trees.can_mount() {
            return OwnWay::Faithful { why: Some("commits cannot be mounted here".to_owned()) };
        }
        match self.pure.know(&mut self.trees, assignment) {
            Ok(_) => OwnWay::Pure,
            Err(why) => OwnWay::Faithful { why: Some(why) },
        }
    }

    fn as_locked(&mut self, assignment: &Assignment) -> Result<Lock, String> {
        self.pure.know(&mut self.trees, assignment).map(|known| known.lock)
    }

    fn closure(&mut self, drv_path: &DrvPath, mode: Mode) -> Option<BTreeSet<String>> {
        // What was evaluated beside something else is in the store of who did it.
        let stores: Vec<Option<PathBuf>> = match mode {
            Mode::Fast => Vec::new(),
            Mode::Pure => {
                std::iter::once(self.pure.root().to_owned()).chain(stores_of_others(&self.work)).map(Some).collect()
            }
            Mode::Faithful => vec![None],
        };
        stores.iter().find_map(|store| {
            let call = self.tools.nix.requisites(store.as_deref(), drv_path);
            let listed = child::output(&call, Some(self.tools.time), &self.tools.interrupt).ok()?;
            read_requisites(&listed.stdout, listed.end)
        })
    }

    fn instrumented(
        &mut self,
        assignment: &Assignment,
        target: &Target,
        budget: Budget,
        how: How<'_>,
        look: &mut dyn FnMut(Seen<'_>) -> Wish,
    ) -> Result<Option<Instrumented>, EvaluatorError> {
        // The code of a project without a flake is not called by the expressions that tell.
        if !self.script.is_empty() || self.project.is_some() {
            return Ok(None);
        }
        self.write_lock(&self.own_flake(), &assignment.lock)?;
        self.tell_where(assignment, target, budget, how, look)
    }

    fn lacks(&self, mode: Mode) -> Option<String> {
        if mode == Mode::Fast || !self.script.is_empty() {
            return None;
        }
        let version = self.tools.nix.version();
        if self.project.is_some() {
            let why = "no file system can be mounted here, and the hashes of commits are found out there only";
            return (!self.trees.can_mount()).then(|| why.to_owned());
        }
        if !version.has_flakes() {
            return Some(format!("{version} has no flakes, so there is no command of the user to run"));
        }
        let below = !self.snapshot.dir.as_os_str().is_empty() && !version.takes_folder_below_path();
        below.then(|| format!("{version} cannot evaluate a copy of a flake that is not at the top of its repository"))
    }
}

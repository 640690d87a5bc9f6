//! The whole way: from settings to a report, through ends, input, search and confirmation.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use nix_culprit_core::bisect::{Culprit as FoundCulprit, Goal};
use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::correct::{Before, Facts, Keeping};
use nix_culprit_core::event::{Event, EventSink, Mode};
use nix_culprit_core::explain::{Guide, Why};
use nix_culprit_core::flake::{Candidate, Change, ChangeKind, FlakeRef, Installable, Lock, Place, candidates, diff};
use nix_culprit_core::growth::Bound;
use nix_culprit_core::ids::{CommitId, InputPath, NodeKey};
use nix_culprit_core::isolate::{Difference, Extent};
use nix_culprit_core::outcome::{Criterion, Verdict};
use nix_culprit_core::report::Report;
use nix_culprit_core::report::model::{Isolation, NotFound, SearchResult, SearchedInput};

use super::ahead::{Ahead, Places};
use super::clones::{CloneError, CloneHistory, Clones, place_name, revision};
use super::conclusion::{Draft, Searched, Source, Touches, unconfirmed};
use super::confirm::confirm_jump;
use super::correct::{Closed, Closing, Failing, FileChanges, close};
use super::early::{EarlyReading, Stretch};
use super::edge::{Move, as_move};
use super::ends::{Candidates, Ends, State, verify};
use super::evaluator::{Evaluator, EvaluatorError, Target};
use super::explain::{self, Drawing, Early, explain, hints, owners};
use super::extract;
use super::flake_copy::FlakeCopy;
use super::foresight::{Foresight, Inputs, will_search};
use super::hashes::Hashes;
use super::history::History as _;
use super::isolate::{Culprit, Isolated, OldEnd, isolate, named};
use super::journal::Journal;
use super::jumps::all_jumps;
use super::meter::Meter;
use super::nix_evaluator::{NixEvaluator, Tools};
use super::other_nix::{Other, OtherNix, Others};
use super::prober::{Allowance, Prober, Round};
use super::project::Project;
use super::proof::{Proof, prove};
use super::pure::AHEAD;
use super::search::{Guess, Range, probe_commit, refuse_backwards};
use super::settings::{Confirmation, Correcting, Explaining, MemoryFrom, Root, Scope, Settings, Wanted};
use super::states::{States, looks_like_a_date};
use super::store::CaseDir;
use super::{Assignment, CaseError};
use crate::sys::git::{Git, Repository, Snapshot};
use crate::sys::interrupt::Interrupt;
use crate::sys::limit::Guard;
use crate::sys::nix::{Installed, Nix};

/// What an investigation needs of the machine.
#[derive(Debug)]
pub struct Surroundings {
    /// The limits.
    pub guard: Guard,
    /// Whether somebody asked to stop.
    pub interrupt: Interrupt,
    /// Where other Nix programs may be.
    pub installed: Installed,
    /// Who is told of what runs.
    pub(super) meter: Meter,
}

impl Surroundings {
    /// Takes what there is.
    #[must_use]
    pub fn new(guard: Guard, interrupt: Interrupt, installed: Installed) -> Self {
        Self { guard, interrupt, installed, meter: Meter::default() }
    }
}

/// What an investigation came to.
#[derive(Debug)]
pub struct Concluded {
    /// All that is told.
    pub report: Report,
    /// What `git bisect log` would print, if a history was searched.
    pub log: Option<String>,
    /// For each correction that works what it changes in the user's files, where that can be written for them.
    pub changes: Vec<Option<FileChanges>>,
    /// Why the correction that was to be written into flake.nix, too, could not be.
    pub not_pinned: Option<String>,
    /// What ended the corrections before all were tried, if something did.
    pub ended: Option<CaseError>,
}

/// Investigates, or goes on where the journal of the case ends.
///
/// # Errors
/// When it could not be looked at, or the user asked to stop.
pub fn investigate(
    settings: &Settings,
    case: &CaseDir,
    surroundings: &Surroundings,
    sink: &mut dyn EventSink,
) -> Result<Concluded, CaseError> {
    surroundings.meter.tell_while(sink, |sink| investigate_told(settings, case, surroundings, sink))
}

fn investigate_told(
    settings: &Settings,
    case: &CaseDir,
    surroundings: &Surroundings,
    sink: &mut dyn EventSink,
) -> Result<Concluded, CaseError> {
    let began = Instant::now();
    refuse_relative(settings)?;
    let git = Git::new(&settings.git, &surroundings.interrupt)?;
    let nix = Nix::detect(&settings.nix, settings.system.as_deref(), &surroundings.interrupt)?;
    let mut journal = Journal::open(&case.journal())?;
    let (copy, snapshot) = FlakeCopy::of(&git, (&settings.flake, &settings.root), case)?;
    let project = Project::of(settings, &git, &snapshot, case)?;
    let states = States::of(&git, &settings.flake, &copy, project.clone())?;
    let working = states.working(case)?;
    let flake = std::fs::read_to_string(snapshot.root.join(&snapshot.dir).join("flake.nix")).ok();
    let target = target(settings, nix.system())?;
    let started = Event::Started {
        flake: settings.flake.display().to_string(),
        nix: nix.version().to_string(),
        memory: settings.memory,
        time: settings.time,
        layers: surroundings.guard.layer().to_string(),
    };
    let draft = Draft::new(settings, &nix, surroundings.guard.layer(), &copy);
    let tools = Tools {
        nix,
        git: git.clone(),
        guard: surroundings.guard.clone(),
        time: settings.time,
        interrupt: surroundings.interrupt.clone(),
        hashes: Hashes::default(),
        meter: surroundings.meter.clone(),
    };
    let own = tools.nix.version().to_string();
    let (others_tools, modified) = (tools.clone(), copy.modified);
    let (others_snapshot, others_project) = (snapshot.clone(), project.clone());
    let others =
        Others { settings, case, tools: others_tools, snapshot: others_snapshot, modified, project: others_project };
    let other_nix =
        settings.nix_good.as_ref().map(|program| others.make(&Other::Program(program.clone()))).transpose()?;
    let own_copy = Copied { copy: copy.clone(), snapshot: snapshot.clone(), project: project.clone() };
    let ahead = ahead(settings, &tools, own_copy, case);
    let mut evaluator =
        NixEvaluator::new(tools, snapshot, copy.modified, case.path(), settings.script.clone())?.of_project(project);
    if let Some(cache) = &settings.cache {
        evaluator.use_cache(cache);
    }
    let criterion = if settings.script.is_empty() { settings.criterion.clone() } else { Some(Criterion::Script) };
    let mut prober = Prober::new(&mut evaluator, &mut journal, sink, target, criterion, settings.memory);
    prober.use_read_sets(settings.read_sets);
    prober.fetch(settings.fetching);
    prober.expect(settings.confirmation);
    prober.tell(&started);
    if let Some(ahead) = ahead {
        prober.work_ahead(ahead);
    }
    let early = EarlyReading::default();
    let mut investigation = Investigation {
        settings,
        states,
        clones: Clones::new(git.clone(), settings.repositories.clone(), settings.clones.clone()),
        // The user's own check can only be run on a copy of the flake with the lock in it.
        mode: if settings.script.is_empty() { Mode::Fast } else { Mode::Faithful },
        draft,
        log: None,
        failing: None,
        facts: Facts::default(),
        culprit: None,
        folder: case.path(),
        early: &early,
        explained_early: None,
    };
    investigation.learned(&mut prober);
    let by_version = match other_nix {
        Some(other) => investigation.other_nix(&mut prober, &working, other, own)?,
        None => None,
    };
    let result = match (by_version, &settings.scope) {
        (Some(result), _) => Ok(result),
        (None, Scope::Locks { good, bad, input }) => {
            let ends = (good.as_deref(), bad.as_deref());
            investigation.locks(&mut prober, working, ends, input.as_ref())
        }
        (None, Scope::Inputs { good, bad, .. }) => {
            let ends = (good.as_deref(), bad.as_deref());
            investigation.locks(&mut prober, working, ends, None)
        }
        (None, Scope::Input { input, good, bad, goal }) => {
            investigation.input(&mut prober, working, input, (good.as_deref(), bad.as_deref()), *goal)
        }
    };
    let result = result?;
    let allowed = investigation.allowed(&prober);
    let Investigation { draft, log, failing, facts, clones, culprit, .. } = investigation;
    let mut report = draft.finish(result, &prober, began.elapsed());
    // What ends the corrections takes nothing from what was found.
    prober.tell(&learned(&report));
    if let Some(time) = settings.extract {
        let culprit = culprit.filter(|_| matches!(report.result, SearchResult::Culprit { .. }));
        if let Some(culprit) = culprit {
            let confirmation = settings.confirmation;
            let work = extract::Work { git: &git, clones: &clones, folder: case.path(), allowed, time, confirmation };
            report.extract = Some(extract::extract(&mut prober, &work, &culprit)?);
            prober.tell(&learned(&report));
        } else {
            let text = "no single commit was found as the culprit, so no part of it can suffice".to_owned();
            prober.tell(&Event::Warned { text });
        }
    }
    let mut closed = Closed::default();
    if let Some(failing) = failing.filter(|_| settings.correcting != Correcting::Unwanted) {
        let took = began.elapsed();
        let installed = &surroundings.installed;
        let closing = Closing { settings, case, git, clones, failing, flake, facts, others, installed, allowed, took };
        closed = close(&mut prober, &mut report, closing);
        prober.tell(&learned(&report));
    }
    prober.tell(&Event::Finished { answer: super::conclusion::answer(&report) });
    let Closed { changes, not_pinned, ended } = closed;
    Ok(Concluded { report, log, changes, not_pinned, ended })
}

/// Makes the event that tells of a report; its probes were told already.
fn learned(report: &Report) -> Event {
    let mut report = report.clone();
    report.probes.clear();
    Event::Learned { report: Box::new(report) }
}

/// What is evaluated, as the case has it.
struct Copied {
    copy: FlakeCopy,
    snapshot: Snapshot,
    project: Option<Project>,
}

/// Makes those who probe ahead of a search, if several evaluations may run at the same time.
///
/// All together get what one may use where only the machine bounds it; the budget that the user chose is that of one.
fn ahead(settings: &Settings, tools: &Tools, own: Copied, case: &CaseDir) -> Option<Ahead> {
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
        let tools = Tools { interrupt: interrupt.clone(), ..tools.clone() };
        let evaluator = NixEvaluator::new(tools, snapshot, copy.modified, &work, Vec::new())?;
        Ok(Box::new(evaluator.of_project(project.clone())))
    };
    Some(Ahead::new(Arc::new(make), most, memory, &interrupt))
}

/// Reads what is to be evaluated.
pub(super) fn target(settings: &Settings, system: &str) -> Result<Target, CaseError> {
    if let Root::File { .. } = &settings.root {
        let attr = settings.attr.as_deref().unwrap_or_default().parse()?;
        return Ok(Target::Among(vec![Candidate::Attr(attr)]));
    }
    let text = format!(".#{}", settings.attr.as_deref().unwrap_or_default());
    let installable: Installable = text.parse()?;
    Ok(Target::Among(candidates(&installable, system)))
}

/// Refuses a rule relative to the good end where two versions of Nix are compared with the same lock.
fn refuse_relative(settings: &Settings) -> Result<(), CaseError> {
    match settings.criterion.as_ref().and_then(Criterion::rule) {
        Some(rule) if settings.nix_good.is_some() && matches!(rule.bound, Bound::OfGood(_)) => {
            Err(CaseError::RelativeRule { rule: rule.to_string() })
        }
        Some(_) | None => Ok(()),
    }
}

struct Investigation<'a> {
    settings: &'a Settings,
    states: States,
    clones: Clones,
    mode: Mode,
    draft: Draft,
    log: Option<String>,
    /// The state that fails, once it was seen to.
    failing: Option<Failing>,
    /// What has a bearing on corrections.
    facts: Facts,
    /// The last culprit that was found.
    culprit: Option<extract::Culprit>,
    /// The folder of the case.
    folder: &'a Path,
    /// What is read beside the evaluations before the search.
    early: &'a EarlyReading,
    /// What was learned of the failure while the bad end was being probed.
    explained_early: Option<Early>,
}

impl<'a> Investigation<'a> {
    const fn history<'h>(&self, repository: &'h Repository) -> CloneHistory<'h>
    where
        'a: 'h,
    {
        CloneHistory { repository, folder: self.folder, early: Some(self.early) }
    }

    /// Writes down what the report can tell so far.
    fn learned(&self, prober: &mut Prober<'_>) {
        let report = self.draft.so_far(prober);
        prober.tell(&learned(&report));
    }

    /// Tells whether the Nix version makes the difference, with the bad lock.
    fn other_nix(
        &mut self,
        prober: &mut Prober<'_>,
        working: &State,
        other: OtherNix,
        own: String,
    ) -> Result<Option<SearchResult>, CaseError> {
        let bad = match &self.settings.scope {
            Scope::Locks { bad: Some(name), .. } | Scope::Inputs { bad: Some(name), .. } => self.states.named(name)?,
            Scope::Locks { bad: None, .. } | Scope::Inputs { bad: None, .. } | Scope::Input { .. } => working.clone(),
        };
        clones_at_hand(self.settings, &mut self.clones, &bad.lock)?;
        let Some((version, ends)) = other.compare(prober, &self.clones, &bad, self.mode)? else { return Ok(None) };
        self.draft.ends(&ends);
        self.failing = Some(Failing { good: None, ..Failing::of(&ends) });
        Ok(Some(SearchResult::NixVersion { good: version, bad: own }))
    }

    /// Investigates the difference between two locks.
    fn locks(
        &mut self,
        prober: &mut Prober<'_>,
        working: State,
        (good, bad): (Option<&str>, Option<&str>),
        input: Option<&InputPath>,
    ) -> Result<SearchResult, CaseError> {
        let bad = bad.map_or(Ok(working), |name| self.states.named(name))?;
        if let Some(input) = input {
            node_of(&bad.lock, input)?;
        }
        let inputs = input.map_or(Inputs::All, Inputs::Named);
        let mut foresight = self.foresight(&bad.lock, inputs);
        let ends = if let Some(name) = good {
            let state = self.states.named(name)?;
            let candidates = Candidates { count: 1, load: &|_| Ok(Some(state.clone())) };
            verify_ends(&mut foresight, &mut self.clones, self.mode, prober, &candidates, &bad)?
        } else {
            let commits = self.states.committed(&bad.lock)?;
            let states = &self.states;
            let load = |at: usize| match states.at(&commits[at]) {
                // A merge once left its marks in it, perhaps; the next one may do.
                Err(CaseError::Lock { .. }) => Ok(None),
                other => other,
            };
            let candidates = Candidates { count: commits.len(), load: &load };
            match verify_ends(&mut foresight, &mut self.clones, self.mode, prober, &candidates, &bad) {
                Err(error @ (CaseError::GoodEnd { .. } | CaseError::NoGoodState { .. })) => {
                    states.require_history()?;
                    return Err(error);
                }
                ends => ends?,
            }
        };
        self.explained_early = foresight.learned;
        let difference = Difference::between(&ends.good.state.lock, &ends.bad.state.lock);
        let changes: Vec<Change> = difference.changes().cloned().collect();
        self.draft.changes(&changes);
        self.draft.ends(&ends);
        prober.tell(&Event::Ends {
            good: ends.good.state.label.clone(),
            bad: ends.bad.state.label.clone(),
            changes: changes.len(),
        });
        self.learned(prober);
        if ends.bad.verdict != Verdict::Bad {
            // It may be heavier all the same.
            if self.settings.explanation == Explaining::Alone && self.explain(prober, &ends)? == Next::Done {
                return Ok(SearchResult::NotFound { why: NotFound::NotSearched });
            }
            return Ok(SearchResult::NotFound { why: NotFound::BothGood });
        }
        self.failing = Some(Failing::of(&ends));
        if changes.is_empty() {
            return Ok(SearchResult::NotFound { why: NotFound::NothingChanged });
        }
        self.foresee(prober, &ends);
        if self.explain(prober, &ends)? == Next::Done {
            return Ok(SearchResult::NotFound { why: NotFound::NotSearched });
        }
        let owners = self.draft.why().map(|explanation| owners(&explanation.why)).unwrap_or_default();
        let Isolated { culprits, matters } = match (input, &self.settings.scope) {
            (Some(input), _) => named(prober, &self.clones, &ends, &difference, input)?,
            (None, Scope::Inputs { likely, .. }) => {
                for input in likely {
                    ends.good.state.lock.resolve(input).or_else(|_| node_of(&ends.bad.state.lock, input))?;
                }
                isolate(prober, &self.clones, &ends, &difference, likely, Extent::All)?
            }
            (None, Scope::Locks { .. } | Scope::Input { .. }) => {
                isolate(prober, &self.clones, &ends, &difference, &owners, Extent::Enough)?
            }
        };
        let together = matters.sets.first().map(|set| set.changes.iter().map(|member| member.input.clone()).collect());
        self.draft.matters(matters);
        self.learned(prober);
        if let Scope::Inputs { .. } = self.settings.scope {
            return Ok(SearchResult::Inputs);
        }
        match culprits.as_slice() {
            [] if input.is_some() => {
                let reason = "the input that you named does not fail in that way alone, and without its change it \
                              fails all the same"
                    .to_owned();
                Ok(SearchResult::NotFound { why: NotFound::Other { reason } })
            }
            [only] => self.search_for(prober, ends.mode, only),
            several => {
                let mut searched = Vec::new();
                for culprit in several {
                    let result = self.search_for(prober, ends.mode, culprit)?;
                    let confirmation = self.draft.begin_again();
                    searched.push(SearchedInput { input: culprit.change.path().clone(), result, confirmation });
                }
                let inputs = together.unwrap_or_default();
                Ok(SearchResult::NotFound { why: NotFound::OnlyTogether { inputs, searched } })
            }
        }
    }

    /// Searches the history of an input that makes the difference, with all others as in its base.
    fn search_for(
        &mut self,
        prober: &mut Prober<'_>,
        mode: Mode,
        culprit: &Culprit,
    ) -> Result<SearchResult, CaseError> {
        let Culprit { change, how, base, old_end, .. } = culprit;
        let input = change.path().clone();
        let no_history = |reason| Ok(SearchResult::NotFound { why: NotFound::NoHistory { reason } });
        let ChangeKind::Moved { from, to, place } = &change.kind else {
            self.draft.input(&input, change.to_string(), *how);
            if let ChangeKind::Follows { .. } = change.kind {
                return self.search_edge(prober, mode, culprit);
            }
            return no_history(format!("{change}; that is no range of commits"));
        };
        self.draft.input(&input, place_name(to), *how);
        let node = base.resolve(&input)?;
        let (Some(old), Some(new)) = (from.rev(), to.rev()) else {
            return no_history(format!("it is locked to {to}, which has no revision"));
        };
        // Another place can have the same history: a fork, a mirror, an address that moved.
        let repository = match self.clones.with_commits(&input, to, &[&old, &new], prober.sink()) {
            Err(CloneError::Lacks { .. } | CloneError::NoRepository { .. }) if *place == Place::Other => {
                return no_history(format!("{change}; that is no range of commits"));
            }
            repository => repository?,
        };
        if old == new {
            return no_history(format!("{change}, but not to another commit"));
        }
        let (reference, base, old_end) = (to.clone(), base.clone(), *old_end);
        let place = Searching { input, reference, base, node, repository, mode, old_end };
        self.search(prober, &place, old, new, Goal::FirstBad)
    }

    /// Searches the history between the revisions that an edge leads to, if that is what matters.
    fn search_edge(
        &mut self,
        prober: &mut Prober<'_>,
        mode: Mode,
        culprit: &Culprit,
    ) -> Result<SearchResult, CaseError> {
        let edge = || SearchResult::NotFound { why: NotFound::Follows { change: culprit.change.to_string() } };
        let Some(Move { reference, old, new, base }) = as_move(prober, &self.clones, mode, culprit)? else {
            return Ok(edge());
        };
        let input = culprit.change.path().clone();
        let repository = match self.clones.with_commits(&input, &reference, &[&old, &new], prober.sink()) {
            Ok(repository) => repository,
            Err(error) => {
                let text = format!("the history behind the edge was not searched: {error}");
                prober.tell(&Event::Warned { text });
                return Ok(edge());
            }
        };
        // A follows can lead to another branch, or back.
        if refuse_backwards(&self.history(&repository), &old, &new).is_err() {
            return Ok(edge());
        }
        self.draft.input(&input, place_name(&reference), culprit.how);
        let node = base.resolve(&input)?;
        let place = Searching { input, reference, base, node, repository, mode, old_end: OldEnd::Seen };
        self.search(prober, &place, old, new, Goal::FirstBad)
    }

    /// Investigates the history of one input.
    fn input(
        &mut self,
        prober: &mut Prober<'_>,
        working: State,
        input: &InputPath,
        (good, bad): (Option<&str>, Option<&str>),
        goal: Goal,
    ) -> Result<SearchResult, CaseError> {
        let base = working.lock;
        let node = node_of(&base, input)?;
        let reference = base.locked(&node)?;
        let repository = self.clones.obtain(input, &reference, prober.sink())?;
        // Both ends are revisions only; what Nix found out by fetching is in the lock as it lies there.
        prober.note(&self.clones.assignment(base.clone()));
        let branch = base.node(&node)?.original.as_ref().and_then(|original| FlakeRef::from_attrs(original).ok());
        let branch = branch.as_ref().and_then(FlakeRef::git_ref).unwrap_or("HEAD").to_owned();
        let no_revision = || CaseError::NoRevision { input: input.to_string(), reference: reference.to_string() };
        let find = |name: &str| match name {
            date if looks_like_a_date(date) => repository.at_date(&branch, date),
            name => repository.resolve(name),
        };
        let bad = match bad {
            Some(name) => find(name)?,
            None => reference.rev().ok_or_else(no_revision)?,
        };
        let good = match (good, goal) {
            (Some(name), _) => find(name)?,
            (None, Goal::FirstGood) => {
                self.clones.refresh(input, &repository, prober.sink());
                repository.resolve(&branch)?
            }
            (None, Goal::FirstBad) => self.committed_revision(&base, input)?.ok_or_else(|| {
                let why = format!("no committed flake.lock has {input} at another revision");
                CaseError::NoGoodState { why }
            })?,
        };
        self.clones.with_commits(input, &reference, &[&good, &bad], prober.sink())?;
        let (old, new) = match goal {
            Goal::FirstBad => (&good, &bad),
            Goal::FirstGood => (&bad, &good),
        };
        refuse_backwards(&self.history(&repository), old, new)?;
        let state = |commit: &CommitId| -> Result<State, CaseError> {
            let lock = base.with_revision(&node, &revision(&repository, commit)?)?;
            Ok(State { label: format!("{input} at {}", commit.short()), lock })
        };
        let good_state = state(&good)?;
        let candidates = Candidates { count: 1, load: &|_| Ok(Some(good_state.clone())) };
        if will_search(self.settings) && prober.has_cores_beside() {
            self.early.begin(vec![Stretch::new(&repository, old, new)], self.folder);
        }
        let bad_state = state(&bad)?;
        let mut foresight = self.foresight(&bad_state.lock, Inputs::One);
        let ends = verify_ends(&mut foresight, &mut self.clones, self.mode, prober, &candidates, &bad_state)?;
        self.explained_early = foresight.learned;
        self.draft.changes(&diff(&ends.good.state.lock, &ends.bad.state.lock));
        self.draft.ends(&ends);
        self.draft.input(input, place_name(&reference), Isolation::Named);
        if ends.bad.verdict != Verdict::Bad {
            return Ok(SearchResult::NotFound { why: NotFound::BothGood });
        }
        self.failing = Some(Failing::of(&ends));
        self.foresee(prober, &ends);
        if self.explain(prober, &ends)? == Next::Done {
            return Ok(SearchResult::NotFound { why: NotFound::NotSearched });
        }
        let (old, new) = match goal {
            Goal::FirstBad => (good, bad),
            Goal::FirstGood => (bad, good),
        };
        let (input, mode) = (input.clone(), ends.mode);
        let (reference, base, old_end) = (reference.clone(), base.clone(), OldEnd::Seen);
        let place = Searching { input, reference, base, node, repository, mode, old_end };
        self.search(prober, &place, old, new, goal)
    }

    fn committed_revision(&self, base: &Lock, input: &InputPath) -> Result<Option<CommitId>, CaseError> {
        for commit in self.states.committed(base)? {
            let Some(state) = self.states.at(&commit)? else { continue };
            let locked = state.lock.resolve(input).and_then(|node| state.lock.locked(&node));
            let own = base.resolve(input).and_then(|node| base.locked(&node))?;
            if let Ok(locked) = locked
                && locked.same_place(&own)
                && locked.rev() != own.rev()
            {
                return Ok(locked.rev());
            }
        }
        Ok(None)
    }

    /// Returns what the failure goes through in an input, where the search is to begin with that.
    fn guide(&self, input: &InputPath, goal: Goal) -> Option<Guide> {
        let guides = self.settings.explanation == Explaining::Guides;
        let guide = match (self.draft.why().filter(|_| guides).map(|explanation| &explanation.why), goal) {
            (Some(Why::Cycle(cycle)), Goal::FirstBad) => Guide::new(cycle, input),
            (Some(Why::Cycle(cycle)), Goal::FirstGood) => Guide::of_repair(cycle, input),
            (Some(Why::Heavier(heavier)), Goal::FirstBad | Goal::FirstGood) => Guide::of_heavier(heavier, input),
            (Some(Why::Error(_) | Why::Unknown) | None, Goal::FirstBad | Goal::FirstGood) => return None,
        };
        Some(guide).filter(|guide| !guide.files().is_empty())
    }

    /// Returns what is begun as soon as the good end is known.
    const fn foresight<'f>(&self, bad: &'f Lock, inputs: Inputs<'f>) -> Foresight<'f>
    where
        'a: 'f,
    {
        let (settings, folder, early) = (self.settings, self.folder, self.early);
        Foresight { settings, folder, early, bad, inputs, learned: None }
    }

    /// Begins to find out what the confirmation needs to know of the ends.
    fn foresee(&self, prober: &mut Prober<'_>, ends: &Ends) {
        if self.settings.explanation != Explaining::Alone {
            let both = [&ends.good, &ends.bad].map(|end| self.clones.assignment(end.state.lock.clone()));
            prober.foresee(&both.each_ref());
        }
    }

    /// Looks why the bad end fails.
    fn explain(&mut self, prober: &mut Prober<'_>, ends: &Ends) -> Result<Next, CaseError> {
        if self.settings.explanation == Explaining::Unwanted {
            return Ok(Next::Search);
        }
        if self.settings.script.is_empty() {
            let failing = explain::Failing {
                assignment: &self.clones.assignment(ends.bad.state.lock.clone()),
                good: &self.clones.assignment(ends.good.state.lock.clone()),
                good_observation: &ends.good.observation,
                time: self.settings.time,
                folder: self.folder,
                by: self.settings.explained_by,
                drawing: Drawing::of(self.settings.explanation),
            };
            let early = self.explained_early.take();
            let explanation = explain(prober, &failing, &ends.bad.observation, early)?;
            self.draft.explanation(explanation);
            self.learned(prober);
        }
        Ok(if self.settings.explanation == Explaining::Alone { Next::Done } else { Next::Search })
    }

    /// Searches the history of an input, and confirms what was found.
    fn search(
        &mut self,
        prober: &mut Prober<'_>,
        place: &Searching,
        old: CommitId,
        new: CommitId,
        goal: Goal,
    ) -> Result<SearchResult, CaseError> {
        self.learned(prober);
        let history = self.history(&place.repository);
        let clones = &self.clones;
        let assign = |commit: &CommitId| -> Result<Assignment, CaseError> {
            Ok(clones.assignment(place.base.with_revision(&place.node, &revision(&place.repository, commit)?)?))
        };
        let guide = self.guide(&place.input, goal);
        let guess = guide.as_ref().map(|guide| |changed: &ChangedPaths| hints(guide, changed, &history));
        let range = Range {
            input: &place.input,
            old,
            new: new.clone(),
            goal,
            order: self.settings.mode,
            mode: place.mode,
            guess: guess.as_ref().map(|guess| guess as &Guess<'_>),
            assign: &assign,
        };
        if place.old_end == OldEnd::Assumed
            && probe_commit(prober, &history, &range, &range.old, Round::Run, None)?.1 == Verdict::Bad
        {
            let (input, old) = (&place.input, range.old.short());
            let reason = format!("{input} alone is not the cause: with only {input} back at {old} it fails as before");
            return Ok(SearchResult::NotFound { why: NotFound::Other { reason } });
        }
        if self.settings.jumps == Wanted::All {
            let found = all_jumps(prober, &history, &range)?;
            let confirm = |jump| match self.settings.confirmation {
                Confirmation::Wanted => confirm_jump(prober, &history, &found, jump, range.assign),
                Confirmation::Unwanted => Ok(unconfirmed("you asked to leave it out")),
            };
            let confirmations = found.jumps.iter().map(confirm).collect::<Result<Vec<_>, CaseError>>()?;
            let source = Source { repository: &place.repository, reference: &place.reference, tip: &new };
            return self.draft.jumps(source, &found, confirmations, prober);
        }
        let full = prober.full();
        let allowed = self.allowed(prober);
        let Proof { found, confirmation, allowed } =
            prove(prober, &history, range, allowed, self.settings.confirmation)?;
        self.draft.search_limits((allowed.memory < full).then_some(allowed.memory), allowed.time);
        self.log = Some(found.log.clone());
        let searched = Searched {
            repository: &place.repository,
            reference: &place.reference,
            base: &place.base,
            node: &place.node,
            tip: &new,
            found: &found,
            confirmation,
        };
        match &found.finding.culprit {
            FoundCulprit::Commit { commit, parents, .. } => {
                self.culprit = Some(extract::Culprit {
                    input: place.input.clone(),
                    repository: place.repository.clone(),
                    base: place.base.clone(),
                    node: place.node.clone(),
                    mode: place.mode,
                    goal,
                    commit: commit.clone(),
                });
                if goal == Goal::FirstBad {
                    self.compare_with_cycle(&place.input, &history, commit)?;
                    let merge = place.repository.merge_that_brought_in(commit, &new)?;
                    let merged = merge.and_then(|merge| merge.parents.into_iter().next());
                    merged.into_iter().for_each(|onto| self.may_stay(&place.input, onto, Before::Merge));
                    let parent = parents.first().map(|parent| parent.commit.clone());
                    parent.into_iter().for_each(|parent| self.may_stay(&place.input, parent, Before::Culprit));
                    self.facts.culprits.push((place.input.clone(), commit.clone()));
                }
            }
            FoundCulprit::OneOf { .. } if goal == Goal::FirstBad => {
                self.may_stay(&place.input, found.old.clone(), Before::GoodEnd);
            }
            FoundCulprit::OneOf { .. } => {}
        }
        self.draft.searched(&searched, prober)
    }

    /// Takes note of a commit that an input could be kept at.
    fn may_stay(&mut self, input: &InputPath, commit: CommitId, before: Before) {
        self.facts.keep.push(Keeping { input: input.clone(), commit, before });
    }

    /// Returns what the probes between the ends may use.
    fn allowed(&self, prober: &Prober<'_>) -> Allowance {
        let (memory, heap) = self.draft.thrift(self.settings.search_memory, prober.full(), prober.criterion());
        let time = self.draft.patience(self.settings.search_time, self.settings.time, prober.criterion());
        Allowance { memory, time, heap }
    }

    /// Says which edges of the cycle the culprit adds.
    fn compare_with_cycle(
        &mut self,
        input: &InputPath,
        history: &CloneHistory<'_>,
        culprit: &CommitId,
    ) -> Result<(), CaseError> {
        let Some(Why::Cycle(cycle)) = self.draft.why().map(|explanation| &explanation.why) else { return Ok(()) };
        let guide = Guide::new(cycle, input);
        let commits = [culprit.clone()];
        let changed = history.changed_paths(&commits).map_err(CaseError::from);
        let touches = match changed {
            Err(error) if error.is_stop() => return Err(error),
            Ok(Some(changed)) if changed.touching(guide.files()).is_empty() => Touches::Nothing,
            Ok(_) | Err(_) => Touches::Some,
        };
        // What cannot be read, as from a clone without contents, is not told.
        let additions = history.additions(&commits, guide.files()).unwrap_or_default();
        self.draft.culprit_adds(input, &additions, touches);
        Ok(())
    }
}

/// Probes both ends, with the clones at hand for the inputs that may be searched.
fn verify_ends(
    foresight: &mut Foresight<'_>,
    clones: &mut Clones,
    mode: Mode,
    prober: &mut Prober<'_>,
    good: &Candidates<'_>,
    bad: &State,
) -> Result<Ends, CaseError> {
    clones_at_hand(foresight.settings, clones, &bad.lock)?;
    let bound = foresight.settings.memory_from;
    verify(prober, clones, good, bad, mode, bound, &mut |prober, clones, good, mode, ending| {
        foresight.begin(prober, clones, good, mode, ending)
    })
}

/// Finds the clones that are there already for the inputs that may be searched.
fn clones_at_hand(settings: &Settings, clones: &mut Clones, lock: &Lock) -> Result<(), CaseError> {
    if let Root::File { .. } = settings.root {
        clones.look_for(lock)?;
    }
    for (key, path) in lock.paths() {
        let may_be_searched = match &settings.scope {
            Scope::Locks { input: Some(input), .. } | Scope::Input { input, .. } => path == *input,
            Scope::Locks { input: None, .. } | Scope::Inputs { .. } => !path.0.is_empty(),
        };
        if may_be_searched && let Ok(reference) = lock.locked(&key) {
            clones.at_hand(&path, &reference)?;
        }
    }
    Ok(())
}

/// Where a search takes place.
struct Searching {
    input: InputPath,
    reference: FlakeRef,
    base: Lock,
    node: NodeKey,
    repository: Repository,
    mode: Mode,
    old_end: OldEnd,
}

/// What comes after it was looked why the bad end fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The search.
    Search,
    /// Nothing.
    Done,
}

/// Returns the node of an input that the user named.
pub(super) fn node_of(lock: &Lock, input: &InputPath) -> Result<NodeKey, CaseError> {
    lock.resolve(input).map_err(|_| CaseError::NoInput {
        input: input.to_string(),
        inputs: lock.paths().into_values().filter(|path| !path.0.is_empty()).map(|path| path.to_string()).collect(),
    })
}

#[cfg(test)]
mod tests;

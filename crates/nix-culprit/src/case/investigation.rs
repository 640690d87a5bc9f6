//! The whole way: from settings to a report, through ends, input, search and confirmation.

mod ahead;
mod ends;
mod locks;
mod one_input;
mod searching;

use std::path::Path;
use std::time::Instant;

use nix_culprit_core::correct::Facts;
use nix_culprit_core::event::{Event, EventSink, Mode};
use nix_culprit_core::flake::{Candidate, Installable, Lock, candidates};
use nix_culprit_core::growth::Bound;
use nix_culprit_core::ids::{InputPath, NodeKey};
use nix_culprit_core::outcome::Criterion;
use nix_culprit_core::report::Report;
use nix_culprit_core::report::model::SearchResult;

use super::CaseError;
use super::clones::{CloneHistory, Clones};
use super::conclusion::Draft;
use super::correct::{Closed, Closing, Failing, FileChanges, close};
use super::early::EarlyReading;
use super::ends::State;
use super::evaluator::Target;
use super::explain::Early;
use super::extract;
use super::flake_copy::FlakeCopy;
use super::journal::Journal;
use super::nix_evaluator::NixEvaluator;
use super::other_nix::{Other, OtherNix, Others};
use super::prober::Prober;
use super::project::Project;
use super::settings::{Correcting, Root, Scope, Settings};
use super::states::States;
use super::store::CaseDir;
use super::surroundings::Surroundings;
use crate::sys::git::{Git, Repository};
use crate::sys::nix::Nix;

use ahead::{Copied, ahead};
use ends::clones_at_hand;

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
    let started = surroundings.started(settings, nix.version().to_string());
    let draft = Draft::new(settings, &nix, surroundings.guard.layer(), &copy);
    let tools = surroundings.tools(settings, nix, git.clone());
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
    let result = investigation.found(&mut prober, working, other_nix.map(|other| (other, own)))?;
    let allowed = investigation.allowed(&prober);
    let Investigation { draft, log, failing, facts, clones, culprit, .. } = investigation;
    let mut report = draft.finish(result, &prober, began.elapsed());
    // What ends the corrections takes nothing from what was found.
    prober.tell(&learned(&report));
    if let Some(time) = settings.extract {
        let confirmation = settings.confirmation;
        let work = extract::Work { git: &git, clones: &clones, folder: case.path(), allowed, time, confirmation };
        look_what_suffices(&mut report, &mut prober, &work, culprit.as_ref())?;
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

/// Looks which part of the culprit suffices, and puts it into the report.
fn look_what_suffices(
    report: &mut Report,
    prober: &mut Prober<'_>,
    work: &extract::Work<'_>,
    culprit: Option<&extract::Culprit>,
) -> Result<(), CaseError> {
    let Some(culprit) = culprit.filter(|_| matches!(report.result, SearchResult::Culprit { .. })) else {
        let text = "no single commit was found as the culprit, so no part of it can suffice".to_owned();
        prober.tell(&Event::Warned { text });
        return Ok(());
    };
    report.extract = Some(extract::extract(prober, work, culprit)?);
    prober.tell(&learned(report));
    Ok(())
}

/// Makes the event that tells of a report; its probes were told already.
fn learned(report: &Report) -> Event {
    let mut report = report.clone();
    report.probes.clear();
    Event::Learned { report: Box::new(report) }
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

    /// Finds what makes the difference: the Nix version, where another one is named (with it comes what the own is
    /// called), else what the scope asks for.
    fn found(
        &mut self,
        prober: &mut Prober<'_>,
        working: State,
        other: Option<(OtherNix, String)>,
    ) -> Result<SearchResult, CaseError> {
        if let Some((other, own)) = other
            && let Some(result) = self.other_nix(prober, &working, other, own)?
        {
            return Ok(result);
        }
        match &self.settings.scope {
            Scope::Locks { good, bad, input } => {
                self.locks(prober, working, (good.as_deref(), bad.as_deref()), input.as_ref())
            }
            Scope::Inputs { good, bad, .. } => self.locks(prober, working, (good.as_deref(), bad.as_deref()), None),
            Scope::Input { input, good, bad, goal } => {
                self.input(prober, working, input, (good.as_deref(), bad.as_deref()), *goal)
            }
        }
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

//! One probe outside of a search: a lock as it is, or with inputs at other revisions.

use std::path::PathBuf;

use nix_culprit_core::event::{Event, EventSink, Mode, Purpose};
use nix_culprit_core::flake::Revision;
use nix_culprit_core::growth::Decision;
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::outcome::{Class, Criterion, Observation, Verdict};

use super::CaseError;
use super::clones::{Clones, revision};
use super::evaluator::{Counting, Evaluator as _, OwnWay, Target, Yields};
use super::flake_copy::FlakeCopy;
use super::investigation::{node_of, target};
use super::meter::Label;
use super::nix_evaluator::{NixEvaluator, Tools};
use super::project::Project;
use super::settings::Settings;
use super::states::{States, looks_like_a_date};
use super::store::CaseDir;
use super::surroundings::Surroundings;
use crate::sys::git::Git;
use crate::sys::nix::Nix;

/// What is probed.
#[derive(Debug, Clone)]
pub struct Single {
    /// A lock file in place of the flake's own.
    pub lock: Option<PathBuf>,
    /// Inputs at other revisions.
    pub revisions: Vec<(InputPath, String)>,
    /// In which way Nix is asked.
    pub mode: Mode,
}

/// Probes once, in a folder that is nobody's case.
///
/// # Errors
/// When it could not be looked at, or the user asked to stop.
pub fn probe_once(
    settings: &Settings,
    single: &Single,
    folder: &CaseDir,
    surroundings: &Surroundings,
    sink: &mut dyn EventSink,
) -> Result<(Observation, Verdict, Target), CaseError> {
    surroundings.meter.tell_while(sink, |sink| probe_told(settings, single, folder, surroundings, sink))
}

fn probe_told(
    settings: &Settings,
    single: &Single,
    folder: &CaseDir,
    surroundings: &Surroundings,
    sink: &mut dyn EventSink,
) -> Result<(Observation, Verdict, Target), CaseError> {
    let git = Git::new(&settings.git, &surroundings.interrupt)?;
    let nix = Nix::detect(&settings.nix, settings.system.as_deref(), &surroundings.interrupt)?;
    let (copy, snapshot) = FlakeCopy::of(&git, (&settings.flake, &settings.root), folder)?;
    let project = Project::of(settings, &git, &snapshot, folder)?;
    let states = States::of(&git, &settings.flake, &copy, project.clone())?;
    let mut lock = match &single.lock {
        Some(path) => states.named(&path.to_string_lossy())?.lock,
        None => states.working(folder)?.lock,
    };
    let mut clones = Clones::new(git.clone(), settings.repositories.clone(), settings.clones.clone());
    let as_it_is = lock.clone();
    if single.mode == Mode::Pure {
        for (key, path) in lock.paths().into_iter().filter(|(_, path)| !path.0.is_empty()) {
            if let Ok(reference) = lock.locked(&key) {
                clones.at_hand(&path, &reference)?;
            }
        }
    }
    for (input, name) in &single.revisions {
        let node = node_of(&lock, input)?;
        let reference = lock.locked(&node)?;
        let commit = match name.parse() {
            Ok(commit) => commit,
            Err(_) => {
                let repository = clones.obtain(input, &reference, sink)?;
                if looks_like_a_date(name) { repository.at_date("HEAD", name)? } else { repository.resolve(name)? }
            }
        };
        let described = match clones.at_hand(input, &reference)? {
            Some(repository) if repository.has(&commit)? => revision(&repository, &commit)?,
            Some(_) | None => Revision::bare(&commit),
        };
        lock = lock.with_revision(&node, &described)?;
    }
    if project.is_some() {
        // A channel is nowhere but in its clone.
        clones.look_for(&lock)?;
    }
    let target = target(settings, nix.system())?;
    let tools = Tools { guard: surroundings.guard.clone(), ..surroundings.tools(settings, nix, git) };
    let mut evaluator =
        NixEvaluator::new(tools, snapshot, copy.modified, folder.path(), settings.script.clone())?.of_project(project);
    let mode = if settings.script.is_empty() { single.mode } else { Mode::Faithful };
    if let Some(message) = evaluator.lacks(mode) {
        return Err(CaseError::NixUnusable { message });
    }
    let criterion = match &settings.criterion {
        _ if !settings.script.is_empty() => Criterion::Script,
        Some(criterion) => criterion.clone(),
        None => Criterion::AnyFailure,
    };
    // The counting would be measured, too.
    let is_time = criterion.rule().is_some_and(|rule| rule.measure.is_time());
    evaluator.count(if is_time { Counting::Off } else { Counting::On });
    evaluator.note(&clones.assignment(as_it_is));
    let assignment = clones.assignment(lock);
    if mode == Mode::Pure
        && let OwnWay::Faithful { why } = evaluator.own_way(&assignment)
    {
        let why = why.unwrap_or_else(|| format!("{} has no flakes", settings.nix.display()));
        return Err(CaseError::NotPure { why });
    }
    let words = "what is asked for".to_owned();
    evaluator.label(Label { key: words.clone(), words: words.clone() });
    let purpose = Purpose { words: words.clone(), commit: None };
    sink.tell(&Event::ProbeStarted { key: words, purpose, mode, remaining: None });
    let evaluated = evaluator.evaluate(&assignment, mode, &target, settings.memory)?;
    let mut runs = vec![evaluated.observation];
    let verdict = loop {
        if runs.iter().any(|run| run.outcome.class == Class::Interrupted) {
            return Err(CaseError::Stopped);
        }
        match criterion.decide(&runs.iter().collect::<Vec<_>>(), None, &[]).map_err(CaseError::Script)? {
            Decision::Is(verdict) => break verdict,
            Decision::RunAgain => {
                runs.push(evaluator.evaluate(&assignment, mode, &target, settings.memory)?.observation);
            }
        }
    };
    let observation = runs.swap_remove(runs.len() / 2);
    let yields = Yields::of(observation.drv_path.as_ref());
    let target = evaluated.attr.map_or(target, |attr| Target::Attr(attr, yields));
    Ok((observation, verdict, target))
}

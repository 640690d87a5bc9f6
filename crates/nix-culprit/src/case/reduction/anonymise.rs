//! Private names of the result, replaced as far as it still fails in the same way.

use std::collections::BTreeSet;
use std::time::Instant;

use nix_culprit_core::anonymise::Names;
use nix_culprit_core::flake::{AttrPath, Lock};
use nix_culprit_core::isolate::{Extent, Finding, Parts, Search, Step};
use nix_culprit_core::outcome::{Criterion, Outcome, Signature, Verdict};
use nix_culprit_core::reduce::Project;

use super::super::CaseError;
use super::super::evaluator::Target;
use super::oracle::{Answer, Oracle};
use super::slot::Slot;
use crate::sys::git::{Git, Repository};

/// What was replaced, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anonymised {
    /// How many names were replaced.
    pub replaced: usize,
    /// Names that stay: without them it fails in another way.
    pub needed: Vec<String>,
    /// Names that stay because Nix fetches inputs by them.
    pub fetched: Vec<String>,
    /// Whether no more can be replaced; else the time was over.
    pub complete: bool,
}

/// A project with other names, and what is asked of it.
pub(super) struct Renamed {
    pub(super) project: Project,
    pub(super) target: Target,
    pub(super) criterion: Criterion,
    pub(super) outcome: Outcome,
    pub(super) anonymised: Anonymised,
    names: Names,
    kept: Parts,
}

impl Renamed {
    /// Exchanges the names in what is told of the result.
    pub(super) fn in_text(&self, text: &str) -> String {
        self.names.in_text(text, &self.kept)
    }
}

/// Replaces the names of a project that none of the inputs in its clones knows.
pub(super) fn anonymise(
    slot: &mut Slot,
    oracle: &mut Oracle<'_>,
    git: &Git,
    (project, original): (&Project, &Lock),
    outcome: &Outcome,
    until: Instant,
) -> Result<Renamed, CaseError> {
    let candidates: BTreeSet<String> = Names::candidates(project).into_iter().collect();
    let mut known = known(oracle, git, original, &candidates)?;
    // Where the flake lies in the project is asked for by its name.
    known.extend(oracle.lock_path.iter().flat_map(|part| Names::words(&part.to_string_lossy())));
    let names = Names::of(project, &known);
    let trial = Trial { names: &names, project, criterion: oracle.criterion.clone(), target: oracle.target.clone() };
    let count = names.names().len();
    let all: Parts = (0..count).collect();

    let mut kept = Parts::new();
    let mut complete = true;
    if !trial.fails(slot, oracle, &kept)? {
        kept = all.clone();
        let mut search = Search::new(vec![None; count.max(1)], Parts::new(), Extent::One);
        if count > 0 {
            search.record(Parts::new(), Verdict::Good);
            loop {
                let set = match search.next() {
                    Step::Done(Finding::Sets { sets, .. }) => {
                        kept = sets.first().map_or(all, |set| set.parts());
                        break;
                    }
                    Step::Done(Finding::Needed(part)) => {
                        kept = Parts::from([part]);
                        break;
                    }
                    Step::Probe(set) => set,
                };
                if Instant::now() >= until {
                    complete = false;
                    break;
                }
                let fails = trial.fails(slot, oracle, &set)?;
                if fails && set.len() < kept.len() {
                    kept = set.clone();
                }
                search.record(set, if fails { Verdict::Bad } else { Verdict::Good });
            }
        }
    }
    let needed = kept.iter().filter_map(|number| Some(names.names().get(*number)?.text.clone())).collect();
    let anonymised = Anonymised { replaced: count - kept.len(), needed, fetched: names.fetched().to_vec(), complete };
    let message = outcome.message.as_ref().map(|message| names.in_text(message, &kept));
    Ok(Renamed {
        project: names.in_project(project, &kept).unwrap_or_else(|| project.clone()),
        target: trial.target(&kept),
        criterion: trial.criterion(&kept),
        outcome: Outcome { message, position: None, ..outcome.clone() },
        anonymised,
        kept,
        names,
    })
}

/// Asks the inputs which of some words they know: those of the lock as it was, whatever is left of it.
fn known(
    oracle: &Oracle<'_>,
    git: &Git,
    lock: &Lock,
    candidates: &BTreeSet<String>,
) -> Result<BTreeSet<String>, CaseError> {
    let mut known = BTreeSet::new();
    let assignment = oracle.clones.assignment(lock.clone());
    for (key, clone) in &assignment.clones {
        let Some(rev) = lock.locked(key)?.rev() else { continue };
        let repository = Repository::open(git, clone)?;
        // All contents of a clone without contents would have to be fetched.
        if repository.is_partial() {
            continue;
        }
        let mut note = |text: &str| {
            known.extend(Names::words(text).into_iter().filter(|word| candidates.contains(word)));
        };
        repository.each_file(
            &rev,
            |_| true,
            |path, content| {
                note(&path.to_string_lossy());
                if let Ok(text) = std::str::from_utf8(&content) {
                    note(text);
                }
            },
        )?;
    }
    Ok(known)
}

/// What is tried.
struct Trial<'a> {
    names: &'a Names,
    project: &'a Project,
    criterion: Criterion,
    target: Target,
}

impl Trial<'_> {
    /// Tells whether the project still fails when all names but some are replaced.
    fn fails(&self, slot: &mut Slot, oracle: &mut Oracle<'_>, kept: &Parts) -> Result<bool, CaseError> {
        let Some(project) = self.names.in_project(self.project, kept) else { return Ok(false) };
        (oracle.target, oracle.criterion) = (self.target(kept), self.criterion(kept));
        let answer = oracle.ask(slot, "other names", &project);
        (oracle.target, oracle.criterion) = (self.target.clone(), self.criterion.clone());
        match answer? {
            Answer::Fails(_) => Ok(true),
            Answer::Otherwise(_) => Ok(false),
            Answer::Stopped => Err(CaseError::Stopped),
        }
    }

    fn target(&self, kept: &Parts) -> Target {
        match &self.target {
            Target::Attr(attr, yields) => {
                let names = attr.0.iter().map(|name| self.names.in_text(name, kept)).collect();
                Target::Attr(AttrPath(names), *yields)
            }
            Target::Among(places) => Target::Among(places.clone()),
        }
    }

    /// The same failure, in the words of the exchange.
    fn criterion(&self, kept: &Parts) -> Criterion {
        match &self.criterion {
            Criterion::SameSignature(signature) => {
                let exchanged = |text: &Option<String>| text.as_ref().map(|text| self.names.in_text(text, kept));
                let (message, file) = (exchanged(&signature.message), exchanged(&signature.file));
                Criterion::SameSignature(Signature { message, file, ..signature.clone() })
            }
            Criterion::AnyFailure
            | Criterion::Class(_)
            | Criterion::Message(_)
            | Criterion::Growth(_)
            | Criterion::Script => self.criterion.clone(),
        }
    }
}

//! The last step of an investigation: tries what helps, as long as there is time for it, and adds it to the report.
//!
//! Owns how long that is, and what a correction would change in the user's files.

use std::time::{Duration, Instant};

use nix_culprit_core::correct::{self, Edges, Facts, Refusal};
use nix_culprit_core::flake::Lock;
use nix_culprit_core::report::Report;

use super::super::CaseError;
use super::super::clones::Clones;
use super::super::other_nix::Others;
use super::super::prober::{Allowance, Prober};
use super::super::settings::{Correcting, Root, Settings};
use super::super::store::CaseDir;
use super::nix::at_hand;
use super::{Corrected, Failing, FileChange, FileChanges, Tried, Work, correct};
use crate::sys::git::Git;
use crate::sys::nix::Installed;

/// How long corrections are tried at the end of a search at least, and at most: about half of what it took.
const LEAST: Duration = Duration::from_secs(30);
const MOST: Duration = Duration::from_secs(120);

/// What an investigation leaves to its corrections.
pub struct Closing<'a> {
    /// What the user asked for.
    pub settings: &'a Settings,
    /// The case.
    pub case: &'a CaseDir,
    /// The user's git.
    pub git: Git,
    /// Where histories are.
    pub clones: Clones,
    /// The state that fails.
    pub failing: Failing,
    /// The text of the flake's flake.nix, if it has one.
    pub flake: Option<String>,
    /// What has a bearing on corrections; what the report knows is added to it.
    pub facts: Facts,
    /// Makes evaluators that are not the case's own.
    pub others: Others<'a>,
    /// Where other Nix programs may be.
    pub installed: &'a Installed,
    /// What the probes of a search may use.
    pub allowed: Allowance,
    /// How long the investigation took until now.
    pub took: Duration,
}

/// What corrections came to, besides what the report tells.
#[derive(Debug, Default)]
pub struct Closed {
    /// For each correction that works what it changes in the user's files, where that can be written for them.
    pub changes: Vec<Option<FileChanges>>,
    /// Why the correction that was to be written into flake.nix, too, could not be.
    pub not_pinned: Option<String>,
    /// The error that ended it before its end, if one did.
    pub ended: Option<CaseError>,
}

/// Tries corrections, and writes into the report what came of it.
pub fn close(prober: &mut Prober<'_>, report: &mut Report, closing: Closing<'_>) -> Closed {
    let Closing { settings, case, git, mut clones, failing, flake, mut facts, others, installed, allowed, took } =
        closing;
    facts.owners = report.explanation.iter().flat_map(|explanation| correct::owners(&explanation.why)).collect();
    facts.files = report.explanation.as_ref().map(|explanation| correct::files(&explanation.why)).unwrap_or_default();
    facts.inputs = failing.inputs();
    if settings.root == Root::Flake {
        facts.edges = Edges::of(&failing.lock);
    }
    facts.pull_requests = settings.pull_requests;
    facts.keep.retain(|keeping| failing.has_own(&keeping.input));
    facts.culprits.retain(|(input, _)| failing.has_own(input));
    facts.refusal = report.bad.as_ref().and_then(|bad| Refusal::of(&bad.observation.outcome));
    (facts.nix, facts.installed) = at_hand(prober, settings, &others.tools.nix, installed, &others.tools.interrupt);
    let limit = (took / 2).clamp(LEAST, MOST);
    let mut work = Work {
        settings,
        clones: &mut clones,
        git,
        folder: case.path(),
        failing: &failing,
        flake: flake.as_deref(),
        allowed,
        others: &|other| others.make(other),
        elsewhere: 0,
        fails_after: report.bad.as_ref().map(|bad| bad.observation.wall).unwrap_or_default(),
        until: (settings.correcting == Correcting::Quick).then(|| (Instant::now() + limit, limit)),
    };
    let Tried { corrections, mut locks, mut ended } = correct(prober, &mut work, &facts);
    let mut not_pinned = None;
    let pin = settings.pin.and_then(|number| number.checked_sub(1)).filter(|_| ended.is_none());
    if let Some((at, correction)) = pin.and_then(|at| Some((at, corrections.works.get(at)?))) {
        match work.pinned(prober, correction, locks[at].as_ref()) {
            Ok(Ok(pinned)) => locks[at] = Some(pinned),
            Ok(Err(why)) => not_pinned = Some(why),
            Err(error) => ended = Some(error),
        }
    }
    report.corrections = Some(corrections);
    let lock = lock_before(settings, case, &failing.lock);
    let changed = |corrected: Option<Corrected>| file_changes(lock.as_deref(), flake.as_deref(), corrected?);
    let changes = locks.into_iter().map(changed).collect();
    Closed { changes, not_pinned, ended }
}

/// Returns the text of the flake's lock file, if it was that of the working tree that failed.
fn lock_before(settings: &Settings, case: &CaseDir, failing: &Lock) -> Option<String> {
    if settings.root != Root::Flake {
        return None;
    }
    let before = std::fs::read_to_string(case.file("flake.lock")).ok()?;
    Lock::parse(&before).is_ok_and(|lock| lock == *failing).then_some(before)
}

/// Returns what a correction changes in the flake's files; what was not there before cannot be changed.
fn file_changes(lock: Option<&str>, flake: Option<&str>, corrected: Corrected) -> Option<FileChanges> {
    let file = |name, before: Option<&str>, after| Some(FileChange { name, before: before?.to_owned(), after });
    let lock = file("flake.lock", lock, corrected.lock.to_json())?;
    let files = match corrected.flake {
        Some(edited) => vec![file("flake.nix", flake, edited)?, lock],
        None => vec![lock],
    };
    Some(FileChanges { files })
}

//! From what was found out to the report's model.

mod commit;
mod lock;
mod replay;
mod thrift;

use std::time::Duration;

use nix_culprit_core::bisect::{Contradiction, Culprit, Goal};
use nix_culprit_core::explain::{Additions, Explanation, Why};
use nix_culprit_core::flake::{Change, FlakeRef, Lock};
use nix_culprit_core::ids::{CommitId, InputPath, NodeKey};
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::report::model::{
    Confirmation, Direction, End, Environment, Flake, FoundInput, Isolation, Jump, Limits, Matters, Report, SCHEMA,
    SearchResult, Totals,
};
use nix_culprit_core::report::no_commit;

use super::CaseError;
use super::ends::{Ends, Verified};
use super::evaluator::Target;
use super::flake_copy::FlakeCopy;
use super::jumps::AllJumps;
use super::prober::{Prober, Record};
use super::search::Found;
use super::settings::{Root, Settings};
use crate::sys::git::Repository;
use crate::sys::limit::Layer;
use crate::sys::nix::{EvalQuestion, Nix};

use commit::commit_of;
use lock::{lock_change, lock_inputs};
use replay::replay;

/// Whether a culprit touches files that the failure goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touches {
    /// Some of them.
    Some,
    /// None.
    Nothing,
}

/// A report in the making.
#[derive(Debug)]
pub struct Draft {
    report: Report,
    root: Root,
}

/// What a search gives to the report.
pub struct Searched<'a> {
    /// The clone.
    pub repository: &'a Repository,
    /// Where the input comes from.
    pub reference: &'a FlakeRef,
    /// The lock whose other inputs were held.
    pub base: &'a Lock,
    /// The node that was searched.
    pub node: &'a NodeKey,
    /// The new end.
    pub tip: &'a CommitId,
    /// What was found.
    pub found: &'a Found,
    /// How it was confirmed.
    pub confirmation: Option<Confirmation>,
}

/// Where the commits that people are told of come from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The clone.
    pub repository: &'a Repository,
    /// Where the input comes from.
    pub reference: &'a FlakeRef,
    /// The new end.
    pub tip: &'a CommitId,
}

impl<'a> Searched<'a> {
    const fn source(&self) -> Source<'a> {
        Source { repository: self.repository, reference: self.reference, tip: self.tip }
    }
}

impl Draft {
    /// Begins with what is known before the first probe.
    #[must_use]
    pub fn new(settings: &Settings, nix: &Nix, layer: Layer, copy: &FlakeCopy) -> Self {
        let direction = match settings.scope.goal() {
            Goal::FirstBad => Direction::FindCulprit,
            Goal::FirstGood => Direction::FindFix,
        };
        let environment = Environment {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            nix_version: nix.version().to_string(),
            nix_program: settings.nix.display().to_string(),
            system: nix.system().to_owned(),
            limits: Limits {
                memory: settings.memory,
                search_memory: None,
                search_time: None,
                time: settings.time,
                layer: layer.to_string(),
            },
        };
        let flake = Flake {
            description: None,
            url: settings.flake.display().to_string(),
            revision: copy.head.clone(),
            target: settings.attr.clone().unwrap_or_default(),
            command: settings.script.join(" "),
        };
        let report = Report {
            schema: SCHEMA,
            direction,
            environment,
            flake,
            lock_changes: Vec::new(),
            inputs: Vec::new(),
            good: None,
            bad: None,
            input: None,
            matters: None,
            result: SearchResult::Unfinished { suspects: None, why: "nothing was searched yet".to_owned() },
            explanation: None,
            corrections: None,
            extract: None,
            reproducer: None,
            confirmation: None,
            skipped: Vec::new(),
            contradictions: Vec::new(),
            probes: Vec::new(),
            totals: Totals { probes: 0, settled: 0, remembered: 0, wall: Duration::ZERO, range: None },
            replay: None,
        };
        Self { report, root: settings.root.clone() }
    }

    /// Takes what differs between the locks.
    pub fn changes(&mut self, changes: &[Change]) {
        self.report.lock_changes = changes.iter().map(lock_change).collect();
    }

    /// Takes why the bad end fails.
    pub fn explanation(&mut self, explanation: Explanation) {
        self.report.explanation = Some(explanation);
    }

    /// Takes what the culprit adds to the searched input, and whether it touches what the failure goes through.
    pub fn culprit_adds(&mut self, input: &InputPath, additions: &[Additions], touches: Touches) {
        let Some(explanation) = &mut self.report.explanation else { return };
        let Why::Cycle(cycle) = &mut explanation.why else { return };
        let added: Vec<_> = additions.iter().flat_map(|commit| commit.files.clone()).collect();
        cycle.mark_added(input, &added);
        if touches == Touches::Nothing {
            let note = "The culprit touches no file of the cycle, so what was learned did not help the search.";
            explanation.notes.push(note.to_owned());
        }
    }

    /// Returns why the bad end fails, as far as it is known.
    #[must_use]
    pub const fn why(&self) -> Option<&Explanation> {
        self.report.explanation.as_ref()
    }

    /// Takes both ends.
    pub fn ends(&mut self, ends: &Ends) {
        let end = |verified: &Verified| End {
            revision: None,
            date: None,
            verdict: verified.verdict.clone(),
            observation: verified.observation.clone(),
        };
        self.report.good = Some(end(&ends.good));
        self.report.bad = Some(end(&ends.bad));
        self.report.inputs = lock_inputs(&ends.bad.state.lock);
    }

    /// Takes what the probes between the ends were allowed, where it was less than the whole budget.
    pub const fn search_limits(&mut self, memory: Option<Bytes>, time: Option<Duration>) {
        self.report.environment.limits.search_memory = memory;
        self.report.environment.limits.search_time = time;
    }

    /// Takes the input that was found.
    pub fn input(&mut self, input: &InputPath, repository: String, isolation: Isolation) {
        self.report.input = Some(FoundInput { path: input.clone(), repository, isolation });
        for change in &self.report.lock_changes {
            if change.input == *input {
                for (end, locked) in [(&mut self.report.good, &change.from), (&mut self.report.bad, &change.to)] {
                    if let (Some(end), Some(locked)) = (end, locked) {
                        end.revision = locked.revision.clone();
                        end.date = locked.date;
                    }
                }
            }
        }
    }

    /// Takes which changes matter.
    pub fn matters(&mut self, matters: Matters) {
        self.report.matters = Some(matters);
    }

    /// Makes room for the search of another input; what is known of the last one's is told with its result.
    pub fn begin_again(&mut self) -> Option<Confirmation> {
        self.report.input = None;
        self.report.replay = None;
        for end in [&mut self.report.good, &mut self.report.bad].into_iter().flatten() {
            (end.revision, end.date) = (None, None);
        }
        self.report.confirmation.take()
    }

    /// Takes what the search came to.
    ///
    /// # Errors
    /// When a commit cannot be read.
    pub fn searched(&mut self, searched: &Searched<'_>, prober: &Prober<'_>) -> Result<SearchResult, CaseError> {
        let finding = &searched.found.finding;
        let before = self.report.totals.range.unwrap_or(0);
        self.report.totals.range = Some(before + searched.found.suspects);
        self.report.contradictions.extend(finding.contradictions.iter().map(contradiction));
        self.report.confirmation = searched.confirmation.clone();
        // The script edits a lock file.
        self.report.replay = match self.root {
            Root::Flake => replay(searched, &self.report, prober),
            Root::File { .. } => None,
        };
        Ok(match &finding.culprit {
            Culprit::Commit { commit, .. } => {
                SearchResult::Culprit { commit: commit_of(searched.source(), prober, commit)? }
            }
            Culprit::OneOf { commits, .. } => {
                let commits = commits.iter().map(|commit| commit_of(searched.source(), prober, commit));
                let commits: Result<_, CaseError> = commits.collect();
                SearchResult::OneOf { commits: commits? }
            }
        })
    }

    /// Takes every jump that was found.
    ///
    /// # Errors
    /// When a commit cannot be read.
    pub fn jumps(
        &mut self,
        source: Source<'_>,
        found: &AllJumps,
        confirmations: Vec<Confirmation>,
        prober: &Prober<'_>,
    ) -> Result<SearchResult, CaseError> {
        self.report.totals.range = Some(found.suspects);
        let jumps = found.jumps.iter().zip(confirmations).map(|(jump, confirmation)| {
            Ok(Jump {
                commit: commit_of(source, prober, &jump.commit)?,
                parent: jump.before.clone(),
                skipped: jump.skipped,
                before: jump.from,
                after: jump.to,
                confirmation: Some(confirmation),
            })
        });
        let jumps: Result<Vec<Jump>, CaseError> = jumps.collect();
        Ok(SearchResult::Jumps { measure: found.measure.clone(), step: found.step, jumps: jumps?, rest: found.rest })
    }

    /// Ends the report.
    #[must_use]
    pub fn finish(self, result: SearchResult, prober: &Prober<'_>, wall: Duration) -> Report {
        let mut report = self.so_far(prober);
        report.result = result;
        report.take_probes(prober.records().iter().map(Record::as_told).collect());
        report.totals.wall = wall;
        report
    }

    /// Returns what can be told so far, without the probes.
    #[must_use]
    pub fn so_far(&self, prober: &Prober<'_>) -> Report {
        let mut report = self.report.clone();
        if report.flake.command.is_empty() {
            report.flake.command = own_command(&self.root, prober.target());
        }
        report.flake.target = prober.target().attr().to_string();
        report.environment.limits.memory = prober.full();
        report
    }
}

/// Returns the command by which a user evaluates a target.
#[must_use]
pub fn own_command(root: &Root, target: &Target) -> String {
    match root {
        Root::File { file, .. } => {
            let attr = target.attr().to_string();
            let attr = if attr.is_empty() { String::new() } else { format!(" -A '{attr}'") };
            format!("nix-instantiate '{}'{attr}", file.display())
        }
        Root::Flake => {
            let EvalQuestion { attr, apply } = target.question();
            let apply = apply.map(|function| format!(" --apply '{function}'")).unwrap_or_default();
            format!("nix eval --raw .#{attr}{apply}")
        }
    }
}

/// Says that the culprit was not run again.
#[must_use]
pub fn unconfirmed(why: &str) -> Confirmation {
    Confirmation::FastOnly { why: why.to_owned() }
}

/// Returns the answer in one line, for the journal.
#[must_use]
pub fn answer(report: &Report) -> String {
    match &report.result {
        SearchResult::Culprit { commit } => format!("{} {}", commit.revision, commit.title),
        SearchResult::OneOf { commits } => format!("one of {} commits", commits.len()),
        SearchResult::NixVersion { good, bad } => format!("good with {good} and bad with {bad}"),
        SearchResult::Inputs => {
            let sets = report.matters.iter().flat_map(|matters| &matters.sets);
            let changes: Vec<&str> = sets.flat_map(|set| &set.changes).map(|member| member.change.as_str()).collect();
            changes.join("; ")
        }
        SearchResult::Jumps { jumps, .. } => format!("{} jumps", jumps.len()),
        SearchResult::NotFound { why } => no_commit(why),
        SearchResult::Unfinished { why, .. } => format!("unfinished: {why}"),
    }
}

fn contradiction(contradiction: &Contradiction) -> String {
    match contradiction {
        Contradiction::Reverted { changed, unchanged } => format!(
            "{} already shows the change, and its descendant {} does not; the search trusted the descendant",
            changed.short(),
            unchanged.short()
        ),
        Contradiction::Apart { changed } => {
            format!("{} shows the change too, although the culprit is not in its history", changed.short())
        }
        Contradiction::Unstable { commit } => {
            format!("{} was judged in both ways; the search trusted the later verdict", commit.short())
        }
    }
}

//! From what was found out to the report's model.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use nix_culprit_core::bisect::{Contradiction, Culprit, Goal};
use nix_culprit_core::explain::{Additions, Explanation, Why};
use nix_culprit_core::flake::{Change, ChangeKind, FlakeRef, Link, Lock, Place, Revision};
use nix_culprit_core::ids::{CommitId, InputPath, NodeKey};
use nix_culprit_core::outcome::{Class, Criterion};
use nix_culprit_core::pull_request::pull_request;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::read_set::Reads;
use nix_culprit_core::report::Timestamp;
use nix_culprit_core::report::model::{
    Commit, Confirmation, Direction, End, Environment, Evaluated, Flake, FoundInput, FrozenInput, Isolation, Jump,
    Limits, LockChange, LockChangeKind, LockInput, LockedAt, Matters, PullRequest, ReplayInput, ReplayRun,
    ReplaySource, Report, SCHEMA, SearchResult, Subject, Totals,
};
use nix_culprit_core::text::printable;

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

/// How many files of a commit the report names.
const FILES: usize = 12;

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

    /// Returns what the probes between the ends may use of memory, and the heap that they begin with: enough to tell a
    /// runaway from the good end, where bad means out of memory.
    #[must_use]
    pub fn thrift(&self, chosen: Option<Bytes>, full: Bytes, criterion: Option<&Criterion>) -> (Bytes, Option<Bytes>) {
        let runaway = match criterion {
            Some(Criterion::SameSignature(signature)) => signature.class == Class::OutOfMemory,
            Some(Criterion::Class(class)) => *class == Class::OutOfMemory,
            Some(Criterion::AnyFailure | Criterion::Message(_) | Criterion::Growth(_) | Criterion::Script) | None => {
                false
            }
        };
        let needed = self.report.good.as_ref().filter(|_| runaway).map(|good| good.observation.peak);
        let memory = match (needed, chosen) {
            (_, Some(chosen)) => chosen.min(full),
            (Some(needed), None) => enough_memory(needed, full).unwrap_or(full),
            (None, None) => full,
        };
        (memory, needed.filter(|_| memory < full).and_then(|needed| heap_between(needed, memory)))
    }

    /// Returns what the probes between the ends may use of time, where that is less than the whole budget.
    ///
    /// Five times what the good end needed, and at least 30 seconds more, where that is clearly less than the whole and
    /// bad means out of time. For any other criterion a shorter time could only hide the end that is looked for.
    #[must_use]
    pub fn patience(
        &self,
        chosen: Option<Duration>,
        whole: Duration,
        criterion: Option<&Criterion>,
    ) -> Option<Duration> {
        let hangs = match criterion {
            Some(Criterion::SameSignature(signature)) => signature.class == Class::TimeOut,
            Some(Criterion::Class(class)) => *class == Class::TimeOut,
            _ => false,
        };
        match (&self.report.good, chosen) {
            (_, Some(chosen)) => Some(chosen).filter(|chosen| *chosen < whole),
            (Some(good), None) if hangs => enough_time(good.observation.wall, whole),
            (Some(_) | None, None) => None,
        }
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

/// Returns the memory in which what needs about so much of it has room, if it is clearly less than the whole.
///
/// Half more than what the good end needed, and 128 MiB for what is small: what good commits need changes by little from
/// one end of a range to the other. Where one needs more, the search goes astray, its culprit does not run out of the
/// whole budget, and the search is made again with that. A larger margin costs each runaway the time to use it up.
fn enough_memory(needed: Bytes, whole: Bytes) -> Option<Bytes> {
    const MORE: Bytes = Bytes(128 << 20);
    let enough = Bytes(needed.percent(150).0.saturating_add(MORE.0));
    (enough <= whole.percent(80)).then_some(enough)
}

/// Returns the middle between what the good end needed and what a probe may use.
///
/// Half of a runaway's time is the garbage collector, which is called again and again in vain. With a heap that begins
/// in the middle it is called once or twice before the budget is used up; and a good commit, whose live values fill no more than
/// three fourths of it, does not make it grow any further, so that it stays within the budget.
fn heap_between(needed: Bytes, memory: Bytes) -> Option<Bytes> {
    (needed < memory).then(|| Bytes(needed.0.midpoint(memory.0)))
}

/// Returns a time in which what needs so much of it plainly ends, if it is clearly less than the whole.
fn enough_time(needed: Duration, whole: Duration) -> Option<Duration> {
    const MORE: Duration = Duration::from_secs(30);
    let enough = needed.saturating_mul(5).max(needed.saturating_add(MORE));
    (enough <= whole.mul_f64(0.8)).then_some(enough)
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
        SearchResult::NotFound { .. } => "no commit".to_owned(),
        SearchResult::Unfinished { why, .. } => format!("unfinished: {why}"),
    }
}

fn lock_change(change: &Change) -> LockChange {
    let own = |link: &Link| match link {
        Link::Own(reference) => Some(locked_at(reference)),
        Link::Follows(_) => None,
    };
    let (kind, from, to) = match &change.kind {
        ChangeKind::Added { to } => (LockChangeKind::Added, None, own(to)),
        ChangeKind::Removed { from } => (LockChangeKind::Removed, own(from), None),
        ChangeKind::Moved { from, to, place } => {
            let kind = match place {
                Place::Same => LockChangeKind::Updated,
                Place::Other => LockChangeKind::Moved,
            };
            (kind, Some(locked_at(from)), Some(locked_at(to)))
        }
        ChangeKind::Follows { from, to } => (LockChangeKind::Follows, own(from), own(to)),
        ChangeKind::Declared => (LockChangeKind::Moved, None, None),
    };
    LockChange { input: change.path().clone(), kind, from, to }
}

/// Lists the inputs of a lock; none where one leads nowhere, which the evaluation has told of already.
fn lock_inputs(lock: &Lock) -> Vec<LockInput> {
    let own = lock.paths();
    let input = |(input, key): (InputPath, NodeKey)| {
        let follows = own.get(&key).filter(|path| **path != input).cloned();
        let at = if follows.is_none() { lock.locked(&key).ok().as_ref().map(locked_at) } else { None };
        LockInput { input, follows, at }
    };
    lock.inputs().unwrap_or_default().into_iter().map(input).collect()
}

fn locked_at(reference: &FlakeRef) -> LockedAt {
    let date =
        reference.extra.number("lastModified").and_then(|time| i64::try_from(time).ok()).map(Timestamp::from_unix);
    LockedAt { revision: reference.rev(), date }
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

/// Reads what people are told of a commit.
fn commit_of(source: Source<'_>, prober: &Prober<'_>, id: &CommitId) -> Result<Commit, CaseError> {
    let commit = source.repository.commit(id)?;
    let merge = source.repository.merge_that_brought_in(id, source.tip)?;
    let web = source.reference.web();
    let by_merge = merge.as_ref().and_then(|merge| pull_request(&merge.title, &merge.body));
    let request = by_merge.or_else(|| pull_request(&commit.title, &commit.body));
    let pull_request = request.map(|request| PullRequest {
        url: web.as_ref().and_then(|web| web.pull_request_url(request.number)),
        number: request.number,
        title: request.title,
    });
    let name = |file: &crate::sys::git::FileChange| printable(&file.path.to_string_lossy());
    Ok(Commit {
        revision: id.clone(),
        author: Some(commit.author.name),
        date: Timestamp::from_unix(commit.committed.seconds),
        title: commit.title,
        files: commit.files.iter().take(FILES).map(name).collect(),
        file_count: commit.files.len(),
        evaluated: evaluated(source, prober, id, commit.parents.first())?,
        url: web.as_ref().map(|web| web.commit_url(id)),
        pull_request,
        merge: merge.map(|merge| merge.id).filter(|merge| merge != id),
    })
}

/// Tells what of a commit the probes of it and of its first parent looked at; nothing where neither is known.
fn evaluated(
    source: Source<'_>,
    prober: &Prober<'_>,
    id: &CommitId,
    parent: Option<&CommitId>,
) -> Result<Option<Evaluated>, CaseError> {
    let Some(parent) = parent else { return Ok(None) };
    // What settled a probe looked at the same.
    let ran = |commit: &CommitId| {
        let is_it =
            |record: &&Record| matches!(&record.subject, Subject::Commit { revision, .. } if revision == commit);
        prober.records().iter().filter(is_it).find_map(|record| record.settled_by.clone())
    };
    let clone = source.repository.git_dir();
    let reads: Vec<Reads> = [id, parent]
        .into_iter()
        .filter_map(|commit| prober.reads(clone, commit).or_else(|| prober.reads(clone, &ran(commit)?)))
        .collect();
    if reads.is_empty() {
        return Ok(None);
    }
    let changes = source.repository.changed(parent, id)?;
    let seen = changes.iter().filter(|change| reads.iter().any(|reads| reads.saw(change)));
    let paths: BTreeSet<&Path> = seen.map(|change| change.path.as_path()).collect();
    let files = paths.iter().take(FILES).map(|path| printable(&path.to_string_lossy())).collect();
    Ok(Some(Evaluated { files, count: paths.len() }))
}

/// Collects what a replay needs, if one commit was found and both decisive probes were made.
fn replay(searched: &Searched<'_>, report: &Report, prober: &Prober<'_>) -> Option<ReplayInput> {
    let Culprit::Commit { commit, parents, .. } = &searched.found.finding.culprit else { return None };
    let input = report.input.as_ref()?.path.clone();
    let parent = &parents.first()?.commit;
    let run = |wanted: &CommitId| {
        let seen = prober.records().iter().rev().find_map(|record| match &record.subject {
            Subject::Commit { revision, .. } if revision == wanted => Some(&record.observation),
            _ => None,
        });
        let end = |end: &Option<End>| {
            end.as_ref().filter(|end| end.revision.as_ref() == Some(wanted)).map(|end| end.observation.clone())
        };
        let observation = seen.cloned().or_else(|| end(&report.good)).or_else(|| end(&report.bad))?;
        Some(ReplayRun { revision: wanted.clone(), outcome: observation.outcome })
    };
    let at = |commit: &CommitId| {
        let lock = searched.base.with_revision(searched.node, &Revision::bare(commit)).ok()?;
        Some(lock.locked(searched.node).ok()?.to_url())
    };
    let source = if searched.reference.web().is_some() {
        ReplaySource::References { before: at(parent)?, after: at(commit)? }
    } else {
        ReplaySource::Clone { url: searched.reference.clone_url()? }
    };
    let frozen = searched.base.paths().into_iter().filter(|(_, path)| path.is_below(&input) && *path != input);
    let frozen = frozen.filter_map(|(key, path)| {
        Some(FrozenInput { input: path, reference: searched.base.locked(&key).ok()?.to_url() })
    });
    let question = prober.target().question();
    Some(ReplayInput {
        frozen: frozen.collect(),
        source,
        dir: searched.reference.dir.clone(),
        attribute: question.attr,
        arguments: question.apply.into_iter().flat_map(|function| ["--apply", function]).map(str::to_owned).collect(),
        lock: searched.base.to_json(),
        before: run(parent)?,
        after: run(commit)?,
        input,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_memory_has_a_margin_and_is_less_than_the_whole() {
        let mib = |mib: u64| Bytes(mib << 20);
        for (needed, whole, enough) in [
            (0, 1024, Some(128)),
            (344, 1024, Some(644)),
            (460, 1024, Some(818)),
            (462, 1024, None),
            (40, 256, Some(188)),
            (60, 256, None),
            (8000, 16384, Some(12128)),
        ] {
            assert_eq!(enough_memory(mib(needed), mib(whole)), enough.map(mib), "{needed} of {whole}");
        }
        assert_eq!(enough_memory(Bytes(u64::MAX), Bytes(u64::MAX)), None);
    }

    #[test]
    fn the_heap_begins_between_what_is_needed_and_what_may_be_used() {
        assert_eq!(heap_between(Bytes(344), Bytes(644)), Some(Bytes(494)));
        assert_eq!(heap_between(Bytes(644), Bytes(644)), None);
    }

    #[test]
    fn enough_time_has_a_margin_and_is_less_than_the_whole() {
        let seconds = Duration::from_secs;
        for (needed, whole, enough) in
            [(1, 600, Some(31)), (60, 600, Some(300)), (96, 600, Some(480)), (97, 600, None), (1, 35, None)]
        {
            assert_eq!(enough_time(seconds(needed), seconds(whole)), enough.map(seconds), "{needed} of {whole}");
        }
    }
}

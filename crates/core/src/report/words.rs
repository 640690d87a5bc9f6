//! Sentences that the renderings share. They claim what was measured and no more.
//!
//! All that is returned here is text, neither inert nor redacted.

use super::model::{
    ChangeSet, Commit, Confirmation, Direction, Inputs, Isolation, Limits, LockChangeKind, Mode, NotFound, Report,
    SearchResult, SetMember, Subject,
};
use crate::explain::Why;
use crate::growth::{Grown, Measure, Side, Value, compare};
use crate::ids::InputPath;
use crate::outcome::{Class, Observation, Verdict};
pub(super) use crate::quantity::counted;
use crate::quantity::show_duration;

/// Names the part that says why.
pub(super) fn why(report: &Report) -> &'static str {
    let is_less = |report: &Report| match report.explanation.as_ref().map(|explanation| &explanation.why) {
        Some(Why::Heavier(heavier)) => heavier.side == Side::Below,
        Some(Why::Cycle(_) | Why::Error(_) | Why::Unknown) | None => false,
    };
    match report.bad.as_ref().map(|bad| bad.observation.outcome.class) {
        Some(Class::Success) if is_less(report) => "Why it does less",
        Some(Class::Success) => "Why it is heavier",
        Some(_) | None => "Why it fails",
    }
}

/// Says what was seen, such as `out of memory: grew to 512 MiB, the budget, after 1.4 s`.
pub(super) fn seen(seen: &Observation, limits: &Limits) -> String {
    let (peak, wall) = (seen.peak, show_duration(seen.wall));
    let class = seen.outcome.class;
    match class {
        Class::Success => format!("success, {peak}, {wall}"),
        Class::OutOfMemory => {
            let budget = limits.memory;
            if peak.to_string() == budget.to_string() {
                format!("{class}: grew to {peak}, the budget, after {wall}")
            } else if peak > budget {
                format!("{class}: grew to {peak}, over the budget of {budget}, after {wall}")
            } else {
                format!("{class}: grew to {peak} within the budget of {budget}, ended after {wall}")
            }
        }
        Class::TimeOut => format!("no end within {}, the time budget; {peak}", show_duration(limits.time)),
        Class::InfiniteRecursion
        | Class::CallDepth
        | Class::StackOverflow
        | Class::EvaluationError
        | Class::Refused
        | Class::NixTooOld
        | Class::FetchFailure
        | Class::HashMismatch
        | Class::BuildFailure
        | Class::ImportFromDerivation
        | Class::Interrupted
        | Class::NixUnusable
        | Class::Killed => format!("{class}, {peak}, {wall}"),
    }
}

/// Returns the word for a verdict.
pub(super) const fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "good",
        Verdict::Bad => "bad",
        Verdict::Skip(_) => "skip",
    }
}

/// Returns the word for a mode.
pub(super) const fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Fast => "fast",
        Mode::Pure => "pure",
        Mode::Faithful => "faithful",
    }
}

/// Says how the user's own command came by its inputs, if that was not by fetching.
pub(super) const fn inputs(inputs: Inputs) -> Option<&'static str> {
    match inputs {
        Inputs::Fetched => None,
        Inputs::AtStorePaths => Some("the inputs were shown at their store paths, not fetched again"),
    }
}

/// Returns the word for a change of the lock.
pub(super) const fn change(kind: LockChangeKind) -> &'static str {
    match kind {
        LockChangeKind::Updated => "updated",
        LockChangeKind::Moved => "moved",
        LockChangeKind::Added => "added",
        LockChangeKind::Removed => "removed",
        LockChangeKind::Follows => "follows changed",
    }
}

/// Says how the input was told from the others.
pub(super) const fn isolation(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::Named => "named by the user; other inputs were not tried",
        Isolation::OnlyChange => "the only input that changed",
        Isolation::Suffices => "changed alone, it makes the difference",
        Isolation::SufficesAndNeeded => "changed alone, it makes the difference; all other changes without it do not",
        Isolation::WithOthers => "changed together with others, it makes the difference; changed alone, it does not",
        Isolation::Needed => "without its change, all others changed, it makes no difference; it was not tried alone",
    }
}

/// Returns what the whole is about, such as `Out of memory since 5a9dda28aa00 of input nixpkgs`; `quote` makes inert
/// what is not our own.
pub(super) fn headline(report: &Report, quote: impl Fn(&str) -> String) -> String {
    let class = report.bad.as_ref().map(|bad| bad.observation.outcome.class.words());
    let title = match (&report.result, class) {
        (SearchResult::Culprit { commit }, class) => {
            let of = report.input.as_ref().map(|input| format!(" of input {}", quote(&input.path.to_string())));
            let when = match report.direction {
                Direction::FindCulprit => "since",
                Direction::FindFix => "until",
            };
            let (what, of) = (class.unwrap_or("failure"), of.unwrap_or_default());
            format!("{what} {when} {}{of}", quote(commit.revision.short()))
        }
        (_, Some(class)) => format!("{class} when evaluating"),
        (_, None) => "evaluation".to_owned(),
    };
    let (start, rest) = title.split_at(title.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}", start.to_uppercase())
}

/// Returns what the commit is, such as `first bad commit`.
pub(super) const fn first_commit(direction: Direction) -> &'static str {
    match direction {
        Direction::FindCulprit => "first bad commit",
        Direction::FindFix => "first good commit (the fix)",
    }
}

/// Lists what differs between two ends that both succeed, by at least a fiftieth.
pub(super) fn grown(report: &Report) -> Vec<Grown> {
    let (Some(good), Some(bad)) = (&report.good, &report.bad) else { return Vec::new() };
    if [good, bad].iter().any(|end| end.observation.outcome.class != Class::Success) {
        return Vec::new();
    }
    let mut grown = compare(&good.observation, &bad.observation);
    grown.retain(|one| !(0.98..=1.02).contains(&one.ratio()));
    grown
}

/// Says by how much a measure jumped, such as `nrThunks 2,795 -> 4,295 (+54 %)`.
pub(super) fn jumped(measure: &Measure, before: Value, after: Value) -> String {
    let grown = Grown { measure: measure.clone(), good: before, bad: after };
    format!("{measure} {} -> {} ({})", measure.show(before), measure.show(after), grown.show_ratio())
}

/// Says how a jump was confirmed; `quote` makes inert what is not our own.
pub(super) fn confirmed(confirmation: Option<&Confirmation>, quote: impl Fn(&str) -> String) -> String {
    match confirmation {
        Some(Confirmation::Faithful { .. }) => "confirmed by the user's own command".to_owned(),
        Some(Confirmation::FastOnly { why }) => format!("in fast mode only: {}", quote(why)),
        Some(Confirmation::NotConfirmed { why }) => {
            format!("not confirmed by the user's own command: {}", quote(why))
        }
        None => "not confirmed: nobody tried".to_owned(),
    }
}

/// Says how many jumps were found, and what is left beside them.
pub(super) fn jumps(measure: &Measure, step: Value, count: usize, rest: Value) -> String {
    let rest = if rest == 0 { String::new() } else { format!("; beside them it moved by {}", measure.show(rest)) };
    let none = if count == 0 { ": it grew slowly, or not at all" } else { "" };
    format!("{} of {measure} by more than {}{none}{rest}", counted(count, "jump"), measure.show(step))
}

/// Says why no commit can be named.
#[must_use]
pub fn no_commit(why: &NotFound) -> String {
    not_found(why, str::to_owned)
}

/// Says why no commit can be named; `quote` makes inert what is not our own.
pub(super) fn not_found(why: &NotFound, quote: impl Fn(&str) -> String) -> String {
    match why {
        NotFound::OnlyTogether { inputs, .. } => {
            format!("no input makes the difference alone; {} changed together do", quote(&names(inputs)))
        }
        NotFound::BothGood => {
            "both ends are good: the failure was not seen, so there is nothing to search for".to_owned()
        }
        NotFound::BothBad => {
            "both ends are bad: the difference is older than the good end, or comes from none of the inputs".to_owned()
        }
        NotFound::NothingChanged => {
            "no input differs between the two ends: the cause is not in the lock file".to_owned()
        }
        NotFound::Follows { change } => {
            format!("not a commit, but what an input follows makes the difference: {}", quote(change))
        }
        NotFound::NotSearched => "nothing was searched: it was only looked why the bad end fails".to_owned(),
        NotFound::NoHistory { reason } => format!("the input has no history that can be searched: {}", quote(reason)),
        NotFound::Other { reason } => quote(reason),
    }
}

/// Says that the Nix version makes the difference; `quote` makes inert what is not our own.
pub(super) fn nix_version(good: &str, bad: &str, quote: impl Fn(&str) -> String) -> String {
    format!("the Nix version: the same lock is good with {} and bad with {}", quote(good), quote(bad))
}

/// Returns the sets that the report has to name: not the only change of the input that it names anyway.
pub(super) fn sets(report: &Report) -> &[ChangeSet] {
    match report.matters.as_ref().map(|matters| matters.sets.as_slice()) {
        Some([only]) if is_named(report, only) => &[],
        Some(sets) => sets,
        None => &[],
    }
}

/// Tells whether the change of a set is the move of the input that the report names anyway; an edge is more than that.
fn is_named(report: &Report, set: &ChangeSet) -> bool {
    let is_edge = |input: &InputPath| {
        report.lock_changes.iter().any(|change| change.input == *input && change.kind == LockChangeKind::Follows)
    };
    match (&report.input, set.changes.as_slice()) {
        (Some(_), [only]) => !is_edge(&only.input),
        _ => false,
    }
}

/// Says what the changes of a set do together.
pub(super) const fn set(set: &ChangeSet) -> &'static str {
    match (set.changes.len(), set.proven) {
        (0 | 1, true) => "it fails with this change alone",
        (_, true) => "it fails with these changes, and not without any one of them",
        (_, false) => "it fails with these changes; whether all are needed could not be told, too much was skipped",
    }
}

/// Says what leaving a change out of its set came to, where that is not simply good.
pub(super) fn without(member: &SetMember) -> Option<String> {
    match &member.without {
        Some(Verdict::Skip(reason)) => Some(format!("without it: {reason}")),
        Some(Verdict::Good | Verdict::Bad) | None => None,
    }
}

/// Joins input names by commas.
pub(super) fn names(inputs: &[InputPath]) -> String {
    inputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Names what a probe ran on, without title.
pub(super) fn subject(subject: &Subject) -> String {
    match subject {
        Subject::GoodLock => "good end's lock".to_owned(),
        Subject::BadLock => "bad end's lock".to_owned(),
        Subject::Inputs { updated } => format!("updated: {}", names(updated)),
        Subject::Commit { revision, .. } => revision.short().to_owned(),
        Subject::Corrected { change } => change.clone(),
    }
}

/// Says how many files a commit touches and names the first `most`.
pub(super) fn files(commit: &Commit, most: usize) -> Option<String> {
    let named: Vec<_> = commit.files.iter().take(most).map(String::as_str).collect();
    let count = commit.file_count.max(commit.files.len());
    match (count, named.len()) {
        (0, _) => None,
        (_, 0) => Some(counted(count, "file")),
        (1, _) => Some(named.concat()),
        (_, shown) if shown < count => Some(format!("{count} files: {}, …", named.join(", "))),
        (_, _) => Some(format!("{count} files: {}", named.join(", "))),
    }
}

/// Says which of a commit's files evaluations looked at, and names the first `most`, if that is known.
pub(super) fn evaluated(commit: &Commit, most: usize) -> Option<String> {
    let evaluated = commit.evaluated.as_ref()?;
    let named: Vec<_> = evaluated.files.iter().take(most).map(String::as_str).collect();
    let more = if named.len() < evaluated.count { ", …" } else { "" };
    Some(match evaluated.count {
        0 => "evaluated: none of them".to_owned(),
        count if count == commit.file_count => "evaluated: all of it".to_owned(),
        _ => format!("evaluated: {}{more}", named.join(", ")),
    })
}

/// Says that no single commit was seen to make the change.
pub(super) fn one_of(direction: Direction, count: usize) -> String {
    let what = first_commit(direction);
    if count == 1 {
        format!("only this commit can be the {what}, but it could not be tested itself")
    } else {
        format!("one of these {} is the {what}; skips leave no more", counted(count, "commit"))
    }
}

/// Counts probes, and those that were not run.
pub(super) fn probes(run: usize, settled: usize, remembered: usize) -> String {
    let mut text = counted(run, "probe");
    if settled > 0 {
        text.push_str(&format!(", and {settled} answered by what they read"));
    }
    if remembered > 0 {
        text.push_str(&format!(", and {remembered} by earlier cases"));
    }
    text
}

/// Says how much was done.
pub(super) fn totals(report: &Report) -> String {
    let probes = probes(report.totals.probes, report.totals.settled, report.totals.remembered);
    let wall = show_duration(report.totals.wall);
    let wall = match report.environment.limits.search_memory {
        Some(reduced) => format!("{wall}; between the ends {reduced} was enough to tell"),
        None => wall,
    };
    let wall = match report.environment.limits.search_time {
        Some(reduced) => format!("{wall}; between the ends {} was enough to tell", show_duration(reduced)),
        None => wall,
    };
    match report.totals.range {
        Some(range) => format!("{} in {probes}, {wall}", counted(range, "commit")),
        None => format!("{probes}, {wall}"),
    }
}

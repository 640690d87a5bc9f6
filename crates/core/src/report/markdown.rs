//! `report.md`: what is pasted into an issue tracker.
//!
//! Every text that is not our own goes through `Page::code` or `Page::block`: redacted, made
//! inert, and cut to a length. The whole stays under [`MOST`] characters. Authors are not named.

use std::fmt::Write as _;

use super::escape::{self, Place};
use super::model::{
    Commit, Confirmation, End, LockedAt, NotFound, Probe, Report, SearchResult, SearchedInput, Subject,
};
use super::redact::Redactor;
use super::why::tell;
use super::{extract, helps};
use super::{replay, words};
use crate::correct::{Correction, Step};
use crate::explain::{Strokes, draw};
use crate::hunks::PATCH;
use crate::ids::CommitId;
use crate::outcome::{Observation, Verdict};
use crate::quantity::show_duration;

/// The most characters that a report has; trackers take 65,536 characters.
pub const MOST: usize = 65_000;
/// The most characters of a replay script that is shown within the report.
const SCRIPT: usize = 24_000;
/// The most characters of a reproducer's files.
const REPRODUCER: usize = 14_000;
/// The characters that a replay script within the report leaves for the evidence.
const EVIDENCE: usize = 12_000;

/// Returns the report as Markdown for issue trackers.
#[must_use]
pub fn render(report: &Report, redactor: &Redactor) -> String {
    let mut page = Page { out: String::new(), redactor, report };
    page.problem();
    page.result();
    page.why();
    page.confirmation();
    page.corrections();
    page.extract();
    page.growth();
    page.doubts();
    page.environment();
    page.lock_changes();
    page.reproducer();
    page.replay();
    page.evidence();
    let footer = format!("\nMade by nix-culprit {}.\n", page.code(&report.environment.tool_version, 40));
    page.out.push_str(&footer);
    debug_assert!(page.length() <= MOST, "the parts' limits add up to less than the whole's");
    page.out
}

struct Page<'a> {
    out: String,
    redactor: &'a Redactor,
    report: &'a Report,
}

impl Page<'_> {
    /// Writes one line, or a paragraph if it ends in an empty one.
    fn put(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn length(&self) -> usize {
        self.out.chars().count()
    }

    fn heading(&mut self, text: &str) {
        let _ = write!(self.out, "\n### {text}\n\n");
    }

    fn code(&self, text: &str, most: usize) -> String {
        escape::code(&self.redactor.start(text, most), Place::Text, most)
    }

    fn cell(&self, text: &str, most: usize) -> String {
        escape::code(&self.redactor.start(text, most), Place::Cell, most)
    }

    fn block(&self, text: &str, most: usize) -> String {
        escape::block(&self.redactor.start(text, most), most)
    }

    fn seen(&self, seen: &Observation) -> String {
        words::seen(seen, &self.report.environment.limits)
    }

    fn problem(&mut self) {
        let report = self.report;
        let title = words::headline(report, |text| self.code(text, 100));
        self.put(&format!("## {title}\n"));
        let (command, target) = (self.code(&report.flake.command, 300), self.code(&report.flake.target, 200));
        let good = self.end("good", report.good.as_ref());
        let bad = self.end("bad", report.bad.as_ref());
        self.put(&format!("{command} (target {target}) {good} It {bad}"));
        if let Some(message) = report.bad.as_ref().and_then(|end| end.observation.outcome.message.as_ref()) {
            let block = self.block(message, 2_000);
            self.put(&format!("\nThe message:\n\n{block}"));
        }
    }

    /// Says what came of one end, as the rest of a sentence.
    fn end(&self, word: &str, end: Option<&End>) -> String {
        let Some(end) = end else { return format!("was not tried at the {word} end.") };
        let input = self.report.input.as_ref().map(|input| self.code(&input.path.to_string(), 100));
        let at = match (&end.revision, input) {
            (Some(revision), Some(input)) => format!(" with input {input} at `{}`", revision.short()),
            (Some(revision), None) => format!(" at `{}`", revision.short()),
            (None, _) => format!(" with the lock of the {word} end"),
        };
        let date = end.date.map(|date| format!(" ({})", date.day())).unwrap_or_default();
        let verdict = words::verdict(&end.verdict);
        let seen = self.seen(&end.observation);
        format!("is {verdict}{at}{date}: {seen}.")
    }

    fn result(&mut self) {
        let report = self.report;
        self.heading("What was found");
        if let Some(input) = &report.input {
            let (path, url) = (self.code(&input.path.to_string(), 100), self.code(&input.repository, 300));
            self.put(&format!("- input: {path} ({url}): {}", words::isolation(input.isolation)));
        }
        self.matters();
        match &report.result {
            SearchResult::Culprit { commit } => {
                self.commit(words::first_commit(report.direction), commit);
            }
            SearchResult::OneOf { commits } => {
                self.put(&format!("- {}:", words::one_of(report.direction, commits.len())));
                for commit in commits.iter().take(25) {
                    let line = format!("  - {}, {}", self.hash(commit), self.code(&commit.title, 120));
                    self.put(&line);
                }
                if commits.len() > 25 {
                    self.put(&format!("  - and {} more (see report.json)", commits.len() - 25));
                }
            }
            SearchResult::Jumps { measure, step, jumps, rest } => {
                self.put(&format!("- {}", words::jumps(measure, *step, jumps.len(), *rest)));
                for jump in jumps.iter().take(20) {
                    let line = format!("  - {}, {}", self.hash(&jump.commit), self.code(&jump.commit.title, 120));
                    let skipped = words::counted(jump.skipped, "commit");
                    let or = if jump.skipped == 0 {
                        String::new()
                    } else {
                        format!("; it may be one of the {skipped} before it, too")
                    };
                    let confirmed = words::confirmed(jump.confirmation.as_ref(), |text| self.code(text, 300));
                    let jumped = words::jumped(measure, jump.before, jump.after);
                    self.put(&format!("{line}{or}: {jumped}; {confirmed}"));
                }
                if jumps.len() > 20 {
                    self.put(&format!("  - and {} more (see report.json)", jumps.len() - 20));
                }
            }
            SearchResult::Inputs => {}
            SearchResult::NixVersion { good, bad } => {
                let words = words::nix_version(good, bad, |text| self.code(text, 80));
                self.put(&format!("- {words}"));
            }
            SearchResult::NotFound { why } => {
                let words = words::not_found(why, |text| self.code(text, 400));
                self.put(&format!("- no commit: {words}"));
                if let NotFound::OnlyTogether { searched, .. } = why {
                    searched.iter().take(10).for_each(|one| self.together(one));
                }
            }
            SearchResult::Unfinished { suspects, why } => {
                let left = suspects.map(|n| format!("; {} still possible", words::counted(n, "commit")));
                let why = self.code(why, 400);
                self.put(&format!("- **not finished**: {why}{}", left.unwrap_or_default()));
            }
        }
    }

    /// Says which changes of the lock matter, and which do not.
    fn matters(&mut self) {
        let Some(matters) = &self.report.matters else { return };
        for set in words::sets(self.report).iter().take(5) {
            self.put(&format!("- {}:", words::set(set)));
            for member in set.changes.iter().take(10) {
                let change = self.code(&member.change, 300);
                let without = words::without(member).map(|words| format!(" ({})", self.code(&words, 200)));
                self.put(&format!("  - {change}{}", without.unwrap_or_default()));
            }
            if set.changes.len() > 10 {
                self.put(&format!("  - and {} more (see report.json)", set.changes.len() - 10));
            }
        }
        for (what, inputs) in
            [("do not matter", &matters.idle), ("whether these matter was not tried", &matters.untried)]
        {
            if !inputs.is_empty() {
                let names = self.code(&words::names(inputs), 600);
                self.put(&format!("- {what}: {names}"));
            }
        }
    }

    /// Says what was found in the history of one of several inputs.
    fn together(&mut self, one: &SearchedInput) {
        let input = self.code(&one.input.to_string(), 100);
        let line = match &one.result {
            SearchResult::Culprit { commit } => format!("{}: {}", self.hash(commit), self.code(&commit.title, 300)),
            SearchResult::OneOf { commits } => format!("one of {}", words::counted(commits.len(), "commit")),
            SearchResult::NotFound { why } => words::not_found(why, |text| self.code(text, 400)),
            SearchResult::Unfinished { why, .. } => self.code(why, 400),
            SearchResult::Inputs | SearchResult::Jumps { .. } | SearchResult::NixVersion { .. } => return,
        };
        let confirmed = match &one.confirmation {
            Some(Confirmation::Faithful { .. }) => "; confirmed by the user's own command",
            Some(Confirmation::FastOnly { .. }) => "; in fast mode only",
            Some(Confirmation::NotConfirmed { .. }) => "; **not confirmed** by the user's own command",
            None => "",
        };
        self.put(&format!("  - in {input}, the others as at the bad end: {line}{confirmed}"));
    }

    fn hash(&self, commit: &Commit) -> String {
        let label = format!("`{}`", commit.revision.short());
        format!("{} ({})", escape::link(&label, commit.url.as_deref()), commit.date.day())
    }

    fn commit(&mut self, what: &str, commit: &Commit) {
        let hash = self.hash(commit);
        let title = self.code(&commit.title, 300);
        self.put(&format!("- {what}: {hash}: {title}"));
        self.put(&format!("  - full hash: `{}`", commit.revision));
        if let Some(files) = words::files(commit, 10) {
            let files = self.code(&files, 800);
            self.put(&format!("  - {files}"));
        }
        if let Some(evaluated) = words::evaluated(commit, 10) {
            let evaluated = self.code(&evaluated, 800);
            self.put(&format!("  - {evaluated}"));
        }
        if let Some(pull) = &commit.pull_request {
            let label = escape::link(&format!("pull request {}", pull.number), pull.url.as_deref());
            let title = pull.title.as_ref().map(|title| format!(": {}", self.code(title, 300))).unwrap_or_default();
            self.put(&format!("  - {label}{title}"));
        }
        if let Some(merge) = &commit.merge {
            self.put(&format!("  - merged by `{}`", merge.short()));
        }
    }

    fn why(&mut self) {
        let Some(explanation) = &self.report.explanation else { return };
        self.heading(words::why(self.report));
        let input = self.report.input.as_ref().map(|input| &input.path);
        let told = tell(explanation, input, &|text| self.code(text, 300));
        for sentence in told.sentences.iter().take(24) {
            self.put(&format!("- {sentence}"));
        }
        if let Some(cycle) = told.cycle {
            let block = self.block(&draw(cycle, Strokes::Ascii).join("\n"), 8_000);
            self.put(&format!("\n{block}"));
        }
    }

    fn confirmation(&mut self) {
        let Some(confirmation) = &self.report.confirmation else { return };
        self.heading("How it was confirmed");
        match confirmation {
            Confirmation::Faithful { culprit, parent, inputs } => {
                let (culprit, parent) = (self.seen(culprit), self.seen(parent));
                let how = words::inputs(*inputs).map(|words| format!("; {words}")).unwrap_or_default();
                self.put(&format!(
                    "The user's own command was run on the commit and on its parent, all other inputs alike{how}:\n"
                ));
                self.put(&format!("- parent: {parent}"));
                self.put(&format!("- commit: {culprit}"));
            }
            Confirmation::FastOnly { why } => {
                let why = self.code(why, 400);
                self.put(&format!("In fast mode only; the user's own command was not run: {why}"));
            }
            Confirmation::NotConfirmed { why } => {
                let why = self.code(why, 400);
                self.put(&format!("**Not confirmed** by the user's own command: {why}"));
            }
        }
    }

    fn corrections(&mut self) {
        let report = self.report;
        let Some(corrections) = &report.corrections else { return };
        self.heading("Corrections tried");
        if corrections.works.is_empty() {
            self.put(&format!("None of what was tried helps ({}).\n", helps::totals(corrections)));
        }
        for (number, correction) in (1..).zip(corrections.works.iter().take(5)) {
            self.correction(number, correction);
        }
        if corrections.works.len() > 5 {
            self.put(&format!("\n{} more that work are in report.json.", corrections.works.len() - 5));
        }
        for failed in corrections.failed.iter().take(10) {
            let line = format!("- does not help: {}: {}", self.code(&failed.what, 200), self.code(&failed.why, 200));
            self.put(&line);
        }
        for untried in corrections.untried.iter().take(10) {
            let line = format!("- not tried: {}: {}", self.code(&untried.what, 200), self.code(&untried.why, 200));
            self.put(&line);
        }
        let left = corrections.failed.len().saturating_sub(10) + corrections.untried.len().saturating_sub(10);
        if left > 0 {
            self.put(&format!("- and {left} more (see report.json)"));
        }
    }

    fn extract(&mut self) {
        let report = self.report;
        let Some(found) = &report.extract else { return };
        self.heading("What of the culprit suffices");
        self.put(&format!("{} ({}).\n", extract::headline(found), extract::totals(found)));
        for hunk in found.hunks.iter().take(8) {
            let place = self.code(&extract::place(hunk), 200);
            self.put(&format!("- {place}"));
            let lines: Vec<String> = extract::lines(hunk).take(8).collect();
            if !lines.is_empty() {
                for line in self.block(&lines.join("\n"), 1280).lines() {
                    self.put(&format!("  {line}"));
                }
            }
        }
        let left = found.hunks.len().saturating_sub(8)
            + found.hunks.iter().take(8).map(|hunk| extract::lines(hunk).count().saturating_sub(8)).sum::<usize>();
        if left > 0 {
            self.put(&format!("- and {left} more (see {PATCH})"));
        }
        let basis = extract::basis(found, report.direction, &|text| self.code(text, 200));
        let proof = extract::proof(found, &|text| self.code(text, 200));
        self.put(&format!("\nHow small: {basis}.\n\nConfirmed {proof}."));
    }

    fn correction(&mut self, number: usize, correction: &Correction) {
        let words = correction.action.words(&|text| self.code(text, 200));
        self.put(&format!("{number}. {words}"));
        for step in correction.steps.iter().take(4) {
            let line = match step {
                Step::Command { command } => self.code(command, 500),
                Step::Write { file, text } => format!("in {}: {}", self.code(file, 100), self.code(text, 500)),
                Step::Do { what } => self.code(what, 300),
            };
            self.put(&format!("   - {line}"));
        }
        let measured = helps::measured(correction, self.report);
        self.put(&format!("   - {measured}"));
        let proof = helps::proof(correction, &|text| self.code(text, 300));
        self.put(&format!("   - {proof}"));
        if let Some(derivations) = correction.derivations {
            self.put(&format!("   - {}", helps::derivations(derivations)));
        }
        for note in correction.notes.iter().take(4) {
            let note = self.code(note, 300);
            self.put(&format!("   - {note}"));
        }
    }

    /// Shows what of the bad end is more than of the good one, where both succeed.
    fn growth(&mut self) {
        let grown = words::grown(self.report);
        if grown.is_empty() {
            return;
        }
        self.heading("What differs between the ends");
        self.put("| | good | bad | |\n|---|---|---|---|");
        for one in grown.iter().take(16) {
            let measure = &one.measure;
            let (good, bad) = (measure.show(one.good), measure.show(one.bad));
            self.put(&format!("| {measure} | {good} | {bad} | {} |", one.show_ratio()));
        }
    }

    fn doubts(&mut self) {
        let (skipped, contradictions) = (&self.report.skipped, &self.report.contradictions);
        if skipped.is_empty() && contradictions.is_empty() {
            return;
        }
        self.heading("What was not proven");
        for contradiction in contradictions.iter().take(10) {
            let text = self.code(contradiction, 300);
            self.put(&format!("- contradiction: {text}"));
        }
        if contradictions.len() > 10 {
            self.put(&format!("- and {} more contradictions (see report.json)", contradictions.len() - 10));
        }
        for group in skipped.iter().take(15) {
            let mut names: Vec<_> = group.commits.iter().take(5).map(|id| format!("`{}`", id.short())).collect();
            if group.commits.len() > 5 {
                names.push("…".to_owned());
            }
            let reason = self.code(&group.reason, 200);
            let count = words::counted(group.commits.len(), "commit");
            self.put(&format!("- skipped {count} ({}): {reason}", names.join(", ")));
        }
        if skipped.len() > 15 {
            self.put(&format!("- and skips for {} more reasons (see report.json)", skipped.len() - 15));
        }
    }

    fn environment(&mut self) {
        let (environment, flake) = (&self.report.environment, &self.report.flake);
        self.heading("Environment");
        let limits = &environment.limits;
        for (name, text) in [
            ("Nix", &environment.nix_version),
            ("program", &environment.nix_program),
            ("system", &environment.system),
            ("flake", &flake.url),
        ] {
            let text = self.code(text, 200);
            self.put(&format!("- {name}: {text}"));
        }
        if let Some(revision) = &flake.revision {
            self.put(&format!("- the flake's commit: `{}`", revision.short()));
        }
        if let Some(description) = &flake.description {
            let description = self.code(description, 200);
            self.put(&format!("- the flake's description: {description}"));
        }
        let layer = self.code(&limits.layer, 200);
        let (memory, time) = (limits.memory, show_duration(limits.time));
        self.put(&format!("- budget of each probe: {memory} of memory, {time}; {layer}"));
        if let Some(reduced) = limits.search_memory {
            let words =
                "of memory: the good end needs far less, and both decisive commits were run with the whole budget";
            self.put(&format!("- probes between the ends: {reduced} {words}"));
        }
        if let Some(reduced) = limits.search_time {
            let words = "the good end needs far less, and both decisive commits were run with the whole budget";
            self.put(&format!("- probes between the ends: {}: {words}", show_duration(reduced)));
        }
        self.put(&format!("- done: {}", words::totals(self.report)));
    }

    fn lock_changes(&mut self) {
        let changes = &self.report.lock_changes;
        if changes.is_empty() {
            return;
        }
        let count = words::counted(changes.len(), "change");
        self.put(&format!("\n<details><summary>{count} in the lock file</summary>\n"));
        self.put("| input | what | good end | bad end |\n|---|---|---|---|");
        for change in changes.iter().take(40) {
            let input = self.cell(&change.input.to_string(), 60);
            let (from, to) = (locked_at(change.from.as_ref()), locked_at(change.to.as_ref()));
            self.put(&format!("| {input} | {} | {from} | {to} |", words::change(change.kind)));
        }
        if changes.len() > 40 {
            self.put(&format!("\n{} more in report.json.", changes.len() - 40));
        }
        self.put("\n</details>");
    }

    /// Shows a smaller project that fails in the same way, with as many of its files as there is room for.
    fn reproducer(&mut self) {
        let Some(small) = &self.report.reproducer else { return };
        self.heading("Minimal reproducer");
        let words = small.words(|text| self.code(text, 300));
        let command = self.code(&small.command, 500);
        self.put(&format!("{words}. In a folder with these files: {command}\n"));
        self.put(
            "<details><summary>its files</summary>
",
        );
        let mut left = REPRODUCER.min(MOST.saturating_sub(self.length() + EVIDENCE));
        let mut shown = 0;
        for file in &small.files {
            let path = self.code(&file.path, 100);
            // A file that was cut would be another one.
            let whole = file.text.as_ref().map(|text| (text, self.block(text, REPRODUCER))).filter(|(text, block)| {
                block.lines().count() == text.lines().count() + 2
                    && !block.ends_with(
                        "…
```
",
                    )
            });
            let part = match whole {
                Some((_, block)) if block.chars().count() + 400 <= left => format!(
                    "{path}:

{block}"
                ),
                Some(_) | None => format!(
                    "{path} is in report.json, or in the folder that `nix-culprit reduce` wrote
"
                ),
            };
            let length = part.chars().count();
            if length > left {
                break;
            }
            (left, shown) = (left - length, shown + 1);
            self.put(&part);
        }
        if shown < small.files.len() {
            self.put(&format!(
                "and {} more
",
                small.files.len() - shown
            ));
        }
        self.put("</details>");
    }

    fn replay(&mut self) {
        let Some(script) = replay::render(self.report, self.redactor) else { return };
        self.heading("How to see it again");
        self.put("With plain git and nix, in the flake's folder, which is only read: `sh replay.sh` (the file beside the report).");
        // What would look different here than in the file cannot be pasted from here.
        let block = escape::block(&script, SCRIPT);
        let is_told = block.contains(&script) && self.redactor.text(&script) == script;
        if is_told && self.length() + block.chars().count() + EVIDENCE <= MOST {
            self.put(&format!("\n<details><summary>replay.sh</summary>\n\n{block}\n</details>"));
        }
    }

    /// Writes the evidence table; when not all rows fit, the first two and the last ones stay.
    fn evidence(&mut self) {
        /// Room for the table's head and what comes after it.
        const FRAME: usize = 600;
        let probes = &self.report.probes;
        if probes.is_empty() {
            return;
        }
        let room = MOST.saturating_sub(self.length() + FRAME);
        let (head, tail) = probes.split_at(probes.len().min(2));
        let head: Vec<_> = head.iter().map(|probe| self.row(probe)).collect();
        let mut used: usize = head.iter().map(|row| row.chars().count()).sum();
        // From the newest back, and no further than there is room: a case can have thousands.
        let mut newest = Vec::new();
        for row in tail.iter().rev().map(|probe| self.row(probe)) {
            used += row.chars().count();
            if used > room {
                break;
            }
            newest.push(row);
        }
        newest.reverse();
        let settled = probes.iter().filter(|probe| probe.settled_by.is_some()).count();
        let remembered = probes.iter().filter(|probe| probe.remembered).count();
        let count = words::probes(probes.len() - settled - remembered, settled, remembered);
        self.put(&format!("\n<details><summary>Evidence: {count}</summary>\n"));
        if newest.len() < tail.len() {
            let left_out = words::counted(tail.len() - newest.len(), "row");
            self.put(&format!("{left_out} after the second left out to keep this short; report.json has all.\n"));
        }
        self.put(
            "| probed | date | title | verdict | reason | peak | time | mode |\n|---|---|---|---|---|---|---|---|",
        );
        self.out.push_str(&head.concat());
        self.out.push_str(&newest.concat());
        self.put("\n</details>");
    }

    fn row(&self, probe: &Probe) -> String {
        let (subject, date, title) = match &probe.subject {
            Subject::Commit { revision, date, title } => {
                (format!("`{}`", revision.short()), date.day(), self.cell(title, 80))
            }
            Subject::GoodLock | Subject::BadLock => (words::subject(&probe.subject), String::new(), String::new()),
            Subject::Inputs { .. } | Subject::Corrected { .. } => {
                (self.cell(&words::subject(&probe.subject), 120), String::new(), String::new())
            }
        };
        let reason = match &probe.verdict {
            Verdict::Skip(reason) => self.cell(reason, 120),
            Verdict::Good | Verdict::Bad => probe.observation.outcome.class.words().to_owned(),
        };
        let (peak, wall) = (probe.observation.peak, show_duration(probe.observation.wall));
        let (verdict, mode) = (words::verdict(&probe.verdict), words::mode(probe.mode));
        if let Some(by) = &probe.settled_by {
            let by = by.short();
            return format!("| {subject} | {date} | {title} | {verdict} | {reason} | | | not run: as `{by}` |\n");
        }
        let mode = if probe.remembered { "not run: from an earlier case" } else { mode };
        format!("| {subject} | {date} | {title} | {verdict} | {reason} | {peak} | {wall} | {mode} |\n")
    }
}

fn locked_at(at: Option<&LockedAt>) -> String {
    let Some(at) = at else { return "none".to_owned() };
    let revision = at.revision.as_ref().map(CommitId::short).map(|short| format!("`{short}`"));
    let parts: Vec<_> = revision.into_iter().chain(at.date.map(|date| date.day())).collect();
    if parts.is_empty() { "no revision".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests;

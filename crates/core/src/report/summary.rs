//! The calm summary at the end of a case: lines of styled text, at most [`WIDTH`] columns wide.
//!
//! Colours are the ui's; here a style only says what a text means. Must not hold anything but
//! printable text: hidden characters are made visible and credentials are taken out.

use super::escape::{line, web_address};
use super::model::{Commit, Confirmation, Direction, End, NotFound, ReplaySource, Report, SearchResult, SearchedInput};
use super::redact::{HIDDEN, credentials};
use super::why::tell;
use super::words;
use super::{extract, helps};
use crate::correct::{Correction, Step, lock_command};
use crate::explain::{BY_THE_CULPRIT, Strokes, draw};
use crate::growth::{Grown, Measure, suggestion};
use crate::hunks::{PATCH, Proof};
use crate::outcome::Verdict;

/// The width that lines are wrapped to; only what has no space in it, such as a link, may exceed it.
pub const WIDTH: usize = 80;
const LABEL: usize = 12;

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Nothing special.
    Plain,
    /// What the reader looks for.
    Strong,
    /// Something good.
    Good,
    /// Something bad.
    Bad,
    /// Of less weight.
    Dim,
}

/// A piece of text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// What it means.
    pub style: Style,
    /// The text, without control characters.
    pub text: String,
}

/// One line of the summary.
pub type Line = Vec<Segment>;

/// What the summary points to; shown as given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Where the report was written.
    pub report: Option<String>,
    /// The command that goes on with an unfinished case.
    pub resume: Option<String>,
    /// The characters that drawings may have.
    pub strokes: Strokes,
}

/// Returns the summary.
#[must_use]
pub fn render(report: &Report, places: &Places) -> Vec<Line> {
    let mut out = Lines::default();
    end(&mut out, report, "Good", report.good.as_ref());
    end(&mut out, report, "Bad", report.bad.as_ref());
    if let Some(input) = &report.input {
        out.row("Input")
            .add(Style::Strong, &format!("{}:", line(&input.path.to_string(), 100)))
            .add(Style::Plain, words::isolation(input.isolation))
            .add(Style::Dim, &format!("({})", clean(&input.repository, 200)));
    }
    which(&mut out, report);
    out.blank();
    result(&mut out, report);
    why(&mut out, report, places);
    confirmation(&mut out, report);
    corrections(&mut out, report);
    suffices(&mut out, report);
    growth(&mut out, report);
    out.blank();
    doubts(&mut out, report);
    out.row("Searched").add(Style::Plain, &words::totals(report));
    if let Some(path) = &places.report {
        out.row("Report").add(Style::Plain, &line(path, 300));
    }
    next(&mut out, report, places);
    out.finish()
}

/// Returns the summary's lines as text without styles; each ends in a newline.
#[must_use]
pub fn plain(lines: &[Line]) -> String {
    let mut out = String::new();
    for line in lines {
        line.iter().for_each(|segment| out.push_str(&segment.text));
        out.push('\n');
    }
    out
}

fn clean(text: &str, most: usize) -> String {
    line(&credentials(text), most)
}

fn end(out: &mut Lines, report: &Report, label: &'static str, end: Option<&End>) {
    let row = out.row(label);
    let Some(end) = end else {
        row.add(Style::Dim, "not probed");
        return;
    };
    if let Some(revision) = &end.revision {
        row.add(Style::Plain, revision.short());
    }
    if let Some(date) = end.date {
        row.add(Style::Dim, &format!("({})", date.day()));
    }
    row.add(verdict_style(&end.verdict), &words::seen(&end.observation, &report.environment.limits));
    if let Some(message) = &end.observation.outcome.message {
        row.next_line().add(Style::Dim, &clean(message, 140));
    }
}

const fn verdict_style(verdict: &Verdict) -> Style {
    match verdict {
        Verdict::Good => Style::Good,
        Verdict::Bad => Style::Bad,
        Verdict::Skip(_) => Style::Dim,
    }
}

fn result(out: &mut Lines, report: &Report) {
    let label = match report.direction {
        Direction::FindCulprit => "Culprit",
        Direction::FindFix => "Fixed by",
    };
    match &report.result {
        SearchResult::Culprit { commit } => culprit(out, label, commit),
        SearchResult::OneOf { commits } => {
            out.row(label).add(Style::Strong, &words::one_of(report.direction, commits.len()));
            for commit in commits.iter().take(8) {
                out.row("").add(Style::Strong, commit.revision.short()).add(Style::Plain, &clean(&commit.title, 55));
            }
            if commits.len() > 8 {
                out.row("").add(Style::Dim, &format!("… and {} more", commits.len() - 8));
            }
        }
        SearchResult::Jumps { measure, step, jumps, rest } => {
            out.row("Jumps").add(Style::Strong, &words::jumps(measure, *step, jumps.len(), *rest));
            for jump in jumps.iter().take(20) {
                out.row("")
                    .add(Style::Strong, jump.commit.revision.short())
                    .add(Style::Plain, &clean(&jump.commit.title, 55));
                let skipped = words::counted(jump.skipped, "commit");
                let or = if jump.skipped == 0 {
                    String::new()
                } else {
                    format!("; it may be one of the {skipped} before it, too")
                };
                out.row("").add(Style::Bad, &format!("{}{or}", words::jumped(measure, jump.before, jump.after)));
                let confirmed = words::confirmed(jump.confirmation.as_ref(), |text| clean(text, 200));
                out.row("").add(Style::Dim, &confirmed);
            }
        }
        SearchResult::Inputs => {}
        SearchResult::NixVersion { good, bad } => {
            out.row(label).add(Style::Strong, &words::nix_version(good, bad, |text| clean(text, 80)));
        }
        // What it is told instead says it all.
        SearchResult::NotFound { why: NotFound::NotSearched } => {}
        SearchResult::NotFound { why } => {
            out.row(label)
                .add(Style::Strong, "not found:")
                .add(Style::Plain, &words::not_found(why, |text| clean(text, 300)));
            if let NotFound::OnlyTogether { searched, .. } = why {
                searched.iter().for_each(|one| together(out, one));
            }
        }
        SearchResult::Unfinished { suspects, why } => {
            let row = out.row(label).add(Style::Strong, "not found yet:").add(Style::Plain, &clean(why, 200));
            if let Some(suspects) = suspects {
                row.add(Style::Plain, &format!("({} still possible)", words::counted(*suspects, "commit")));
            }
        }
    }
}

/// Says which changes of the lock matter, and which do not.
fn which(out: &mut Lines, report: &Report) {
    let Some(matters) = &report.matters else { return };
    for set in words::sets(report) {
        for (at, member) in set.changes.iter().enumerate().take(8) {
            let row = out.row(if at == 0 { "Matters" } else { "" });
            row.add(Style::Strong, &clean(&member.change, 300));
            if let Some(without) = words::without(member) {
                row.add(Style::Dim, &format!("({})", clean(&without, 120)));
            }
        }
        if set.changes.len() > 8 {
            out.row("").add(Style::Dim, &format!("… and {} more", set.changes.len() - 8));
        }
        out.row("").add(Style::Plain, words::set(set));
    }
    if !matters.idle.is_empty() {
        out.row("Others")
            .add(Style::Plain, "do not matter:")
            .add(Style::Dim, &clean(&words::names(&matters.idle), 300));
    }
    if !matters.untried.is_empty() {
        let names = clean(&words::names(&matters.untried), 300);
        out.row("Not tried").add(Style::Plain, "whether these matter:").add(Style::Dim, &names);
    }
}

/// Says what was found in the history of one of several inputs.
fn together(out: &mut Lines, one: &SearchedInput) {
    let row = out.row("").add(Style::Strong, &format!("{}:", clean(&one.input.to_string(), 100)));
    match &one.result {
        SearchResult::Culprit { commit } => {
            row.add(Style::Strong, commit.revision.short()).add(Style::Plain, &clean(&commit.title, 200));
        }
        SearchResult::OneOf { commits } => {
            row.add(Style::Plain, &format!("one of {}", words::counted(commits.len(), "commit")));
        }
        SearchResult::NotFound { why } => {
            row.add(Style::Plain, &words::not_found(why, |text| clean(text, 300)));
        }
        SearchResult::Unfinished { why, .. } => {
            row.add(Style::Plain, &clean(why, 200));
        }
        SearchResult::Inputs | SearchResult::Jumps { .. } | SearchResult::NixVersion { .. } => {}
    }
}

fn culprit(out: &mut Lines, label: &'static str, commit: &Commit) {
    let row = out.row(label);
    row.add(Style::Strong, commit.revision.short()).add(Style::Plain, &commit.date.day());
    if let Some(author) = &commit.author {
        row.add(Style::Plain, &clean(author, 60));
    }
    row.next_line().add(Style::Strong, &clean(&commit.title, 200));
    if let Some(files) = words::files(commit, 3) {
        row.next_line().add(Style::Dim, &clean(&files, 200));
    }
    if let Some(evaluated) = words::evaluated(commit, 3) {
        row.next_line().add(Style::Dim, &clean(&evaluated, 200));
    }
    if let Some(pull) = &commit.pull_request {
        row.next_line().add(Style::Plain, &format!("pull request {}", pull.number));
        if let Some(title) = &pull.title {
            row.add(Style::Plain, &format!("“{}”", clean(title, 120)));
        }
    } else if let Some(merge) = &commit.merge {
        row.next_line().add(Style::Plain, &format!("merged by {}", merge.short()));
    }
    let pages = [commit.url.as_deref(), commit.pull_request.as_ref().and_then(|pull| pull.url.as_deref())];
    for page in pages.into_iter().flatten().filter_map(web_address) {
        row.next_line().add(Style::Plain, page);
    }
}

fn why(out: &mut Lines, report: &Report, places: &Places) {
    let Some(explanation) = &report.explanation else { return };
    let input = report.input.as_ref().map(|input| &input.path);
    let told = tell(explanation, input, &|text| clean(text, 160));
    for (at, sentence) in told.sentences.iter().enumerate() {
        let style = if at == 0 { Style::Strong } else { Style::Plain };
        out.row(if at == 0 { "Why" } else { "" }).add(style, sentence);
    }
    if let Some(cycle) = told.cycle {
        out.blank();
        for text in draw(cycle, places.strokes) {
            let style = if text.contains(BY_THE_CULPRIT) { Style::Bad } else { Style::Plain };
            out.verbatim(style, &credentials(&text));
        }
        out.blank();
    }
}

fn confirmation(out: &mut Lines, report: &Report) {
    let limits = &report.environment.limits;
    match &report.confirmation {
        Some(Confirmation::Faithful { culprit, parent, inputs }) => {
            out.row("Confirmed")
                .add(Style::Good, "by the user's own command:")
                .add(Style::Plain, &clean(&report.flake.command, 120));
            if let Some(words) = words::inputs(*inputs) {
                out.row("").add(Style::Dim, words);
            }
            out.row("").add(Style::Plain, &format!("parent: {}", words::seen(parent, limits)));
            out.row("").add(Style::Plain, &format!("commit: {}", words::seen(culprit, limits)));
        }
        Some(Confirmation::FastOnly { why }) => {
            out.row("Confirmed").add(Style::Strong, "in fast mode only:").add(Style::Plain, &clean(why, 200));
        }
        Some(Confirmation::NotConfirmed { why }) => {
            out.row("Confirmed").add(Style::Bad, "not:").add(Style::Plain, &clean(why, 200));
        }
        None => {}
    }
}

/// The most corrections of a kind that are listed.
const MOST_CORRECTIONS: usize = 6;

/// Says what helps, and what of all that was tried does not.
fn corrections(out: &mut Lines, report: &Report) {
    let Some(corrections) = &report.corrections else { return };
    out.blank();
    if corrections.works.is_empty() {
        out.row("Helps")
            .add(Style::Strong, "nothing of what was tried")
            .add(Style::Dim, &format!("({})", helps::totals(corrections)));
    }
    for (number, correction) in (1..).zip(corrections.works.iter().take(MOST_CORRECTIONS)) {
        helps_by(out, report, number, correction);
    }
    if corrections.works.len() > MOST_CORRECTIONS {
        out.row("").add(Style::Dim, &format!("… and {} more that work", corrections.works.len() - MOST_CORRECTIONS));
    }
    let failed = corrections.failed.iter().map(|failed| (failed.what.as_str(), failed.why.as_str()));
    helps_not(out, "No help", failed.collect());
    let untried = corrections.untried.iter().map(|untried| (untried.what.as_str(), untried.why.as_str()));
    helps_not(out, "Not tried", untried.collect());
}

/// Lists corrections that cannot be had, each with the reason.
fn helps_not(out: &mut Lines, label: &'static str, all: Vec<(&str, &str)>) {
    for (index, (what, why)) in all.iter().enumerate().take(MOST_CORRECTIONS) {
        out.row(if index == 0 { label } else { "" })
            .add(Style::Plain, &format!("{}:", clean(what, 200)))
            .add(Style::Dim, &clean(why, 160));
    }
    if all.len() > MOST_CORRECTIONS {
        out.row("").add(Style::Dim, &format!("… and {} more", all.len() - MOST_CORRECTIONS));
    }
}

/// The most hunks, and the most lines of one, that are shown.
const MOST_HUNKS: usize = 12;

/// Makes a line of a patch inert, and keeps how far it is indented behind its sign.
fn indented(line: &str, most: usize) -> String {
    const TAB: &str = "    ";
    const FARTHEST: usize = 40;
    let (sign, text) = line.split_at_checked(1).unwrap_or(("", line));
    let rest = text.trim_start_matches([' ', '\t']);
    let indent = text[..text.len() - rest.len()].replace('\t', TAB).len().min(FARTHEST);
    format!("{sign}{:indent$}{}", "", clean(rest, most)).trim_end().to_owned()
}

/// Says which part of the culprit suffices.
fn suffices(out: &mut Lines, report: &Report) {
    let Some(found) = &report.extract else { return };
    out.blank();
    out.row("Suffices")
        .add(Style::Strong, &extract::headline(found))
        .add(Style::Dim, &format!("({})", extract::totals(found)));
    for hunk in found.hunks.iter().take(MOST_HUNKS) {
        out.row("").add(Style::Plain, &clean(&extract::place(hunk), 200));
        let lines: Vec<String> = extract::lines(hunk).collect();
        for line in lines.iter().take(MOST_HUNKS) {
            let style = if line.starts_with('+') { Style::Good } else { Style::Bad };
            out.verbatim(style, &format!("{:LABEL$}{}", "", indented(line, 200)));
        }
        if lines.len() > MOST_HUNKS {
            out.row("").add(Style::Dim, &format!("… and {} more lines", lines.len() - MOST_HUNKS));
        }
    }
    if found.hunks.len() > MOST_HUNKS {
        out.row("").add(Style::Dim, &format!("… and {} more hunks", found.hunks.len() - MOST_HUNKS));
    }
    let quote = |text: &str| clean(text, 200);
    out.row("").add(Style::Dim, &extract::basis(found, report.direction, &quote));
    let style = if matches!(found.proof, Proof::Refuted { .. }) { Style::Bad } else { Style::Plain };
    out.row("Confirmed").add(style, &extract::proof(found, &quote));
    out.row("Patch").add(Style::Plain, &format!("{PATCH}, beside the report"));
}

/// Tells of one correction that works.
fn helps_by(out: &mut Lines, report: &Report, number: usize, correction: &Correction) {
    let words = correction.action.words(&|text| clean(text, 160));
    out.row(if number == 1 { "Helps" } else { "" }).add(Style::Strong, &format!("{number}. {words}"));
    for step in &correction.steps {
        match (step, helps::command(step)) {
            (_, Some(command)) if clean(command, 600) == command => _ = out.whole(command),
            (_, Some(command)) if clean(command, 600) == credentials(command) => {
                out.whole(&credentials(command));
                out.row("").add(Style::Dim, &format!("put your own secret in the place of {HIDDEN}"));
            }
            (Step::Command { .. }, _) => _ = out.row("").add(Style::Dim, "the command cannot be shown as it is"),
            (Step::Write { file, text }, _) => {
                out.row("").add(Style::Plain, &format!("in {}:", clean(file, 100)));
                let lines = text.lines().map(|text| clean(text, 300)).filter(|text| !text.trim().is_empty());
                lines.take(12).for_each(|text| _ = out.whole(text.trim_end()));
            }
            (Step::Do { what }, _) => _ = out.row("").add(Style::Plain, &clean(what, 300)),
        }
    }
    out.row("").add(Style::Good, &helps::measured(correction, report));
    out.row("").add(Style::Dim, &helps::proof(correction, &|text| clean(text, 160)));
    if let Some(derivations) = correction.derivations {
        out.row("").add(Style::Dim, &helps::derivations(derivations));
    }
    for note in &correction.notes {
        out.row("").add(Style::Dim, &clean(note, 300));
    }
}

fn doubts(out: &mut Lines, report: &Report) {
    for (index, skipped) in report.skipped.iter().enumerate().take(4) {
        out.row(if index == 0 { "Skipped" } else { "" })
            .add(Style::Plain, &format!("{}:", words::counted(skipped.commits.len(), "commit")))
            .add(Style::Dim, &clean(&skipped.reason, 120));
    }
    if report.skipped.len() > 4 {
        out.row("").add(Style::Dim, &format!("… for {} more reasons", report.skipped.len() - 4));
    }
    for (index, contradiction) in report.contradictions.iter().enumerate().take(3) {
        out.row(if index == 0 { "Doubts" } else { "" }).add(Style::Bad, &clean(contradiction, 200));
    }
    if report.contradictions.len() > 3 {
        out.row("").add(Style::Dim, &format!("… and {} more", report.contradictions.len() - 3));
    }
}

/// Shows what of the bad end is more than of the good one, where both succeed.
fn growth(out: &mut Lines, report: &Report) {
    // All of them are on the page; here are those that people know.
    let is_known = |grown: &&Grown| {
        let known = ["nrThunks", "nrFunctionCalls", "nrPrimOpCalls", "values.number", "sets.number", "gc.totalBytes"];
        match &grown.measure {
            Measure::Peak | Measure::Wall | Measure::Cpu => true,
            Measure::Counter(name) => known.contains(&name.as_str()),
        }
    };
    for (index, grown) in words::grown(report).iter().filter(is_known).enumerate() {
        let text = words::jumped(&grown.measure, grown.good, grown.bad);
        out.row(if index == 0 { "Differs" } else { "" }).add(Style::Plain, &text);
    }
}

/// Says what the user can do now, from what was measured.
fn next(out: &mut Lines, report: &Report, places: &Places) {
    let not_confirmed = matches!(report.confirmation, Some(Confirmation::NotConfirmed { .. }));
    match &report.result {
        SearchResult::Unfinished { .. } => {
            if let Some(command) = &places.resume {
                out.row("Next").add(Style::Plain, "go on with:").whole(&line(command, 300));
            }
        }
        SearchResult::NotFound { why: NotFound::BothBad } => {
            out.row("Next")
                .add(Style::Plain, "name an older good state: --good with a revision, a date or a lock file");
        }
        SearchResult::NotFound { why: NotFound::BothGood } => {
            let row = out.row("Next");
            match suggestion(&words::grown(report)) {
                Some(rule) => {
                    row.add(Style::Plain, "it became heavier; to find the commit:");
                    row.whole(&format!("nix-culprit find --bad-when '{rule}'"));
                }
                None => {
                    row.add(Style::Plain, "check the command and the budget, or say with --bad-when what bad is");
                }
            }
        }
        SearchResult::Culprit { .. } | SearchResult::OneOf { .. } if !not_confirmed && report.corrections.is_none() => {
            if let Some((hint, command)) = stay_at_good(report) {
                out.row("Next").add(Style::Plain, hint).whole(&command);
            }
        }
        SearchResult::Culprit { .. }
        | SearchResult::OneOf { .. }
        | SearchResult::NotFound { .. }
        | SearchResult::NixVersion { .. }
        | SearchResult::Jumps { .. }
        | SearchResult::Inputs => {}
    }
}

/// Returns the command that locks the input to the decisive commit that was good.
fn stay_at_good(report: &Report) -> Option<(&'static str, String)> {
    let replay = report.replay.as_ref()?;
    let ReplaySource::References { before, after } = &replay.source else { return None };
    let (reference, hint) = match report.direction {
        Direction::FindCulprit => (before, "until it is corrected, stay before it:"),
        Direction::FindFix => (after, "update to it:"),
    };
    let command = lock_command(&replay.input, reference);
    // A command that cannot be shown as it is, is not shown.
    (clean(&command, 300) == command).then_some((hint, command))
}

/// Collects rows of a label and wrapped text.
#[derive(Default)]
struct Lines {
    done: Vec<Line>,
    column: usize,
}

impl Lines {
    fn row(&mut self, label: &'static str) -> &mut Self {
        self.done.push(vec![Segment { style: Style::Dim, text: format!("{label:<LABEL$}") }]);
        self.column = LABEL;
        self
    }

    fn next_line(&mut self) -> &mut Self {
        self.row("")
    }

    /// Leaves one empty line, unless there is one already.
    fn blank(&mut self) {
        if self.done.last().is_some_and(|line| !line.is_empty()) {
            self.done.push(Line::new());
        }
    }

    fn add(&mut self, style: Style, text: &str) -> &mut Self {
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let width = word.chars().count();
            if self.column > LABEL && self.column + 1 + width > WIDTH {
                self.row("");
            }
            let space = if self.column > LABEL { " " } else { "" };
            self.column += space.len() + width;
            if let Some(line) = self.done.last_mut() {
                let has_text = line.len() > 1;
                match line.last_mut() {
                    Some(last) if last.style == style && has_text => {
                        last.text.push_str(space);
                        last.text.push_str(word);
                    }
                    _ => line.push(Segment { style, text: format!("{space}{word}") }),
                }
            }
        }
        self
    }

    /// Puts text on a line of its own that is not wrapped, so that it can be copied.
    fn whole(&mut self, text: &str) -> &mut Self {
        self.row("");
        if let Some(line) = self.done.last_mut() {
            line.push(Segment { style: Style::Plain, text: text.to_owned() });
        }
        self.column = WIDTH;
        self
    }

    /// Adds a line as it is, cut to the width.
    fn verbatim(&mut self, style: Style, text: &str) {
        let short: String = text.chars().take(WIDTH).collect();
        let text = short.trim_end().to_owned();
        // A line of one segment would be taken for a label without text.
        let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
        let segment = |text: &str| Segment { style, text: text.to_owned() };
        self.done.push(vec![segment(first), segment(rest)]);
    }

    fn finish(mut self) -> Vec<Line> {
        // A label without text would be a defect of the case; do not show trailing space for it.
        self.done.retain(|line| line.is_empty() || line.len() > 1);
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_summary_of_each_sample_reads_well() {
        for (name, report) in samples::all() {
            let places = Places {
                report: Some("~/.local/state/nix-culprit/case-1/report.md".to_owned()),
                resume: Some("nix-culprit resume case-1".to_owned()),
                strokes: Strokes::Boxes,
            };
            insta::assert_snapshot!(format!("summary_{name}"), plain(&render(&report, &places)));
        }
    }

    #[test]
    fn lines_of_a_patch_keep_how_far_they_are_indented() {
        assert_eq!(indented("+    wheel\u{1b} x", 80), "+    wheel<U+001B> x");
        assert_eq!(indented("-\t wheel", 80), "-     wheel");
        assert_eq!(indented("+   \t ", 80), "+");
        assert_eq!(indented(&format!("+{}x", " ".repeat(1000)), 80), format!("+{}x", " ".repeat(40)));
        assert_eq!(indented("", 80), "");
    }

    #[test]
    fn lines_fit_the_width_and_hold_only_printable_text() {
        for (name, report) in samples::all() {
            for line in plain(&render(&report, &Places::default())).lines() {
                let whole = ["nix flake lock", "inputs."].iter().any(|start| line.trim_start().starts_with(start))
                    || line.contains("https://");
                assert!(line.chars().count() <= WIDTH || whole, "{name}: {line}");
                assert!(!line.contains(char::is_control) && line.trim_end() == line, "{name}: {line:?}");
            }
        }
    }

    #[test]
    fn a_command_with_a_password_is_shown_without_it_and_says_so() {
        let mut report = samples::corrected();
        let command = "nix flake lock --override-input o 'git+https://me:hunter2@host/o?rev=1'".to_owned();
        report.corrections.as_mut().unwrap().works[0].steps = vec![Step::Command { command }];
        let shown = plain(&render(&report, &Places::default()));
        assert!(shown.contains("'git+https://REDACTED@host/o?rev=1'\n            put your own secret"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn verdicts_carry_their_style() {
        let lines = render(&samples::normal(), &Places::default());
        let styled = |style, text: &str| lines.iter().flatten().any(|s| s.style == style && s.text.contains(text));
        assert!(styled(Style::Good, "success"));
        assert!(styled(Style::Bad, "out of memory"));
        assert!(styled(Style::Strong, "5a9dda28aa00"));
    }
}

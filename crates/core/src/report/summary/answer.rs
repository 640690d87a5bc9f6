//! What was found: the changes of the lock that matter, the commit, why it fails, and how that was confirmed.

use super::super::escape::web_address;
use super::super::model::{Commit, Confirmation, Direction, NotFound, Report, SearchResult, SearchedInput};
use super::super::redact::credentials;
use super::super::why::tell;
use super::super::words;
use super::lines::{Lines, Style};
use super::{Places, clean};
use crate::explain::{BY_THE_CULPRIT, draw};

pub(super) fn result(out: &mut Lines, report: &Report) {
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
pub(super) fn which(out: &mut Lines, report: &Report) {
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

pub(super) fn why(out: &mut Lines, report: &Report, places: &Places) {
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

pub(super) fn confirmation(out: &mut Lines, report: &Report) {
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

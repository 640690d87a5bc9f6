//! What was found, in words: the problem, the answer, its confirmation, what is in doubt, and where it was seen.

use maud::{Markup, html};

use super::super::escape::web_address;
use super::super::model::{Commit, Confirmation, End, NotFound, Report, SearchResult, SearchedInput};
use super::super::{replay as script, words};
use super::Ink;
use crate::outcome::{Observation, Verdict};
use crate::quantity::show_duration;

/// Tells the command and what both ends came to.
pub(super) fn problem(report: &Report, ink: &Ink<'_>) -> Markup {
    let message = report.bad.as_ref().and_then(|end| end.observation.outcome.message.as_ref());
    html! {
        p { code { (ink.line(&report.flake.command, 300)) } " (target " code { (ink.line(&report.flake.target, 200)) } ")" }
        div.ends {
            (end("good", "Good end", report.good.as_ref(), report))
            (end("bad", "Bad end", report.bad.as_ref(), report))
        }
        @if let Some(message) = message { pre.message tabindex="0" { (ink.lines(message, 4_000).trim_end()) } }
    }
}

fn end(class: &str, name: &str, end: Option<&End>, report: &Report) -> Markup {
    html! {
        div.end.(class) {
            h2 { (name) }
            @if let Some(end) = end {
                p.big { (end.observation.peak) " · " (show_duration(end.observation.wall)) }
                p { (words::seen(&end.observation, &report.environment.limits)) }
                @match (&end.verdict, class) {
                    (Verdict::Good, "good") | (Verdict::Bad, "bad") => {}
                    (verdict, _) => { p { "found to be " (words::verdict(verdict)) } }
                }
                @if end.revision.is_some() || end.date.is_some() {
                    p.quiet {
                        @if let Some(revision) = &end.revision { code { (revision.short()) } " " }
                        @if let Some(date) = end.date { (date.day()) }
                    }
                }
            } @else { p { "not probed" } }
        }
    }
}

/// Tells the answer and how it was confirmed.
pub(super) fn found(report: &Report, ink: &Ink<'_>) -> Markup {
    html! {
        section #found {
            h2 { "What was found" }
            (answer(&report.result, report, ink))
            @if let Some(confirmation) = &report.confirmation { (confirmed(confirmation, report, ink)) }
            @if let Some(input) = &report.input {
                p { "Input " code { (ink.line(&input.path.to_string(), 100)) } " (" (ink.line(&input.repository, 300)) "): "
                    (words::isolation(input.isolation)) "." }
            }
            (matters(report, ink))
        }
    }
}

fn answer(result: &SearchResult, report: &Report, ink: &Ink<'_>) -> Markup {
    match result {
        SearchResult::Culprit { commit } => told_commit(words::first_commit(report.direction), commit, ink),
        SearchResult::OneOf { commits } => html! {
            p { (words::one_of(report.direction, commits.len())) ":" }
            ul {
                @for commit in commits.iter().take(100) { li { (hash(commit)) " " (ink.line(&commit.title, 200)) } }
                @if commits.len() > 100 { li { "and " (commits.len() - 100) " more (see report.json)" } }
            }
        },
        SearchResult::Jumps { measure, step, jumps, rest } => html! {
            p { (words::jumps(measure, *step, jumps.len(), *rest)) }
            ul {
                @for jump in jumps.iter().take(100) {
                    li {
                        (hash(&jump.commit)) " " (ink.line(&jump.commit.title, 200)) ": "
                        (words::jumped(measure, jump.before, jump.after))
                        @if jump.skipped > 0 {
                            "; it may be one of the " (words::counted(jump.skipped, "commit")) " before it, too"
                        }
                    }
                }
            }
        },
        SearchResult::Inputs => html! {},
        SearchResult::NixVersion { good, bad } => html! {
            p.answer { (words::nix_version(good, bad, |text| ink.line(text, 80))) }
        },
        SearchResult::NotFound { why } => html! {
            p.answer { "No commit: " (words::not_found(why, |text| ink.line(text, 400))) "." }
            @if let NotFound::OnlyTogether { searched, .. } = why {
                @for one in searched.iter().take(20) { (together(one, report, ink)) }
            }
        },
        SearchResult::Unfinished { suspects, why } => html! {
            p.answer {
                strong { "Not finished" } ": " (ink.line(why, 400))
                @if let Some(suspects) = suspects { "; " (words::counted(*suspects, "commit")) " still possible" }
                "."
            }
        },
    }
}

fn together(one: &SearchedInput, report: &Report, ink: &Ink<'_>) -> Markup {
    html! {
        h3 { "In " code { (ink.line(&one.input.to_string(), 100)) } ", the others as at the bad end" }
        (answer(&one.result, report, ink))
        @if let Some(confirmation) = &one.confirmation { (confirmed(confirmation, report, ink)) }
    }
}

fn hash(commit: &Commit) -> Markup {
    html! {
        (link(commit.url.as_deref(), html! { code { (commit.revision.short()) } })) " (" (commit.date.day()) ")"
    }
}

/// Makes a link of a plain web address only.
fn link(url: Option<&str>, label: Markup) -> Markup {
    match url.and_then(web_address) {
        Some(url) => html! { a href=(url) rel="noreferrer noopener" { (label) } },
        None => label,
    }
}

fn told_commit(what: &str, commit: &Commit, ink: &Ink<'_>) -> Markup {
    html! {
        div.culprit {
            p.quiet { (what) }
            p.answer { (hash(commit)) " " (ink.line(&commit.title, 300)) }
            @if let Some(pull) = &commit.pull_request {
                p {
                    (link(pull.url.as_deref(), html! { "pull request " (pull.number) }))
                    @if let Some(title) = &pull.title { ": " (ink.line(title, 300)) }
                    @if let Some(merge) = &commit.merge { ", merged by " code { (merge.short()) } }
                }
            } @else if let Some(merge) = &commit.merge { p { "merged by " code { (merge.short()) } } }
            ul {
                li { "full hash: " code.long { (commit.revision) } }
                @if let Some(files) = words::files(commit, 10) { li { (ink.line(&files, 800)) } }
                @if let Some(evaluated) = words::evaluated(commit, 10) { li { (ink.line(&evaluated, 800)) } }
            }
        }
    }
}

fn confirmed(confirmation: &Confirmation, report: &Report, ink: &Ink<'_>) -> Markup {
    let seen = |seen: &Observation| words::seen(seen, &report.environment.limits);
    match confirmation {
        Confirmation::Faithful { culprit, parent, inputs } => html! {
            p {
                strong { "Confirmed" } ": the user’s own command was run on the commit and on its parent, all other inputs alike"
                @if let Some(how) = words::inputs(*inputs) { "; " (how) }
                "."
            }
            ul { li { "parent: " (seen(parent)) } li { "commit: " (seen(culprit)) } }
        },
        Confirmation::FastOnly { why } => html! {
            p { strong { "In fast mode only" } "; the user’s own command was not run: " (ink.line(why, 400)) }
        },
        Confirmation::NotConfirmed { why } => html! {
            p { strong.bad { "Not confirmed" } " by the user’s own command: " (ink.line(why, 400)) }
        },
    }
}

fn matters(report: &Report, ink: &Ink<'_>) -> Markup {
    let Some(matters) = &report.matters else { return html! {} };
    html! {
        @for set in words::sets(report).iter().take(20) {
            p { (words::set(set)) ":" }
            ul {
                @for member in set.changes.iter().take(50) {
                    li {
                        (ink.line(&member.change, 300))
                        @if let Some(without) = words::without(member) { " (" (ink.line(&without, 200)) ")" }
                    }
                }
            }
        }
        @for (what, inputs) in [("Do not matter", &matters.idle), ("Whether these matter was not tried", &matters.untried)] {
            @if !inputs.is_empty() { p { (what) ": " (ink.line(&words::names(inputs), 1_000)) "." } }
        }
    }
}

/// Shows what of the bad end is more than of the good one, where both succeed.
pub(super) fn growth(report: &Report) -> Markup {
    let grown = words::grown(report);
    if grown.is_empty() {
        return html! {};
    }
    html! {
        section #growth {
            h2 { "What differs between the ends" }
            div.scroll tabindex="0" role="region" aria-label="What differs between the ends" {
                table {
                    thead { tr { th scope="col" { "measure" } th scope="col" { "good" } th scope="col" { "bad" } th scope="col" { "change" } } }
                    tbody {
                        @for one in grown.iter().take(60) {
                            tr {
                                th scope="row" { (one.measure) }
                                td.amount { (one.measure.show(one.good)) }
                                td.amount { (one.measure.show(one.bad)) }
                                td.amount { (one.show_ratio()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Tells what was skipped and what does not fit.
pub(super) fn doubts(report: &Report, ink: &Ink<'_>) -> Markup {
    if report.skipped.is_empty() && report.contradictions.is_empty() {
        return html! {};
    }
    html! {
        section #doubts {
            h2 { "What was not proven" }
            ul {
                @for text in report.contradictions.iter().take(50) { li { "contradiction: " (ink.line(text, 300)) } }
                @for group in report.skipped.iter().take(50) {
                    li {
                        "skipped " (words::counted(group.commits.len(), "commit")) " ("
                        @for (at, commit) in group.commits.iter().take(8).enumerate() {
                            @if at > 0 { ", " } code { (commit.short()) }
                        }
                        @if group.commits.len() > 8 { ", …" }
                        "): " (ink.line(&group.reason, 300))
                    }
                }
            }
        }
    }
}

/// Tells what it ran on.
pub(super) fn environment(report: &Report, ink: &Ink<'_>) -> Markup {
    let (environment, flake) = (&report.environment, &report.flake);
    let limits = &environment.limits;
    html! {
        section #environment {
            h2 { "Environment" }
            dl.facts {
                @for (name, text) in [
                    ("Nix", &environment.nix_version), ("program", &environment.nix_program),
                    ("system", &environment.system), ("flake", &flake.url),
                ] { dt { (name) } dd { (ink.line(text, 200)) } }
                @if let Some(revision) = &flake.revision { dt { "the flake’s commit" } dd { code { (revision.short()) } } }
                @if let Some(text) = &flake.description { dt { "description" } dd { (ink.line(text, 200)) } }
                dt { "budget of each probe" }
                dd { (limits.memory) " of memory, " (show_duration(limits.time)) "; " (ink.line(&limits.layer, 200)) }
                @if let Some(memory) = limits.search_memory { dt { "between the ends" } dd { (memory) " of memory" } }
                @if let Some(time) = limits.search_time { dt { "between the ends" } dd { (show_duration(time)) } }
            }
        }
    }
}

/// Shows the script that replays the decisive evaluations.
pub(super) fn replay(report: &Report, ink: &Ink<'_>) -> Markup {
    /// A lock can make it larger than anybody reads here.
    const LARGEST: usize = 200_000;
    let Some(script) = script::render(report, ink.0) else { return html! {} };
    html! {
        section #replay {
            h2 { "How to see it again" }
            p { "With plain git and nix, in the flake’s folder, which is only read: " code { "sh replay.sh" } " (the file beside the report)." }
            // Whose names would be told here keeps the script to the file.
            @if script.len() <= LARGEST && ink.0.text(&script) == script {
                details { summary { "replay.sh" } pre tabindex="0" { (super::escape::lines(&script, LARGEST)) } }
            }
        }
    }
}

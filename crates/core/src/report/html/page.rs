//! The frame of the page: head, contents, and the order of its parts.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::super::model::Report;
use super::super::words;
use super::{Extras, Ink, corrections, evidence, extract, findings, inputs, memory, reproducer, ring, search};

const STYLE: &str = include_str!("style.css");
/// Nothing is fetched and nothing runs, whatever a text in the page says.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(super) fn page(report: &Report, ink: &Ink<'_>, extras: Extras<'_>) -> Markup {
    let title = words::headline(report, |text| ink.line(text, 100));
    // What has nothing to show is empty, and not in the contents either.
    let parts: Vec<(&str, &str, Markup)> = [
        ("found", "What was found", findings::found(report, ink)),
        ("memory", "Memory over time", memory::section(report)),
        ("why", words::why(report), ring::section(report, ink, extras)),
        ("corrections", "What helps", corrections::section(report, ink)),
        ("extract", "What of the culprit suffices", extract::section(report, ink)),
        ("search", "The search", search::section(report, ink)),
        ("inputs", "The lock’s inputs", inputs::section(report, ink)),
        ("growth", "What differs between the ends", findings::growth(report)),
        ("doubts", "What was not proven", findings::doubts(report, ink)),
        ("environment", "Environment", findings::environment(report, ink)),
        ("reproducer", "A minimal reproducer", reproducer::section(report, ink)),
        ("replay", "How to see it again", findings::replay(report, ink)),
        ("evidence", "Evidence", evidence::section(report, ink)),
    ]
    .into_iter()
    .filter(|(_, _, part)| !part.0.is_empty())
    .collect();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) " · nix-culprit" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip-link href="#found" { "Skip to what was found" }
                header {
                    p.tool { "nix-culprit" }
                    h1 { (title) }
                    (findings::problem(report, ink))
                }
                nav aria-label="Contents" {
                    ul { @for (id, name, _) in &parts { li { a href=(format!("#{id}")) { (name) } } } }
                }
                main { @for (_, _, part) in &parts { (part) } }
                footer { p { "Made by nix-culprit " (ink.line(&report.environment.tool_version, 40)) "." } }
            }
        }
    }
}

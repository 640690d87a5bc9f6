//! A smaller project that fails in the same way, with its files.

use maud::{Markup, html};

use super::super::model::Report;
use super::Ink;

/// The most characters of all files together, and the most files.
const LARGEST: usize = 200_000;
const MOST: usize = 200;

/// Shows the reproducer, if `reduce` made one.
pub(super) fn section(report: &Report, ink: &Ink<'_>) -> Markup {
    let Some(small) = &report.reproducer else { return html! {} };
    let mut left = LARGEST;
    html! {
        section #reproducer {
            h2 { "A minimal reproducer" }
            p { (small.words(|text| ink.line(text, 300))) "." }
            p { "In a folder with these files: " code { (ink.line(&small.command, 500)) } }
            @for file in small.files.iter().take(MOST) {
                @let text = file.text.as_ref().filter(|text| text.len() <= left);
                @if let Some(text) = text {
                    ({ left -= text.len(); html! {
                        details {
                            summary { code { (ink.line(&file.path, 200)) } }
                            pre tabindex="0" { (ink.lines(text, LARGEST).trim_end()) }
                        }
                    } })
                } @else {
                    p { code { (ink.line(&file.path, 200)) } " is in report.json, or in the folder that reduce wrote." }
                }
            }
            @if small.files.len() > MOST { p { "And " (small.files.len() - MOST) " more." } }
        }
    }
}

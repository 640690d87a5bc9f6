//! Which part of the culprit suffices, as lines of a patch.

use super::super::extract;
use super::super::model::Report;
use super::clean;
use super::lines::{LABEL, Lines, Style};
use crate::hunks::{PATCH, Proof};

/// The most hunks, and the most lines of one, that are shown.
const MOST_HUNKS: usize = 12;

/// Makes a line of a patch inert, and keeps how far it is indented behind its sign.
pub(super) fn indented(line: &str, most: usize) -> String {
    const TAB: &str = "    ";
    const FARTHEST: usize = 40;
    let (sign, text) = line.split_at_checked(1).unwrap_or(("", line));
    let rest = text.trim_start_matches([' ', '\t']);
    let indent = text[..text.len() - rest.len()].replace('\t', TAB).len().min(FARTHEST);
    format!("{sign}{:indent$}{}", "", clean(rest, most)).trim_end().to_owned()
}

/// Says which part of the culprit suffices.
pub(super) fn suffices(out: &mut Lines, report: &Report) {
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

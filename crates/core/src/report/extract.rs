//! The part of the culprit that suffices, in sentences that the summary and the pages share. `quote` makes inert what
//! is not our own.

use super::model::Direction;
use super::words;
use crate::hunks::{Basis, Extract, Hunk, Proof};
use crate::outcome::Verdict;
use crate::quantity::show_duration;

/// Says how much of the commit suffices.
pub(super) fn headline(extract: &Extract) -> String {
    let lines: usize = extract.hunks.iter().map(|hunk| hunk.removed.len() + hunk.added.len()).sum();
    let whole = extract.hunks.iter().filter(|hunk| hunk.whole.is_some()).count();
    let parts = [(lines, "line"), (whole, "whole path")];
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| words::counted(count, what)).collect();
    let of = &extract.of;
    format!(
        "{} of {}, whose difference to {} has {} in {}",
        parts.join(" and "),
        extract.commit.short(),
        extract.parent.short(),
        words::counted(of.hunks, "hunk"),
        words::counted(of.files, "file"),
    )
}

/// Returns where a hunk is.
pub(super) fn place(hunk: &Hunk) -> String {
    match (hunk.line, &hunk.whole) {
        (Some(line), _) => format!("{}:{line}", hunk.file),
        (None, Some(whole)) => format!("{}: {whole}", hunk.file),
        (None, None) => hunk.file.clone(),
    }
}

/// Returns the lines of a hunk as a patch has them.
pub(super) fn lines(hunk: &Hunk) -> impl Iterator<Item = String> + '_ {
    let with = |sign: &'static str| move |line: &String| format!("{sign}{line}");
    hunk.removed.iter().map(with("-")).chain(hunk.added.iter().map(with("+")))
}

/// Says how small it is, and what the rest comes to.
pub(super) fn basis(extract: &Extract, direction: Direction, quote: &dyn Fn(&str) -> String) -> String {
    let small = match &extract.basis {
        Basis::Lines => "no line, or pair of an old and a new one, can be left out".to_owned(),
        Basis::Hunks { why } => format!(
            "none of these hunks can be left out; whether all of their lines are needed is not known: {}",
            quote(why)
        ),
        Basis::Found { why } => format!("less may do: {}", quote(why)),
    };
    let (with, without) = match direction {
        Direction::FindCulprit => ("bad", "good"),
        Direction::FindFix => ("good", "bad"),
    };
    let said = |verdict: &Verdict| match verdict {
        Verdict::Good => "good".to_owned(),
        Verdict::Bad => "bad".to_owned(),
        Verdict::Skip(why) => format!("skipped: {}", quote(why)),
    };
    let rest = match &extract.rest {
        Some(verdict) if said(verdict) == without => format!("; the rest of the commit is {without} without them"),
        Some(verdict) if said(verdict) == with => format!("; the rest of the commit is {with}, too, by itself"),
        Some(verdict) => format!("; the rest of the commit by itself is {}", said(verdict)),
        None => String::new(),
    };
    format!("{small}{rest}")
}

/// Says how it is known.
pub(super) fn proof(extract: &Extract, quote: &dyn Fn(&str) -> String) -> String {
    match &extract.proof {
        Proof::Own { observation, inputs } => {
            let how = words::inputs(*inputs).map(|words| format!("; {words}")).unwrap_or_default();
            let seen = &observation;
            format!(
                "by the user's own command, put on {}: {}, {}, {}{how}",
                extract.parent.short(),
                seen.outcome.class,
                seen.peak,
                show_duration(seen.wall)
            )
        }
        Proof::Fast { why } => format!("in fast mode only: {}", quote(why)),
        Proof::Refuted { why } => format!("not: {}", quote(why)),
    }
}

/// Says how much was tried.
pub(super) fn totals(extract: &Extract) -> String {
    format!("{}, {}", words::counted(extract.evaluations, "evaluation"), show_duration(extract.wall))
}

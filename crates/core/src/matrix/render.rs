//! The table as text for people, as Markdown for an issue, and as JSON for programs.
//!
//! What evaluated code said is made inert; secrets are the redactor's part.

use serde_json::{Value, json};

use super::{Effect, Matrix, Seen, Spot};
use crate::outcome::{Class, Observation};
use crate::quantity::show_duration;
use crate::report::Redactor;
use crate::report::escape::{Place, code, line};

/// The longest name that a row or a column shows.
const LONGEST: usize = 100;

/// How an ending is written down in a table.
fn words(seen: Option<&Seen>) -> String {
    match seen {
        None => "not run".to_owned(),
        Some(Seen::Missed { .. }) => "could not look".to_owned(),
        Some(Seen::Observed { observation }) => of_observation(observation),
    }
}

fn of_observation(observation: &Observation) -> String {
    let class = observation.outcome.class;
    let class = if class == Class::Success { "ok" } else { class.words() };
    format!("{class}, {}, {}", observation.peak, show_duration(observation.wall))
}

/// Says what an axis does, in one sentence.
fn effect_words(effect: &Effect) -> String {
    let (axis, pairs) = (&effect.axis, effect.pairs);
    match effect.differing {
        _ if pairs == 0 => format!("{axis}: nothing can be said"),
        0 => format!("{axis}: makes no difference ({pairs} compared)"),
        all if all == pairs => format!("{axis}: makes the difference, in all of {pairs} compared"),
        some => format!("{axis}: makes a difference in {some} of {pairs} compared"),
    }
}

/// The head of the table and its rows, each with the names of its cells.
fn table(matrix: &Matrix) -> (Vec<String>, Vec<Vec<String>>) {
    let mut columns: Vec<&str> = Vec::new();
    let mut rows: Vec<(String, Vec<&Spot>)> = Vec::new();
    for spot in &matrix.spots {
        if !columns.contains(&matrix.nix(spot)) {
            columns.push(matrix.nix(spot));
        }
        let name = matrix.row(spot);
        match rows.iter_mut().find(|(known, _)| *known == name) {
            Some((_, spots)) => spots.push(spot),
            None => rows.push((name, vec![spot])),
        }
    }
    let cell = |spots: &[&Spot], column: &str| {
        let spot = spots.iter().find(|spot| matrix.nix(spot) == column);
        spot.map_or_else(String::new, |spot| words(matrix.seen.get(*spot)))
    };
    let head = std::iter::once(String::new()).chain(columns.iter().map(|name| line(name, LONGEST))).collect();
    let rows = rows.iter().map(|(name, spots)| {
        std::iter::once(line(name, LONGEST)).chain(columns.iter().map(|column| cell(spots, column))).collect()
    });
    (head, rows.collect())
}

/// What the cells said that did not succeed, each message once with the first cell that had it.
fn messages(matrix: &Matrix) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for spot in &matrix.spots {
        let message = match matrix.seen.get(spot) {
            Some(Seen::Missed { why }) => why.clone(),
            Some(Seen::Observed { observation }) => match &observation.outcome.message {
                Some(message) if observation.outcome.class != Class::Success => message.clone(),
                Some(_) | None => continue,
            },
            None => continue,
        };
        if all.iter().all(|(_, known)| *known != message) {
            all.push((format!("{}, {}", matrix.nix(spot), matrix.row(spot)), message));
        }
    }
    all
}

/// Returns the table for a terminal.
#[must_use]
pub fn plain(matrix: &Matrix) -> String {
    let (head, rows) = table(matrix);
    let width = |column: usize| {
        let cells = std::iter::once(&head).chain(&rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for row in std::iter::once(&head).chain(&rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let row = cells.collect::<Vec<_>>().join("  ");
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for effect in matrix.effects() {
        text.push_str(&format!("{}\n", line(&effect_words(&effect), 2 * LONGEST)));
    }
    for note in &matrix.notes {
        text.push_str(&format!("{}\n", line(note, 2 * LONGEST)));
    }
    for (place, message) in messages(matrix) {
        text.push_str(&format!("{}: {}\n", line(&place, LONGEST), line(&message, 2 * LONGEST)));
    }
    text
}

/// Returns the table as Markdown.
#[must_use]
pub fn markdown(matrix: &Matrix, redactor: &Redactor) -> String {
    let clean = |text: &str, most: usize| line(&redactor.text(text), most);
    let in_cell = |text: &String| clean(text, LONGEST).replace('|', "│").replace(['<', '`', '[', '*', '_'], " ");
    let (head, rows) = table(matrix);
    let row = |cells: &[String]| format!("| {} |\n", cells.iter().map(in_cell).collect::<Vec<_>>().join(" | "));
    let mut text = format!("Evaluations of {}\n\n", code(&redactor.text(&matrix.target), Place::Text, LONGEST));
    text.push_str(&row(&head));
    text.push_str(&format!("|{}\n", " --- |".repeat(head.len())));
    rows.iter().for_each(|cells| text.push_str(&row(cells)));
    let mut list = |items: Vec<String>| {
        if !items.is_empty() {
            text.push('\n');
        }
        items.iter().for_each(|item| text.push_str(&format!("- {item}\n")));
    };
    let inert = |text: &str| code(&redactor.text(text), Place::Text, 2 * LONGEST);
    list(
        matrix
            .effects()
            .iter()
            .map(|effect| {
                let words = effect_words(effect);
                let rest = words.strip_prefix(&effect.axis).unwrap_or_default();
                format!("{}{rest}", inert(&effect.axis))
            })
            .collect(),
    );
    list(matrix.notes.iter().map(|note| inert(note)).collect());
    list(messages(matrix).iter().map(|(place, message)| format!("{}: {}", inert(place), inert(message))).collect());
    text
}

/// Returns all that is known, for programs.
#[must_use]
pub fn document(matrix: &Matrix, redactor: &Redactor) -> Value {
    let cells = matrix.spots.iter().map(|spot| {
        let levels = matrix
            .axes
            .iter()
            .enumerate()
            .map(|(at, axis)| (redactor.text(&axis.name), Value::String(redactor.text(matrix.level(spot, at)))));
        let levels: serde_json::Map<_, _> = levels.collect();
        let seen = match matrix.seen.get(spot) {
            None => json!({ "kind": "not-run" }),
            Some(Seen::Missed { why }) => json!({ "kind": "missed", "why": redactor.text(why) }),
            Some(Seen::Observed { observation }) => json!({
                "kind": "observed",
                "outcome": observation.outcome.class,
                "message": observation.outcome.message.as_deref().map(|message| redactor.text(message)),
                "peak-bytes": observation.peak.0,
                "wall-ms": u64::try_from(observation.wall.as_millis()).unwrap_or(u64::MAX),
                "drv-path": observation.drv_path,
            }),
        };
        json!({ "levels": levels, "seen": seen })
    });
    let axes = matrix.axes.iter().map(|axis| {
        let levels: Vec<_> = axis.levels.iter().map(|level| redactor.text(level)).collect();
        json!({ "name": redactor.text(&axis.name), "levels": levels })
    });
    json!({
        "schema": "nix-culprit/matrix",
        "version": 1,
        "target": matrix.target,
        "axes": axes.collect::<Vec<_>>(),
        "cells": cells.collect::<Vec<_>>(),
        "effects": matrix.effects(),
        "notes": matrix.notes.iter().map(|note| redactor.text(note)).collect::<Vec<_>>(),
    })
}

//! Which words of a project are its own, and the project without them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rnix::SyntaxKind;
use toml_edit::DocumentMut;

use super::public::is_public;
use super::words::{Escapes, exchanged, words};
use crate::isolate::Parts;
use crate::reduce::Project;
use crate::syntax::{name_nodes, parse};

/// A private name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The word.
    pub text: String,
    /// What takes its place.
    pub stand_in: String,
}

/// The private names of a project, and what takes their places. Whoever has it can undo the exchange: it is no part of
/// what is handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    names: Vec<Name>,
    fetched: Vec<String>,
}

impl Names {
    /// Lists the words of a project that might be private, in the order in which they come: those that are nobody's, and
    /// those of one or two letters, are left out.
    #[must_use]
    pub fn candidates(project: &Project) -> Vec<String> {
        let mut seen = BTreeSet::new();
        all_words(project).into_iter().filter(|word| may_be_private(word) && seen.insert(word.clone())).collect()
    }

    /// Lists the words of any text.
    #[must_use]
    pub fn words(text: &str) -> Vec<String> {
        words(text, Escapes::None).into_iter().map(|word| text[word].to_owned()).collect()
    }

    /// Takes the names of a project that nobody else knows. What says where Nix fetches inputs from stays, as long as
    /// there are inputs.
    #[must_use]
    pub fn of(project: &Project, known: &BTreeSet<String>) -> Self {
        let taken: BTreeSet<String> = all_words(project).into_iter().collect();
        let needed = needed_to_fetch(project);
        let (mut names, mut fetched, mut number) = (Vec::new(), Vec::new(), 0);
        for text in Self::candidates(project).into_iter().filter(|word| !known.contains(word)) {
            if needed.contains(&text) {
                fetched.push(text);
                continue;
            }
            let stand_in = loop {
                number += 1;
                let stand_in = format!("name{number}");
                if !taken.contains(&stand_in) && !known.contains(&stand_in) {
                    break stand_in;
                }
            };
            names.push(Name { text, stand_in });
        }
        Self { names, fetched }
    }

    /// Returns the names, which are numbered from 0.
    #[must_use]
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// Returns the private words that stay because Nix fetches inputs by them.
    #[must_use]
    pub fn fetched(&self) -> &[String] {
        &self.fetched
    }

    /// Exchanges all names in a text but those that are kept.
    #[must_use]
    pub fn in_text(&self, text: &str, kept: &Parts) -> String {
        exchanged(text, Escapes::None, &self.table(kept))
    }

    /// Exchanges all names in a project but those that are kept; none where a file would not parse any more. What is no
    /// text stays as it is.
    #[must_use]
    pub fn in_project(&self, project: &Project, kept: &Parts) -> Option<Project> {
        let table = self.table(kept);
        let file = |(path, content): (&Path, &[u8])| {
            let place = exchanged_path(path, &table);
            let Ok(text) = std::str::from_utf8(content) else { return Some((place, content.to_vec())) };
            let after = in_file(path, text, &table);
            (is_valid(path, &after) || !is_valid(path, text)).then(|| (place, after.into_bytes()))
        };
        let files: Vec<(PathBuf, Vec<u8>)> = project.files().map(file).collect::<Option<_>>()?;
        Some(Project::new(files))
    }

    fn table(&self, kept: &Parts) -> BTreeMap<&str, &str> {
        let names = self.names.iter().enumerate().filter(|(number, _)| !kept.contains(number));
        names.map(|(_, name)| (name.text.as_str(), name.stand_in.as_str())).collect()
    }
}

fn may_be_private(word: &str) -> bool {
    let numeric = word.starts_with(|first: char| first.is_ascii_digit()) && word.len() < 8;
    word.chars().filter(|c| c.is_alphabetic()).count() > 2 && !numeric && !is_public(word)
}

fn is_lock(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "flake.lock")
}

/// Returns where in a file words may be exchanged.
fn spans(path: &Path, text: &str) -> Vec<(Range<usize>, Escapes)> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let whole = |escapes| vec![(0..text.len(), escapes)];
    match extension {
        _ if is_lock(path) => Vec::new(),
        Some("json" | "toml" | "lock") => whole(Escapes::Some),
        Some("nix") => match parse(text) {
            Some(root) => {
                let tokens = root.descendants_with_tokens().filter_map(|element| element.into_token());
                tokens
                    .filter_map(|token| {
                        let range = token.text_range();
                        let range = range.start().into()..range.end().into();
                        match token.kind() {
                            SyntaxKind::TOKEN_STRING_CONTENT => Some((range, Escapes::Some)),
                            SyntaxKind::TOKEN_IDENT
                            | SyntaxKind::TOKEN_COMMENT
                            | SyntaxKind::TOKEN_PATH_ABS
                            | SyntaxKind::TOKEN_PATH_HOME
                            | SyntaxKind::TOKEN_PATH_REL
                            | SyntaxKind::TOKEN_PATH_SEARCH
                            | SyntaxKind::TOKEN_URI => Some((range, Escapes::None)),
                            _ => None,
                        }
                    })
                    .collect()
            }
            None => whole(Escapes::None),
        },
        _ => whole(Escapes::None),
    }
}

fn words_of(path: &Path, text: &str) -> Vec<String> {
    let spans = spans(path, text).into_iter();
    spans
        .flat_map(|(span, escapes)| {
            let text = &text[span];
            words(text, escapes).into_iter().map(|word| text[word].to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

fn all_words(project: &Project) -> Vec<String> {
    let of_file = |(path, content): (&Path, &[u8])| {
        let names = path.to_string_lossy().into_owned();
        let mut all: Vec<String> =
            words(&names, Escapes::None).into_iter().map(|word| names[word].to_owned()).collect();
        all.extend(std::str::from_utf8(content).into_iter().flat_map(|text| words_of(path, text)));
        all
    };
    project.files().flat_map(of_file).collect()
}

fn in_file(path: &Path, text: &str, table: &BTreeMap<&str, &str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (span, escapes) in spans(path, text) {
        out.push_str(&text[done..span.start]);
        out.push_str(&exchanged(&text[span.clone()], escapes, table));
        done = span.end;
    }
    out.push_str(&text[done..]);
    out
}

fn exchanged_path(path: &Path, table: &BTreeMap<&str, &str>) -> PathBuf {
    match path.to_str() {
        Some(text) => exchanged(text, Escapes::None, table).into(),
        None => path.to_owned(),
    }
}

/// Tells whether a file of code or data can be read as such.
fn is_valid(path: &Path, text: &str) -> bool {
    let toml = || text.parse::<DocumentMut>().is_ok();
    let json = || serde_json::from_str::<serde_json::Value>(text).is_ok();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("nix") => parse(text).is_some(),
        Some("json") => json(),
        Some("toml") => toml(),
        Some("lock") => json() || toml(),
        _ => true,
    }
}

/// Lists the words by which Nix fetches inputs: those of a lock that has any, and of what `flake.nix` says of them.
fn needed_to_fetch(project: &Project) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (path, content) in project.files().filter(|(path, _)| is_lock(path)) {
        let Ok(text) = std::str::from_utf8(content) else { continue };
        let lock: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
        if lock["nodes"].as_object().is_some_and(|nodes| nodes.len() < 2) {
            continue;
        }
        all.extend(words(text, Escapes::Some).into_iter().map(|word| text[word].to_owned()));
        let flake = path.with_file_name("flake.nix");
        let Some(text) = project.text(&flake) else { continue };
        let Some(top) = parse(text).and_then(|root| root.first_child()) else { continue };
        for entry in top.children() {
            let is_inputs = name_nodes(&entry).first().is_some_and(|name| name.text() == "inputs");
            if is_inputs {
                all.extend(words_of(&flake, &entry.text().to_string()));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests;

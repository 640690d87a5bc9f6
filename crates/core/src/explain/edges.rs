//! Where code makes one derivation need another: the line that names it.
//!
//! A link by names, not a proof: what is found is told as "named at". It looks only at files that the evaluation
//! read, and prefers those that belong to the package that needs.

use std::path::Path;

use super::model::{Cycle, Place};
use super::names::{mentions, names_of};
use crate::ids::InputPath;

/// A text file that the evaluation read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The input that it is in.
    pub input: InputPath,
    /// The file, relative to the input.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// The text files that an evaluation read.
#[derive(Debug, Clone, Default)]
pub struct Sources(Vec<Source>);

/// How strongly a file belongs to a package: the more the better.
const NAMED_FOR: u32 = 40;
const DEFINES: u32 = 20;
const NEAR: u32 = 10;
/// A line in the head of a function says less than one in its body, a text in quotes less than a name.
const IN_BODY: u32 = 4;
const UNQUOTED: u32 = 2;
/// How far below the beginning of a definition a line still belongs to it.
const REACH: usize = 60;
/// How many lines of a definition are its beginning.
const CLOSE: usize = 4;
/// How far from a position on the stack a line is still near it.
const NEARBY: u32 = 30;

impl Sources {
    /// Takes the files that are to be looked at, in any order.
    #[must_use]
    pub fn new(mut files: Vec<Source>) -> Self {
        files.sort_by(|a, b| (&a.input, &a.path).cmp(&(&b.input, &b.path)));
        Self(files)
    }

    /// Returns a line of a file.
    #[must_use]
    pub fn line(&self, input: &InputPath, path: &str, line: u32) -> Option<String> {
        let file = self.0.iter().find(|file| file.input == *input && file.path == path)?;
        file.text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?).map(str::to_owned)
    }

    /// Finds the line that names `to` in the code of `from`; `near` are places on the stack between the two.
    #[must_use]
    pub fn names(&self, from: &str, to: &str, near: &[Place]) -> Option<Place> {
        let (mut from_names, to_names) = (names_of(from), names_of(to));
        // Some recipes are called by the whole name.
        from_names.retain(|name| !to_names.contains(name));
        for name in &to_names {
            let mut best: Option<(u32, Place)> = None;
            for file in self.0.iter().filter(|file| file.text.contains(name.as_str())) {
                let Some((score, line, text)) = best_line(file, &from_names, name, near) else { continue };
                if best.as_ref().is_none_or(|(most, _)| score > *most) {
                    let (input, path) = (file.input.clone(), file.path.clone());
                    best = Some((score, Place { input, path, line, source: Some(text.trim_end().to_owned()) }));
                }
            }
            if let Some((_, place)) = best {
                return Some(place);
            }
        }
        None
    }

    /// Finds where definitions of a derivation's package call one of these functions, near their beginning.
    #[must_use]
    pub fn calls(&self, derivation: &str, functions: &[&str]) -> Vec<(Place, String)> {
        let names = names_of(derivation);
        let mut found = Vec::new();
        for file in self.0.iter().filter(|file| file.path.ends_with(".nix")) {
            let lines: Vec<&str> = file.text.lines().collect();
            let begins = |at: &usize| names.iter().any(|name| defines(lines[*at], name));
            for at in (0..lines.len()).filter(begins) {
                let called = lines[at..].iter().take(CLOSE).enumerate().find_map(|(below, line)| {
                    let function = functions.iter().find(|function| mentions(line, function).is_some())?;
                    Some((at + below, *function))
                });
                let Some((line, function)) = called else { continue };
                let place = Place {
                    input: file.input.clone(),
                    path: file.path.clone(),
                    line: u32::try_from(line + 1).unwrap_or(u32::MAX),
                    source: Some(lines[line].trim_end().to_owned()),
                };
                found.push((place, function.to_owned()));
            }
        }
        found
    }

    /// Returns the files that are named for a derivation's package.
    pub fn named_for<'a>(&'a self, derivation: &str) -> impl Iterator<Item = (&'a InputPath, &'a str)> + use<'a> {
        let names = names_of(derivation);
        let fits = move |file: &&Source| names.iter().any(|name| is_named_for(&file.path, name));
        self.0.iter().filter(fits).map(|file| (&file.input, file.path.as_str()))
    }
}

/// Finds the best line of a file that names something, with its score and its number.
fn best_line<'a>(file: &'a Source, from: &[String], name: &str, near: &[Place]) -> Option<(u32, u32, &'a str)> {
    let named_for = from.iter().any(|from| is_named_for(&file.path, from));
    let about_itself = is_named_for(&file.path, name) && !named_for;
    let json = file.path.ends_with(".json");
    let body = if json { 0 } else { end_of_head(&file.text) };
    let mut defined: Option<usize> = None;
    let mut best: Option<(u32, u32, &str)> = None;
    for (at, line) in file.text.lines().enumerate() {
        if from.iter().any(|from| defines(line, from)) {
            defined = Some(at);
        }
        let Some(column) = mentions(line, name) else { continue };
        // Its own definition, and what its own file says of it, is not somebody's need of it.
        if about_itself || (defines(line, name) && !json) {
            continue;
        }
        let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let is_near = |place: &Place| {
            place.input == file.input && place.path == file.path && place.line.abs_diff(number) <= NEARBY
        };
        let mut score = 1;
        score += if named_for { NAMED_FOR } else { 0 };
        score += if defined.is_some_and(|start| at - start <= REACH) { DEFINES } else { 0 };
        score += if near.iter().any(is_near) { NEAR } else { 0 };
        score += if at >= body { IN_BODY } else { 0 };
        // `name,` is an argument, as in the head of a function further in.
        score += if line.trim().strip_suffix(',') == Some(name) { 0 } else { IN_BODY };
        score += if json || line[..column].matches('"').count().is_multiple_of(2) { UNQUOTED } else { 0 };
        if best.is_none_or(|(most, ..)| score > most) {
            best = Some((score, number, line));
        }
    }
    best
}

/// Tells whether a file is named for a package: `wheel.nix`, `wheel/default.nix`, `wheel/package.nix`.
fn is_named_for(path: &str, name: &str) -> bool {
    let path = Path::new(path);
    let is = |part: Option<&std::ffi::OsStr>| part.is_some_and(|part| part == name);
    is(path.file_stem()) || is(path.parent().and_then(Path::file_name))
}

/// Tells whether a line begins the definition of a name: `wheel =`, `"wheel": …`.
fn defines(line: &str, name: &str) -> bool {
    let line = line.trim_start();
    let rest = line.strip_prefix('"').and_then(|line| line.strip_prefix(name)?.strip_prefix('"'));
    let rest = rest.or_else(|| line.strip_prefix(name)).map(str::trim_start);
    rest.is_some_and(|rest| rest.starts_with(':') || (rest.starts_with('=') && !rest.starts_with("==")))
}

/// Returns the line at which the body of a file's function begins, from 0.
fn end_of_head(text: &str) -> usize {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    if !text.lines().find(is_code).is_some_and(|line| line.trim_start().starts_with('{')) {
        return 0;
    }
    let ends = |line: &str| {
        let line = line.trim();
        line.contains("}:") || (line.contains("}@") && line.ends_with(':'))
    };
    text.lines().position(ends).map_or(0, |at| at + 1)
}

impl Cycle {
    /// Takes note of what a culprit's diff adds to an input.
    pub fn mark_added(&mut self, input: &InputPath, added: &[(String, Vec<String>)]) {
        for edge in &mut self.edges {
            let names = names_of(&edge.to);
            let here = |place: &Place, path: &str| place.input == *input && place.path == path;
            edge.added = edge.place.as_ref().is_some_and(|place| {
                added
                    .iter()
                    .filter(|(path, _)| here(place, path))
                    .any(|(_, lines)| lines.iter().any(|line| names.iter().any(|name| mentions(line, name).is_some())))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(name: &str) -> InputPath {
        name.parse().unwrap()
    }

    fn sources(files: &[(&str, &str, &str)]) -> Sources {
        let file = |(at, path, text): &(&str, &str, &str)| Source {
            input: input(at),
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Sources::new(files.iter().map(file).collect())
    }

    #[track_caller]
    fn found(sources: &Sources, from: &str, to: &str) -> String {
        let place = sources.names(from, to, &[]).unwrap();
        format!("{}:{}:{}: {}", place.input, place.path, place.line, place.source.unwrap().trim())
    }

    #[test]
    fn the_line_in_the_packages_own_file_is_preferred_and_in_it_the_one_in_the_body() {
        let sources = sources(&[
            ("pkgs", "all.nix", "{ wheel, setuptools }:\n[ wheel setuptools ]\n"),
            ("pkgs", "py/setuptools.nix", "{\n  build,\n  wheel,\n}:\n\nbuild {\n  inputs = [ wheel ]; # wheel\n}\n"),
            ("pkgs", "py/wheel.nix", "{ build }:\nbuild { name = \"wheel\"; needs = wheel; }\n"),
        ]);
        assert_eq!(
            found(&sources, "python3-setuptools-2.1", "python3-wheel-0.6"),
            "pkgs:py/setuptools.nix:7: inputs = [ wheel ]; # wheel"
        );
    }

    #[test]
    fn a_definition_among_others_is_a_place_too() {
        let sources = sources(&[(
            "overlay",
            "overrides.nix",
            "self: super: {\n  setuptools = super.setuptools;\n  wheel = super.wheel.override (old: {\n    needs = [ self.setuptools ];\n  });\n}\n",
        )]);
        assert_eq!(found(&sources, "wheel-1", "setuptools-2"), "overlay:overrides.nix:4: needs = [ self.setuptools ];");
    }

    #[test]
    fn what_a_definition_calls_at_its_beginning_is_found() {
        let text =
            "self: super: {\n  wheel =\n    (pkgs.python.override {\n    }).wheel;\n  other = super.override;\n}\n";
        let sources =
            sources(&[("overlay", "o.nix", text), ("pkgs", "p.nix", "{ wheel = callPackage ./wheel.nix { }; }\n")]);
        let calls = sources.calls("py3-wheel-1", &["override", "import"]);
        assert_eq!(calls.len(), 1);
        assert_eq!((calls[0].0.to_string(), calls[0].1.as_str()), ("overlay: o.nix:3".to_owned(), "override"));
    }

    #[test]
    fn where_nothing_names_it_there_is_no_place() {
        let sources = sources(&[("a", "x.nix", "# wheel\n\"no such\"\nwheel = 1;\n"), ("a", "wheel.nix", "wheel")]);
        assert_eq!(sources.names("setuptools-1", "wheel-1", &[]), None);
        assert_eq!(sources.names("", "", &[]), None);
    }

    #[test]
    fn an_edge_is_added_where_the_culprit_adds_a_line_that_names_it() {
        let place = |path: &str| Some(Place { input: input("pkgs"), path: path.to_owned(), line: 3, source: None });
        let edge = |from: &str, to: &str, path: &str| super::super::model::Edge {
            from: from.to_owned(),
            to: to.to_owned(),
            attribute: None,
            place: place(path),
            added: false,
        };
        let mut cycle = Cycle {
            edges: vec![edge("a-1", "b-1", "a.nix"), edge("b-1", "a-1", "b.nix")],
            certainty: super::super::model::Certainty::Suspected,
            growth: Vec::new(),
            fresh: Vec::new(),
            files: Vec::new(),
        };
        assert_eq!(cycle.closing(), 1);
        cycle.mark_added(&input("other"), &[("aa.nix".to_owned(), vec!["bb".to_owned()])]);
        assert!(cycle.edges.iter().all(|edge| !edge.added));
        let names = |text: &str| vec![("a.nix".to_owned(), vec![text.to_owned()])];
        cycle.mark_added(&input("pkgs"), &names("  other"));
        assert!(cycle.edges.iter().all(|edge| !edge.added));
        cycle.edges[0].to = "bb-1".to_owned();
        cycle.mark_added(&input("pkgs"), &names("  [ bb ]"));
        assert_eq!(cycle.edges.iter().map(|edge| edge.added).collect::<Vec<_>>(), [true, false]);
        assert_eq!(cycle.closing(), 0);
    }
}

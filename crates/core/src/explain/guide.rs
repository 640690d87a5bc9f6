//! Which commits are likely to have made a cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::additions::Additions;
use super::edges::Sources;
use super::model::{Cycle, Edge, Heavier};
use super::names::{mentions, names_of};
use crate::ids::{CommitId, InputPath};

/// Returns the files that belong to a cycle: those that name its edges, those on its stack, and those that are named
/// for its packages. `near` are those on the stack.
#[must_use]
pub fn files_of_cycle(edges: &[Edge], near: &[(InputPath, String)], sources: &Sources) -> Vec<(InputPath, String)> {
    let mut files: BTreeSet<(InputPath, String)> = near.iter().cloned().collect();
    for edge in edges {
        files.extend(edge.place.iter().map(|place| (place.input.clone(), place.path.clone())));
        files.extend(sources.named_for(&edge.from).map(|(input, path)| (input.clone(), path.to_owned())));
    }
    files.into_iter().collect()
}

/// What speaks for a commit of an input to have made a cycle, or to have ended one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guide {
    files: BTreeSet<PathBuf>,
    /// By file: the names of what its derivations need next in the cycle.
    names: BTreeMap<String, BTreeSet<String>>,
}

impl Guide {
    /// Takes what a cycle has in an input.
    #[must_use]
    pub fn new(cycle: &Cycle, input: &InputPath) -> Self {
        let files = cycle.files.iter().filter(|(other, _)| other == input).map(|(_, path)| PathBuf::from(path));
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for edge in &cycle.edges {
            if let Some(place) = edge.place.as_ref().filter(|place| place.input == *input) {
                names.entry(place.path.clone()).or_default().extend(names_of(&edge.to));
            }
        }
        Self { files: files.collect(), names }
    }

    /// Takes what a cycle has in an input where a repair is likely to be: its files, and those that make values anew.
    #[must_use]
    pub fn of_repair(cycle: &Cycle, input: &InputPath) -> Self {
        let Self { mut files, .. } = Self::new(cycle, input);
        let fresh = cycle.fresh.iter().filter(|fresh| fresh.place.input == *input);
        files.extend(fresh.map(|fresh| PathBuf::from(&fresh.place.path)));
        // A repair need not add a line that names anything.
        Self { files, names: BTreeMap::new() }
    }

    /// Takes where an evaluation became heavier in an input: where clearly more is called than at the good end, or
    /// less where that is bad.
    #[must_use]
    pub fn of_heavier(heavier: &Heavier, input: &InputPath) -> Self {
        let places = heavier.functions.iter().filter(|more| heavier.is_own(more));
        let places = places.filter_map(|more| more.place.as_ref()).filter(|place| place.input == *input);
        Self { files: places.map(|place| PathBuf::from(&place.path)).collect(), names: BTreeMap::new() }
    }

    /// Returns the files of the input that belong to the cycle.
    #[must_use]
    pub const fn files(&self) -> &BTreeSet<PathBuf> {
        &self.files
    }

    /// Returns the files in which an edge of the cycle is named.
    #[must_use]
    pub fn files_of_edges(&self) -> BTreeSet<PathBuf> {
        self.names.keys().map(PathBuf::from).collect()
    }

    /// Returns the commits that add a line which names an edge of the cycle, to the file that names it at the bad end.
    #[must_use]
    pub fn naming(&self, additions: &[Additions]) -> BTreeSet<CommitId> {
        additions.iter().filter(|commit| self.names_an_edge(commit)).map(|commit| commit.commit.clone()).collect()
    }

    fn names_an_edge(&self, commit: &Additions) -> bool {
        commit.files.iter().any(|(path, lines)| {
            let names = self.names.get(path);
            names.is_some_and(|names| lines.iter().any(|line| names.iter().any(|name| mentions(line, name).is_some())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Certainty, Fresh, More, Place, Unit};
    use super::*;
    use crate::growth::Side;
    use crate::profile::Seen;

    fn commit(digit: char) -> CommitId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn a_commit_that_adds_an_edge_is_told_from_one_that_only_touches_its_file() {
        let input: InputPath = "pkgs".parse().unwrap();
        let place = Place { input: input.clone(), path: "setuptools.nix".to_owned(), line: 1, source: None };
        let (from, to) = ("setuptools-1".to_owned(), "py3-wheel-2".to_owned());
        let cycle = Cycle {
            edges: vec![Edge { from, to, attribute: None, place: Some(place), added: false }],
            certainty: Certainty::Confirmed,
            growth: Vec::new(),
            fresh: Vec::new(),
            files: vec![(input.clone(), "setuptools.nix".to_owned()), (InputPath(Vec::new()), "flake.nix".to_owned())],
        };
        let guide = Guide::new(&cycle, &input);
        assert_eq!(guide.files(), &BTreeSet::from(["setuptools.nix".into()]));
        assert_eq!(guide.files_of_edges(), BTreeSet::from(["setuptools.nix".into()]));
        let adds = |digit, path: &str, line: &str| Additions {
            commit: commit(digit),
            files: vec![(path.to_owned(), vec![line.to_owned()])],
            made: Vec::new(),
        };
        let additions = [
            adds('a', "setuptools.nix", "  version = \"2\";"),
            adds('b', "setuptools.nix", "    wheel"),
            adds('c', "other.nix", "wheel"),
        ];
        assert_eq!(guide.naming(&additions), BTreeSet::from([commit('b')]));
        assert_eq!(Guide::new(&cycle, &"other".parse().unwrap()), Guide::default());

        // A repair may also be where values are made anew, and no line of it says so.
        let of = |input: &InputPath, path: &str| Fresh {
            place: Place { input: input.clone(), path: path.to_owned(), line: 1, source: None },
            call: "override".to_owned(),
        };
        let overlay: InputPath = "overlay".parse().unwrap();
        let cycle = Cycle { fresh: vec![of(&overlay, "overrides.nix"), of(&input, "set.nix")], ..cycle };
        let repair = Guide::of_repair(&cycle, &input);
        assert_eq!(repair.files(), &BTreeSet::from(["set.nix".into(), "setuptools.nix".into()]));
        assert_eq!(repair.files_of_edges(), BTreeSet::new());
        assert!(repair.naming(&additions).is_empty());
        assert_eq!(Guide::of_repair(&cycle, &overlay).files(), &BTreeSet::from(["overrides.nix".into()]));
    }

    #[test]
    fn where_more_is_called_a_commit_is_likelier_to_have_made_it_heavier() {
        let seen = |own, total| Seen { own, total };
        let more = |input: &str, path: &str, good, bad| More {
            name: "f".to_owned(),
            place: Some(Place { input: input.parse().unwrap(), path: path.to_owned(), line: 1, source: None }),
            good,
            bad,
        };
        let functions = vec![
            more("pkgs", "a.nix", seen(0, 0), seen(9, 9)),
            more("pkgs", "only-calls-it.nix", seen(1, 1), seen(1, 9)),
            more("other", "b.nix", seen(0, 0), seen(9, 9)),
        ];
        let side = Side::Above;
        let heavier = Heavier { unit: Unit::Calls, good: 1, bad: 9, side, packages: Vec::new(), functions };
        let guide = Guide::of_heavier(&heavier, &"pkgs".parse().unwrap());
        assert_eq!(guide.files(), &BTreeSet::from(["a.nix".into()]));
        let functions =
            vec![more("pkgs", "gone.nix", seen(9, 9), seen(0, 0)), more("pkgs", "b.nix", seen(1, 9), seen(1, 1))];
        let less = Heavier { side: Side::Below, functions, ..heavier };
        assert_eq!(Guide::of_heavier(&less, &"pkgs".parse().unwrap()).files(), &BTreeSet::from(["gone.nix".into()]));
    }
}

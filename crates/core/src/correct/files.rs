//! Which files of the inputs a failure goes through.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::explain::{Place, Why};
use crate::ids::InputPath;

/// Returns the files that belong to a failure, by input.
#[must_use]
pub fn files(why: &Why) -> BTreeMap<InputPath, BTreeSet<PathBuf>> {
    let mut files: BTreeMap<InputPath, BTreeSet<PathBuf>> = BTreeMap::new();
    let mut add = |input: &InputPath, path: &str| {
        files.entry(input.clone()).or_default().insert(PathBuf::from(path));
    };
    let mut of = |place: &Place| add(&place.input, &place.path);
    match why {
        Why::Cycle(cycle) => {
            cycle.fresh.iter().for_each(|fresh| of(&fresh.place));
            cycle.files.iter().for_each(|(input, path)| add(input, path));
        }
        Why::Error(root) => {
            root.place.iter().for_each(&mut of);
            root.frames.iter().for_each(|frame| of(&frame.place));
        }
        Why::Heavier(heavier) => heavier.functions.iter().filter_map(|more| more.place.as_ref()).for_each(of),
        Why::Unknown => {}
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::{Certainty, Cycle, ErrorRoot, FrameTold, Fresh};

    fn path(text: &str) -> InputPath {
        let Ok(path) = text.parse();
        path
    }

    fn place(input: &str, file: &str) -> Place {
        Place { input: path(input), path: file.to_owned(), line: 1, source: None }
    }

    fn of(why: &Why, input: &str) -> Vec<String> {
        files(why)[&path(input)].iter().map(|file| file.display().to_string()).collect()
    }

    #[test]
    fn every_place_of_a_failure_counts() {
        let cycle = Why::Cycle(Cycle {
            edges: Vec::new(),
            certainty: Certainty::Confirmed,
            growth: Vec::new(),
            fresh: vec![Fresh { place: place("overlay", "overlay.nix"), call: "override".to_owned() }],
            files: vec![(path("pkgs"), "a.nix".to_owned()), (path("overlay"), "b.nix".to_owned())],
        });
        assert_eq!(of(&cycle, "overlay"), ["b.nix", "overlay.nix"]);
        assert_eq!(of(&cycle, "pkgs"), ["a.nix"]);
        let frame = FrameTold { what: "while calling".to_owned(), place: place("pkgs", "c.nix") };
        let root = ErrorRoot { message: "x".to_owned(), place: Some(place("pkgs", "d.nix")), frames: vec![frame] };
        assert_eq!(of(&Why::Error(root), "pkgs"), ["c.nix", "d.nix"]);
        assert!(files(&Why::Unknown).is_empty());
    }
}

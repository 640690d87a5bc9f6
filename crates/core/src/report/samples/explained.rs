//! Cases that say why the bad end fails or is heavier.

use std::time::Duration;

use super::super::model::*;
use super::normal;
use super::pieces::{path, success};
use super::results::fast_only;
use crate::explain::{
    Certainty, Cycle, Edge, ErrorRoot, Explanation, FrameTold, Fresh, Growth, Heavier, More, Place, Unit, Way, Why,
};
use crate::growth::Side;
use crate::ids::InputPath;
use crate::outcome::Verdict;
use crate::profile::Seen;
use crate::quantity::Bytes;

/// A case whose failure was explained by a cycle.
pub(in crate::report) fn cycle() -> Report {
    let place = |input: &str, file: &str, line: u32, source: &str| Place {
        input: path(input),
        path: file.to_owned(),
        line,
        source: Some(source.to_owned()),
    };
    let edge = |from: &str, to: &str, place: Place, added: bool| Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        attribute: Some("nativeBuildInputs".to_owned()),
        place: Some(place),
        added,
    };
    let setuptools = "pkgs/development/python-modules/setuptools/default.nix";
    let cycle = Cycle {
        edges: vec![
            edge(
                "python3.10-setuptools-68.0.0",
                "python3.10-wheel-0.41.1",
                place("nixpkgs", setuptools, 12, "    wheel"),
                true,
            ),
            edge(
                "python3.10-wheel-0.41.1",
                "python3.10-setuptools-68.0.0",
                place("poetry2nix", "overrides/default.nix", 2901, "  wheel = ((python.pkgs.override {"),
                false,
            ),
        ],
        certainty: Certainty::Confirmed,
        growth: vec![Growth { repetitions: 23, memory: Some(Bytes(1800 << 20)) }],
        fresh: vec![Fresh {
            place: place("poetry2nix", "overrides/default.nix", 2901, "  wheel = ((python.pkgs.override {"),
            call: "override".to_owned(),
        }],
        files: vec![(path("nixpkgs"), setuptools.to_owned())],
    };
    let notes = vec!["Nix ended before it handed over a profile, which it does every two seconds.".to_owned()];
    let wall = Duration::from_secs(6);
    let explanation =
        Explanation { why: Why::Cycle(cycle), way: Some(Way::CallDepth), runs: 3, wall, notes, drawn: Vec::new() };
    Report { explanation: Some(explanation), ..normal() }
}

/// A case whose failure was explained by an error, with texts of strangers.
pub(in crate::report) fn error() -> Report {
    let place = Place {
        input: InputPath(Vec::new()),
        path: "flake.nix".to_owned(),
        line: 7,
        source: Some("  x = \u{1b}[31m`<b>`".to_owned()),
    };
    let frame = FrameTold { what: "while calling 'f'".to_owned(), place: place.clone() };
    let root = ErrorRoot { message: "attribute 'wheel' missing".to_owned(), place: Some(place), frames: vec![frame] };
    let wall = Duration::from_millis(700);
    let (why, notes, drawn) = (Why::Error(root), Vec::new(), Vec::new());
    let explanation = Explanation { why, way: Some(Way::Trace), runs: 1, wall, notes, drawn };
    Report { explanation: Some(explanation), ..fast_only() }
}

/// A case whose bad end succeeds and does more, with texts of strangers.
pub(in crate::report) fn heavier() -> Report {
    let seen = |own, total| Seen { own, total };
    let package = |name: &str, good, bad| More { name: name.to_owned(), place: None, good, bad };
    let source = Some("    builtins.foldl' (sum: n: \u{1b}[31m`<b>`".to_owned());
    let place = Place { input: path("nixpkgs"), path: "stdenv/default.nix".to_owned(), line: 10, source };
    let heavier = Heavier {
        unit: Unit::Calls,
        good: 178,
        bad: 6_910,
        side: Side::Above,
        packages: vec![
            package("stdenv", seen(20, 40), seen(6_700, 6_730)),
            package("app-shell", seen(9, 178), seen(9, 6_910)),
        ],
        functions: vec![More {
            name: "foldl'".to_owned(),
            place: Some(place),
            good: seen(0, 0),
            bad: seen(1_500, 6_400),
        }],
    };
    let drawn = vec!["flamegraph.svg".to_owned(), "flamegraph-difference.svg".to_owned()];
    let (why, wall, notes) = (Why::Heavier(heavier), Duration::from_millis(300), Vec::new());
    let explanation = Explanation { why, way: Some(Way::Profile), runs: 2, wall, notes, drawn };
    let verdict = Verdict::Bad;
    let bad = normal().bad.map(|end| End { observation: success(), verdict, ..end });
    Report { explanation: Some(explanation), bad, ..normal() }
}

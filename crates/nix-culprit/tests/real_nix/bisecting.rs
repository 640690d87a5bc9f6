//! `bisect` on real Nix: ends by revision and by date, first parents, the other direction, a check of one's own.

use std::fs;

use serde_json::Value;

use crate::finding::names_the_culprit;
use crate::machine::{every_nix, newest_nix, target};
use crate::room::{MEMORY, Room};
use crate::traces::{Listing, nothing_goes_on};

fn bisect(room: &Room, arguments: &[&str]) -> Value {
    let report = room.run_small(&[&["bisect", "--json"], arguments].concat()).exits_with(0).json();
    nothing_goes_on(room);
    report
}

#[test]
fn ends_are_revisions_or_dates_or_those_of_the_locks() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let sample = room.sample.clone();
    let report = bisect(&room, &["--input", "pkgs"]);
    names_the_culprit(&report, &room);
    // The lock as it lies there vouches for what git has.
    assert_eq!(report["confirmation"]["inputs-were"], "at-store-paths", "{:#}", report["confirmation"]);

    let short = (&sample.good[..10], &sample.merge[..10]);
    let report =
        bisect(&room, &["--input", "pkgs", "--good", short.0, "--bad", short.1, "--no-confirm", "--no-explain"]);
    names_the_culprit(&report, &room);
    let names = fs::read_dir(room.cases().pop().unwrap()).unwrap().flatten().map(|entry| entry.file_name());
    let copies = names.filter(|name| name.to_string_lossy().starts_with("changed-paths-")).count();
    assert_eq!(copies, 1, "what the commits change is read once, and before the search");
    assert!(report["totals"]["range"].as_u64().unwrap() < u64::try_from(sample.truth.len()).unwrap());

    let date = |commit: &str| {
        let pkgs = sample.pkgs.to_str().unwrap();
        room.git(&["--git-dir", pkgs, "log", "-1", "--format=%cI", commit])
    };
    let (good, bad) = (date(&sample.good), date(&sample.bad));
    names_the_culprit(&bisect(&room, &["--input", "pkgs", "--good", &good, "--bad", &bad, "--no-confirm"]), &room);
}

#[test]
fn along_first_parents_the_same_commit_is_found_inside_its_merge() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    names_the_culprit(&bisect(&room, &["--input", "pkgs", "--first-parent", "--no-confirm"]), &room);
    let run = room.run_small(&["find", "--first-parent", "--json"]).exits_with(0);
    names_the_culprit(&run.json(), &room);
}

#[test]
fn the_commit_of_another_input_that_repairs_it_is_found_with_every_nix() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        let before = Listing::of(&[&room.app, &room.sample.overlay]);
        let report = bisect(&room, &["--input", "overlay", "--find-fix"]);
        Listing::of(&[&room.app, &room.sample.overlay]).is_same_as(&before);
        assert_eq!(report["direction"], "find-fix");
        assert_eq!(report["result"]["kind"], "culprit", "{:#}", report["result"]);
        assert_eq!(report["result"]["commit"]["revision"], room.sample.overlay_fixed, "with {}", nix.version);
        let confirmed = if nix.has_flakes() { "faithful" } else { "fast-only" };
        assert_eq!(report["confirmation"]["kind"], confirmed, "{:#}", report["confirmation"]);
    }
}

#[test]
fn a_check_of_ones_own_decides() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let (tool, program, target) = (env!("CARGO_BIN_EXE_nix-culprit"), nix.program(), target());
    let eval = [program.to_str().unwrap(), "eval", "--raw", &target];
    let check = [&[tool, "guard", "--memory", MEMORY, "--"], &eval[..]].concat();
    let report = room.run(&[&["bisect", "--input", "pkgs", "--json", "--memory", "400M", "--"], &check[..]].concat());
    names_the_culprit(&report.exits_with(0).json(), &room);
    nothing_goes_on(&room);
}

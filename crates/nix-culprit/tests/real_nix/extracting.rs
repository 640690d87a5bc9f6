//! `reduce --culprit`: the lines of the culprit that suffice, as a patch, by the user's own command.

use std::fs;

use nix_culprit_sample::Options;
use serde_json::json;

use crate::machine::{every_nix, newest_nix, sample_of};
use crate::room::Room;
use crate::traces::{Listing, nothing_goes_on};

#[test]
fn both_lines_of_the_culprit_are_needed_with_every_nix() {
    for nix in every_nix() {
        let room = Room::with(&nix, sample_of(&Options { seed: 14, commits: 60, ..Options::default() }));
        // Nothing is left to search between them.
        let ends = ["--good", room.sample.culprit_parent.as_str(), "--bad", room.sample.culprit.as_str()];
        let bisect = ["bisect", "--input", "pkgs", "--no-explain", "--quiet", "--memory", "256M"];
        room.run(&[&bisect[..], &ends].concat()).exits_with(0);
        let kept = [&room.app, &room.sample.pkgs, &room.sample.overlay].map(|path| path.as_path());
        let before = Listing::of(&kept);
        let run = room.run(&["reduce", "--culprit", "--quiet"]).exits_with(0);
        Listing::of(&kept).is_same_as(&before);
        nothing_goes_on(&room);
        assert!(run.stdout.contains("+    wheel"), "{run}");
        let report: serde_json::Value =
            serde_json::from_slice(&fs::read(room.case().join("report.json")).unwrap()).unwrap();
        let extract = &report["extract"];
        assert_eq!(extract["commit"], room.sample.culprit, "{} {extract:#}", nix.version);
        assert_eq!(extract["basis"]["kind"], "lines", "{extract:#}");
        let added: Vec<_> = extract["hunks"].as_array().unwrap().iter().map(|hunk| &hunk["added"]).collect();
        assert_eq!(added, [&json!(["  wheel,"]), &json!(["    wheel"])], "{extract:#}");
        assert_eq!(extract["proof"]["kind"], if nix.has_flakes() { "own" } else { "fast" }, "{extract:#}");
        let page = fs::read_to_string(room.case().join("report.md")).unwrap();
        assert!(page.contains("### What of the culprit suffices"), "{page}");
    }
}

#[test]
fn of_a_large_commit_only_the_lines_that_matter_are_left_and_the_patch_has_them() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { seed: 14, commits: 60, ..Options::default() }));
    // All that came from the culprit to the bad end, as one commit.
    let clone = room.path("clone");
    room.git(&["clone", "-q", room.sample.pkgs.to_str().unwrap(), clone.to_str().unwrap()]);
    let git = |arguments: &[&str]| room.git(&[&["-C", clone.to_str().unwrap()], arguments].concat());
    let commit = |tree: &str, parent: &str| {
        git(&["commit-tree", "-m", "all at once", "-p", parent, &format!("{tree}^{{tree}}")])
    };
    let parent = commit(&room.sample.culprit_parent, &room.sample.bad);
    let culprit = commit(&room.sample.bad, &parent);
    git(&["branch", "kept", &culprit]);
    let named = format!("pkgs={}", clone.display());
    let ends = ["--good", &parent, "--bad", &culprit, "--repo", &named];
    let bisect = ["bisect", "--input", "pkgs", "--no-explain", "--quiet", "--memory", "256M"];
    room.run(&[&bisect[..], &ends].concat()).exits_with(0);

    let output = room.path("told");
    let run = room.run(&["reduce", "--culprit", "--output", output.to_str().unwrap()]).exits_with(0);
    let report: serde_json::Value = serde_json::from_slice(&fs::read(output.join("report.json")).unwrap()).unwrap();
    let extract = &report["extract"];
    assert!(extract["of"]["files"].as_u64().unwrap() > 5, "{extract:#}");
    assert_eq!(extract["hunks"].as_array().unwrap().len(), 2, "{extract:#}");
    assert_eq!(extract["basis"]["kind"], "lines", "{extract:#}");
    assert_eq!(extract["proof"]["kind"], "own", "{extract:#}");

    git(&["checkout", "-q", &parent]);
    git(&["apply", output.join("culprit.patch").to_str().unwrap()]);
    assert_eq!(git(&["diff", "--numstat"]), "2\t2\tpython/packages/setuptools.nix");
    // What is known is not asked again.
    let ran = |case: &std::path::Path| {
        fs::read_to_string(case.join("journal.jsonl")).unwrap().matches("\"probe-finished\"").count()
    };
    let before = ran(&room.case());
    let again = room.run(&["resume"]).exits_with(0);
    assert!(again.stdout.contains("Suffices"), "{again}");
    assert_eq!(ran(&room.case()), before, "{run}");
}

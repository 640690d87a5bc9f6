//! `find`: the right commit, on every Nix and wherever it lies, and nothing of the user is touched.

use nix_culprit_sample::Options;
use serde_json::{Value, json};

use crate::explaining::ways;
use crate::machine::{every_nix, newest_nix, sample_of};
use crate::room::{MEMORY, Room};
use crate::traces::{Listing, nothing_goes_on};

/// Checks that a report names the sample's culprit, its pull request and its input.
#[track_caller]
pub(crate) fn names_the_culprit(report: &Value, room: &Room) {
    let commit = &report["result"]["commit"];
    assert_eq!(report["result"]["kind"], "culprit", "{:#}", report["result"]);
    assert_eq!(commit["revision"], room.sample.culprit, "with {}", room.nix.version);
    assert_eq!(commit["pull-request"]["number"], room.sample.pull_request);
    assert_eq!(commit["merge"], room.sample.merge);
    assert_eq!(report["input"]["path"], json!(["pkgs"]));
}

#[test]
fn find_names_the_culprit_with_every_nix_and_touches_nothing_of_the_user() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        let kept = [&room.app, &room.sample.pkgs, &room.sample.overlay, &room.home.join(".config")];
        let kept: Vec<_> = kept.iter().map(|path| path.as_path()).collect();
        let before = Listing::of(&kept);
        let report = room.run(&["find", "--json", "--memory", "512M"]).exits_with(0).json();
        Listing::of(&kept).is_same_as(&before);
        nothing_goes_on(&room);

        names_the_culprit(&report, &room);
        let explanation = &report["explanation"];
        assert_eq!(explanation["way"], ways(&nix)[0], "{} {explanation:#}", nix.version);
        assert_eq!(explanation["why"]["certainty"], "confirmed", "{} {explanation:#}", nix.version);
        // Nobody waits for a search to draw it.
        assert!(!room.case().join("flamegraph.svg").exists(), "{}", nix.version);
        assert_eq!(report["good"]["revision"], room.sample.good);
        assert_eq!(report["bad"]["revision"], room.sample.bad);
        assert_eq!(report["bad"]["observation"]["outcome"]["class"], "out-of-memory");
        // The input that the cycle goes through is tried first: one probe without it is enough to go on.
        assert_eq!(report["input"]["isolation"], "needed");
        let confirmation = &report["confirmation"];
        if nix.has_flakes() {
            assert_eq!(confirmation["kind"], "faithful", "{confirmation:#}");
            assert_eq!(confirmation["culprit"]["outcome"]["class"], "out-of-memory");
            assert_eq!(confirmation["parent"]["outcome"]["class"], "success");
        } else {
            assert_eq!(confirmation["kind"], "fast-only", "{confirmation:#}");
            let why = confirmation["why"].as_str().unwrap();
            assert!(why.contains(&format!("Nix {} has no flakes", nix.version)), "{why}");
        }
        // As many probes as halving needs, and not one for each commit.
        let commits = u64::try_from(room.sample.truth.len()).unwrap();
        assert!(report["totals"]["probes"].as_u64().unwrap() < 25, "{:#}", report["totals"]);
        assert!(report["totals"]["range"].as_u64().unwrap() > commits / 2, "{:#}", report["totals"]);
    }
}

/// Against the known answer, as the fake evaluator does in thousands of cases.
#[test]
fn the_culprit_is_found_wherever_it_lies() {
    let Some(nix) = newest_nix() else { return };
    for (seed, commits, culprit) in [(11, 120, 0.0), (12, 250, 0.4), (13, 180, 1.0)] {
        let sample = sample_of(&Options { seed, commits, culprit: Some(culprit), ..Options::default() });
        let room = Room::with(&nix, sample);
        let report = room.run(&["find", "--json", "--no-confirm", "--memory", MEMORY]).exits_with(0).json();
        names_the_culprit(&report, &room);
        assert_eq!(report["confirmation"]["kind"], "fast-only");
        for probe in report["probes"].as_array().unwrap() {
            let Some(commit) = probe["subject"]["revision"].as_str() else { continue };
            let (_, truth) = room.sample.truth.iter().find(|(known, _)| known == commit).unwrap();
            let verdict = probe["verdict"]["verdict"].as_str().unwrap();
            let truth = truth.as_str().replace("broken", "skip");
            assert_eq!(verdict, truth, "seed {seed}, {commit}: {probe:#}");
        }
    }
}

#[test]
fn the_summary_for_people_names_what_matters() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { seed: 14, commits: 60, ..Options::default() }));
    let run = room.run_small(&["find"]).exits_with(0);
    for part in [
        &room.sample.culprit[..12],
        &format!("pull request {}", room.sample.pull_request),
        "python/packages/setuptools.nix",
        "Input       pkgs",
        "Confirmed   by the user's own command",
        "out of memory: grew to",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&run.stdout).contains(&words(part)), "no {part}: {run}");
    }
    // Progress and notes are no results.
    assert!(run.stderr.contains("evaluating devShells."), "{run}");
    assert!(!run.stdout.contains("evaluating devShells."), "{run}");
    assert!(!run.stdout.contains('\u{1b}'), "{run}");
}

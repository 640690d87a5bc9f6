//! What can be done with a finished case: `log`, `report`, the replay script, `resume`; and what `doctor` says.

use std::fs;
use std::sync::OnceLock;

use serde_json::Value;

use crate::machine::{every_nix, every_nix_with_flakes, newest_nix, say};
use crate::room::{Room, finish};
use crate::traces::{Listing, nothing_goes_on};

/// The longest text that GitHub takes for an issue, with some room for what people add.
const LONGEST_ISSUE: usize = 65_000;

/// A room with one finished case, shared by the tests that only read it.
fn finished() -> Option<&'static Room> {
    static ROOM: OnceLock<Option<Room>> = OnceLock::new();
    let make = || {
        let room = Room::new(&newest_nix()?);
        room.run_small(&["find"]).exits_with(0);
        Some(room)
    };
    ROOM.get_or_init(make).as_ref()
}

#[test]
fn the_log_is_a_table_for_people_and_lines_for_programs() {
    let Some(room) = finished() else { return };
    let case = room.case();
    let id = case.file_name().unwrap().to_str().unwrap();
    let table = room.run(&["log"]).exits_with(0).stdout;
    let report: Value = serde_json::from_slice(&fs::read(case.join("report.json")).unwrap()).unwrap();
    let probes = report["probes"].as_array().unwrap();
    let modes = ["  fast  ", "  pure  ", "  faithful  ", "  not run  "];
    let lines = table.lines().filter(|line| modes.iter().any(|mode| line.contains(mode))).count();
    assert_eq!(lines, probes.len(), "{table}");
    for part in ["good end: ", "bad end: ", "the input is pkgs", &format!("finished: {}", room.sample.culprit)] {
        assert!(table.contains(part), "no {part}: {table}");
    }
    let json = room.run(&["log", id, "--format", "json"]).exits_with(0).stdout;
    let events: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let finished = events.iter().filter(|event| event["event"] == "probe-finished").count();
    let run = probes.iter().filter(|probe| probe["settled-by"].is_null()).count();
    assert_eq!(finished, run);
    assert_eq!(room.run(&["log", "--list"]).exits_with(0).stdout, format!("{id}\n"));
}

#[test]
fn git_replays_the_log_and_comes_to_the_same_commit() {
    let Some(room) = finished() else { return };
    let log = room.path("bisect.log");
    fs::write(&log, room.run(&["log", "--format", "git"]).exits_with(0).stdout).unwrap();
    let clone = room.path("clone");
    room.git(&["clone", "-q", room.sample.pkgs.to_str().unwrap(), clone.to_str().unwrap()]);
    let git = |arguments: &[&str]| room.git(&[&["-C", clone.to_str().unwrap()], arguments].concat());
    let said = git(&["bisect", "replay", log.to_str().unwrap()]);
    assert!(said.contains(&format!("{} is the first bad commit", room.sample.culprit)), "{said}");
    assert_eq!(git(&["rev-parse", "refs/bisect/bad"]), room.sample.culprit);
}

#[test]
fn the_report_is_short_enough_for_an_issue_and_the_same_every_time() {
    let Some(room) = finished() else { return };
    let case = room.case();
    let page = room.run(&["report"]).exits_with(0).stdout;
    assert_eq!(page, fs::read_to_string(case.join("report.md")).unwrap());
    assert!(page.chars().count() < LONGEST_ISSUE, "{} characters", page.chars().count());
    assert!(page.contains(&room.sample.culprit), "{page}");
    assert!(page.contains(&format!("{}", room.sample.pull_request)), "{page}");
    assert!(!page.contains(room.home.to_str().unwrap()), "the home folder is told: {page}");
    let json = room.run(&["report", "--format", "json"]).exits_with(0).stdout;
    assert_eq!(json, fs::read_to_string(case.join("report.json")).unwrap());
    let output = room.path("output");
    room.run(&["report", "--output", output.to_str().unwrap()]).exits_with(0);
    for name in ["report.md", "report.html", "report.json", "replay.sh"] {
        assert_eq!(fs::read(output.join(name)).unwrap(), fs::read(case.join(name)).unwrap(), "{name}");
    }
}

/// `script/test` names the script that drives the browser.
#[test]
fn the_page_is_fine_in_a_browser() {
    let Some(script) = std::env::var_os("NIX_CULPRIT_TEST_PAGE") else {
        say("the page is not checked in a browser (script/test does it)");
        return;
    };
    let Some(room) = finished() else { return };
    let pictures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.artefacts");
    let mut command = room.command("node");
    command.arg(script).args([room.case().join("report.html"), room.case().join("report.json")]).arg(pictures);
    let run = finish(command.spawn().unwrap()).exits_with(0);
    assert!(run.stdout.contains("page: fine"), "{run}");
}

#[test]
fn the_replay_script_sees_both_ends_again_with_every_nix() {
    let Some(room) = finished() else { return };
    let script = room.case().join("replay.sh");
    let before = Listing::of(&[&room.app]);
    for nix in every_nix_with_flakes() {
        let path = format!("{}:{}", nix.programs.display(), std::env::var("PATH").unwrap());
        let mut command = room.command("sh");
        command.arg(&script).env("PATH", path).env("NIX_REMOTE", nix.store());
        let run = finish(command.spawn().unwrap()).exits_with(0);
        assert!(run.stdout.contains("Both evaluations ended as reported."), "{run}");
        assert!(run.stdout.contains(&nix.version), "{run}");
    }
    Listing::of(&[&room.app]).is_same_as(&before);
    nothing_goes_on(room);
}

#[test]
fn doctor_names_what_is_there_and_what_is_missing() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        let run = room.run(&["doctor"]).exits_with(0);
        assert!(run.stdout.contains(&format!("nix: Nix {} for ", nix.version)), "{run}");
        assert_eq!(run.stdout.contains("it has no flakes"), !nix.has_flakes(), "{run}");
        assert_eq!(run.stderr, "");
    }
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let json = room.run(&["doctor", "--json"]).exits_with(0).json();
    let all: Vec<&str> = json["findings"].as_array().unwrap().iter().map(|f| f["what"].as_str().unwrap()).collect();
    for what in ["nix", "git", "limits in force", "memory", "disk for cases", "disk for clones", "clones"] {
        assert!(all.contains(&what), "{all:?}");
    }
    let missing = room.run(&["doctor", "--nix", "/nowhere/nix"]).exits_with(1);
    assert!(missing.stdout.contains("-> install Nix, or name it with --nix PATH"), "{missing}");
    assert!(room.cases().is_empty());
}

//! What can be done with a finished case: `log`, `report`, the replay script, `resume`; and what `doctor` says.

use std::fs;
use std::sync::OnceLock;

use serde_json::Value;

use crate::browser;
use crate::machine::{every_nix, every_nix_with_flakes, newest_nix};
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
    let line = room.run(&["log", "--list"]).exits_with(0).stdout;
    let (app, culprit) = (room.app.display(), &room.sample.culprit);
    assert!(line.starts_with(&format!("{id}  {app}  {culprit} ")) && line.lines().count() == 1, "{line}");
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
    let told = room.run(&["report", "--output", output.to_str().unwrap()]).exits_with(0).stdout;
    for name in ["report.md", "report.html", "report.json", "replay.sh"] {
        assert!(told.contains(&format!("{name}\n")), "{told}");
        assert_eq!(fs::read(output.join(name)).unwrap(), fs::read(case.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn the_page_is_fine_in_a_browser() {
    let Some(room) = finished() else { return };
    let case = room.case();
    let pictures = browser::is_fine(room, &case, "report");
    for picture in ["light-390", "light-1280", "dark-390", "dark-1280", "print-1280"] {
        let picture = pictures.as_ref().map(|folder| folder.join(format!("report-{picture}.png")));
        assert!(picture.is_none_or(|picture| fs::metadata(picture).unwrap().len() > 10_000));
    }
}

/// A check that finds nothing in a broken page would find nothing at all.
#[test]
fn the_check_in_a_browser_finds_what_is_broken() {
    let Some(room) = finished() else { return };
    let page = fs::read_to_string(room.case().join("report.html")).unwrap();
    let broken = [
        ("Content Security Policy", "<main>", "<main><script>0</script>"),
        ("what is wider than the page", "<main>", "<main><div style=\"width:3000px\">wide</div>"),
        ("points of memory", "<polyline", "<polygon"),
        ("marks of commits", "class=\"mark ", "class=\"no "),
        ("derivations on the ring", "class=\"node\"", "class=\"no\""),
        ("links that lead nowhere", "href=\"#found\"", "href=\"#lost\""),
        ("links that are no plain web addresses", "<main>", "<main><a href=\"http://example.org\">x</a>"),
        ("color-contrast", "<main>", "<main><p style=\"color:#777;background:#888\">faint</p>"),
        ("button-name", "<main>", "<main><button></button>"),
        ("is not dark", "prefers-color-scheme:dark", "prefers-color-scheme:none"),
        ("in print", "nav,.skip-link{display:none}", ""),
    ];
    let (mut all, folder) = (page.clone(), room.path("broken"));
    for (what, part, by) in &broken {
        assert!(page.contains(part), "{what}");
        all = all.replace(part, by);
    }
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("report.html"), all).unwrap();
    fs::copy(room.case().join("report.json"), folder.join("report.json")).unwrap();
    let Some(run) = browser::look(room, &folder, &folder) else { return };
    let told = run.exits_with(1);
    for (what, _, _) in broken {
        assert!(told.stderr.contains(what), "{what} is not found: {told}");
    }
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

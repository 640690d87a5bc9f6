//! What is said about input that cannot be used: the message, the hint and the exit code.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::finding::names_the_culprit;
use crate::machine::{newest_nix, say, system};
use crate::room::{MEMORY, Room, Run, eventually, finish};
use crate::traces::{Listing, nothing_goes_on};

/// What was said, under the headings of what was wrong.
struct Said<'a> {
    room: &'a Room,
    text: String,
}

impl<'a> Said<'a> {
    fn in_room(room: &'a Room) -> Self {
        Self { room, text: String::new() }
    }

    fn of(&mut self, what: &str, run: &Run) {
        assert!(!run.stderr.contains("panicked"), "{run}");
        let said = self.room.steady(&format!("{}{}", run.stdout, run.stderr));
        let end = run.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        writeln!(self.text, "## {what}\nexit code {end}\n{}\n", said.trim_end()).unwrap();
    }

    /// Takes down what a report says was found.
    fn result(&mut self, what: &str, run: &Run) {
        let result = Run { stdout: format!("{:#}", run.json()["result"]), stderr: run.stderr.clone(), ..*run };
        self.of(what, &result);
    }

    /// Runs the tool quietly, and takes down what it says.
    fn about(&mut self, what: &str, arguments: &[&str]) {
        let run = self.room.run(&[&["--quiet"], arguments].concat());
        self.of(what, &run);
    }
}

#[test]
fn a_flake_that_cannot_be_used() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let mut said = Said::in_room(&room);
    said.about("no folder", &["find", "ROOMLESS"]);
    said.about("not on this machine", &["find", "github:NixOS/nixpkgs"]);
    let empty = room.path("empty");
    fs::create_dir(&empty).unwrap();
    said.about("no flake.nix", &["find", empty.to_str().unwrap()]);
    let plain = room.path("plain");
    room.copy(&room.app, &plain);
    fs::remove_dir_all(plain.join(".git")).unwrap();
    said.about("not in git, and no good state named", &["find", plain.to_str().unwrap()]);
    said.about("not in git, and a revision named", &["find", "--good", "HEAD", plain.to_str().unwrap()]);
    said.about("no such attribute", &["find", "--memory", MEMORY, "--attr", &format!("packages.{}.nothing", system())]);
    said.about("no such output", &["probe", "--memory", MEMORY, ".#nothing.at-all"]);
    said.about("no attribute path", &["probe", "--memory", MEMORY, ".#a..b"]);
    room.git(&["rm", "-q", "--cached", "flake.nix"]);
    said.about("flake.nix not tracked", &["find"]);
    room.git(&["add", "flake.nix"]);
    fs::remove_file(room.app.join("flake.lock")).unwrap();
    said.about("no flake.lock", &["find"]);
    room.make_good();
    said.result("nothing was updated", &room.run_small(&["--quiet", "find", "--json"]));
    // What ended before the first probe leaves no case.
    assert_eq!(room.cases().len(), 1, "{:?}", room.cases());
    insta::assert_snapshot!("flake", said.text);
}

#[test]
fn a_lock_that_cannot_be_used() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let mut said = Said::in_room(&room);
    let lock = fs::read_to_string(room.app.join("flake.lock")).unwrap();
    let mut with = |what: &str, text: &str| {
        fs::write(room.app.join("flake.lock"), text).unwrap();
        let before = Listing::of(&[&room.app]);
        said.about(what, &["find", "--memory", MEMORY]);
        Listing::of(&[&room.app]).is_same_as(&before);
    };
    with("empty", "");
    with("cut off", &lock[..lock.len() / 2]);
    with("merge conflict", &lock.replacen('{', "<<<<<<< HEAD\n{", 1));
    with("another kind of document", "[1, 2]\n");
    with("version 99", &lock.replace("\"version\": 7", "\"version\": 99"));
    let edit = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value: serde_json::Value = serde_json::from_str(&lock).unwrap();
        change(&mut value);
        value.to_string()
    };
    with("missing node", &edit(&|lock| lock["nodes"]["root"]["inputs"]["pkgs"] = "gone".into()));
    with("missing root", &edit(&|lock| lock["root"] = "gone".into()));
    let circle = |lock: &mut serde_json::Value| {
        lock["nodes"]["root"]["inputs"]["pkgs"] = serde_json::json!(["tools"]);
        lock["nodes"]["root"]["inputs"]["tools"] = serde_json::json!(["pkgs"]);
    };
    with("follows in a circle", &edit(&circle));
    with(
        "follows what is not there",
        &edit(&|lock| {
            lock["nodes"]["overlay"]["inputs"]["pkgs"] = serde_json::json!(["pkgs", "nothing"]);
        }),
    );
    let without_revision = edit(&|lock| {
        lock["nodes"]["pkgs"]["locked"].as_object_mut().unwrap().remove("rev");
    });
    fs::write(room.app.join("flake.lock"), without_revision).unwrap();
    said.result("no revision where one is needed", &room.run_small(&["--quiet", "find", "--json"]));
    fs::write(room.app.join("flake.lock"), &lock).unwrap();
    fs::write(room.path("broken.lock"), "{").unwrap();
    let broken = room.path("broken.lock");
    said.about("named with --good", &["find", "--good", broken.to_str().unwrap()]);
    said.about("named with --lock", &["probe", "--lock", broken.to_str().unwrap()]);
    insta::assert_snapshot!("lock", said.text);
}

#[test]
fn ends_and_inputs_that_cannot_be_used() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let sample = room.sample.clone();
    let mut said = Said::in_room(&room);
    let bisect = ["bisect", "--memory", MEMORY, "--input", "pkgs"];
    let nowhere = "1234567812345678123456781234567812345678";
    said.about("unknown input: bisect", &["bisect", "--input", "nothing"]);
    said.about("unknown input: find", &["find", "--memory", MEMORY, "--input", "nothing"]);
    said.about("unknown input: probe", &["probe", "--at", "pkgs/nothing=main"]);
    said.about("input that has not changed", &["find", "--memory", MEMORY, "--input", "systems"]);
    said.about("no such commit", &[&bisect[..], &["--good", nowhere]].concat());
    // Nix could have fetched it, so it is Nix that says that it is not there.
    room.run_small(&["probe", "--at", &format!("pkgs={nowhere}")]).exits_with(125);
    said.about("no such branch", &[&bisect[..], &["--good", "no-such-branch"]].concat());
    said.about("an option as a revision", &[&bisect[..], &["--good=--all"]].concat());
    said.about("a date before everything", &[&bisect[..], &["--good", "1999-12-31"]].concat());
    said.about("no such day", &[&bisect[..], &["--good", "2023-02-31"]].concat());
    said.about("ends the wrong way round", &[&bisect[..], &["--good", &sample.bad, "--bad", &sample.good]].concat());
    let fix = ["bisect", "--memory", MEMORY, "--input", "overlay", "--find-fix"];
    let locked = [&fix[..], &["--good", &sample.overlay_locked, "--bad", &sample.overlay_fixed]].concat();
    said.about("ends of a repair the wrong way round", &locked);
    said.about("good end fails", &[&bisect[..], &["--good", &sample.culprit]].concat());
    said.about("no lock in that commit", &["find", "--good", "HEAD~100"]);
    let first = room.git(&["rev-list", "--max-parents=0", "HEAD"]);
    said.about("a commit from before the lock", &["find", "--good", &first[..12]]);
    insta::assert_snapshot!("ends", said.text.replace(&first[..12], "FIRST"));
    nothing_goes_on(&room);
}

#[test]
fn repositories_that_cannot_be_used() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let mut said = Said::in_room(&room);
    let find = |said: &mut Said<'_>, what: &str, repository: &Path| {
        let repository = format!("pkgs={}", repository.display());
        said.about(what, &["find", "--memory", MEMORY, "--repo", &repository]);
    };
    find(&mut said, "nothing there", &room.path("nothing"));
    let empty = room.path("empty");
    fs::create_dir(&empty).unwrap();
    find(&mut said, "no repository", &empty);
    let unborn = room.path("unborn");
    room.git(&["init", "-q", unborn.to_str().unwrap()]);
    find(&mut said, "a repository without commits", &unborn);
    let shallow = room.path("shallow");
    let url = format!("file://{}", room.sample.pkgs.display());
    room.git(&["clone", "-q", "--depth=5", &url, shallow.to_str().unwrap()]);
    find(&mut said, "a shallow clone", &shallow);
    let other = room.sample.overlay.clone();
    find(&mut said, "another project's repository", &other);
    said.about("not INPUT=PATH", &["find", "--repo", "pkgs"]);
    fs::create_dir_all(room.home.join(".config/nix-culprit")).unwrap();
    fs::write(room.home.join(".config/nix-culprit/config.toml"), "[repositories]\npkgs = 1\n").unwrap();
    said.about("a configuration that cannot be read", &["find"]);
    insta::assert_snapshot!("repositories", said.text);
}

#[test]
fn options_and_programs_that_cannot_be_used() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let mut said = Said::in_room(&room);
    said.about("memory in no unit", &["find", "--memory", "5 apples"]);
    said.about("no memory", &["find", "--memory", "0"]);
    said.about("time in no unit", &["find", "--timeout", "soon"]);
    said.about("no such rule", &["find", "--bad-when", "raining"]);
    said.about("no regular expression", &["find", "--bad-when", "message~("]);
    said.about("two rules", &["find", "--bad-when", "timeout", "--", "true"]);
    said.about("nothing to guard", &["guard"]);
    said.about("no program to guard", &["guard", "--", "/nowhere/program"]);
    said.about("no nix at a path", &["find", "--nix", "/nowhere/nix"]);
    said.about("no nix by name", &["find", "--nix", "no-such-nix"]);
    said.about("a nix that is none", &["find", "--nix", "true"]);
    let boaster = room.path("boaster");
    fs::write(&boaster, "#!/bin/sh\necho 'git version 2.40'\n").unwrap();
    fs::set_permissions(&boaster, fs::Permissions::from_mode(0o755)).unwrap();
    said.about("another program for nix", &["find", "--nix", boaster.to_str().unwrap()]);
    said.about("no git", &["find", "--git", "/nowhere/git"]);
    said.about("a git that is none", &["find", "--git", "true"]);
    insta::assert_snapshot!("options", said.text);
}

#[test]
fn cases_that_cannot_be_used() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let mut said = Said::in_room(&room);
    said.about("no case at all: resume", &["resume"]);
    said.about("no case at all: log", &["log"]);
    said.about("no case at all: list", &["log", "--list"]);
    // One case that ends at once, because the check asks to stop.
    room.run_small_with_check(&["--quiet", "find"], &["sh", "-c", "exit 200"]).exits_with(129);
    let case = room.case();
    let id = case.file_name().unwrap().to_str().unwrap();
    said.about("the check asked to stop", &["resume"]);
    said.about("unknown case", &["resume", "20010101-000000"]);
    said.about("a path for a case", &["resume", "../../.."]);
    let journal = fs::read_to_string(case.join("journal.jsonl")).unwrap();
    fs::write(case.join("journal.jsonl"), "").unwrap();
    said.about("no report yet", &["report"]);
    fs::write(case.join("journal.jsonl"), &journal).unwrap();
    said.about("nothing to replay", &["report", "--format", "replay"]);
    said.about("no search yet", &["log", "--format", "git"]);
    fs::write(case.join("journal.jsonl"), format!("nonsense\n{journal}")).unwrap();
    said.about("a damaged journal: resume", &["resume", id]);
    said.about("a damaged journal: log", &["log", id]);
    fs::write(case.join("journal.jsonl"), &journal).unwrap();
    let settings = fs::read_to_string(case.join("case.json")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    fs::write(case.join("case.json"), settings.replace(&format!("\"version\": \"{version}\""), "\"version\": \"9.9\""))
        .unwrap();
    said.about("a case of another version", &["resume", id]);
    fs::write(case.join("case.json"), "{").unwrap();
    said.about("damaged settings", &["resume", id]);
    insta::assert_snapshot!("cases", said.text);
}

#[test]
fn a_second_process_does_not_touch_a_case_that_is_worked_on() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let wait = "test -e \"$HOME/go\" && exit 200; touch \"$HOME/waits\"; while ! test -e \"$HOME/go\"; do sleep 0.05; done; exit 200";
    let first = room.tool(&["--quiet", "find", "--memory", MEMORY, "--", "sh", "-c", wait]).spawn().unwrap();
    eventually("the first one's probe", || room.home.join("waits").exists());
    let mut said = Said::in_room(&room);
    said.about("two at once", &["resume"]);
    // Reading is no work.
    room.run(&["log"]).exits_with(0);
    fs::write(room.home.join("go"), "").unwrap();
    finish(first).exits_with(129);
    insta::assert_snapshot!("in_use", said.text);
}

#[test]
fn on_a_full_disk_it_says_so_and_goes_on_when_there_is_room() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let state = room.home.join(".local/state");
    fs::create_dir_all(&state).unwrap();
    let mount = |options: &str| {
        let arguments = ["-t", "tmpfs", "-o", options, "tmpfs", state.to_str().unwrap()];
        Command::new("mount").args(arguments).output().is_ok_and(|output| output.status.success())
    };
    if !mount("size=40k") {
        say("skipped: a full disk (a tmpfs cannot be mounted here)");
        return;
    }
    let at_once = room.run(&["--quiet", "find", "--memory", MEMORY]);
    // The journal is what has no room here, when the first probe has ended.
    let grown = mount("remount,size=20m");
    let fill = "cat /dev/zero >\"$HOME/.local/state/fill\" 2>/dev/null; exit 0";
    let later = room.run(&["--quiet", "find", "--memory", MEMORY, "--", "sh", "-c", fill]);
    fs::remove_file(state.join("fill")).unwrap();
    let first = room.cases()[0].clone();
    let resumed = room.run(&["resume", "--json", first.file_name().unwrap().to_str().unwrap()]);
    let unmounted = Command::new("umount").arg(&state).status().unwrap().success();
    assert!(grown && unmounted);
    for full in [at_once, later] {
        let full = full.exits_with(129);
        let says = ["No space left on device", "is full"].iter().any(|words| full.stderr.contains(words));
        assert!(says && full.stderr.contains("hint: make room"), "{full}");
    }
    names_the_culprit(&resumed.exits_with(0).json(), &room);
    nothing_goes_on(&room);
}

//! What is left after kill -9 and after Ctrl-C, and how `resume` goes on.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command};

use nix_culprit_sample::Options;
use serde_json::Value;

use crate::finding::names_the_culprit;
use crate::machine::{newest_nix, sample_of};
use crate::room::{MEMORY, Room, eventually, finish};
use crate::traces::{Listing, nothing_goes_on};

fn journal(room: &Room) -> Vec<Value> {
    let Some(case) = room.cases().pop() else { return Vec::new() };
    let text = fs::read_to_string(case.join("journal.jsonl")).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn count(room: &Room, event: &str) -> usize {
    journal(room).iter().filter(|entry| entry["event"] == event).count()
}

/// Begins a search and waits until it is in the middle: some probes are done, and the next one runs. One that knows what
/// the failure goes through would be over by then.
fn begin(room: &Room) -> Child {
    begin_with(room, &[])
}

fn begin_with(room: &Room, options: &[&str]) -> Child {
    let child = room.tool(&[&["find", "--memory", MEMORY, "--no-explain"], options].concat()).spawn().unwrap();
    eventually("the search", || {
        count(room, "searching") == 1 && {
            let (started, finished) = (count(room, "probe-started"), count(room, "probe-finished"));
            finished >= 7 && started > finished
        }
    });
    child
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn goes_on_without_repeating(room: &Room) {
    let finished = count(room, "probe-finished");
    let report = room.run(&["resume", "--json"]).exits_with(0).json();
    names_the_culprit(&report, room);
    assert_eq!(report["confirmation"]["kind"], "faithful");
    nothing_goes_on(room);
    let mut keys = BTreeMap::new();
    for entry in journal(room) {
        if entry["event"] == "probe-finished" && entry["observation"]["outcome"]["class"] != "interrupted" {
            *keys.entry(entry["key"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    let repeated: Vec<_> = keys.iter().filter(|(_, times)| **times > 1).collect();
    assert!(repeated.is_empty(), "{repeated:?}");
    assert!(keys.len() > finished, "nothing was left to do");
    // Gone on with once more, there is nothing to run at all.
    let all = count(room, "probe-finished");
    let again = room.run(&["resume", "--json"]).exits_with(0).json();
    assert_eq!(again["result"], report["result"]);
    assert_eq!(count(room, "probe-finished"), all);
}

#[test]
fn after_kill_9_nothing_goes_on_and_resume_repeats_no_probe() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { commits: 500, ..Options::default() }));
    let before = Listing::of(&[&room.app]);
    let child = begin(&room);
    signal(&child, "-KILL");
    assert_eq!(finish(child).signal, Some(9));
    nothing_goes_on(&room);
    // The kill may have come in the middle of a line.
    let path = room.case().join("journal.jsonl");
    let mut text = fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"at\":1,\"event\":\"probe-fin");
    fs::write(&path, text).unwrap();
    goes_on_without_repeating(&room);
    Listing::of(&[&room.app]).is_same_as(&before);
}

/// The evaluation stands still most of the time while Nix writes a profile of it.
#[test]
fn after_kill_9_of_an_explanation_nothing_stands_still_for_ever_and_resume_makes_it_again() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let child = room.tool(&["explain", "--by", "profile", "--memory", MEMORY]).spawn().unwrap();
    eventually("the explanation", || count(&room, "explaining") == 1);
    std::thread::sleep(std::time::Duration::from_secs(1));
    signal(&child, "-KILL");
    assert_eq!(finish(child).signal, Some(9));
    assert_eq!(count(&room, "explained"), 0);
    nothing_goes_on(&room);
    let report = room.run(&["resume", "--json"]).exits_with(0).json();
    assert_eq!(report["explanation"]["why"]["kind"], "cycle", "{:#}", report["explanation"]);
    assert_eq!((count(&room, "explaining"), count(&room, "explained")), (2, 1));
}

#[test]
fn several_probes_at_a_time_end_with_the_tool_too() {
    let Some(nix) = newest_nix() else { return };
    for (name, with) in [("-KILL", None), ("-INT", Some(130))] {
        let room = Room::with(&nix, sample_of(&Options { commits: 500, ..Options::default() }));
        let before = Listing::of(&[&room.app]);
        // Every probe is run, so that there is enough to do at the same time.
        let child = begin_with(&room, &["--no-read-sets", "--jobs", "3"]);
        signal(&child, name);
        assert_eq!(finish(child).code, with);
        nothing_goes_on(&room);
        goes_on_without_repeating(&room);
        nothing_goes_on(&room);
        Listing::of(&[&room.app]).is_same_as(&before);
    }
}

#[test]
fn ctrl_c_leaves_nothing_and_prints_how_to_go_on() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { commits: 500, ..Options::default() }));
    let before = Listing::of(&[&room.app]);
    let child = begin(&room);
    signal(&child, "-INT");
    let run = finish(child).exits_with(130);
    nothing_goes_on(&room);
    Listing::of(&[&room.app]).is_same_as(&before);
    let case = room.case();
    let command = format!("nix-culprit resume {}", case.file_name().unwrap().to_str().unwrap());
    assert!(run.stderr.contains(&command), "{run}");
    let finished = count(&room, "probe-finished");
    let report = room.run(&["report", "--format", "json"]).exits_with(0).json();
    assert_eq!(report["result"]["kind"], "unfinished", "{report:#}");
    assert!(report["result"]["suspects"].as_u64().unwrap() > 1, "{report:#}");
    let run_here = |probe: &&Value| probe["settled-by"].is_null();
    let told = report["probes"].as_array().unwrap().iter().filter(run_here).count();
    assert!((finished - 1..=finished).contains(&told), "{told} of {finished} probes");
    assert_eq!(report["input"]["path"][0], "pkgs");
    let page = room.run(&["report"]).exits_with(0).stdout;
    assert!(page.contains("**not finished**") && page.contains("nix-culprit resume"), "{page}");
    goes_on_without_repeating(&room);
}

#[test]
fn after_kill_9_of_a_confirmation_no_input_stays_mounted_in_its_store() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { commits: 500, ..Options::default() }));
    let child = room.tool(&["find", "--memory", MEMORY]).spawn().unwrap();
    let runs = || {
        let journal = journal(&room);
        let pure = |entry: &&Value| entry["mode"] == "pure";
        journal.iter().rfind(pure).is_some_and(|entry| entry["event"] == "probe-started")
    };
    eventually("the confirmation", runs);
    signal(&child, "-KILL");
    assert_eq!(finish(child).signal, Some(9));
    nothing_goes_on(&room);
    goes_on_without_repeating(&room);
    // What was the mount's place is no store path with nothing in it.
    let left = fs::read_dir(room.case().join("store/nix/store")).unwrap().map(|entry| entry.unwrap().path());
    let sources = left.filter(|path| path.to_string_lossy().ends_with("-source"));
    let empty = sources.filter(|path| fs::read_dir(path).is_ok_and(|entries| entries.count() == 0));
    assert_eq!(empty.collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new());
}

/// Once between two candidates, and once in the last run of what is left.
#[test]
fn ctrl_c_of_a_reduction_keeps_the_smallest_so_far_and_it_can_be_gone_on_with() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let before = Listing::of(&[&room.app]);
    let bytes = |folder: &str| {
        let entries = fs::read_dir(room.path(folder)).unwrap().map(|entry| entry.unwrap());
        entries
            .filter(|entry| entry.file_name() != "README.md")
            .map(|entry| entry.metadata().unwrap().len())
            .sum::<u64>()
    };
    let stopped = |arguments: &[&str], answers: usize, folder: &str| {
        let shown = room.path(folder).display().to_string();
        let child = room.tool(&[arguments, &["--memory", MEMORY, "--output", &shown]].concat()).spawn().unwrap();
        eventually("the candidates", || {
            let cases = fs::read_dir(room.home.join(".local/state/nix-culprit/reductions/cases"));
            let Some(case) = cases.into_iter().flatten().map(|case| case.unwrap().path()).max() else { return false };
            fs::read_to_string(case.join("answers.jsonl")).unwrap_or_default().lines().count() >= answers
        });
        signal(&child, "-INT");
        let run = finish(child).exits_with(130);
        nothing_goes_on(&room);
        assert!(run.stdout.contains("not run by your own nix eval: it was stopped"), "{run}");
        assert!(run.stdout.contains("stopped: `nix-culprit reduce --go-on"), "{run}");
        assert!(run.stdout.contains(&format!("{} bytes", bytes(folder))), "{run}");
        assert!(room.path(folder).join("flake.nix").is_file());
    };
    stopped(&["reduce"], 6, "middle");
    // Nothing but the last run comes after the last candidate that is wanted.
    stopped(&["reduce", "--max-candidates", "12", "--vendor", "--anonymise"], 12, "last");
    let shown = room.path("whole").display().to_string();
    let run = room.run(&["reduce", "--go-on", "--max-candidates", "12", "--output", &shown]).exits_with(0);
    assert!(run.stdout.contains("by your own nix eval: out of memory"), "{run}");
    assert!(bytes("whole") < bytes("last"), "{run}");
    Listing::of(&[&room.app]).is_same_as(&before);
}

//! The cache of observations: what one case ran, the next need not run, and nothing is claimed that was not run.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::finding::names_the_culprit;
use crate::machine::newest_nix;
use crate::room::{MEMORY, Room, Run, finish};

fn run(room: &Room, options: &[&str]) -> Run {
    let mut tool = room.tool(&[&["find", "--json", "--memory", MEMORY], options].concat());
    tool.env_remove("NIX_CULPRIT_NO_CACHE");
    finish(tool.spawn().unwrap())
}

fn find(room: &Room, options: &[&str]) -> (Value, String) {
    let run = run(room, options).exits_with(0);
    let report = run.json();
    names_the_culprit(&report, room);
    (report, run.stderr)
}

fn remembered(report: &Value) -> usize {
    let probes = report["probes"].as_array().unwrap();
    probes.iter().filter(|probe| probe["remembered"] == Value::Bool(true)).count()
}

/// The commits that were run.
fn ran(report: &Value) -> BTreeSet<&str> {
    let probes = report["probes"].as_array().unwrap().iter();
    let run = probes.filter(|probe| probe["remembered"] == Value::Bool(false) && probe["settled-by"].is_null());
    run.map(|probe| probe["subject"]["revision"].as_str().unwrap_or("an end, or inputs")).collect()
}

#[test]
fn what_one_case_ran_the_next_need_not_run_but_culprit_and_parent_are_run_again() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let (first, _) = find(&room, &[]);
    assert_eq!(remembered(&first), 0);
    let (second, said) = find(&room, &[]);
    assert_eq!(second["result"], first["result"]);
    assert!(said.contains("from an earlier case"), "{said}");
    assert!(room.run(&["log"]).exits_with(0).stdout.contains("run in an earlier case"));
    let decisive = BTreeSet::from([room.sample.culprit.as_str(), room.sample.culprit_parent.as_str()]);
    assert_eq!(ran(&second), decisive);
    assert_eq!(second["totals"]["probes"], 2);
    assert_eq!(second["totals"]["remembered"], remembered(&second));

    // Without the user's own command, they are run in the fast way.
    let (third, _) = find(&room, &["--no-confirm"]);
    assert_eq!(third["result"]["commit"]["revision"], first["result"]["commit"]["revision"]);
    assert_eq!(ran(&third), decisive);
    assert_eq!(remembered(&find(&room, &["--no-cache"]).0), 0);

    // Another budget could make a difference to the bad end, which ran out of it, and another flake to all.
    let mut tool = room.tool(&["find", "--json", "--memory", "400M"]);
    let other = finish(tool.env_remove("NIX_CULPRIT_NO_CACHE").spawn().unwrap()).exits_with(0).json();
    let bad_end = |probe: &&Value| probe["subject"]["kind"] == "bad-lock";
    let bad_end = other["probes"].as_array().unwrap().iter().find(bad_end).unwrap();
    assert_eq!(bad_end["remembered"], Value::Bool(false), "{bad_end:#}");
    fs::write(room.app.join("README.md"), "another text, in git\n").unwrap();
    room.git(&["add", "README.md"]);
    assert_eq!(remembered(&find(&room, &[]).0), 0);
}

#[test]
fn a_damaged_or_unwritable_cache_costs_a_word() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let cache = room.home.join(".cache/nix-culprit");
    fs::create_dir_all(&cache).unwrap();
    let file = cache.join("observations.sqlite");
    fs::write(&file, "no database ".repeat(1000)).unwrap();
    let (_, said) = find(&room, &["--no-confirm"]);
    assert!(said.contains("goes on without the cache of observations") && said.contains("was damaged"), "{said}");
    assert!(!file.exists());
    fs::create_dir(&file).unwrap();
    let (_, said) = find(&room, &["--no-confirm"]);
    assert!(said.contains("goes on without the cache of observations: could not use"), "{said}");
}

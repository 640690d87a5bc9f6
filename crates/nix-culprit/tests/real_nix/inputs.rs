//! Which input: one, two together, an edge, and an edge with what it leads to; on every Nix.

use std::fs;

use nix_culprit_sample::{Choice, Matter, generate_choice};
use serde_json::{Value, json};

use crate::machine::{RealNix, every_nix, newest_nix};
use crate::room::{MEMORY, Room};
use crate::traces::{Listing, nothing_goes_on};

const EVERY: [Matter; 4] = [Matter::One, Matter::Two, Matter::Edge, Matter::Followed];

/// A room with the flake in which this matters.
fn room(nix: &RealNix, matter: Matter) -> (Room, Choice) {
    let room = Room::new(nix);
    let folder = room.path("choice");
    fs::create_dir(&folder).unwrap();
    let choice = generate_choice(&folder, matter).unwrap();
    fs::remove_dir_all(&room.app).unwrap();
    room.copy(&choice.app, &room.app);
    (room, choice)
}

/// The sets of changes that a report names, by input.
fn sets(report: &Value) -> Vec<Vec<String>> {
    let name = |path: &Value| {
        let parts: Vec<_> = path.as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
        parts.join("/")
    };
    let members = |set: &Value| {
        assert_eq!(set["proven"], true, "{set:#}");
        set["changes"].as_array().unwrap().iter().map(|member| name(&member["input"])).collect()
    };
    report["matters"]["sets"].as_array().unwrap().iter().map(members).collect()
}

fn what_matters(matter: Matter) -> (Vec<&'static str>, Value) {
    match matter {
        Matter::One => (vec!["lib"], json!([["frame"], ["theme"]])),
        Matter::Two => (vec!["lib", "theme"], json!([["frame"]])),
        Matter::Edge => (vec!["frame/panel/lib"], json!([["frame"], ["theme"]])),
        Matter::Followed => (vec!["lib", "frame/panel/lib"], json!([["frame"], ["theme"]])),
    }
}

#[test]
fn inputs_names_what_matters_and_what_does_not_with_every_nix() {
    for nix in every_nix() {
        for matter in EVERY {
            let (room, _) = room(&nix, matter);
            let before = Listing::of(&[&room.app]);
            let report = room.run(&["inputs", "--json", "--memory", MEMORY]).exits_with(0).json();
            Listing::of(&[&room.app]).is_same_as(&before);
            nothing_goes_on(&room);
            let (expected, idle) = what_matters(matter);
            assert_eq!(sets(&report), [expected], "{matter:?} with {}: {:#}", nix.version, report["matters"]);
            assert_eq!(report["matters"]["idle"], idle, "{matter:?} with {}", nix.version);
            assert_eq!(report["result"]["kind"], "inputs");
            assert!(report["totals"]["probes"].as_u64().unwrap() <= 10, "{:#}", report["totals"]);
            if let Matter::Edge | Matter::Followed = matter {
                let change =
                    report["matters"]["sets"][0]["changes"].as_array().unwrap().last().unwrap()["change"].clone();
                let change = change.as_str().unwrap();
                assert!(
                    change.starts_with("frame/panel/lib follows the input frame/lib now; it was git+file:"),
                    "{change}"
                );
            }
        }
    }
}

#[test]
fn inputs_takes_the_users_own_check_and_a_guess() {
    let Some(nix) = newest_nix() else { return };
    let (room, _) = room(&nix, Matter::Two);
    let target = crate::machine::target();
    let check = ["sh", "-c", "\"$0\" eval --raw --no-write-lock-file \"$1\" >/dev/null 2>&1"];
    let program = room.nix.program();
    let check = [&check[..], &[program.to_str().unwrap(), &target]].concat();
    let run = room.run_small_with_check(&["inputs", "--json", "--likely", "theme"], &check).exits_with(0);
    let report = run.json();
    assert_eq!(sets(&report), [["lib", "theme"]]);
    assert!(report["probes"].as_array().unwrap().iter().all(|probe| probe["mode"] == "faithful"));
    let run = room.run_small(&["--quiet", "inputs", "--likely", "nothing"]).exits_with(129);
    assert!(run.stderr.contains("the lock has no input `nothing`"), "{run}");
}

#[test]
fn find_searches_each_of_two_inputs_that_fail_only_together() {
    for nix in every_nix() {
        let (room, choice) = room(&nix, Matter::Two);
        let report = room.run(&["find", "--json", "--memory", MEMORY]).exits_with(1).json();
        let why = &report["result"]["why"];
        assert_eq!(why["kind"], "only-together", "{:#}", report["result"]);
        let found: Vec<_> =
            why["searched"].as_array().unwrap().iter().map(|one| &one["result"]["commit"]["revision"]).collect();
        assert_eq!(found, [&choice.lib, &choice.theme], "with {}", nix.version);
        let kind = if nix.has_flakes() { "faithful" } else { "fast-only" };
        assert!(why["searched"].as_array().unwrap().iter().all(|one| one["confirmation"]["kind"] == kind), "{why:#}");
    }
}

#[test]
fn find_searches_what_an_edge_leads_to_and_names_both_edges() {
    for nix in every_nix() {
        let confirmed = if nix.has_flakes() { "by the user's own command" } else { "in fast mode only" };
        let (room, choice) = room(&nix, Matter::Edge);
        let run = room.run_small(&["find"]).exits_with(0);
        let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let edge = "Matters frame/panel/lib follows the input frame/lib now; it was git+file:";
        let commit = format!("Culprit {}", &choice.lib[..12]);
        for part in [edge, &commit, "Others do not matter: frame, theme", &format!("Confirmed {confirmed}")] {
            assert!(words.contains(part), "no {part}: {run}");
        }
    }
}

#[test]
fn find_goes_on_in_one_input_and_in_a_move_together_with_its_edge() {
    let Some(nix) = newest_nix() else { return };
    let (room_of_one, choice) = room(&nix, Matter::One);
    let report = room_of_one.run(&["find", "--json", "--memory", MEMORY]).exits_with(0).json();
    assert_eq!(report["result"]["commit"]["revision"], choice.lib);
    assert_eq!(report["input"]["isolation"], "suffices-and-needed");
    let (room_of_both, choice) = room(&nix, Matter::Followed);
    let report = room_of_both.run(&["find", "--json", "--memory", MEMORY]).exits_with(1).json();
    for searched in report["result"]["why"]["searched"].as_array().unwrap() {
        assert_eq!(searched["result"]["commit"]["revision"], choice.lib, "{searched:#}");
        assert_eq!(searched["confirmation"]["kind"], "faithful");
    }
}

#[test]
fn the_nix_version_is_named_where_it_makes_the_difference() {
    let nixes = every_nix();
    let [.., older, newest] = nixes.as_slice() else { return };
    let (room, _) = room(newest, Matter::One);
    let by = |good: &RealNix| {
        let program = good.program();
        room.run(&["find", "--json", "--memory", MEMORY, "--nix-good", program.to_str().unwrap()])
    };
    // The lock fails with both: the version makes no difference, and the search goes on.
    let run = by(older).exits_with(0);
    assert!(run.stderr.contains("it ends in the same way: the Nix version makes no difference"), "{run}");
    assert_eq!(run.json()["result"]["kind"], "culprit");
    let rule = format!("builtins.compareVersions builtins.nixVersion \"{}\" >= 0", newest.version);
    room.edit("flake.nix", "lib.value >= 5", &rule);
    let report = by(older).exits_with(0).json();
    let result = &report["result"];
    assert_eq!(result["kind"], "nix-version", "{result:#}");
    assert!(result["good"].as_str().unwrap().contains(&older.version), "{result:#}");
    assert!(result["bad"].as_str().unwrap().contains(&newest.version), "{result:#}");
    assert_eq!(
        (&report["good"]["verdict"]["verdict"], &report["bad"]["verdict"]["verdict"]),
        (&json!("good"), &json!("bad"))
    );
    let run = room.run_small(&["find", "--nix-good", "/no/such/nix"]).exits_with(129);
    assert!(run.stderr.contains("/no/such/nix"), "{run}");
    let rule = ["--bad-when", "nrThunks > +20%", "--nix-good", "/no/such/nix"];
    let run = room.run_small(&[&["find"][..], &rule].concat()).exits_with(129);
    assert!(run.stderr.contains("says nothing about another nix") && run.stderr.contains("name the limit"), "{run}");
}

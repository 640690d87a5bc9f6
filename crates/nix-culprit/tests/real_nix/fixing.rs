//! `fix`, and the last step of `find`: what helps, seen to work, best first, and nothing of the user is touched.

use std::collections::BTreeSet;
use std::fs;

use nix_culprit_sample::Options;
use serde_json::{Value, json};

use crate::machine::{every_nix, every_nix_with_flakes, newest_nix, sample_of, system, target};
use crate::room::{Room, finish};
use crate::traces::{Listing, nothing_goes_on};

fn works(report: &Value) -> &Vec<Value> {
    report["corrections"]["works"].as_array().unwrap_or_else(|| panic!("{:#}", report["corrections"]))
}

/// The commands of a correction.
fn commands(correction: &Value) -> Vec<&str> {
    correction["steps"].as_array().unwrap().iter().filter_map(|step| step["command"].as_str()).collect()
}

/// All derivations that the target needs with the lock as it is, by Nix's own word.
fn derivations(room: &Room) -> BTreeSet<String> {
    let drv_path = room.succeed(room.nix.program(), &["eval", "--raw", &target()]);
    let listed = room.succeed(room.nix.program().with_file_name("nix-store"), &["--query", "--requisites", &drv_path]);
    listed.lines().filter(|path| path.ends_with(".drv")).map(str::to_owned).collect()
}

#[test]
fn the_overlays_repair_goes_before_staying_at_the_culprits_parent_and_is_written_if_asked_for_with_every_nix() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        room.run(&["find", "--quiet", "--memory", "512M"]).exits_with(0);
        let kept = [&room.app, &room.sample.pkgs, &room.sample.overlay].map(|path| path.as_path());
        let before = Listing::of(&kept);
        let report = room.run(&["fix", "--json"]).exits_with(0).json();
        Listing::of(&kept).is_same_as(&before);
        nothing_goes_on(&room);

        let works = works(&report);
        let best = &works[0];
        assert_eq!(best["action"]["kind"], "forward", "{} {best:#}", nix.version);
        assert_eq!(best["action"]["input"], json!(["overlay"]));
        assert_eq!(best["action"]["reach"], "first");
        assert_eq!(best["action"]["to"]["revision"], room.sample.overlay_fixed);
        let parent = works.iter().find(|one| one["action"]["before"] == "culprit");
        let parent = parent.unwrap_or_else(|| panic!("{} {works:#?}", nix.version));
        assert_eq!(parent["action"]["to"]["revision"], room.sample.culprit_parent);
        let last = works.last().unwrap();
        assert_eq!(last["action"]["kind"], "revert", "{} {works:#?}", nix.version);
        assert_eq!(last["action"]["commit"]["revision"], room.sample.culprit);
        let patch = fs::read_to_string(room.case().join("revert.patch")).unwrap();
        assert!(patch.starts_with("diff --git a/python/packages/setuptools.nix"), "{patch}");
        for correction in works {
            let (proof, class) = (&correction["proof"]["kind"], &correction["observation"]["outcome"]["class"]);
            assert_eq!(class, "success", "{correction:#}");
            let derivations = &correction["derivations"];
            // Also of what was evaluated beside something else, in another store.
            assert_eq!(derivations.is_object(), nix.has_flakes(), "{} {correction:#}", nix.version);
            let all = derivations["all"].as_u64();
            assert!(all.is_none_or(|all| all > 1 && derivations["changed"].as_u64() <= Some(all)), "{derivations:#}");
            assert_eq!(proof, if nix.has_flakes() { "own" } else { "fast" }, "{} {correction:#}", nix.version);
        }
        if !nix.has_flakes() {
            continue;
        }
        room.make_good();
        let good = derivations(&room);
        room.copy(&room.sample.app.join("flake.lock"), &room.app.join("flake.lock"));
        // What it says to do does what it says.
        for correction in [best, parent] {
            let [command] = commands(correction)[..] else { panic!("{correction:#}") };
            let command = command.replacen("nix ", &format!("{} ", nix.program().display()), 1);
            room.succeed("sh", &["-ec", &command]);
            room.run_small(&["probe"]).exits_with(0);
            let all = derivations(&room);
            let counted = json!({ "all": all.len(), "changed": all.difference(&good).count() });
            assert_eq!(correction["derivations"], counted, "{}", nix.version);
            room.copy(&room.sample.app.join("flake.lock"), &room.app.join("flake.lock"));
            room.run_small(&["probe"]).exits_with(1);
        }
        writes_what_is_asked_for(&room, works);
    }
}

#[test]
fn find_says_what_helps_in_words_that_can_be_copied() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { seed: 14, commits: 60, ..Options::default() }));
    let run = finish(room.tool(&["find", "--memory", "512M"]).env_remove("NIX_CULPRIT_NO_FIX").spawn().unwrap());
    let run = run.exits_with(0);
    for part in
        ["Helps       1. move overlay on to", "nix flake lock --override-input overlay", "tried with: nix eval --raw"]
    {
        assert!(run.stdout.contains(part), "no {part}: {run}");
    }
    assert!(run.stderr.contains("does it help to move overlay on?"), "{run}");
    let page = fs::read_to_string(room.case().join("report.md")).unwrap();
    assert!(page.contains("### Corrections tried") && page.contains("1. move `overlay` on to"), "{page}");
    // All is known from before.
    let journal = || fs::read_to_string(room.case().join("journal.jsonl")).unwrap();
    let ran = |text: &str| text.matches("\"probe-finished\"").count();
    let before = ran(&journal());
    let report: Value = serde_json::from_slice(&fs::read(room.case().join("report.json")).unwrap()).unwrap();
    let told = report["corrections"].to_string();
    room.run(&["resume", "--quiet"]).exits_with(0);
    // What a busy machine had no time for is tried then; nothing else is.
    let is_late = ["were over", "It was not searched for an older commit"].iter().any(|late| told.contains(late));
    assert!(ran(&journal()) == before || is_late, "{before} became {}: {told}", ran(&journal()));
}

/// Has corrections written: the best one goes into the lock, and nothing else is touched.
fn writes_what_is_asked_for(room: &Room, works: &[Value]) {
    let lock = room.app.join("flake.lock");
    let before = fs::read(&lock).unwrap();
    let all = Listing::of(&[&room.app]);
    let refused = room.run(&["fix", "--apply", "1"]).exits_with(129);
    assert!(
        refused.stderr.contains("there is nobody to ask") && refused.stdout.contains("+++ b/flake.lock"),
        "{refused}"
    );
    // What was found is known to whoever chose a number.
    assert!(refused.stdout.trim_start().starts_with("1. move overlay on to"), "{refused}");
    let is_newest = newest_nix().is_some_and(|newest| newest == room.nix);
    if is_newest {
        for number in ["0".to_owned(), (works.len() + 1).to_string()] {
            let refused = room.run(&["fix", "--apply", &number, "--yes"]).exits_with(129);
            assert!(refused.stderr.contains(&format!("there is no correction {number}")), "{refused}");
        }
        let patch = room.run(&["fix", "--apply", &works.len().to_string(), "--yes"]).exits_with(129);
        assert!(patch.stderr.contains("cannot be written for you"), "{patch}");
        assert!(patch.stdout.contains("   revert.patch, beside the report"), "{patch}");
    }
    Listing::of(&[&room.app]).is_same_as(&all);

    let run = room.run(&["fix", "--apply", "1", "--yes"]).exits_with(0);
    // Its time is that of the folder, too; nothing was committed.
    assert_eq!(Listing::of(&[&room.app]).changed_since(&all), [room.app.as_path(), &lock]);
    let revisions = [
        format!("-        \"rev\": \"{}\"", room.sample.overlay_locked),
        format!("+        \"rev\": \"{}\"", room.sample.overlay_fixed),
    ];
    assert!(revisions.iter().all(|line| run.stdout.contains(line)), "{run}");
    assert!(run.stderr.contains("flake.lock has changes that are not committed"), "{run}");
    let after = fs::read(&lock).unwrap();
    assert_ne!(before, after);
    // The user's own Nix takes it as it is, and has nothing to add to it.
    room.succeed(room.nix.program(), &["eval", "--raw", &target()]);
    assert_eq!(fs::read(&lock).unwrap(), after, "{}", room.nix.version);
    if is_newest {
        let rest = room.run(&["fix", "--apply", "1", "--yes"]).exits_with(129);
        assert!(rest.stderr.contains("flake.lock has changed since the case began"), "{rest}");
    }
}

#[test]
fn where_nothing_helps_it_says_so_with_what_was_tried() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { seed: 14, commits: 60, ..Options::default() }));
    plant(&room, "throw \"planted\"");
    // Nothing was searched, so there is no commit to stay before; the input at fault is at its newest.
    room.run(&["explain", "--quiet", "--memory", "512M"]).exits_with(0);
    let run = room.run(&["fix"]).exits_with(1);
    for part in
        ["Helps       nothing of what was tried", "No help     ", "move overlay on to", "planted", "move tools on:"]
    {
        assert!(run.stdout.contains(part), "no {part}: {run}");
    }
    let refused = room.run(&["fix", "--apply", "1", "--yes"]).exits_with(129);
    assert!(refused.stderr.contains("there is no correction 1: 0 work"), "{refused}");
}

/// Has the bad lock evaluate to what a condition on it says, and the good one to what it did.
fn plant(room: &Room, planted: &str) {
    let lock: Value = serde_json::from_slice(&fs::read(room.app.join("flake.lock")).unwrap()).unwrap();
    let tools = lock["nodes"]["tools"]["locked"]["rev"].as_str().unwrap();
    let shell = "default = packages.callPackage ./shell.nix";
    let failing = format!("default = if tools.rev == \"{tools}\" then {planted} else packages.callPackage ./shell.nix");
    room.edit("flake.nix", shell, &failing);
}

#[test]
fn another_nix_that_is_at_hand_is_asked_for_the_failing_state() {
    let versions = every_nix_with_flakes();
    let (Some(old), Some(new)) = (versions.first(), versions.last()) else { return };
    if old == new {
        return;
    }
    let room = Room::with(old, sample_of(&Options { seed: 14, commits: 60, ..Options::default() }));
    let version = &new.version;
    let shell = format!("derivation {{ name = \"x\"; system = \"{}\"; builder = \"x\"; }}", system());
    plant(&room, &format!("if builtins.nixVersion == \"{version}\" then {shell} else throw \"too old\""));
    room.run(&["explain", "--quiet", "--memory", "512M"]).exits_with(0);
    let (own, other) = (old.program(), new.program());
    let without = room.run(&["fix", "--json"]).json();
    assert!(works(&without).iter().all(|one| one["action"]["program"] != json!(other)), "{:#}", without["corrections"]);
    // The user's own is no other one.
    let arguments = ["fix", "--json", "--nix", own.to_str().unwrap(), "--nix", other.to_str().unwrap()];
    let report = room.run(&arguments).exits_with(0).json();
    let of_nix: Vec<&Value> = works(&report).iter().filter(|one| one["action"]["kind"] == "nix").collect();
    let [one] = of_nix[..] else { panic!("{:#}", report["corrections"]) };
    let expected = json!({ "kind": "nix", "version": format!("Nix {version}"), "program": other });
    assert_eq!(one["action"], expected);
    let command = one["proof"]["command"].as_str().unwrap();
    assert_eq!(command, format!("{} eval --raw {}", other.display(), target()));
    room.succeed("sh", &["-ec", command]);
    // What was asked for once is known to the case.
    let again = room.run(&["resume", "--json"]).exits_with(0).json();
    assert_eq!(works(&again), works(&report));
    nothing_goes_on(&room);
}

#[test]
fn what_nixpkgs_refuses_is_allowed_by_the_users_own_command_with_every_nix() {
    for nix in every_nix() {
        let room = Room::with(&nix, sample_of(&Options { seed: 14, commits: 60, ..Options::default() }));
        let refusal = "Package ‘planted-1.0’ in ${toString ./.}/flake.nix:7 has an unfree license (‘unfree’), refusing to \
                       evaluate.\\n\\na) To temporarily allow unfree packages";
        plant(
            &room,
            &format!(
                "if builtins.getEnv \"NIXPKGS_ALLOW_UNFREE\" == \"1\" then derivation {{ name = \"planted\"; system \
                 = \"{}\"; builder = \"x\"; }} else throw \"{refusal}\"",
                system()
            ),
        );
        room.run(&["explain", "--quiet", "--memory", "512M"]).exits_with(0);
        let before = Listing::of(&[&room.app]);
        let run = room.run(&["fix", "--json"]);
        Listing::of(&[&room.app]).is_same_as(&before);
        let report = run.json();
        let allow: Vec<&Value> = works(&report).iter().filter(|one| one["action"]["kind"] == "allow").collect();
        if !nix.has_flakes() {
            assert!(allow.is_empty(), "{} {:#}", nix.version, report["corrections"]);
            let untried = report["corrections"]["untried"].as_array().unwrap();
            let what = untried.iter().find(|one| one["what"] == "allow it: NIXPKGS_ALLOW_UNFREE=1").unwrap();
            assert!(what["why"].as_str().unwrap().contains("has no flakes"), "{what:#}");
            continue;
        }
        let [one] = allow[..] else { panic!("{} {:#}", nix.version, report["corrections"]) };
        assert_eq!(one["action"]["setting"], "NIXPKGS_ALLOW_UNFREE=1");
        assert_eq!(one, works(&report).last().unwrap(), "what accepts it comes last: {:#}", report["corrections"]);
        let command = one["proof"]["command"].as_str().unwrap();
        assert_eq!(command, format!("NIXPKGS_ALLOW_UNFREE=1 nix eval --impure --raw {}", target()));
        let command = command.replacen("nix ", &format!("{} ", nix.program().display()), 1);
        room.succeed("sh", &["-ec", &command]);
        nothing_goes_on(&room);
    }
}

#[test]
fn a_repair_that_nobody_has_merged_is_found_among_pull_requests() {
    // The sample is changed, so no other test has it.
    let sample = sample_of(&Options { seed: 15, commits: 60, ..Options::default() });
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample.clone());
    let git = |arguments: &[&str]| room.git(&[&["-C", sample.overlay.to_str().unwrap()], arguments].concat());
    let repair = &sample.overlay_fixed;
    let before = git(&["rev-parse", &format!("{repair}~1")]);
    let tree = git(&["rev-parse", &format!("{before}^{{tree}}")]);
    let idle = git(&["commit-tree", &tree, "-p", &before, "-m", "nothing of use"]);
    let old = git(&["rev-list", "--max-parents=0", &before]);
    git(&["update-ref", "refs/heads/main", &before]);
    for (name, commit) in
        [("refs/pull/6/head", &old), ("refs/pull/7/head", repair), ("refs/merge-requests/8/head", &idle)]
    {
        git(&["update-ref", name, commit]);
    }
    room.run(&["explain", "--quiet", "--memory", "256M"]).exits_with(0);
    room.run(&["fix"]).exits_with(1);
    let report = room.run(&["fix", "--json", "--pull-requests"]).exits_with(0).json();
    let corrections = &report["corrections"];
    let taken: Vec<&Value> = works(&report).iter().filter(|one| one["action"]["kind"] == "pull-request").collect();
    let [one] = taken[..] else { panic!("{} {corrections:#}", nix.version) };
    assert_eq!(one["action"]["reference"], "refs/pull/7/head");
    assert_eq!(one["action"]["to"]["revision"], *repair);
    let failed = corrections["failed"].as_array().unwrap();
    let told = format!("take merge request 8 ({}) of overlay: nothing of use", &idle[..12]);
    assert!(failed.iter().any(|one| one["what"] == told), "{corrections:#}");
    // One that began before what is locked is not asked.
    assert!(!corrections.to_string().contains("pull request 6 "), "{corrections:#}");
    let [command] = commands(one)[..] else { panic!("{one:#}") };
    assert!(command.contains("ref=refs/pull/7/head&rev="), "{command}");
    let command = command.replacen("nix ", &format!("{} ", nix.program().display()), 1);
    room.succeed("sh", &["-ec", &command]);
    room.run_small(&["probe"]).exits_with(0);
    nothing_goes_on(&room);
}

//! `matrix` on real Nix: what makes the difference in one look, every axis, and that a table can be gone on with.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::machine::{every_nix, every_nix_with_flakes, newest_nix};
use crate::room::{Room, eventually, finish};
use crate::traces::{Listing, nothing_goes_on};

/// The outcomes of a table by the levels on its axes, such as `pkgs=bad`.
fn outcomes(table: &Value) -> BTreeMap<String, String> {
    let cells = table["cells"].as_array().unwrap().iter().map(|cell| {
        let levels = cell["levels"].as_object().unwrap();
        let levels = levels.iter().map(|(axis, level)| format!("{axis}={}", level.as_str().unwrap()));
        let outcome = cell["seen"]["outcome"].as_str().unwrap_or("none").to_owned();
        (levels.collect::<Vec<_>>().join(" "), outcome)
    });
    cells.collect()
}

fn effect(table: &Value, axis: &str) -> (u64, u64) {
    let effects = table["effects"].as_array().unwrap();
    let effect = effects.iter().find(|effect| effect["axis"] == axis).unwrap();
    (effect["differing"].as_u64().unwrap(), effect["pairs"].as_u64().unwrap())
}

#[test]
fn versions_of_nix_and_other_inputs_do_not_matter_and_the_package_set_does() {
    let Some(newest) = newest_nix() else { return };
    let room = Room::new(&newest);
    let before = Listing::of(&[&room.app]);
    let every = every_nix();
    let programs: Vec<String> = every.iter().map(|nix| nix.program().display().to_string()).collect();
    let mut arguments = vec!["matrix"];
    programs.iter().for_each(|program| arguments.extend(["--nix", program]));
    let table = room.run_small(&[&arguments[..], &["--json"]].concat()).exits_with(0).json();
    Listing::of(&[&room.app]).is_same_as(&before);
    nothing_goes_on(&room);
    let nix = every.len();
    assert_eq!(table["cells"].as_array().unwrap().len(), 4 * nix, "{table:#}");
    for (levels, outcome) in outcomes(&table) {
        let expected = if levels.contains("pkgs=bad") { "out-of-memory" } else { "success" };
        assert_eq!(outcome, expected, "{levels}");
    }
    let nix = u64::try_from(nix).unwrap();
    assert_eq!(effect(&table, "pkgs"), (2 * nix, 2 * nix));
    assert_eq!(effect(&table, "tools"), (0, 2 * nix));
    if nix > 1 {
        assert_eq!(effect(&table, "nix"), (0, 4 * nix * (nix - 1) / 2));
    }
    // The same for people, in the case's folder.
    let page = fs::read_to_string(room.case().join("matrix.md")).unwrap();
    assert_eq!(room.run(&["report"]).exits_with(0).stdout, page);
    let run = room.run(&["report", "--format", "html"]).exits_with(129);
    assert!(run.stderr.contains("is a table, which has no such form"), "{run}");
    assert!(page.contains("`pkgs`: makes the difference, in all of"), "{page}");
    assert!(page.contains("`tools`: makes no difference"), "{page}");
}

#[test]
fn locks_and_revisions_are_axes() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let table = room.run_small(&["matrix", "--json", "--lock", "flake.lock", "--lock", "HEAD"]).exits_with(0).json();
    let ends: Vec<_> = outcomes(&table).into_values().collect();
    assert_eq!(ends.len(), 2);
    assert!(ends.contains(&"success".to_owned()) && ends.contains(&"out-of-memory".to_owned()), "{table:#}");

    let (culprit, parent) = (&room.sample.culprit, &room.sample.culprit_parent);
    let revisions = [&format!("pkgs={culprit}"), &format!("pkgs={parent}"), "overlay=main"];
    let options: Vec<&str> = revisions.iter().flat_map(|revision| ["--rev", revision]).collect();
    let table = room.run_small(&[&["matrix", "--json"], &options[..]].concat()).exits_with(0).json();
    assert!(outcomes(&table).values().all(|outcome| outcome == "success"), "the newest overlay repairs it: {table:#}");
    let table = room.run_small(&[&["matrix", "--json"], &options[..4]].concat()).exits_with(0).json();
    let nix = format!("Nix {}", room.nix.version);
    let expected = [(culprit, "out-of-memory"), (parent, "success")];
    let expected = expected.map(|(commit, outcome)| (format!("pkgs={commit} nix={nix}"), outcome.to_owned()));
    assert_eq!(outcomes(&table), BTreeMap::from(expected));
}

#[test]
fn a_follows_can_be_switched_off() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    // The overlay's own lock has the good package set.
    let overlay = room.path("overlay");
    let from = room.sample.overlay.to_str().unwrap();
    room.git(&["clone", "-q", from, overlay.to_str().unwrap()]);
    let lock: Value = serde_json::from_slice(&fs::read(room.app.join("flake.lock")).unwrap()).unwrap();
    let mut pkgs = lock["nodes"]["pkgs"].clone();
    pkgs["locked"] = json!({
        "type": "git", "url": pkgs["locked"]["url"], "rev": room.sample.culprit_parent, "ref": "main",
    });
    let own =
        json!({ "version": 7, "root": "root", "nodes": { "root": { "inputs": { "pkgs": "pkgs" } }, "pkgs": pkgs } });
    fs::write(overlay.join("flake.lock"), own.to_string()).unwrap();
    let git = |arguments: &[&str]| room.git(&[&["-C", overlay.to_str().unwrap()], arguments].concat());
    git(&["add", "-f", "flake.lock"]);
    git(&["commit", "-q", "-m", "lock"]);
    let rev = format!("overlay={}", git(&["rev-parse", "HEAD"]));
    let repo = format!("overlay={}", overlay.display());
    let arguments = ["--rev", &rev, "--repo", &repo, "--follows", "overlay/pkgs"];
    // At its own lock's revision the overlay of the sample is not known: without it the clone has no lock file.
    let unknown = room.run_small(&["matrix", "--follows", "overlay/pkgs"]).exits_with(129);
    assert!(unknown.stderr.contains("overlay has no flake.lock"), "{unknown}");
    let table = room.run_small(&[&["matrix", "--json"], &arguments[..]].concat()).exits_with(0).json();
    let axis = &table["axes"][1];
    assert_eq!(axis, &json!({ "name": "overlay/pkgs", "levels": ["follows pkgs", "its own"] }), "{table:#}");
    assert_eq!(table["cells"].as_array().unwrap().len(), 2);
}

#[test]
fn what_cannot_be_looked_at_is_said_in_its_cell_or_before_all() {
    let versions = every_nix();
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let nowhere = format!("pkgs={}", "0123456789".repeat(4));
    let run = room.run_small(&["matrix", "--rev", &nowhere]).exits_with(1);
    assert!(run.stdout.contains("fetch failure"), "{run}");
    for (arguments, message) in [
        (vec!["--rev", "pkgs=nowhere"], "no commit `nowhere`"),
        (vec!["--rev", "gone=main"], "no input `gone`"),
        (vec!["--input", "systems"], "does not differ"),
        (vec!["--lock", "nowhere"], "nowhere"),
        (vec!["--nix", "/bin/true"], "did not print the version"),
        (vec!["--nix", "/does/not/exist"], "cannot be used as nix"),
        (vec!["--nix-from", ".#nope"], "did not build a Nix"),
        (vec!["--attr", "nope", "--lock", "HEAD"], "the flake has none of"),
        (vec!["--follows", "pkgs"], "write it as INPUT/INPUT"),
        (vec!["--follows", "overlay/gone=pkgs"], "no input `overlay/gone`"),
        (vec!["--lock", "HEAD", "--input", "pkgs"], "cannot be used with"),
    ] {
        let run = room.run_small(&[&["matrix"], &arguments[..]].concat()).exits_with(129);
        assert!(run.stderr.contains(message), "{arguments:?}: {run}");
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    let other = room.path("other.lock");
    fs::write(&other, r#"{"version":99,"root":"r","nodes":{"r":{}}}"#).unwrap();
    let run = room.run_small(&["matrix", "--lock", other.to_str().unwrap()]).exits_with(129);
    assert!(run.stderr.contains("version is 99"), "{run}");
    if let Some(old) = versions.iter().find(|nix| !nix.has_flakes()) {
        let (old, new) = (old.program(), nix.program());
        let both = ["--nix", old.to_str().unwrap(), "--nix", new.to_str().unwrap()];
        let run = room.run_small(&[&["matrix", "--faithful", "--lock", "HEAD"], &both[..]].concat()).exits_with(1);
        assert!(run.stdout.contains("could not look") && run.stdout.contains("has no flakes"), "{run}");
    }
    nothing_goes_on(&room);
}

#[test]
fn the_faithful_way_comes_to_the_same_table() {
    let Some(nix) = every_nix_with_flakes().into_iter().next() else { return };
    let room = Room::new(&nix);
    let table = |more: &[&str]| {
        let arguments = [&["matrix", "--json", "--input", "pkgs"], more].concat();
        room.run_small(&arguments).exits_with(0).json()
    };
    assert_eq!(outcomes(&table(&[])), outcomes(&table(&["--faithful"])));
}

#[test]
fn an_interrupted_table_is_gone_on_with() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let commits: Vec<String> = room.sample.truth.iter().take(40).map(|(commit, _)| format!("pkgs={commit}")).collect();
    let mut arguments = vec!["matrix", "--memory", "256M"];
    commits.iter().for_each(|commit| arguments.extend(["--rev", commit]));
    let finished = || {
        let journal = room.cases().pop().map(|case| case.join("journal.jsonl"));
        let text = journal.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        text.lines().filter(|line| line.contains("\"probe-finished\"") && !line.contains("\"interrupted\"")).count()
    };
    let child = room.tool(&arguments).spawn().unwrap();
    eventually("the middle of the table", || finished() >= 3);
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let run = finish(child);
    assert_eq!(run.code, Some(130), "{run}");
    assert!(run.stdout.contains("not run") && run.stdout.contains("ok, "), "what is known is shown: {run}");
    assert!(run.stderr.contains("40 evaluations, 39 still to run"), "{run}");
    nothing_goes_on(&room);
    let before = finished();
    assert!(before < 40);
    let table = room.run(&["resume", "--json"]).json();
    assert_eq!(table["cells"].as_array().unwrap().len(), 40);
    assert!(outcomes(&table).values().all(|outcome| outcome != "none"), "{table:#}");
    assert_eq!(finished(), 40, "no cell is evaluated twice");
    nothing_goes_on(&room);
}

/// Real builds come to nothing here: what is built for a store in another folder cannot be run from outside of it.
#[test]
fn a_nix_that_another_one_builds_is_asked() {
    let (Some(nix), Some(old)) = (newest_nix(), every_nix().into_iter().next()) else { return };
    let room = Room::new(&nix);
    let (real, built) = (nix.programs.display(), old.programs.display());
    let script = |name: &str| {
        format!(
            "#!/bin/sh\nif [ \"$1\" = build ]; then [ \"$6\" = .#old ] || exit 1; mkdir \"$5\"; ln -s {built} \"$5/bin\"; \
             else exec {real}/{name} \"$@\"; fi\n"
        )
    };
    let folder = room.path("builder");
    fs::create_dir(&folder).unwrap();
    for name in ["nix", "nix-instantiate"] {
        fs::write(folder.join(name), script(name)).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let program = folder.join("nix");
    let arguments = ["matrix", "--json", "--lock", "HEAD", "--nix", program.to_str().unwrap(), "--nix-from", ".#old"];
    let table = room.run_small(&arguments).exits_with(0).json();
    let versions = json!([format!("Nix {}", nix.version), format!("Nix {}", old.version)]);
    assert_eq!(table["axes"][1]["levels"], versions, "{table:#}");
    assert_eq!(effect(&table, "nix"), (0, 1));
}

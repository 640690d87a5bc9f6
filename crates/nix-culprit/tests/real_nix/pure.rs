//! The pure way: the user's own command sees the inputs at their true store paths, and nothing is fetched.

use serde_json::{Value, json};

use crate::machine::{RealNix, every_nix_with_flakes, newest_nix, say};
use crate::room::{MEMORY, Room};
use crate::traces::{Listing, nothing_goes_on};
use nix_culprit_sample::State;

/// A room whose flake has a derivation that holds all that an evaluation can learn of an input.
fn telling(nix: &RealNix) -> Room {
    let room = Room::new(nix);
    let told = "told = derivation { name = \"told\"; system = \"x\"; builder = \"/bin/sh\"; args = [ \"${pkgs}\" \
                pkgs.outPath pkgs.rev pkgs.shortRev pkgs.narHash (toString pkgs.lastModified) pkgs.lastModifiedDate \
                (toString pkgs.revCount) (toString (builtins.length (builtins.attrNames (builtins.readDir pkgs)))) ]; };";
    room.edit("flake.nix", "packages = each", &format!("{told}\n      packages = each"));
    room.make_good();
    room
}

fn drv_path(room: &Room, arguments: &[&str]) -> String {
    let run = room.run(&[&["probe", "--json", "--attr", "told", "--memory", MEMORY], arguments].concat());
    let value = run.exits_with(0).json();
    value["observation"]["drv_path"].as_str().unwrap().to_owned()
}

/// What Nix fetched and copied for a user.
fn fetched(room: &Room) -> Vec<String> {
    let names = |folder| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let cached = names(room.home.join(".cache/nix")).map(|entry| entry.file_name().to_string_lossy().into_owned());
    cached.filter(|name| name.starts_with("git") || name.starts_with("tarball")).collect()
}

/// When the store paths of whole sources were put into the private caches of cases: ours say 1, those of Nix tell the time.
fn told_of_sources(room: &Room) -> Vec<i64> {
    let databases = room.cases().into_iter().map(|case| case.join("store.cache/nix/fetcher-cache-v3.sqlite"));
    let times = databases.filter(|database| database.exists()).map(|database| {
        let connection = rusqlite::Connection::open(database).unwrap();
        let query = r#"SELECT timestamp FROM Cache WHERE domain = 'fetchToStore' AND key LIKE '%"path":"/",%'"#;
        let mut select = connection.prepare(query).unwrap();
        select.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<i64>, _>>().unwrap()
    });
    times.flatten().collect()
}

#[test]
fn all_that_a_derivation_can_hold_of_an_input_is_as_if_it_was_fetched() {
    for nix in every_nix_with_flakes() {
        let room = telling(&nix);
        let at = format!("pkgs={}", room.some_commit(State::Good));
        let before = Listing::of(&[&room.app]);
        let pure = [drv_path(&room, &["--pure"]), drv_path(&room, &["--pure", "--at", &at])];
        assert_eq!(fetched(&room), Vec::<String>::new(), "with {}", nix.version);
        Listing::of(&[&room.app]).is_same_as(&before);
        nothing_goes_on(&room);

        let own = room.succeed(nix.program(), &["eval", "--raw", ".#told.drvPath"]);
        let reference = format!("git+file://{}?ref=main&rev={}", room.sample.pkgs.display(), &at[5..]);
        let other = ["eval", "--raw", "--override-input", "pkgs", &reference, "--no-write-lock-file", ".#told.drvPath"];
        assert_eq!(pure, [own, room.succeed(nix.program(), &other)], "with {}", nix.version);
        assert_ne!(fetched(&room), Vec::<String>::new(), "what shows a fetch would have shown one");
    }
}

#[test]
fn an_input_without_a_clone_is_taken_from_the_users_store_or_fetched() {
    for nix in every_nix_with_flakes() {
        let room = telling(&nix);
        let plain = room.path("plain");
        std::fs::create_dir(&plain).unwrap();
        std::fs::write(plain.join("flake.nix"), "{ outputs = _: { n = \"7\"; }; }").unwrap();
        room.edit(
            "flake.nix",
            "    tools.url",
            &format!("    plain.url = \"path:{}\";\n    tools.url", plain.display()),
        );
        room.edit("flake.nix", "      tools,\n", "      tools,\n      plain,\n");
        room.edit("flake.nix", "pkgs.rev pkgs.shortRev", "\"${plain}\" plain.n pkgs.rev pkgs.shortRev");
        let own = room.succeed(nix.program(), &["eval", "--raw", ".#told.drvPath"]);
        // It is in the user's store now, and at its place there is something else.
        std::fs::write(plain.join("flake.nix"), "{ outputs = _: { n = \"8\"; }; }").unwrap();
        assert_eq!(drv_path(&room, &["--pure"]), own, "with {}", nix.version);
    }
}

#[test]
fn the_pure_way_sees_the_same_failures() {
    for nix in every_nix_with_flakes() {
        let room = Room::new(&nix);
        let bad = room.run_small(&["probe", "--json", "--pure"]).exits_with(1);
        assert_eq!(bad.json()["observation"]["outcome"]["class"], "out-of-memory", "{bad}");
        let at = format!("pkgs={}", room.some_commit(State::Broken));
        let outcome = |way: &[&str]| {
            let run = room.run_small(&[&["probe", "--json", "--at", &at], way].concat()).exits_with(1);
            run.json()["observation"]["outcome"].clone()
        };
        let (fast, pure) = (outcome(&[]), outcome(&["--pure"]));
        assert_eq!(fast["message"], pure["message"], "with {}", nix.version);
        assert_eq!(fast["position"]["file"], pure["position"]["file"], "with {}", nix.version);
    }
}

#[test]
fn where_the_lock_has_another_hash_than_git_the_inputs_are_fetched_with_a_word() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let text = std::fs::read_to_string(room.app.join("flake.lock")).unwrap();
    let mut lock: Value = serde_json::from_str(&text).unwrap();
    lock["nodes"]["pkgs"]["locked"]["narHash"] = json!("sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    std::fs::write(room.app.join("flake.lock"), lock.to_string()).unwrap();
    let at = format!("pkgs={}", room.sample.good);
    let refused = room.run_small(&["probe", "--pure", "--at", &at]).exits_with(129);
    assert!(refused.stderr.contains("the lock has another hash than git's objects"), "{refused}");
    // Who builds on the wrong hash sees the mismatch; a search does not: the fast way asks for no hash.
    let report = room.run_small(&["find", "--json"]).exits_with(0);
    let confirmation = &report.json()["confirmation"];
    assert_eq!(confirmation["kind"], "faithful", "{report}");
    assert_eq!(confirmation["inputs-were"], "fetched", "{report}");
    assert!(report.stderr.contains("your own command fetches its inputs"), "{report}");
}

#[test]
fn a_build_during_the_evaluation_is_left_to_the_users_own_store() {
    let Some(nix) = newest_nix() else { return };
    let room = telling(&nix);
    let ifd = "(import (derivation { name = \"n\"; system = builtins.currentSystem or \"x86_64-linux\"; builder = \"/bin/sh\"; \
               args = [ \"-c\" \"echo 7 > $out\" ]; }))";
    room.edit("flake.nix", "pkgs.rev pkgs.shortRev", &format!("(toString {ifd}) pkgs.rev pkgs.shortRev"));
    let run = room.run_small(&["probe", "--json", "--pure", "--attr", "told"]).exits_with(1);
    assert_eq!(run.json()["observation"]["outcome"]["class"], "import-from-derivation", "{run}");
}

#[test]
fn a_culprit_can_be_confirmed_with_and_without_fetching() {
    for nix in every_nix_with_flakes() {
        let room = Room::new(&nix);
        let confirmation = |arguments: &[&str]| {
            let report = room.run(&[&["find", "--json", "--memory", MEMORY], arguments].concat()).exits_with(0).json();
            assert_eq!(report["confirmation"]["kind"], "faithful");
            let mut modes = report["probes"].as_array().unwrap().iter().map(|probe| probe["mode"].as_str().unwrap());
            (report["confirmation"]["inputs-were"].clone(), modes.next_back().unwrap().to_owned())
        };
        assert_eq!(confirmation(&[]), (json!("at-store-paths"), "pure".to_owned()), "with {}", nix.version);
        assert_eq!(fetched(&room), Vec::<String>::new(), "with {}", nix.version);
        let told = told_of_sources(&room);
        assert_eq!(told.is_empty(), !nix.version.starts_with("2.26."), "with {}", nix.version);
        assert!(told.iter().all(|time| *time == 1), "Nix hashed a source itself: {told:?}");
        assert_eq!(confirmation(&["--confirm-fetched"]), (json!("fetched"), "faithful".to_owned()));
        assert_ne!(fetched(&room), Vec::<String>::new());
        if nix.version.starts_with("2.26.") {
            // The user's cache is as Nix leaves it after a fetch.
            confirmation(&[]);
            let told = told_of_sources(&room);
            assert!(!told.is_empty() && told.iter().all(|time| *time == 1), "Nix hashed a source itself: {told:?}");
        }
        nothing_goes_on(&room);
    }
}

/// The small one has no room for the private store, larger ones for what is written while Nix runs in it, or later.
#[test]
fn where_the_disk_is_full_a_pure_probe_is_an_error_and_never_a_verdict() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let state = room.home.join(".local/state");
    std::fs::create_dir_all(&state).unwrap();
    for size in ["size=4m", "size=9m", "size=16m"] {
        let arguments = ["-t", "tmpfs", "-o", size, "tmpfs", state.to_str().unwrap()];
        if !std::process::Command::new("mount").args(arguments).output().is_ok_and(|output| output.status.success()) {
            say("skipped: a full disk in a pure probe (a tmpfs cannot be mounted here)");
            return;
        }
        let run = room.run(&["--quiet", "find", "--no-explain", "--memory", MEMORY]);
        assert!(std::process::Command::new("umount").arg(&state).status().unwrap().success());
        if size == "size=4m" || run.code != Some(0) {
            let full = run.exits_with(129);
            assert!(full.stderr.contains("hint: make room"), "{size}: {full}");
        }
    }
    nothing_goes_on(&room);
}

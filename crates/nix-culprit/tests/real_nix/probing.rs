//! `probe` and `guard` on real evaluations: exit codes, criteria, and that the fast way tells the truth.

use nix_culprit_sample::State;

use crate::machine::{every_nix, every_nix_with_flakes, newest_nix, target};
use crate::room::{MEMORY, Room, Run};
use crate::traces::{Listing, nothing_goes_on};

const BUDGET: [&str; 2] = ["--memory", MEMORY];

fn class(run: &Run) -> String {
    run.json()["observation"]["outcome"]["class"].as_str().unwrap().to_owned()
}

#[test]
fn the_exit_code_says_good_or_bad_with_every_nix() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        let bad = room.run_small(&["probe", "--json"]).exits_with(1);
        assert_eq!(class(&bad), "out-of-memory", "{bad}");
        let at = format!("pkgs={}", room.sample.culprit_parent);
        let good = room.run_small(&["probe", "--json", "--at", &at]).exits_with(0);
        assert_eq!(class(&good), "success", "{good}");
        let at = format!("pkgs={}", room.some_commit(State::Broken));
        let broken = room.run_small(&["probe", "--json", "--at", &at]).exits_with(1);
        assert_eq!(class(&broken), "evaluation-error", "{broken}");
        // The other input that was updated makes no difference.
        let at = format!("overlay={}", room.sample.overlay_fixed);
        room.run_small(&["probe", "--at", &at]).exits_with(0);
        nothing_goes_on(&room);
    }
}

#[test]
fn the_fast_way_the_faithful_way_and_plain_nix_come_to_the_same_derivation() {
    for nix in every_nix_with_flakes() {
        let room = Room::new(&nix);
        room.make_good();
        let before = Listing::of(&[&room.app]);
        let drv_path = |arguments: &[&str]| {
            let run = room.run(&[&["probe", "--json"], &BUDGET[..], arguments].concat()).exits_with(0);
            let value = run.json();
            let target = value["target"].as_str().unwrap().to_owned();
            (value["observation"]["drv_path"].as_str().unwrap().to_owned(), target)
        };
        let (fast, target) = drv_path(&[]);
        let (faithful, _) = drv_path(&["--faithful"]);
        Listing::of(&[&room.app]).is_same_as(&before);
        assert_eq!(fast, faithful, "with {}", nix.version);
        // What the user does, in the repository and in a copy without git.
        let own = room.succeed(nix.program(), &["eval", "--raw", &format!(".#{target}.drvPath")]);
        assert_eq!(fast, own, "with {}", nix.version);
        let plain = room.path("plain");
        room.copy(&room.app, &plain);
        std::fs::remove_dir_all(plain.join(".git")).unwrap();
        let plain = format!("path:{}#{target}.drvPath", plain.display());
        assert_eq!(fast, room.succeed(nix.program(), &["eval", "--raw", &plain]), "with {}", nix.version);
        // And with an input at another revision, where a lock made by Nix itself is the truth.
        let at = format!("pkgs={}", room.sample.culprit_parent);
        let (fast, _) = drv_path(&["--at", &at]);
        let (faithful, _) = drv_path(&["--at", &at, "--faithful"]);
        let reference = format!("git+file://{}?rev={}", room.sample.pkgs.display(), room.sample.culprit_parent);
        let own = ["eval", "--raw", "--override-input", "pkgs", &reference, "--no-write-lock-file"];
        let own = room.succeed(nix.program(), &[&own[..], &[&format!(".#{target}.drvPath")]].concat());
        assert_eq!([&fast, &faithful], [&own, &own], "with {}", nix.version);
    }
}

#[test]
fn configurations_are_targets_by_name_with_every_nix() {
    let others = "homeConfigurations.\"me@a.b\".activationPackage = derivation { name = \"home\"; builder = \"x\"; \
                  system = \"x\"; };\n darwinConfigurations.mac.system = derivation { name = \"mac\"; builder = \
                  \"x\"; system = \"x\"; };\n nixosConfigurations.feedserver";
    for nix in every_nix() {
        let room = Room::new(&nix);
        room.edit("flake.nix", "nixosConfigurations.feedserver", others);
        room.make_good();
        for (option, name, target) in [
            ("--nixos", "feedserver", "nixosConfigurations.feedserver.config.system.build.toplevel"),
            ("--home", "me@a.b", "homeConfigurations.\"me@a.b\".activationPackage"),
            ("--darwin", "mac", "darwinConfigurations.mac.system"),
        ] {
            let value = room.run_small(&["probe", "--json", option, name]).exits_with(0).json();
            assert_eq!(value["target"], target, "with {}", nix.version);
        }
        let absent = room.run_small(&["probe", "--nixos", "mailserver"]).exits_with(129);
        assert!(absent.stderr.contains("none of nixosConfigurations.mailserver.config"), "{absent}");
        for arguments in [["--nixos", ".#box"], ["--home", ""]] {
            let refused = room.run_small(&[&["probe"], &arguments[..]].concat()).exits_with(129);
            assert!(refused.stderr.contains("no name of a configuration"), "{refused}");
        }
        room.run_small(&["probe", "--nixos", "a", "--attr", "b"]).exits_with(129);
    }
}

#[test]
fn the_faithful_way_sees_the_same_failure() {
    for nix in every_nix_with_flakes() {
        let room = Room::new(&nix);
        let bad = room.run_small(&["probe", "--json", "--faithful"]).exits_with(1);
        assert_eq!(class(&bad), "out-of-memory", "{bad}");
        let at = format!("pkgs={}", room.some_commit(State::Broken));
        let fast = room.run_small(&["probe", "--json", "--at", &at]).exits_with(1).json();
        let faithful = room.run_small(&["probe", "--json", "--at", &at, "--faithful"]).exits_with(1).json();
        let message = |value: &serde_json::Value| value["observation"]["outcome"]["message"].clone();
        assert_eq!(message(&fast), message(&faithful), "with {}", nix.version);
    }
}

#[test]
fn what_is_bad_can_be_said() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let broken = format!("pkgs={}", room.some_commit(State::Broken));
    let message = room.run_small(&["probe", "--json", "--at", &broken]).json();
    let message = message["observation"]["outcome"]["message"].as_str().unwrap().to_owned();
    let pattern = message.replace(|c: char| !c.is_ascii_alphanumeric(), ".");
    let part = format!("message~^{pattern}$");
    let check = |bad_when: &str, arguments: &[&str], code: i32| {
        let run = room.run(&[&["probe", "--bad-when", bad_when], &BUDGET[..], arguments].concat());
        assert_eq!(run.code, Some(code), "--bad-when {bad_when} {arguments:?}: {run}");
    };
    check("out-of-memory", &[], 1);
    check("any-failure", &[], 1);
    check("timeout", &[], 125);
    check("message~memory", &[], 125);
    check("out-of-memory", &["--at", &broken], 125);
    check("any-failure", &["--at", &broken], 1);
    check(&part, &["--at", &broken], 1);
    check("message~nothing like it", &["--at", &broken], 125);
    let good = format!("pkgs={}", room.sample.good);
    check("out-of-memory", &["--at", &good], 0);
    check("any-failure", &["--at", &good], 0);
}

#[test]
fn an_evaluation_without_end_is_ended_in_time() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    // Two to the 60th steps, none of which keeps anything.
    let endless = "let count = n: n == 0 || (count (n - 1) && count (n - 1)); in count 60";
    room.edit("shell.nix", "name = ", &format!("name = assert {endless}; "));
    room.make_good();
    let run = room.run(&["probe", "--json", "--memory", "1G", "--timeout", "2s"]).exits_with(1);
    assert_eq!(class(&run), "time-out", "{run}");
    let bad_when = |rule: &str| room.run(&["probe", "--memory", "1G", "--timeout", "1s", "--bad-when", rule]);
    bad_when("timeout").exits_with(1);
    bad_when("out-of-memory").exits_with(125);
    nothing_goes_on(&room);
}

#[test]
fn a_check_of_the_users_own_follows_the_contract_of_git_bisect_run() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let before = Listing::of(&[&room.app]);
    let check = |script: &str| room.run_small_with_check(&["probe"], &["sh", "-c", script]);
    check("exit 0").exits_with(0);
    check("exit 1").exits_with(1);
    let failed = check("exit 77").exits_with(1);
    assert!(failed.to_string().contains("your check exited with status 77"), "{failed}");
    check("exit 127").exits_with(1);
    check("exit 125").exits_with(125);
    let stopped = check("exit 128").exits_with(129);
    assert!(stopped.stderr.contains("the script exited with status 128"), "{stopped}");
    let killed = check("kill -TERM $$").exits_with(129);
    assert!(killed.stderr.contains("ended by signal 15"), "{killed}");
    // It runs in a copy with the lock in it, which it may even write to.
    check("grep -q lock2py flake.nix package.nix && echo >>flake.nix && echo >>flake.lock").exits_with(0);
    let at = format!("pkgs={}", room.sample.culprit_parent);
    let grep = format!("grep -q {} flake.lock && ! grep -q {} flake.lock", room.sample.culprit_parent, room.sample.bad);
    room.run_small_with_check(&["probe", "--at", &at], &["sh", "-c", &grep]).exits_with(0);
    let eval = format!("\"{}\" eval {}", nix.program().display(), target());
    check(&eval).exits_with(1);
    room.run_small_with_check(&["probe", "--at", &at], &["sh", "-c", &eval]).exits_with(0);
    Listing::of(&[&room.app]).is_same_as(&before);
    nothing_goes_on(&room);
}

#[test]
fn a_password_in_the_lock_is_not_shown() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let overlay = format!("file://{}", room.sample.overlay.display());
    for file in ["flake.nix", "flake.lock"] {
        room.edit(file, &overlay, "https://me:hunter2@127.0.0.1:9/overlay.git");
    }
    let said = |arguments: &[&str], code| room.run_small(arguments).exits_with(code).to_string();
    for told in [said(&["probe"], 125), said(&["find"], 129)] {
        assert!(told.contains("https://REDACTED@127.0.0.1:9/overlay.git"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn guard_holds_the_users_own_command_to_the_budget() {
    for nix in every_nix_with_flakes() {
        let room = Room::new(&nix);
        let program = nix.program();
        let target = target();
        let eval = [program.to_str().unwrap(), "eval", "--raw", &target];
        let guard = || room.run(&[&["guard"], &BUDGET[..], &["--"], &eval[..]].concat());
        let bad = guard().exits_with(1);
        assert!(bad.stderr.contains("out of memory"), "{bad}");
        assert_eq!(bad.stdout, "");
        nothing_goes_on(&room);
        room.make_good();
        let good = guard().exits_with(0);
        assert!(good.stdout.starts_with("/nix/store/") && good.stdout.ends_with(".drv"), "{good}");
        assert!(good.stderr.contains("nix-culprit: success"), "{good}");
    }
}

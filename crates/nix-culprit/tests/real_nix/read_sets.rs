//! Probes that need not be run: as true as those that were, and fewer of them. Needs the mount.

use std::collections::BTreeMap;
use std::path::Path;

use nix_culprit::sys::treefs::{TreeFs, Way};
use nix_culprit_sample::{Options, State};
use serde_json::Value;

use crate::finding::names_the_culprit;
use crate::machine::{RealNix, newest_nix, sample_of, say};
use crate::room::Room;

/// The newest Nix, where commits can be mounted.
fn nix() -> Option<RealNix> {
    let nix = newest_nix()?;
    let program = Path::new(env!("CARGO_BIN_EXE_nix-culprit"));
    if Way::ALL.into_iter().all(|way| TreeFs::try_out(way, program).is_err()) {
        say("skipped: no FUSE here");
        return None;
    }
    Some(nix)
}

/// The seed of a sample in which probes are settled.
pub(crate) const SAVING: u64 = 21;

pub(crate) fn count(report: &Value, what: &str) -> u64 {
    report["totals"][what].as_u64().unwrap()
}

/// Finds the culprit; what was not run must be what the sample says, and culprit and parent must have been run.
#[track_caller]
fn find(room: &Room, options: &[&str]) -> Value {
    // The way to the culprit is long enough to tell something where nobody knows why it fails.
    let report = room.run_small(&[&["find", "--json", "--no-explain"], options].concat()).exits_with(0).json();
    names_the_culprit(&report, room);
    let truth: BTreeMap<&str, State> = room.sample.truth.iter().map(|(id, state)| (id.as_str(), *state)).collect();
    let (mut run, mut settled) = (Vec::new(), 0);
    for probe in report["probes"].as_array().unwrap() {
        let commit = probe["subject"]["revision"].as_str();
        if probe["settled-by"].is_null() {
            run.extend(commit);
            continue;
        }
        settled += 1;
        let by = probe["settled-by"].as_str().unwrap();
        for commit in [commit.unwrap(), by] {
            let state = match probe["verdict"]["verdict"].as_str().unwrap() {
                "good" => State::Good,
                "bad" => State::Bad,
                _ => State::Broken,
            };
            assert_eq!(truth[commit], state, "{probe:#}");
        }
    }
    assert_eq!(settled, count(&report, "settled"));
    assert!(run.contains(&room.sample.culprit.as_str()) && run.contains(&room.sample.culprit_parent.as_str()));
    report
}

#[test]
fn what_differs_in_nothing_that_was_read_need_not_be_run() {
    let Some(nix) = nix() else { return };
    let (mut run, mut settled) = (0, 0);
    for seed in [SAVING, 22, 23] {
        let room = Room::with(&nix, sample_of(&Options { seed, commits: 400, ..Options::default() }));
        let every = find(&room, &["--no-read-sets", "--no-confirm"]);
        assert_eq!(count(&every, "settled"), 0);
        let some = find(&room, &["--no-confirm"]);
        assert!(count(&some, "probes") <= count(&every, "probes"), "seed {seed}");
        assert_eq!(some["result"]["commit"]["revision"], every["result"]["commit"]["revision"]);
        assert!(every["result"]["commit"]["evaluated"].is_null(), "nothing is taken from read-sets");
        let evaluated = &some["result"]["commit"]["evaluated"]["files"];
        let file = |at: usize| evaluated[at].as_str().unwrap();
        assert!((0..evaluated.as_array().unwrap().len()).any(|at| file(at).contains("setuptools")), "{some:#}");
        run += count(&every, "probes") - count(&some, "probes");
        settled += count(&some, "settled");
        let log = room.run(&["log"]).exits_with(0).stdout;
        assert_eq!(log.matches("nothing that it read differs").count() as u64, count(&some, "settled"), "{log}");
    }
    assert!(settled > 0 && run > 0, "{settled} settled, {run} runs saved");
}

#[test]
fn where_the_commit_itself_is_asked_for_every_probe_is_run() {
    let Some(nix) = nix() else { return };
    let sample = sample_of(&Options { seed: SAVING, commits: 400, ..Options::default() });
    let asked_for_nothing = find(&Room::with(&nix, sample.clone()), &[]);
    assert!(count(&asked_for_nothing, "settled") > 0, "this sample tells nothing");
    for (name, used) in [
        ("its hash", "builtins.seq pkgs.rev"),
        ("its date", "builtins.seq (pkgs.sourceInfo.lastModifiedDate or 0)"),
        ("all there is", "builtins.deepSeq (removeAttrs pkgs.sourceInfo [ \"outPath\" ])"),
        ("the lock", "builtins.seq (builtins.readFile ./flake.lock)"),
    ] {
        let room = Room::with(&nix, sample.clone());
        room.edit("flake.nix", "import systems) (", &format!("{used} (import systems)) ("));
        let report = find(&room, &[]);
        assert_eq!(count(&report, "settled"), 0, "{name}");
    }
}

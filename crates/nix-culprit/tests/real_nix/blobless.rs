//! Clones without contents: mounted too, and what a probe will read is fetched in one request.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix_culprit_sample::Options;

use crate::finding::names_the_culprit;
use crate::machine::{every_nix, newest_nix, sample_of};
use crate::read_sets::{SAVING, count};
use crate::room::{MEMORY, Room, finish};
use crate::traces::{Listing, nothing_goes_on};

/// What git runs on the server in place of sending a pack: it counts, and hangs or fails where it is told to.
const SERVE: &str = "#!/bin/sh\nif [ -e HOME/refuse ]; then exit 1; fi\necho served >>HOME/served\n\
                     if [ -e HOME/hang ]; then echo hangs >HOME/hangs; sleep 1000; fi\nexec \"$@\"\n";

/// A room with a clone without contents, and the server that it is of.
struct Blobless {
    room: Room,
    clone: PathBuf,
}

impl Blobless {
    fn of(room: Room) -> Self {
        let (server, clone, hook) = (room.path("server.git"), room.path("clone.git"), room.home.join("serve"));
        let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
        let pkgs = text(&room.sample.pkgs);
        room.git(&["clone", "--quiet", "--bare", &pkgs, &text(&server)]);
        for setting in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
            room.git(&["-C", &text(&server), "config", setting, "true"]);
        }
        let url = format!("file://{}", server.display());
        room.git(&["clone", "--quiet", "--bare", "--filter=blob:none", &url, &text(&clone)]);
        fs::write(&hook, SERVE.replace("HOME", &text(&room.home))).unwrap();
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
        let settings = format!("[uploadpack]\npackObjectsHook = {}\n", hook.display());
        fs::write(room.home.join(".gitconfig"), settings).unwrap();
        Self { room, clone }
    }

    /// How many packs the server has sent.
    fn served(&self) -> usize {
        fs::read_to_string(self.room.home.join("served")).unwrap_or_default().lines().count()
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let repo = format!("pkgs={}", self.clone.display());
        let all = ["find", "--json", "--no-confirm", "--no-explain", "--memory", MEMORY, "--repo", &repo];
        all.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
    }
}

#[test]
fn a_clone_without_contents_is_searched_with_one_fetch_a_probe_and_not_written_to() {
    for nix in every_nix() {
        let blobless =
            Blobless::of(Room::with(&nix, sample_of(&Options { seed: SAVING, commits: 400, ..Options::default() })));
        let (room, before) = (&blobless.room, Listing::of(&[&blobless.clone]));
        let report = finish(room.tool(&[]).args(blobless.arguments(&[])).spawn().unwrap()).exits_with(0).json();
        names_the_culprit(&report, room);
        Listing::of(&[&blobless.clone]).is_same_as(&before);
        nothing_goes_on(room);
        // Only the mount knows what was read.
        assert!(count(&report, "settled") > 0, "it went through checkouts");
        let (served, probes) = (blobless.served(), count(&report, "probes"));
        assert!(served > 0 && served as u64 <= probes, "{served} packs for {probes} probes");
    }
}

#[test]
fn a_server_that_refuses_is_an_error_and_no_verdict() {
    let Some(nix) = newest_nix() else { return };
    let blobless = Blobless::of(Room::new(&nix));
    fs::write(blobless.room.home.join("refuse"), "").unwrap();
    let run = finish(blobless.room.tool(&[]).args(blobless.arguments(&[])).spawn().unwrap()).exits_with(129);
    assert!(run.stderr.contains("could not fetch contents for the clone"), "{run}");
    nothing_goes_on(&blobless.room);
}

#[test]
fn a_server_that_never_answers_is_given_up_after_the_time_of_a_probe() {
    let Some(nix) = newest_nix() else { return };
    let blobless = Blobless::of(Room::new(&nix));
    fs::write(blobless.room.home.join("hang"), "").unwrap();
    let began = Instant::now();
    let run = finish(blobless.room.tool(&[]).args(blobless.arguments(&["--timeout", "3s"])).spawn().unwrap());
    let run = run.exits_with(129);
    assert!(run.stderr.contains("did not end within 3 seconds"), "{run}");
    assert!(blobless.room.home.join("hangs").exists() && began.elapsed() < Duration::from_secs(60));
    nothing_goes_on(&blobless.room);
}

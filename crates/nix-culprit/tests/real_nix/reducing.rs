//! `reduce` on real Nix: what is left still fails, by the user's own command, and nothing of the user is touched.

use std::fs;
use std::path::Path;

use crate::machine::newest_nix;
use crate::room::Room;
use crate::traces::{Listing, nothing_goes_on};

/// The bytes of all files below a folder but its page.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .filter(|entry| entry.file_name() != "README.md")
        .map(|entry| if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().len() })
        .sum()
}

#[test]
fn what_is_left_is_smaller_and_still_eats_all_memory_and_more_time_makes_it_smaller() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let before = Listing::of(&[&room.app, &room.sample.pkgs, &room.sample.overlay]);
    let small = room.path("small");
    let shown = small.display().to_string();
    let run = room.run(&["reduce", "--memory", "256M", "--max-time", "3s", "--output", &shown]).exits_with(0);
    assert!(run.stdout.contains("by your own nix eval: out of memory"), "{}", run.stdout);
    let first = size(&small);
    assert!(!small.join("notes.txt").exists() && !small.join("result").exists(), "Nix does not see these");
    let page = fs::read_to_string(small.join("README.md")).unwrap();
    assert!(page.contains("out of memory") && page.contains("nix eval --raw"), "{page}");

    // By hand, as the page says.
    let line = page.lines().find(|line| line.contains("nix eval")).unwrap().trim();
    let line = line.replace("nix eval", &format!("{} eval", room.nix.program().display()));
    let seen = room.command("sh").args(["-c", &line]).current_dir(&small).output().unwrap();
    let stderr = String::from_utf8_lossy(&seen.stderr);
    assert!(!seen.status.success(), "{stderr}");
    // Where the stack cannot grow any more, Nix takes that for an overflow.
    let words = ["out of memory", "bad_alloc", "Insufficient space", "stack overflow"];
    assert!(words.iter().any(|word| stderr.contains(word)) || seen.status.code().is_none(), "{stderr}");

    // A folder that holds something is not written into; without one, the case has the result.
    let run = room.run(&["reduce", "--go-on", "--output", &shown]).exits_with(129);
    assert!(run.stderr.contains("is not empty"), "{}", run.stderr);
    let smaller = room.path("smaller");
    let shown = smaller.display().to_string();
    room.run(&["reduce", "--go-on", "--max-time", "40s", "--output", &shown]).exits_with(0);
    assert!(size(&smaller) < first, "{} {first}", size(&smaller));
    Listing::of(&[&room.app, &room.sample.pkgs, &room.sample.overlay]).is_same_as(&before);
    nothing_goes_on(&room);
}

#[test]
fn what_does_not_fail_is_not_reduced() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    room.make_good();
    let run = room.run(&["reduce", "--memory", "256M"]).exits_with(129);
    assert!(run.stderr.contains("there is nothing to reduce: the flake ends in"), "{}", run.stderr);
}

//! The whole search where nothing can be mounted: through checkouts, one for each evaluation that runs at a time.

use std::fs;

use crate::finding::names_the_culprit;
use crate::machine::{newest_nix, say};
use crate::read_sets::count;
use crate::room::{MEMORY, Room, TOOL, finish};
use crate::traces::{Listing, nothing_goes_on};

/// In a world of its own, in which the device of FUSE is none, becomes another program.
const WITHOUT_FUSE: &str = "mount --bind /dev/null /dev/fuse && exec \"$@\"";

#[test]
fn several_evaluations_at_a_time_find_the_culprit_in_checkouts_of_their_own() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let inside = |program: &[&str], more: &[&str]| {
        let mut command = room.command("unshare");
        command.args(["--mount", "sh", "-c", WITHOUT_FUSE, "sh"]).args(program).args(more);
        finish(command.spawn().unwrap())
    };
    let possible = inside(&["true"], &[]);
    if possible.code != Some(0) {
        say(&format!("skipped: nothing can be mounted over /dev/fuse here: {possible}"));
        return;
    }
    let before = Listing::of(&[&room.app, &room.sample.pkgs]);
    let report =
        inside(&[TOOL, "find", "--json", "--no-explain", "--no-confirm", "--memory", MEMORY], &["--jobs", "2"]);
    let report = report.exits_with(0).json();
    names_the_culprit(&report, &room);
    // Only the mount knows what was read.
    assert_eq!(count(&report, "settled"), 0, "it went through a mount");
    let trees = room.cases().pop().unwrap();
    assert!(fs::metadata(trees.join("ahead/0")).is_ok(), "nobody worked ahead");
    Listing::of(&[&room.app, &room.sample.pkgs]).is_same_as(&before);
    nothing_goes_on(&room);
}

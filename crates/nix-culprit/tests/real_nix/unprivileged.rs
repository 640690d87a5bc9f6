//! The whole search by a user who may not mount, without `fusermount3`: in a namespace of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use nix_culprit_sample::Options;

use crate::finding::names_the_culprit;
use crate::machine::{self, every_nix_with_flakes, sample_of, say};
use crate::read_sets::{SAVING, count};
use crate::room::{MEMORY, Room, TOOL, finish};
use crate::traces::nothing_goes_on;

/// In a world of its own, in which everybody may open the device, becomes somebody without rights.
const BECOME: &str = "mknod -m 666 \"$0\" c 10 229 && mount --bind \"$0\" /dev/fuse && \
                      exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$@\"";

#[test]
fn a_user_who_may_not_mount_finds_the_culprit_through_a_namespace() {
    for nix in every_nix_with_flakes() {
        let room = Room::with(&nix, sample_of(&Options { seed: SAVING, commits: 400, ..Options::default() }));
        let someone = |arguments: &[&str]| {
            let mut command = room.command("unshare");
            command.args(["--mount", "sh", "-c", BECOME]).arg(room.path("fuse")).args(arguments);
            // What belongs to root here is looked at by somebody else, and `/usr/bin` has no fusermount3.
            command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory");
            command.env("GIT_CONFIG_VALUE_0", "*").env("NIX_REMOTE", room.path("store")).env("PATH", "/usr/bin:/bin");
            command
        };
        fs::set_permissions(machine::root(), fs::Permissions::from_mode(0o755)).unwrap();
        let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(&room.root).status();
        let possible = someone(&["unshare", "--user", "--mount", "--map-current-user", "true"]).output().unwrap();
        let _again = fs::remove_file(room.path("fuse"));
        if !owned.is_ok_and(|owned| owned.success()) || !possible.status.success() {
            say(&format!("skipped: nobody else can have a namespace here: {possible:?}"));
            return;
        }
        let run = finish(someone(&[TOOL, "find", "--json", "--no-explain", "--memory", MEMORY]).spawn().unwrap())
            .exits_with(0);
        let report = run.json();
        names_the_culprit(&report, &room);
        nothing_goes_on(&room);
        // Only the mount knows what was read.
        assert!(count(&report, "settled") > 0, "it went through checkouts");
    }
}

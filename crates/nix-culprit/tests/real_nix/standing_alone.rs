//! `reduce --vendor` and `--anonymise`: the result needs nothing but itself, and says no private name.

use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_sample::Options;

use crate::machine::{every_nix_with_flakes, newest_nix, sample_of, target};
use crate::room::Room;
use crate::traces::{Listing, nothing_goes_on};

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut all, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { all.push(path) }
        }
    }
    all
}

/// Tells whether a text is in a file, or in its name.
fn says(folder: &Path, text: &str) -> bool {
    files(folder).iter().any(|path| {
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        name.contains(text) || String::from_utf8_lossy(&fs::read(path).unwrap()).contains(text)
    })
}

/// The command that the page of a result says, with another Nix, to be run in the folder.
fn command(room: &Room, folder: &Path, nix: &Path) -> String {
    let page = fs::read_to_string(folder.join("README.md")).unwrap();
    let line = page.lines().find(|line| line.contains("nix eval")).unwrap_or_else(|| panic!("{page}"));
    assert!(!page.contains(room.sample.pkgs.parent().unwrap().to_str().unwrap()), "{page}");
    line.trim().replace("nix eval", &format!("{} eval", nix.display()))
}

#[test]
fn a_result_with_its_inputs_fails_alike_without_git_and_in_a_fresh_store_with_every_nix() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { seed: 14, commits: 60, ..Options::default() }));
    let before = Listing::of(&[&room.app, &room.sample.pkgs, &room.sample.overlay]);
    let small = room.path("small");
    let limits = ["--memory", "256M", "--max-time", "3s"];
    let run =
        room.run(&[&["reduce", "--vendor", "--anonymise", "--output", small.to_str().unwrap()][..], &limits].concat());
    let run = run.exits_with(0);
    Listing::of(&[&room.app, &room.sample.pkgs, &room.sample.overlay]).is_same_as(&before);
    nothing_goes_on(&room);
    assert!(run.stdout.contains("by your own nix eval: out of memory"), "{run}");
    assert!(run.stdout.contains("inputs/pkgs/ is from"), "{run}");
    assert!(small.join("inputs/pkgs/python/packages/setuptools.nix").exists(), "{:?}", files(&small));
    assert!(!says(&small, "notes") && !says(&small, "file://"), "{:?}", files(&small));

    for nix in every_nix_with_flakes() {
        let (store, home) = (room.path(&format!("store-{}", nix.version)), room.path(&format!("home-{}", nix.version)));
        let line = command(&room, &small, &nix.program());
        let mut shell = room.command("/bin/sh");
        shell.args(["-c", &line]).current_dir(&small).env("NIX_REMOTE", &store).env("HOME", &home).env("PATH", "/none");
        let seen = shell.output().unwrap();
        let stderr = String::from_utf8_lossy(&seen.stderr);
        // Where the stack cannot grow any more, Nix takes that for an overflow.
        let words = ["out of memory", "bad_alloc", "Insufficient space", "stack overflow"];
        let is_it = words.iter().any(|word| stderr.contains(word)) || seen.status.code().is_none();
        assert!(!seen.status.success() && is_it, "{}: {stderr}", nix.version);
    }
}

#[test]
fn private_names_are_replaced_and_what_fails_says_so_in_other_words() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { seed: 14, commits: 60, ..Options::default() }));
    // Small, with the inputs as they are; one name is looked up by a text that is put together.
    let flake = fs::read_to_string(room.app.join("flake.nix")).unwrap();
    let (inputs, _) = flake.split_once("  outputs =").unwrap();
    let target = target();
    let attr = target.trim_start_matches(".#").trim_end_matches(".drvPath");
    let outputs = format!(
        "  outputs = {{ self, pkgs, ... }}: {{ {attr} =\n\
         let zorbleship = {{ zorblefuel = 1; zorbletank = 2; }}; in\n\
         if zorbleship.${{\"zorble\" + \"fuel\"}} == 1 then throw \"the zorblecorp engine is out\" else zorbleship; }};\n}}\n"
    );
    let inputs = inputs.replace("description = \"", "description = \"Zorbleplans. ");
    fs::write(room.app.join("flake.nix"), inputs + &outputs).unwrap();
    let small = room.path("small");
    let limits = ["--memory", "256M", "--max-time", "90s", "--attr", attr];
    let run = room.run(&[&["reduce", "--anonymise", "--output", small.to_str().unwrap()][..], &limits].concat());
    let run = run.exits_with(0);
    assert!(run.stdout.contains(" replaced"), "{run}");
    for name in ["zorblecorp", "zorbleship", "Zorbleplans"] {
        assert!(!says(&small, name), "{name}: {run}");
    }
    // It is an evaluation that says the same in other words, by the user's own command.
    let line = command(&room, &small, &nix.program());
    let seen = room.command("/bin/sh").args(["-c", &line]).current_dir(&small).output().unwrap();
    let stderr = String::from_utf8_lossy(&seen.stderr);
    assert!(!seen.status.success() && stderr.contains("the name"), "{stderr}");
    assert!(!stderr.contains("zorblecorp"), "{stderr}");
}

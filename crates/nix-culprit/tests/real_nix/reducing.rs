//! `reduce` on real Nix: what is left still fails, by the user's own command, and nothing of the user is touched.

use std::fs;
use std::path::Path;

use nix_culprit_sample::{Application, Options};
use serde_json::Value;

use crate::machine::{newest_nix, sample_of};
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
    let empty = room.path("empty");
    fs::create_dir(&empty).unwrap();
    let run = room.run(&["reduce", &empty.display().to_string()]).exits_with(129);
    assert!(run.stderr.contains("there is no flake.nix in"), "{}", run.stderr);
    let run = room.run(&["resume"]).exits_with(129);
    assert!(run.stderr.contains("there is no case yet"), "what could not begin is not there: {}", run.stderr);

    let before = Listing::of(&[&room.app, &room.sample.pkgs, &room.sample.overlay]);
    let small = room.path("small");
    let shown = small.display().to_string();
    let run = room.run(&["reduce", "--memory", "256M", "--max-candidates", "20", "--output", &shown]).exits_with(0);
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
    let run = room.run(&["resume"]).exits_with(129);
    assert!(run.stderr.contains("is a reduction") && run.stderr.contains("reduce --go-on 2"), "{}", run.stderr);
    let smaller = room.path("smaller");
    let shown = smaller.display().to_string();
    room.run(&["reduce", "--go-on", "--max-candidates", "100", "--output", &shown]).exits_with(0);
    assert!(size(&smaller) < first, "{} {first}", size(&smaller));
    Listing::of(&[&room.app, &room.sample.pkgs, &room.sample.overlay]).is_same_as(&before);
    nothing_goes_on(&room);

    // A case of the same flake shows the newest of them in its report.
    let report = room.run(&["find", "--memory", "256M", "--no-fix", "--no-explain", "--json"]).exits_with(0).json();
    let files = report["reproducer"]["files"].as_array().unwrap();
    let text =
        |name: &str| files.iter().find(|file| file["path"] == name).unwrap()["text"].as_str().unwrap().to_owned();
    assert_eq!(text("flake.nix"), fs::read_to_string(smaller.join("flake.nix")).unwrap());
    assert_eq!(report["reproducer"]["doubt"], Value::Null);
    let page = room.run(&["report"]).exits_with(0).stdout;
    assert!(
        page.contains("### Minimal reproducer") && page.contains(text("flake.nix").lines().next().unwrap()),
        "{page}"
    );

    // Without a folder of the user's, what was left earlier is replaced.
    let mut last = size(&smaller);
    for _ in 0..2 {
        let run = room.run(&["reduce", "--go-on", "--max-candidates", "40"]).exits_with(0);
        let own = run.stdout.lines().find_map(|line| line.strip_prefix("Result     ")).unwrap();
        assert!(size(Path::new(own)) < last, "{last} {run}");
        last = size(Path::new(own));
    }
}

#[test]
fn an_application_that_has_grown_is_reduced_to_a_quarter_and_runs_away_in_the_same_loop_at_every_step() {
    let Some(nix) = newest_nix() else { return };
    let grown = Options { commits: 100, application: Application::Grown, ..Options::default() };
    let room = Room::with(&nix, sample_of(&grown));
    let small = room.path("small");
    let shown = small.display().to_string();
    let most = ["--max-candidates", "200"];
    let run = room.run(&[&["reduce", "--memory", "512M", "--output", &shown], &most[..]].concat()).exits_with(0);
    assert!(run.stdout.contains("by your own nix eval: out of memory"), "{}", run.stdout);
    let the_loop = run.stdout.lines().find(|line| line.starts_with("The loop")).unwrap_or_default();
    for name in ["wheel", "setuptools"] {
        assert!(the_loop.contains(name) && the_loop.contains("as in the whole"), "{}", run.stdout);
    }
    let numbers = run.stdout.split_whitespace().filter_map(|word| word.parse::<u64>().ok()).collect::<Vec<_>>();
    let [after, _, before, ..] = numbers.as_slice() else { panic!("{}", run.stdout) };
    assert_eq!(*after, size(&small), "the bytes that are told are those that are there");
    assert!(*before > 25_000 && after * 4 < *before, "{after} of {before}");
    assert!(!fs::read_to_string(small.join("flake.lock")).unwrap().contains('\n'));

    // Every step can be had again, without an evaluation.
    let steps = room.run(&["reduce", "--history"]).exits_with(0).stdout;
    let bytes: Vec<u64> = steps.lines().map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(bytes[0], *before);
    assert!(bytes.is_sorted_by(|one, next| one >= next), "{steps}");
    let earlier = room.path("earlier");
    let shown = earlier.display().to_string();
    room.run(&["reduce", "--history", "--step", "3", "--output", &shown]).exits_with(0);
    assert!(size(&earlier) > *after && earlier.join("flake.nix").is_file());
    let run = room.run(&["reduce", "--history", "--step", "9999", "--output", &room.path("x").display().to_string()]);
    assert!(run.exits_with(129).stderr.contains("there is no step 9999"));
}

#[test]
fn what_runs_away_in_another_loop_is_not_taken() {
    let Some(nix) = newest_nix().filter(|nix| nix.is_at_least(2, 20)) else { return };
    let room = Room::new(&nix);
    let before = "application = packages: packages.callPackage ./package.nix { };";
    // Without the attribute, what comes after `or` eats all memory too. Attributes are left out early.
    let after = "application = packages: { ours = packages.callPackage ./package.nix { }; }.ours \
                 or (builtins.foldl' (all: n: all ++ [ n ]) [ ] (builtins.genList (n: n) 1000000));";
    room.edit("flake.nix", before, after);
    let reduce = |folder: &str, rest: &[&str]| {
        let folder = room.path(folder);
        let shown = folder.display().to_string();
        let arguments = ["reduce", "--memory", "256M", "--max-candidates", "40", "--output", &shown];
        (room.run(&[&arguments, rest].concat()).exits_with(0), fs::read_to_string(folder.join("flake.nix")).unwrap())
    };
    let (run, left) = reduce("same", &[]);
    assert!(run.stdout.contains("The loop") && left.contains("callPackage ./package.nix"), "{}{left}", run.stdout);
    // Where any loop will do, that is what is left.
    let (run, left) = reduce("any", &["--bad-when", "out-of-memory"]);
    assert!(!run.stdout.contains("The loop") && !left.contains("callPackage ./package.nix"), "{}{left}", run.stdout);
}

#[test]
fn files_that_the_evaluation_does_not_open_are_left_out_at_once() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    fs::create_dir(room.app.join("modules")).unwrap();
    for number in 0..30 {
        fs::write(room.app.join(format!("modules/{number}.nix")), format!("{{ number = {number}; }}\n")).unwrap();
    }
    // It is opened, and the failure does not need it.
    let before = "application = packages: packages.callPackage ./package.nix { };";
    let after = "application = packages: builtins.seq (import ./modules/7.nix).number \
                 (packages.callPackage ./package.nix { });";
    room.edit("flake.nix", before, after);
    room.git(&["add", "modules"]);
    let small = room.path("small");
    let shown = small.display().to_string();
    let run = room.run(&["reduce", "--memory", "256M", "--max-candidates", "6", "--output", &shown]).exits_with(0);
    let modules = |folder: &Path| -> Vec<_> {
        fs::read_dir(folder.join("modules")).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    };
    assert_eq!(modules(&small), ["7.nix"], "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("of 37 files; the others are left out first"), "{}", run.stderr);
    // The same steps are taken again.
    let steps = room.run(&["reduce", "--history"]).exits_with(0).stdout;
    let last = (steps.lines().count() - 1).to_string();
    let earlier = room.path("earlier");
    let shown = earlier.display().to_string();
    room.run(&["reduce", "--history", "--step", &last, "--output", &shown]).exits_with(0);
    assert_eq!(modules(&earlier), ["7.nix"], "{steps}");
}

#[test]
fn what_does_not_fail_is_not_reduced() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    room.make_good();
    let run = room.run(&["reduce", "--memory", "256M"]).exits_with(129);
    assert!(run.stderr.contains("there is nothing to reduce: the flake ends in"), "{}", run.stderr);
}

//! A commit taken back on top of a later one, as `git revert` would, and nothing written into the repository.

use std::fs;
use std::path::Path;

use nix_culprit::sys::git::{Revert, Reverted};
use nix_culprit_core::ids::CommitId;

use crate::fixture::Bench;

fn done(revert: Revert) -> Reverted {
    match revert {
        Revert::Done(reverted) => reverted,
        other => panic!("{other:?}"),
    }
}

fn lines(from: usize, to: usize) -> String {
    (from..to).map(|line| format!("line {line}\n")).collect()
}

/// A history in which the second commit changes the end of a file, and the third its beginning.
fn history(bench: &Bench) -> (std::path::PathBuf, Vec<CommitId>) {
    let folder = bench.init("repo");
    let mut ids = Vec::new();
    for (name, text) in [
        ("one", lines(0, 40)),
        ("culprit", lines(0, 40) + "culprit\n"),
        ("later", "first\n".to_owned() + &lines(0, 40) + "culprit\n"),
    ] {
        fs::write(folder.join("file"), text).unwrap();
        ids.push(bench.commit(&folder, name));
    }
    (folder, ids)
}

/// Every file below a folder with its content.
fn content(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { all.push((path.clone(), fs::read(&path).unwrap())) }
        }
    }
    all.sort();
    all
}

#[test]
fn a_commit_is_taken_back_as_git_revert_does_it_and_the_repository_stays_as_it_is() {
    let bench = Bench::new();
    let (folder, ids) = history(&bench);
    // Attributes and settings that would run a program, or make every merge a conflict.
    fs::write(folder.join(".git/info/attributes"), "* merge=trap diff=trap\n").unwrap();
    bench.run(&folder, &["config", "merge.trap.driver", "touch trapped"]);
    bench.run(&folder, &["config", "diff.trap.command", "touch trapped"]);
    let before = content(&folder);
    let repository = bench.open(&folder);
    let reverted = done(repository.revert(&ids[1], &ids[2], &bench.path("case")).unwrap());
    assert!(content(&folder) == before, "something was written");
    let again = done(repository.revert(&ids[1], &ids[2], &bench.path("other case")).unwrap());
    assert_eq!(again.commit, reverted.commit, "the same is the same commit everywhere");

    let git_dir = reverted.git_dir.to_str().unwrap();
    let tree = |commit: &str| bench.run(&folder, &["--git-dir", git_dir, "rev-parse", &format!("{commit}^{{tree}}")]);
    let plain = bench.path("plain");
    bench.run(&bench.root, &["clone", "-q", folder.to_str().unwrap(), plain.to_str().unwrap()]);
    bench.run(&plain, &["revert", "--no-edit", ids[1].as_str()]);
    assert_eq!(tree(reverted.commit.as_str()), bench.run(&plain, &["rev-parse", "HEAD^{tree}"]));
    // The patch does the same.
    bench.run(&plain, &["reset", "-q", "--hard", ids[2].as_str()]);
    bench.feed(&plain, &["apply", "--index"], &reverted.patch);
    assert_eq!(bench.run(&plain, &["write-tree"]), tree(reverted.commit.as_str()));
}

#[test]
fn of_a_merge_all_that_it_brought_is_taken_back() {
    let bench = Bench::new();
    let (folder, _, merge) = bench.merged();
    let reverted = done(bench.open(&folder).revert(&merge, &merge, &bench.path("case")).unwrap());
    let git_dir = reverted.git_dir.to_str().unwrap();
    let names = bench.run(&folder, &["--git-dir", git_dir, "ls-tree", "--name-only", reverted.commit.as_str()]);
    assert_eq!(names, "base\nmain");
}

#[test]
fn what_cannot_be_taken_back_says_why() {
    let bench = Bench::new();
    let (folder, mut ids) = history(&bench);
    let repository = bench.open(&folder);
    let case = bench.path("case");
    assert!(matches!(repository.revert(&ids[0], &ids[2], &case).unwrap(), Revert::Nothing { .. }));
    fs::write(folder.join("file"), lines(0, 40) + "another end\n").unwrap();
    ids.push(bench.commit(&folder, "in the way"));
    let Revert::Conflict { files } = repository.revert(&ids[1], &ids[3], &case).unwrap() else { panic!() };
    assert_eq!(files, ["file"]);
    fs::write(folder.join("file"), lines(0, 40)).unwrap();
    ids.push(bench.commit(&folder, "taken back"));
    assert!(matches!(repository.revert(&ids[1], &ids[4], &case).unwrap(), Revert::Nothing { .. }));
}

//! Commits made in part on their first parent, and nothing written into the repository.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use nix_culprit::sys::git::Partial;
use nix_culprit_core::hunks::Pieces;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::isolate::Parts;

use crate::fixture::Bench;

fn all(pieces: &Pieces) -> Parts {
    (0..pieces.count()).collect()
}

fn tree(bench: &Bench, partial: &Partial, commit: &CommitId) -> String {
    let git_dir = partial.git_dir().to_str().unwrap();
    bench.run(&bench.root, &["--git-dir", git_dir, "rev-parse", &format!("{commit}^{{tree}}")])
}

/// Every file below a folder with the time of its last change.
fn content(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let (mut all, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let modified = fs::symlink_metadata(&path).unwrap().modified().unwrap();
            if path.is_dir() { folders.push(path) } else { all.push((path, modified)) }
        }
    }
    all.sort();
    all
}

#[test]
fn any_part_of_a_commit_can_be_made_and_its_patch_does_the_same() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    let lines: String = (0..40).map(|line| format!("line {line}\n")).collect();
    fs::create_dir(folder.join("sub")).unwrap();
    for (file, text) in [("sub/text", lines.as_str()), ("binary", "a\0b"), ("goes", "x"), ("turns", "y"), ("runs", "z")]
    {
        fs::write(folder.join(file), text).unwrap();
    }
    symlink("goes", folder.join("link")).unwrap();
    let parent = bench.commit(&folder, "parent");
    let changed = lines.replace("line 3\n", "line three\n").replace("line 30\n", "").replace("39\n", "39");
    fs::write(folder.join("sub/text"), changed).unwrap();
    fs::write(folder.join("binary"), "a\0c").unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    fs::remove_file(folder.join("goes")).unwrap();
    fs::remove_file(folder.join("turns")).unwrap();
    fs::create_dir(folder.join("turns")).unwrap();
    fs::write(folder.join("turns/into a folder"), "y").unwrap();
    fs::set_permissions(folder.join("runs"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(folder.join("link")).unwrap();
    symlink("runs", folder.join("link")).unwrap();
    let commit = bench.commit(&folder, "commit");
    bench.run(&folder, &["repack", "-q", "-a", "-d"]);
    let before = content(&folder);

    let repository = bench.open(&folder);
    let (partial, pieces) = repository.in_parts(&commit, &bench.path("case")).unwrap().unwrap();
    assert_eq!(partial.parent(), &parent);
    assert_eq!(pieces.count(), 3 + 7, "{:#?}", pieces.told(&all(&pieces)));
    let make = |chosen: &Parts| partial.make(&pieces, chosen).unwrap();
    assert_eq!(tree(&bench, &partial, &make(&all(&pieces))), tree(&bench, &partial, &commit));
    assert_eq!(tree(&bench, &partial, &make(&Parts::new())), tree(&bench, &partial, &parent));
    let plain = bench.path("plain");
    bench.run(&bench.root, &["clone", "-q", "--no-hardlinks", folder.to_str().unwrap(), plain.to_str().unwrap()]);
    for chosen in [all(&pieces), Parts::from([1, 4, 6]), Parts::from([9]), (0..pieces.count()).step_by(2).collect()] {
        let part = make(&chosen);
        assert_eq!(make(&chosen), part, "the same is the same commit");
        bench.run(&plain, &["reset", "-q", "--hard", parent.as_str()]);
        bench.feed(&plain, &["apply", "--index"], &partial.patch(&part).unwrap());
        assert_eq!(bench.run(&plain, &["write-tree"]), tree(&bench, &partial, &part), "{chosen:?}");
    }
    assert_eq!(content(&folder), before, "something was written");
}

#[test]
fn of_a_merge_the_parts_are_of_what_it_brought_and_the_first_commit_has_none() {
    let bench = Bench::new();
    let (folder, first, merge) = bench.merged();
    let repository = bench.open(&folder);
    let (_, pieces) = repository.in_parts(&merge, &bench.path("case")).unwrap().unwrap();
    let told: Vec<_> = pieces.told(&all(&pieces)).into_iter().map(|hunk| (hunk.file, hunk.whole.unwrap())).collect();
    assert_eq!(told, [("side".to_owned(), "new file".to_owned())]);
    assert!(repository.in_parts(&first, &bench.path("case")).unwrap().is_none());
}

//! Commits as directories.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix_culprit::sys::git::{Checkout, GitError};
use nix_culprit_core::ids::CommitId;

use crate::fixture::{Bench, recorded, tree};

fn executable(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Three commits in which every kind of thing becomes every other.
fn changing(bench: &Bench) -> (PathBuf, Vec<CommitId>) {
    let folder = bench.init("repo");
    let odd = folder.join(OsStr::from_bytes(b"odd \n\xff\t\"name"));
    fs::create_dir_all(folder.join("dir/deep")).unwrap();
    fs::write(folder.join("dir/deep/a"), "a").unwrap();
    fs::write(folder.join("dir/b"), "b").unwrap();
    fs::write(folder.join("run"), "#!").unwrap();
    fs::write(folder.join("to-link"), "x").unwrap();
    fs::write(&odd, "odd").unwrap();
    symlink("dir", folder.join("link")).unwrap();
    let mut ids = vec![bench.commit(&folder, "one")];

    executable(&folder.join("run"), 0o755);
    fs::remove_dir_all(folder.join("dir")).unwrap();
    fs::write(folder.join("dir"), "now a file").unwrap();
    fs::remove_file(folder.join("to-link")).unwrap();
    symlink("/etc/passwd", folder.join("to-link")).unwrap();
    fs::remove_file(folder.join("link")).unwrap();
    fs::create_dir(folder.join("link")).unwrap();
    fs::write(folder.join("link/inside"), "i").unwrap();
    fs::remove_file(&odd).unwrap();
    bench.run(&folder, &["add", "--all"]);
    bench.run(&folder, &["update-index", "--add", "--cacheinfo", &format!("160000,{},sub", "1".repeat(40))]);
    bench.run(&folder, &["commit", "--quiet", "--message", "two"]);
    ids.push(bench.run(&folder, &["rev-parse", "HEAD"]).parse().unwrap());

    bench.run(&folder, &["rm", "--quiet", "--cached", "sub"]);
    fs::remove_dir_all(folder.join("link")).unwrap();
    fs::remove_file(folder.join("run")).unwrap();
    ids.push(bench.commit(&folder, "three"));
    (folder, ids)
}

#[test]
fn every_move_gives_the_tree_that_git_recorded() {
    let bench = Bench::new();
    let (folder, ids) = changing(&bench);
    let mut checkout = Checkout::new(&bench.open(&folder), &bench.path("a case")).unwrap();
    assert_eq!(checkout.path().file_name(), Some(OsStr::new("source")));
    for number in [0, 1, 2, 1, 0, 2, 0, 0] {
        checkout.move_to(&ids[number], &mut |_| ()).unwrap();
        assert_eq!(tree(checkout.path()), recorded(&bench, &folder, &ids[number]), "{number}");
    }
    let none = "1".repeat(40).parse().unwrap();
    assert!(matches!(checkout.move_to(&none, &mut |_| ()), Err(GitError::Failed { .. })));
    checkout.move_to(&ids[1], &mut |_| ()).unwrap();
    assert_eq!(tree(checkout.path()), recorded(&bench, &folder, &ids[1]));
}

#[test]
fn a_damaged_or_half_written_checkout_is_repaired() {
    let bench = Bench::new();
    let (folder, ids) = changing(&bench);
    let repository = bench.open(&folder);
    let case = bench.path("case");
    let source = case.join("source");
    type Damage<'a> = &'a dyn Fn();
    let damages: [(&str, Damage<'_>); 7] = [
        ("the state is gone and a foreign file is left", &|| {
            fs::remove_file(case.join("commit")).unwrap();
            fs::write(source.join("foreign"), "x").unwrap();
        }),
        ("the state is nonsense", &|| fs::write(case.join("commit"), "x").unwrap()),
        ("the index is nonsense", &|| fs::write(case.join("index"), "x").unwrap()),
        ("the index is gone", &|| fs::remove_file(case.join("index")).unwrap()),
        ("a lock is left", &|| fs::write(case.join("index.lock"), "").unwrap()),
        ("the tree is gone", &|| fs::remove_dir_all(&source).unwrap()),
        ("a file is gone, another changed", &|| {
            fs::remove_file(source.join(OsStr::from_bytes(b"odd \n\xff\t\"name"))).unwrap();
            fs::write(source.join("run"), "changed").unwrap();
            executable(&source.join("dir/b"), 0o755);
        }),
    ];
    for (what, damage) in damages {
        for target in [0, 1] {
            Checkout::new(&repository, &case).unwrap().move_to(&ids[0], &mut |_| ()).unwrap();
            assert_eq!(tree(&source), recorded(&bench, &folder, &ids[0]), "before {what}");
            damage();
            Checkout::new(&repository, &case).unwrap().move_to(&ids[target], &mut |_| ()).unwrap();
            assert_eq!(tree(&source), recorded(&bench, &folder, &ids[target]), "{what}, to {target}");
        }
    }
}

#[test]
fn attributes_of_the_tree_and_filters_of_the_user_have_no_effect() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    for name in ["crlf", "ident", "utf16", "evil", "subst", "macro"] {
        fs::write(folder.join(name), "$Id$ $Format:%H$\nline\n").unwrap();
    }
    let first = bench.commit(&folder, "one");
    let attributes = "crlf text eol=crlf\nident ident\nutf16 text working-tree-encoding=UTF-16\n\
                      evil filter=evil\nsubst export-subst\n[attr]all text eol=crlf ident filter=evil\nmacro all\n";
    fs::create_dir(folder.join("sub")).unwrap();
    fs::write(folder.join("sub/.gitattributes"), "* filter=evil\n").unwrap();
    fs::write(folder.join("sub/x"), "x\n").unwrap();
    fs::write(folder.join(".gitattributes"), attributes).unwrap();
    // Only these: git would convert the others on their way in.
    bench.run(&folder, &["add", ".gitattributes", "sub"]);
    bench.run(&folder, &["commit", "--quiet", "--message", "two"]);
    let second = bench.run(&folder, &["rev-parse", "HEAD"]).parse().unwrap();
    bench.trap(&bench.path("home/.gitconfig"), &bench.path("home/hooks"));
    bench.trap(&folder.join(".git/config"), &folder.join(".git/hooks"));
    let mut checkout = Checkout::new(&bench.open(&folder), &bench.path("case")).unwrap();
    for id in [&second, &first, &second] {
        checkout.move_to(id, &mut |_| ()).unwrap();
    }
    assert_eq!(bench.sprung(), None);
    let found = tree(checkout.path());
    assert_eq!(found[&b"crlf"[..]], ("file", b"$Id$ $Format:%H$\nline\n".to_vec()));
    assert_eq!(found.len(), 9);
    let contents: Vec<_> = ["ident", "utf16", "evil", "subst", "macro"].iter().map(|n| &found[n.as_bytes()]).collect();
    assert!(contents.iter().all(|content| **content == found[&b"crlf"[..]]), "{contents:?}");

    // The trap is a real one: a plain checkout of the same commit springs it.
    bench.run(&folder, &["worktree", "add", "--quiet", "--detach", "../plain", second.as_str()]);
    assert!(bench.sprung().is_some());
}

#[test]
fn a_repository_at_an_odd_path_with_long_hashes_is_checked_out() {
    let bench = Bench::new();
    let folder = bench.root.join(OsStr::from_bytes(b"a \"odd\"\n\\ \xff"));
    fs::create_dir(&folder).unwrap();
    bench.run(&folder, &["init", "--quiet", "--initial-branch=main", "--object-format=sha256"]);
    fs::write(folder.join("a"), "a").unwrap();
    let id = bench.commit(&folder, "one");
    let repository = bench.open(&folder);
    assert_eq!(repository.toplevel(), Some(folder.as_path()));
    let mut checkout = Checkout::new(&repository, &bench.path("case")).unwrap();
    checkout.move_to(&id, &mut |_| ()).unwrap();
    assert_eq!(tree(checkout.path()).len(), 1);
}

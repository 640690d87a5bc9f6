//! Copies of flakes as Nix sees them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix_culprit::sys::git::{GitError, Snapshot};

use crate::fixture::{Bench, tree};

fn names(folder: &Path) -> Vec<String> {
    tree(folder).into_keys().map(|name| String::from_utf8_lossy(&name).into_owned()).collect()
}

#[test]
fn tracked_files_are_copied_as_they_are_now() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    let flake = folder.join("sub/flake");
    fs::create_dir_all(&flake).unwrap();
    fs::write(flake.join("flake.nix"), "old").unwrap();
    fs::write(folder.join("deleted"), "x").unwrap();
    fs::write(folder.join("tool"), "x").unwrap();
    fs::write(folder.join("read-only"), "x").unwrap();
    symlink("/etc/passwd", folder.join("link")).unwrap();
    fs::write(folder.join(OsStr::from_bytes(b"odd \n\xff")), "odd").unwrap();
    fs::write(folder.join(".gitignore"), "ignored\n").unwrap();
    let head = bench.commit(&folder, "one");
    let clean = Snapshot::take(&bench.git(), &flake, &bench.path("clean")).unwrap();
    assert_eq!((clean.head.as_ref(), clean.dirty, clean.dir), (Some(&head), false, PathBuf::from("sub/flake")));
    assert_eq!(tree(&clean.root).len(), 7);

    fs::write(flake.join("flake.nix"), "new").unwrap();
    fs::remove_file(folder.join("deleted")).unwrap();
    fs::set_permissions(folder.join("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.join("read-only"), fs::Permissions::from_mode(0o444)).unwrap();
    for name in ["untracked", "ignored", "staged", "intended"] {
        fs::write(folder.join(name), name).unwrap();
    }
    bench.run(&folder, &["add", "staged"]);
    bench.run(&folder, &["add", "--intent-to-add", "intended"]);
    let copy = Snapshot::take(&bench.git(), &flake, &bench.path("dirty")).unwrap();
    assert!(copy.dirty);
    let found = tree(&copy.root);
    let file = |text: &str| ("file", text.as_bytes().to_vec());
    assert_eq!(found[&b"sub/flake/flake.nix"[..]], file("new"));
    assert_eq!(found[&b"tool"[..]], ("exec", b"x".to_vec()));
    assert_eq!(found[&b"link"[..]], ("link", b"/etc/passwd".to_vec()));
    assert_eq!(found[&b"odd \n\xff"[..]], file("odd"));
    assert_eq!((&found[&b"staged"[..]], &found[&b"intended"[..]]), (&file("staged"), &file("intended")));
    assert_eq!(found.len(), 8);
    fs::write(copy.root.join("read-only"), "the copy is writable").unwrap();
}

#[test]
fn nothing_behind_a_symbolic_link_is_copied() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    let secret = bench.path("secret");
    fs::create_dir(&secret).unwrap();
    fs::write(secret.join("key"), "secret").unwrap();
    fs::create_dir_all(folder.join("a/b")).unwrap();
    fs::write(folder.join("a/b/key"), "mine").unwrap();
    fs::write(folder.join("flake.nix"), "{ }").unwrap();
    bench.commit(&folder, "one");
    fs::remove_dir_all(folder.join("a/b")).unwrap();
    symlink(&secret, folder.join("a/b")).unwrap();
    let copy = Snapshot::take(&bench.git(), &folder, &bench.path("copy")).unwrap();
    assert_eq!(names(&copy.root), ["flake.nix"]);
}

#[test]
fn a_submodule_is_left_out_and_a_conflict_is_copied_once() {
    let bench = Bench::new();
    let inner = bench.init("inner");
    fs::write(inner.join("file"), "x").unwrap();
    bench.commit(&inner, "inner");
    let folder = bench.init("repo");
    bench.run(&folder, &["submodule", "--quiet", "add", inner.to_str().unwrap(), "sub"]);
    fs::write(folder.join("c"), "main").unwrap();
    bench.commit(&folder, "one");
    let blob = bench.run(&folder, &["rev-parse", "HEAD:c"]);
    let stages = format!("0 {blob}\tc\n100644 {blob} 1\tc\n100644 {blob} 2\tc\n100644 {blob} 3\tc\n");
    bench.feed(&folder, &["update-index", "--index-info"], stages.as_bytes());
    assert!(bench.run(&folder, &["ls-files", "--unmerged"]).lines().count() > 1);
    let copy = Snapshot::take(&bench.git(), &folder, &bench.path("copy")).unwrap();
    assert_eq!(names(&copy.root), [".gitmodules", "c"]);
}

#[test]
fn a_worktree_and_a_new_repository_are_copied() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    fs::write(folder.join("flake.nix"), "{ }").unwrap();
    bench.run(&folder, &["add", "flake.nix"]);
    let new = Snapshot::take(&bench.git(), &folder, &bench.path("new")).unwrap();
    assert_eq!((new.head, new.dirty, names(&new.root)), (None, true, vec!["flake.nix".to_owned()]));
    let head = bench.commit(&folder, "one");
    bench.run(&folder, &["worktree", "add", "--quiet", "--detach", "../tree"]);
    let copy = Snapshot::take(&bench.git(), &bench.path("tree"), &bench.path("copy")).unwrap();
    assert_eq!((copy.head, copy.dirty, names(&copy.root)), (Some(head), false, vec!["flake.nix".to_owned()]));
}

#[test]
fn a_folder_outside_of_git_is_copied_whole() {
    let bench = Bench::new();
    let folder = bench.path("plain");
    fs::create_dir_all(folder.join("empty")).unwrap();
    fs::create_dir_all(folder.join(".git")).unwrap();
    fs::create_dir_all(folder.join("in/.git")).unwrap();
    fs::write(folder.join(".git/x"), "x").unwrap();
    fs::write(folder.join("in/.git/x"), "x").unwrap();
    fs::write(folder.join("flake.nix"), "{ }").unwrap();
    symlink("..", folder.join("up")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.join("fifo"), 0o600.into()).unwrap();
    let copy = Snapshot::take(&bench.git(), &folder, &bench.path("copy")).unwrap();
    assert_eq!((copy.head, copy.dirty, copy.dir), (None, false, PathBuf::new()));
    assert_eq!(names(&copy.root), ["empty", "flake.nix", "in/.git/x", "up"]);
}

#[test]
fn a_copy_goes_into_a_new_folder_that_is_not_copied_itself() {
    let bench = Bench::new();
    let folder = bench.path("plain");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("flake.nix"), "{ }").unwrap();
    let inside = Snapshot::take(&bench.git(), &folder, &folder.join("copy"));
    assert!(matches!(inside, Err(GitError::BadPath(_))));
    symlink(&folder, bench.path("door")).unwrap();
    let inside = Snapshot::take(&bench.git(), &folder, &bench.path("door/copy"));
    assert!(matches!(inside, Err(GitError::BadPath(_))));
    assert_eq!(names(&folder), ["flake.nix"]);
    assert!(matches!(Snapshot::take(&bench.git(), &folder, &bench.path("home")), Err(GitError::File { .. })));
}

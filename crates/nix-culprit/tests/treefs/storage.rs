//! However git keeps the objects, a commit shows the same.

use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit::sys::treefs::TreeFs;
use nix_culprit_core::ids::CommitId;

use crate::fixture::{Sample, contents, fuse, git, sample, warden};

/// Shows a commit of a repository and returns all that is in it.
fn shown(git_dir: &Path, commit: &CommitId) -> Vec<(PathBuf, (String, Vec<u8>))> {
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), &[git_dir.to_owned()], &warden()).unwrap();
    contents(&mounted.view().folder(0, commit)).into_iter().collect()
}

/// Runs git for a new repository beside the sample.
fn make(sample: &Sample, name: &str, arguments: &[&str]) -> PathBuf {
    let folder = sample.git_dir.parent().unwrap().join(name);
    git(&sample.git_dir, &[arguments, &[folder.to_str().unwrap()]].concat(), b"");
    folder
}

#[test]
fn borrowed_shallow_linked_and_loose_objects_show_the_same() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let expected = shown(&sample.git_dir, &sample.next);
    let source = sample.git_dir.to_str().unwrap();
    let url = format!("file://{source}");
    let bare = |name, options: &[&str], from| {
        make(&sample, name, &[&["clone", "-q", "--bare", "--branch", "main"], options, &[from]].concat())
    };
    assert!(shown(&bare("borrowed.git", &["--shared"], source), &sample.next) == expected);
    assert!(shown(&bare("shallow.git", &["--depth", "1"], &url), &sample.next) == expected);
    git(&sample.git_dir, &["symbolic-ref", "HEAD", "refs/heads/main"], b"");
    let worktree = make(&sample, "worktree", &["worktree", "add", "-q", "--no-checkout", "--detach"]);
    assert!(worktree.is_dir());
    assert!(shown(&sample.git_dir.join("worktrees/worktree"), &sample.next) == expected);
    let loose = make(&sample, "loose.git", &["init", "-q", "--bare"]);
    let all = git(&sample.git_dir, &["pack-objects", "--all", "--stdout", "-q"], b"");
    git(&loose, &["unpack-objects", "-q"], &all);
    assert!(shown(&loose, &sample.next) == expected);
}

#[test]
fn replacements_change_nothing() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let expected = shown(&sample.git_dir, &sample.next);
    git(&sample.git_dir, &["replace", sample.next.as_str(), sample.odd.as_str()], b"");
    git(&sample.git_dir, &["commit-graph", "write", "--reachable"], b"");
    let content = git(&sample.git_dir, &["show", &format!("{}:flake.nix", sample.next)], b"");
    assert_eq!(content, b"{ }\n", "git itself is misled, so there is something to ignore");
    assert!(shown(&sample.git_dir, &sample.next) == expected);
}

#[test]
fn packs_may_be_replaced_while_a_commit_is_shown() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let expected = shown(&sample.git_dir, &sample.odd);
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    let packs = || {
        let names = fs::read_dir(sample.git_dir.join("objects/pack")).unwrap().map(|file| file.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".pack")).collect::<Vec<_>>()
    };
    for round in 0..3 {
        let view = mounted.view();
        assert_eq!(fs::read(view.folder(0, &sample.next).join("flake.nix")).unwrap(), b"{  }\n");
        let before = packs();
        let more = format!("commit refs/heads/more\ncommitter A <a@b> {round} +0000\ndata 1\n{round}\n\ndone\n");
        git(&sample.git_dir, &["fast-import", "--quiet", "--done", "--force"], more.as_bytes());
        git(&sample.git_dir, &["repack", "-q", "-a", "-d", "-f"], b"");
        assert_ne!(packs(), before);
        let seen: Vec<_> = contents(&view.folder(0, &sample.odd)).into_iter().collect();
        assert!(seen == expected, "round {round}");
    }
}

#[test]
fn long_hashes_another_store_of_names_and_a_huge_directory_are_shown() {
    if !fuse() {
        return;
    }
    let above = tempfile::tempdir().unwrap();
    let git_dir = above.path().join("repo.git");
    let version = String::from_utf8(git(&git_dir, &["version"], b"")).unwrap();
    git(&git_dir, &["init", "-q", "--bare", "--object-format=sha256"], b"");
    let mut stream = b"commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 0\n".to_vec();
    for file in 0..10_000 {
        stream.extend(format!("M 100644 inline many/{file}\ndata {}\n{file}\n", file.to_string().len()).bytes());
    }
    stream.extend(b"\ndone\n");
    git(&git_dir, &["fast-import", "--quiet", "--done"], &stream);
    let commit: CommitId =
        String::from_utf8(git(&git_dir, &["rev-parse", "main"], b"")).unwrap().trim().parse().unwrap();
    assert_eq!(commit.as_str().len(), 64);
    let check = |git_dir: &Path| {
        let at = tempfile::tempdir().unwrap();
        let mounted = TreeFs::mount(at.path(), &[git_dir.to_owned()], &warden()).unwrap();
        let view = mounted.view();
        let many = view.folder(0, &commit).join("many");
        assert_eq!(fs::read_dir(&many).unwrap().count(), 10_000);
        assert_eq!(fs::read(many.join("9999")).unwrap(), b"9999");
        assert!(!many.join("10000").exists());
    };
    check(&git_dir);
    let number = version.split(['.', ' ']).filter_map(|part| part.trim().parse::<u32>().ok()).collect::<Vec<_>>();
    if number < vec![2, 46] {
        println!("skipped, this git has no reftable");
        return;
    }
    git(&git_dir, &["refs", "migrate", "--ref-format=reftable"], b"");
    assert!(git_dir.join("reftable").is_dir());
    check(&git_dir);
}

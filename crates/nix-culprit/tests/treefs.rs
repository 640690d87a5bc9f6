//! Commits as directories, through a real mount; needs FUSE, and says so where there is none.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]
#![expect(clippy::print_stdout, reason = "a test that cannot run says why")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix_culprit::sys::treefs::{Supply, TreeFs, TreeFsError, Use};
use nix_culprit::sys::warden::Warden;
use nix_culprit_core::ids::CommitId;
use rustix::process::{Pid, Signal, kill_process};

/// Says whether tests of the mount can run here.
fn fuse() -> bool {
    let available = TreeFs::available();
    if let Err(error) = &available {
        println!("skipped, no FUSE here: {error}: {}", std::error::Error::source(error).unwrap());
    }
    available.is_ok()
}

fn warden() -> Warden {
    Warden::start(Path::new(env!("CARGO_BIN_EXE_nix-culprit"))).unwrap()
}

fn git(git_dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", git_dir)
        .arg("--git-dir")
        .arg(git_dir)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "git {args:?}");
    output.stdout
}

/// A bare repository with two commits: `odd` has everything that a tree can have, `next` changes one
/// file of it. Objects are packed.
struct Sample {
    _folder: tempfile::TempDir,
    git_dir: PathBuf,
    odd: CommitId,
    next: CommitId,
}

const BIG: usize = 3 << 20;

fn big() -> Vec<u8> {
    (0..BIG).map(|at| (at * at / 7 % 251) as u8).collect()
}

fn sample() -> Sample {
    let folder = tempfile::tempdir().unwrap();
    let git_dir = folder.path().join("repo.git");
    git(&git_dir, &["init", "-q", "--bare"], b"");
    let mut stream = b"commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 0\n".to_vec();
    let big = big();
    let files: [(&str, &str, &[u8]); 9] = [
        ("100644", "flake.nix", b"{ }\n"),
        ("100755", "bin/run", b"#!/bin/sh\necho ran\n"),
        ("100644", "empty", b""),
        ("100644", "big", &big),
        ("100644", r#""a name with spaces\nand a line end""#, b"odd"),
        ("100644", r#""not UTF-8 \377 \200""#, b"odder"),
        ("100644", "deep/er/and/deep/er.nix", b"1"),
        ("120000", "link", b"deep/er/and/deep/er.nix"),
        ("120000", "dangling", b"/nowhere/at all"),
    ];
    for (mode, path, content) in files {
        stream.extend(format!("M {mode} inline {path}\ndata {}\n", content.len()).bytes());
        stream.extend(content);
        stream.push(b'\n');
    }
    stream.extend(format!("M 160000 {} sub/module\n", "1".repeat(40)).bytes());
    // Sorted differently as a tree (`deep/`) and as a name.
    stream.extend(b"M 100644 inline deep.nix\ndata 1\n2\n\n");
    stream.extend(b"commit refs/heads/main\ncommitter A <a@b> 2 +0000\ndata 0\n");
    stream.extend(b"M 100644 inline flake.nix\ndata 5\n{  }\n\n\ndone\n");
    git(&git_dir, &["fast-import", "--quiet", "--done"], &stream);
    let resolve = |name| String::from_utf8(git(&git_dir, &["rev-parse", name], b"")).unwrap().trim().parse().unwrap();
    let (odd, next) = (resolve("main~1"), resolve("main"));
    Sample { _folder: folder, git_dir, odd, next }
}

/// Everything below a folder that git knows of: kind with executable bit, and content or target.
fn contents(top: &Path) -> BTreeMap<PathBuf, (String, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut folders = vec![top.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let metadata = fs::symlink_metadata(entry.path()).unwrap();
            assert_eq!(entry.file_type().unwrap(), metadata.file_type());
            let (kind, content) = if metadata.is_dir() {
                folders.push(entry.path());
                ("directory".to_owned(), Vec::new())
            } else if metadata.is_symlink() {
                ("link".to_owned(), fs::read_link(entry.path()).unwrap().as_os_str().as_bytes().to_vec())
            } else {
                let executable = metadata.permissions().mode() & 0o111 != 0;
                (format!("file, executable: {executable}"), fs::read(entry.path()).unwrap())
            };
            if !metadata.is_dir() {
                assert_eq!(metadata.len(), content.len() as u64, "{}", entry.path().display());
            }
            all.insert(entry.path().strip_prefix(top).unwrap().to_owned(), (kind, content));
        }
    }
    all
}

/// Does what the view should not be distinguishable from.
fn archive(sample: &Sample, commit: &CommitId, into: &Path) {
    let tar = git(&sample.git_dir, &["archive", commit.as_str()], b"");
    let mut child = Command::new("tar").arg("x").current_dir(into).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&tar).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_mounted_commit_is_the_checked_out_one_byte_by_byte() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    let view = mounted.view();
    for commit in [&sample.odd, &sample.next] {
        let checkout = tempfile::tempdir().unwrap();
        archive(&sample, commit, checkout.path());
        let expected = contents(checkout.path());
        assert!(expected.contains_key(Path::new(OsStr::from_bytes(b"not UTF-8 \xff \x80"))));
        let seen = contents(&view.folder(0, commit));
        assert_eq!(seen.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (path, expected) in &expected {
            assert!(seen[path] == *expected, "{} differs", path.display());
        }
        let ran = Command::new(view.folder(0, commit).join("bin/run")).output().unwrap();
        assert_eq!(ran.stdout, b"ran\n");
    }
}

#[test]
fn a_commit_cannot_be_written() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    let top = mounted.view().folder(0, &sample.odd);
    // The view ended with that line, so nothing is there; a living one refuses.
    assert_eq!(fs::read(top.join("empty")).unwrap_err().kind(), ErrorKind::NotFound);
    let view = mounted.view();
    let top = view.folder(0, &sample.odd);
    let attempts: [(&str, std::io::Result<()>); 6] = [
        ("create", fs::write(top.join("new"), "x")),
        ("write", fs::write(top.join("flake.nix"), "x")),
        ("make a directory", fs::create_dir(top.join("new"))),
        ("remove", fs::remove_file(top.join("flake.nix"))),
        ("rename", fs::rename(top.join("flake.nix"), top.join("new"))),
        ("change the mode", fs::set_permissions(top.join("flake.nix"), fs::Permissions::from_mode(0o777))),
    ];
    for (what, result) in attempts {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ReadOnlyFilesystem, "{what}");
    }
}

#[test]
fn many_threads_read_the_same_and_other_files_at_once() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    let (view, big) = (mounted.view(), big());
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let commit = if thread % 2 == 0 { &sample.odd } else { &sample.next };
            let (top, big) = (view.folder(0, commit), &big);
            scope.spawn(move || {
                for _ in 0..20 {
                    assert!(fs::read(top.join("big")).unwrap() == *big);
                    assert_eq!(fs::read(top.join("link")).unwrap(), b"1");
                    assert_eq!(fs::read_dir(&top).unwrap().count(), 11);
                }
            });
        }
    });
}

#[test]
fn each_view_has_a_complete_read_set_although_the_kernel_remembers() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), &[], &warden()).unwrap();
    assert_eq!(mounted.add_repository(&sample.git_dir).unwrap(), 0);
    let look = || {
        let view = mounted.view();
        let top = view.folder(0, &sample.odd);
        for _ in 0..2 {
            fs::read(top.join("link")).unwrap();
            fs::read(top.join("empty")).unwrap();
            fs::metadata(top.join("bin/run")).unwrap();
            fs::metadata(top.join("deep/default.nix")).unwrap_err();
            assert_eq!(fs::read_dir(top.join("sub")).unwrap().count(), 1);
        }
        let set = view.read_set();
        assert_eq!(set.len(), 1);
        let reads = set[&(0, sample.odd.clone())].clone();
        assert!(reads.unreadable.is_empty());
        reads.uses.into_iter().map(|(path, used)| (path.to_str().unwrap().to_owned(), used)).collect::<Vec<_>>()
    };
    let expected = [
        ("", Use::Found),
        ("bin", Use::Found),
        ("bin/run", Use::Found),
        ("deep", Use::Found),
        ("deep/default.nix", Use::Missing),
        ("deep/er", Use::Found),
        ("deep/er/and", Use::Found),
        ("deep/er/and/deep", Use::Found),
        ("deep/er/and/deep/er.nix", Use::Read),
        ("empty", Use::Read),
        ("link", Use::Read),
        ("sub", Use::Listed),
    ];
    let expected = expected.map(|(path, used)| (path.to_owned(), used));
    assert_eq!(look(), expected);
    assert_eq!(look(), expected);
}

#[test]
fn a_missing_object_is_asked_for_and_otherwise_an_error() {
    if !fuse() {
        return;
    }
    let sample = sample();
    // A repository with a commit and its top tree, but without files, as after a blobless clone.
    let (at, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let hollow = other.path().join("hollow.git");
    git(&hollow, &["init", "-q", "--bare"], b"");
    for object in [format!("{}", sample.next), format!("{}^{{tree}}", sample.next)] {
        let id = String::from_utf8(git(&sample.git_dir, &["rev-parse", &object], b"")).unwrap();
        let pack = git(&sample.git_dir, &["pack-objects", "--stdout", "-q"], id.as_bytes());
        git(&hollow, &["unpack-objects", "-q"], &pack);
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, source) = (Arc::clone(&asked), sample.git_dir.clone());
    let bring = move |git_dir: &Path, hash: &str| {
        count.fetch_add(1, Ordering::SeqCst);
        // The second time: the first reader gets an error.
        if count.load(Ordering::SeqCst) == 1 {
            return Supply::Unavailable;
        }
        let pack = git(&source, &["pack-objects", "--stdout", "-q"], format!("{hash}\n").as_bytes());
        git(git_dir, &["unpack-objects", "-q"], &pack);
        Supply::Brought
    };
    let mounted = TreeFs::mount_with(at.path(), &[hollow], &warden(), Arc::new(bring)).unwrap();
    let view = mounted.view();
    let file = view.folder(0, &sample.next).join("flake.nix");
    assert_eq!(fs::read(&file).unwrap_err().raw_os_error(), Some(5));
    assert!(view.read_set()[&(0, sample.next.clone())].unreadable.contains(Path::new("flake.nix")));
    assert_eq!(fs::read(&file).unwrap(), b"{  }\n");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_folder_that_is_no_repository_is_named() {
    let (at, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let error = TreeFs::mount(at.path(), &[empty.path().to_owned()], &warden()).unwrap_err();
    assert!(matches!(error, TreeFsError::Repository { git_dir, .. } if git_dir == empty.path()));
}

fn is_mounted(at: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(4) == at.to_str())
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A program that is inside of the mount and does not end by itself.
fn stuck(folder: &Path) -> Child {
    let mut child = Command::new("sh")
        .args(["-c", "exec 3<flake.nix; echo in; exec sleep 600"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = [0; 3];
    child.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
    child
}

#[test]
fn unmounting_does_not_wait_for_a_stuck_program() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    let view = mounted.view();
    let mut probe = stuck(&view.folder(0, &sample.odd));
    assert!(is_mounted(at.path()));
    drop((view, mounted));
    assert!(!is_mounted(at.path()));
    probe.kill().unwrap();
    probe.wait().unwrap();
}

/// The tool that is killed in the tests below, which run this again with these variables.
#[test]
#[ignore = "it is started by other tests"]
fn stand_in_for_the_tool() {
    let [at, git_dir] = ["TREEFS_AT", "TREEFS_GIT_DIR"].map(|name| PathBuf::from(std::env::var_os(name).unwrap()));
    let mounted = TreeFs::mount(&at, &[git_dir], &warden()).unwrap();
    let view = mounted.view();
    let commit = std::env::var("TREEFS_COMMIT").unwrap().parse().unwrap();
    fs::write(at.with_extension("ready"), view.folder(0, &commit).as_os_str().as_bytes()).unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

/// Starts the stand-in and returns it with the folder of the commit that it shows.
fn tool(at: &Path, sample: &Sample) -> (Child, PathBuf) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stand_in_for_the_tool", "--ignored"])
        .env("TREEFS_AT", at)
        .env("TREEFS_GIT_DIR", &sample.git_dir)
        .env("TREEFS_COMMIT", sample.odd.as_str())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ready = at.with_extension("ready");
    let mut folder = Vec::new();
    wait_for("the mount", || {
        folder = fs::read(&ready).unwrap_or_default();
        folder.ends_with(b"source")
    });
    (child, PathBuf::from(OsStr::from_bytes(&folder)))
}

#[test]
fn a_mount_does_not_outlive_a_killed_tool_even_with_a_stuck_program_in_it() {
    if !fuse() {
        return;
    }
    let (sample, above) = (sample(), tempfile::tempdir().unwrap());
    let at = above.path().join("mount");
    fs::create_dir(&at).unwrap();
    let (mut tool, folder) = tool(&at, &sample);
    assert_eq!(fs::metadata(folder.join("flake.nix")).unwrap().size(), 4);
    let mut probe = stuck(&folder);
    tool.kill().unwrap();
    tool.wait().unwrap();
    wait_for("the warden to unmount", || !is_mounted(&at));
    assert_eq!(fs::read_dir(&at).unwrap().count(), 0);
    probe.kill().unwrap();
    probe.wait().unwrap();
}

#[test]
fn a_dead_mount_of_a_run_whose_warden_was_killed_too_is_replaced() {
    if !fuse() {
        return;
    }
    let (sample, above) = (sample(), tempfile::tempdir().unwrap());
    let at = above.path().join("mount");
    fs::create_dir(&at).unwrap();
    let (mut tool, _) = tool(&at, &sample);
    let mut wardens = 0;
    for task in fs::read_dir(format!("/proc/{}/task", tool.id())).unwrap() {
        let children = fs::read_to_string(task.unwrap().path().join("children")).unwrap();
        for pid in children.split_ascii_whitespace() {
            kill_process(Pid::from_raw(pid.parse().unwrap()).unwrap(), Signal::KILL).unwrap();
            wardens += 1;
        }
    }
    assert_eq!(wardens, 1);
    tool.kill().unwrap();
    tool.wait().unwrap();
    wait_for("the mount to be dead", || fs::metadata(&at).is_err());
    assert!(is_mounted(&at));
    let mounted = TreeFs::mount(&at, std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    let view = mounted.view();
    assert_eq!(fs::read(view.folder(0, &sample.odd).join("flake.nix")).unwrap(), b"{ }\n");
    drop((view, mounted));
    assert!(!is_mounted(&at));
}

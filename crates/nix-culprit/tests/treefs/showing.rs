//! What is seen in a mounted commit.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix_culprit::sys::treefs::{Supply, TreeFs, TreeFsError, Use, Way};

use crate::fixture::{archive, big, contents, fuse, git, mounted, sample, warden};

#[test]
fn a_mounted_commit_is_the_checked_out_one_byte_by_byte() {
    let Some((sample, _at, mounted)) = mounted() else { return };
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
    let Some((sample, _at, mounted)) = mounted() else { return };
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
    let Some((sample, _at, mounted)) = mounted() else { return };
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
fn the_kernel_forgets_a_view_that_has_ended() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), &[], &warden()).unwrap();
    assert_eq!(mounted.add_repository(&sample.git_dir).unwrap(), 0);
    let view = mounted.view();
    let link = view.folder(0, &sample.odd).join("link");
    assert_eq!(fs::read(&link).unwrap(), b"1");
    drop(view);
    let began = std::time::Instant::now();
    // It remembers names for hours if it is not told to forget them.
    while fs::metadata(&link).is_ok() {
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "it is still there");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
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
    let mounted = TreeFs::mount_with(at.path(), &[hollow], &warden(), &Way::ALL, Arc::new(bring)).unwrap();
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

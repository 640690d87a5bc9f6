//! Names looked up before somebody asks for them, and the folder that all is mounted at.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use nix_culprit::sys::treefs::{MountPoint, Reads, TreeFs, Use};

use super::fixture::{fuse, is_mounted, sample, wait_for, warden};

#[test]
fn what_is_expected_is_looked_up_and_nothing_of_it_read() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    let mut view = mounted.view();
    let expected = [
        ("absent", Use::Missing),
        ("big", Use::Found),
        ("deep/er", Use::Listed),
        ("flake.nix", Use::Read),
        // A link may lead anywhere, so it is not followed.
        ("link/er.nix", Use::Read),
        ("was/here", Use::Read),
        ("zzz", Use::Missing),
    ];
    let uses = expected.map(|(path, used)| (PathBuf::from(path), used)).into_iter().collect();
    view.expect(0, &sample.odd, &Arc::new(Reads { uses, ..Reads::default() }));
    let seen = || -> BTreeMap<PathBuf, Use> {
        view.read_set().remove(&(0, sample.odd.clone())).map(|reads| reads.uses).unwrap_or_default()
    };
    wait_for("the last name", || seen().contains_key(&PathBuf::from("zzz")));
    let looked_up = [
        ("", Use::Found),
        ("absent", Use::Missing),
        ("big", Use::Found),
        ("deep", Use::Found),
        ("deep/er", Use::Found),
        ("flake.nix", Use::Found),
        ("zzz", Use::Missing),
    ];
    assert_eq!(seen(), looked_up.map(|(path, used)| (PathBuf::from(path), used)).into());

    let top = view.folder(0, &sample.odd);
    assert_eq!(fs::read(top.join("flake.nix")).unwrap(), b"{ }\n");
    assert_eq!(fs::read_dir(top.join("deep/er")).unwrap().count(), 1);
    fs::metadata(top.join("absent")).unwrap_err();
    let uses = seen();
    assert_eq!(uses[&PathBuf::from("flake.nix")], Use::Read, "each first read still comes to us");
    assert_eq!(uses[&PathBuf::from("deep/er")], Use::Listed);
}

#[test]
fn a_commit_by_itself_is_looked_up_too() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let (at, alone, warden) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), warden());
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&sample.git_dir), &warden).unwrap();
    let uses = [("bin/run", Use::Read), ("empty", Use::Read)].map(|(path, used)| (PathBuf::from(path), used));
    let expected = Arc::new(Reads { uses: uses.into(), ..Reads::default() });
    let commit = mounted.mount_commit(alone.path(), (0, &sample.odd), &warden, Some(&expected)).unwrap();
    let seen = || commit.read_set().remove(&(0, sample.odd.clone())).unwrap_or_default().uses;
    wait_for("both names", || seen().contains_key(&PathBuf::from("empty")));
    // The length of an empty file tells all of it.
    let looked_up = [("", Use::Found), ("bin", Use::Found), ("bin/run", Use::Found), ("empty", Use::Read)];
    assert_eq!(seen(), looked_up.map(|(path, used)| (PathBuf::from(path), used)).into());
}

#[test]
fn a_mount_point_goes_with_its_owner_and_one_that_was_left_goes_when_the_next_is_made() {
    if !fuse() {
        return;
    }
    let (sample, case, warden) = (sample(), tempfile::tempdir().unwrap(), warden());
    let record = case.path().join("mounted-at");
    let point = MountPoint::new(&record, &warden).unwrap();
    let left = point.at().to_owned();
    let mounted = TreeFs::mount(&left, std::slice::from_ref(&sample.git_dir), &warden).unwrap();
    // As after a kill of all processes: nobody has unmounted or removed it.
    std::mem::forget(point);
    assert!(is_mounted(&left));
    let next = MountPoint::new(&record, &warden).unwrap();
    assert!(!is_mounted(&left) && !left.exists());
    let at = next.at().to_owned();
    assert!(at.is_dir() && at != left);
    drop(next);
    assert!(!at.exists());
    drop(mounted);
}

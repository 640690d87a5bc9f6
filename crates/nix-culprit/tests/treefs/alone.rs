//! One commit by itself: its NAR hash, and a mount of its own.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix_culprit::sys::treefs::{NarError, TreeFs, Use};
use nix_culprit_core::store_path::NarHash;
use sha2::{Digest as _, Sha256};

use crate::fixture::{archive, contents, fuse, git, mounted, sample, warden};

/// The obvious way: the whole archive in memory, from files on disk.
fn nar(path: &Path, out: &mut Vec<u8>) {
    let string = |out: &mut Vec<u8>, text: &[u8]| {
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text);
        out.resize(out.len().next_multiple_of(8), 0);
    };
    let strings = |out: &mut Vec<u8>, all: &[&str]| all.iter().for_each(|text| string(out, text.as_bytes()));
    let metadata = fs::symlink_metadata(path).unwrap();
    strings(out, &["("]);
    if metadata.is_dir() {
        strings(out, &["type", "directory"]);
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        for name in names {
            strings(out, &["entry", "(", "name"]);
            string(out, name.as_bytes());
            strings(out, &["node"]);
            nar(&path.join(name), out);
            strings(out, &[")"]);
        }
    } else if metadata.is_symlink() {
        strings(out, &["type", "symlink", "target"]);
        string(out, fs::read_link(path).unwrap().as_os_str().as_bytes());
    } else {
        strings(out, &["type", "regular"]);
        if metadata.permissions().mode() & 0o100 != 0 {
            strings(out, &["executable", ""]);
        }
        strings(out, &["contents"]);
        string(out, &fs::read(path).unwrap());
    }
    strings(out, &[")"]);
}

#[test]
fn the_nar_hash_of_a_commit_is_that_of_its_files_on_disk() {
    let Some((sample, _at, mounted)) = mounted() else { return };
    // The second has most folders of the first, and then all are known.
    for commit in [&sample.odd, &sample.next, &sample.odd] {
        let checkout = tempfile::tempdir().unwrap();
        archive(&sample, commit, checkout.path());
        let mut whole = b"\x0d\0\0\0\0\0\0\0nix-archive-1\0\0\0".to_vec();
        nar(checkout.path(), &mut whole);
        let expected = NarHash(Sha256::digest(&whole).into());
        assert_eq!(mounted.nar_hash(0, commit).unwrap(), expected);
    }
    let unknown = "1".repeat(40).parse().unwrap();
    assert!(matches!(mounted.nar_hash(0, &unknown), Err(NarError::NoCommit)));
    assert!(matches!(mounted.nar_hash(7, &sample.odd), Err(NarError::NoCommit)));
}

#[test]
fn a_commit_whose_archive_leaves_files_out_has_no_known_nar_hash() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let stream = b"commit refs/heads/main\ncommitter A <a@b> 3 +0000\ndata 0\nfrom refs/heads/main^0\n\
        M 100644 inline sub/.gitattributes\ndata 24\n/tests export-ignore -x\n\ndone\n";
    git(&sample.git_dir, &["fast-import", "--quiet", "--done"], stream);
    let tip = String::from_utf8(git(&sample.git_dir, &["rev-parse", "main"], b"")).unwrap().trim().parse().unwrap();
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    assert!(matches!(mounted.nar_hash(0, &tip), Err(NarError::Attributes("export-ignore"))));
}

#[test]
fn a_commit_mounted_by_itself_is_the_whole_commit_and_keeps_a_read_set() {
    if !fuse() {
        return;
    }
    let sample = sample();
    let folder = tempfile::tempdir().unwrap();
    let (whole, alone) = (folder.path().join("whole"), folder.path().join("alone"));
    fs::create_dir(&whole).unwrap();
    fs::create_dir(&alone).unwrap();
    let warden = warden();
    let mounted = TreeFs::mount(&whole, std::slice::from_ref(&sample.git_dir), &warden).unwrap();
    let checkout = tempfile::tempdir().unwrap();
    archive(&sample, &sample.odd, checkout.path());
    let commit = mounted.mount_commit(&alone, (0, &sample.odd), &warden, None).unwrap();
    assert!(contents(commit.at()) == contents(checkout.path()));
    drop(commit);
    assert_eq!(fs::read_dir(&alone).unwrap().count(), 0, "it is unmounted");

    // What the kernel remembers of the same commit hides nothing from the next read-set.
    let commit = mounted.mount_commit(&alone, (0, &sample.odd), &warden, None).unwrap();
    fs::read(alone.join("flake.nix")).unwrap();
    assert!(!alone.join("absent").exists());
    let reads = &commit.read_set()[&(0, sample.odd.clone())];
    assert_eq!(reads.uses.get(Path::new("flake.nix")), Some(&Use::Read));
    assert_eq!(reads.uses.get(Path::new("absent")), Some(&Use::Missing));
    assert!(!reads.uses.contains_key(Path::new(OsStr::new("big"))));
}

//! Whether commits are alike for a probe: as git's list of what differs says, for whatever was looked at.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use nix_culprit::sys::git::{Git, Repository};
use nix_culprit::sys::interrupt::Interrupt;
use nix_culprit::sys::treefs::{Reads, TreeFs, Use};
use nix_culprit_core::ids::CommitId;

use crate::fixture::{fuse, git, warden};

/// What each commit of a history does to the one before: every kind of thing becomes every other, at several depths.
const STEPS: [&str; 6] = [
    "M 100644 inline a/b/c\ndata 1\n1\nM 100644 inline a/b/d\ndata 1\n1\nM 100644 inline a.nix\ndata 1\n1\nM 100644 inline f\ndata 1\n1\n",
    "M 100755 inline a/b/c\ndata 1\n1\nM 120000 inline f\ndata 1\n1\n",
    "D a/b\nM 100644 inline a/b\ndata 1\n2\nM 160000 1111111111111111111111111111111111111111 g\n",
    "D f\nM 100644 inline f/h/i\ndata 1\n1\nM 160000 2222222222222222222222222222222222222222 g\n",
    "D a.nix\nD g\nM 100644 inline g/x\ndata 1\n1\nM 100644 inline f/h/j\ndata 1\n1\n",
    "D f/h\nM 100644 inline a/b\ndata 1\n3\nM 120000 inline g\ndata 1\n1\n",
];

fn history(git_dir: &Path) -> Vec<CommitId> {
    git(git_dir, &["init", "-q", "--bare"], b"");
    let mut stream = Vec::new();
    for step in STEPS {
        stream.extend(b"commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 0\n");
        stream.extend(step.as_bytes());
    }
    stream.extend(b"\ndone\n");
    git(git_dir, &["fast-import", "--quiet", "--done"], &stream);
    let listed = String::from_utf8(git(git_dir, &["rev-list", "--reverse", "main"], b"")).unwrap();
    listed.lines().map(|line| line.parse().unwrap()).collect()
}

/// All paths that are in any of the commits, and one that is in none.
fn paths(git_dir: &Path, commits: &[CommitId]) -> Vec<PathBuf> {
    let mut all = BTreeSet::from(["".into(), "none".into()]);
    for commit in commits {
        let listed = git(git_dir, &["ls-tree", "-r", "-t", "-z", "--name-only", commit.as_str()], b"");
        let names = listed.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        all.extend(names.map(|name| PathBuf::from(OsStr::from_bytes(name))));
    }
    all.into_iter().collect()
}

#[test]
fn commits_are_alike_where_nothing_that_was_looked_at_is_in_gits_list_of_differences() {
    if !fuse() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let git_dir = folder.path().join("repo.git");
    let commits = history(&git_dir);
    assert_eq!(commits.len(), STEPS.len());
    let paths = paths(&git_dir, &commits);
    let at = tempfile::tempdir().unwrap();
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&git_dir), &warden()).unwrap();
    let by_git = Git::new("git", &Interrupt::new()).unwrap();
    let repository = Repository::open(&by_git, &git_dir).unwrap();
    let uses = [Use::Missing, Use::Found, Use::Listed, Use::Read];
    // One path by itself in each way, and with what is above it listed: no change meets more.
    let mut looked_at: Vec<Vec<(&Path, Use)>> = vec![vec![]];
    for path in paths.iter().map(PathBuf::as_path) {
        for used in uses {
            looked_at.push(vec![(path, used)]);
            looked_at.extend(path.parent().map(|above| vec![(path, used), (above, Use::Listed)]));
        }
    }
    let (mut alike, mut unlike) = (0, 0);
    for one in &commits {
        for other in &commits {
            let changes = repository.changed(one, other).unwrap();
            for looked_at in &looked_at {
                let mut reads = Reads::default();
                looked_at.iter().for_each(|(path, used)| reads.note(path, *used));
                let expected = reads.hold_after(&changes);
                let found = mounted.are_alike(0, (one, other), &reads).unwrap();
                assert_eq!(found, expected, "{one} {other} {looked_at:?}");
                *(if found { &mut alike } else { &mut unlike }) += 1;
            }
        }
    }
    assert!(alike > 500 && unlike > 500, "{alike} {unlike}");
    let mut reads = Reads::default();
    reads.unreadable.insert("a".into());
    assert!(
        !mounted.are_alike(0, (&commits[0], &commits[0]), &reads).unwrap(),
        "what could not be read is no evidence"
    );
    assert!(mounted.are_alike(0, (&commits[0], &"1".repeat(40).parse().unwrap()), &Reads::default()).is_err());
}

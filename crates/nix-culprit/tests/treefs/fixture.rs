//! What all tests of the mount share: whether there is FUSE, a repository with odd things in it, and looking around.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix_culprit::sys::treefs::{TreeFs, Way};
use nix_culprit::sys::warden::Warden;
use nix_culprit_core::ids::CommitId;

/// Says whether tests of the mount can run here.
pub(crate) fn fuse() -> bool {
    can(Way::Direct)
}

/// Says whether tests of a way to mount can run here.
pub(crate) fn can(way: Way) -> bool {
    let tried = TreeFs::try_out(way, Path::new(PROGRAM));
    if let Err(error) = &tried {
        println!("skipped, no FUSE {way} here: {error}");
    }
    tried.is_ok()
}

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_nix-culprit");

pub(crate) fn warden() -> Warden {
    Warden::start(Path::new(PROGRAM)).unwrap()
}

pub(crate) fn git(git_dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
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
pub(crate) struct Sample {
    _folder: tempfile::TempDir,
    pub(crate) git_dir: PathBuf,
    pub(crate) odd: CommitId,
    pub(crate) next: CommitId,
}

pub(crate) const BIG: usize = 3 << 20;

pub(crate) fn big() -> Vec<u8> {
    (0..BIG).map(|at| (at * at / 7 % 251) as u8).collect()
}

pub(crate) fn sample() -> Sample {
    let folder = tempfile::tempdir().unwrap();
    // Another user reads it in some tests.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
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

/// The repository and the folder in which it is mounted; none where there is no FUSE.
pub(crate) fn mounted() -> Option<(Sample, tempfile::TempDir, TreeFs)> {
    let (sample, at) = (fuse().then(sample)?, tempfile::tempdir().unwrap());
    let mounted = TreeFs::mount(at.path(), std::slice::from_ref(&sample.git_dir), &warden()).unwrap();
    Some((sample, at, mounted))
}

/// Everything below a folder that git knows of: kind with executable bit, and content or target.
pub(crate) fn contents(top: &Path) -> BTreeMap<PathBuf, (String, Vec<u8>)> {
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
pub(crate) fn archive(sample: &Sample, commit: &CommitId, into: &Path) {
    let tar = git(&sample.git_dir, &["archive", commit.as_str()], b"");
    let mut child = Command::new("tar").arg("x").current_dir(into).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&tar).unwrap();
    assert!(child.wait().unwrap().success());
}

pub(crate) fn is_mounted(at: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(4) == at.to_str())
}

/// Tells whether any process of this machine sees something mounted there.
pub(crate) fn is_mounted_anywhere(at: &Path) -> bool {
    fs::read_dir("/proc").unwrap().flatten().any(|process| {
        let mounts = fs::read_to_string(process.path().join("mountinfo")).unwrap_or_default();
        mounts.lines().any(|line| line.split(' ').nth(4) == at.to_str())
    })
}

/// Who runs a program.
pub(crate) enum User {
    /// We.
    Me,
    /// Somebody with this number, who may open this device.
    Other { uid: u32, device: tempfile::TempDir },
}

impl User {
    pub(crate) fn me() -> Self {
        Self::Me
    }

    /// Finds a user who can mount in a namespace of their own only, or says why there is none.
    pub(crate) fn who_may_not_mount() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return can(Way::Namespace).then_some(Self::Me);
        }
        let device = tempfile::tempdir().unwrap();
        let user = Self::Other { uid: 65_534, device };
        user.own(user.device());
        let mut made = Command::new("mknod");
        made.args(["-m", "666"]).arg(user.device().join("fuse")).args(["c", "10", "229"]).stderr(Stdio::null());
        let made = made.status().is_ok_and(|status| status.success());
        let mut tried = user.command(Path::new("unshare"));
        let tried = tried.args(["--user", "--mount", "--map-current-user", "true"]).output();
        if made && tried.as_ref().is_ok_and(|tried| tried.status.success()) {
            return Some(user);
        }
        println!("skipped, no other user can have a namespace here: {tried:?}");
        None
    }

    fn device(&self) -> &Path {
        match self {
            Self::Me => Path::new("/dev"),
            Self::Other { device, .. } => device.path(),
        }
    }

    pub(crate) fn is_me(&self) -> bool {
        matches!(self, Self::Me)
    }

    pub(crate) fn uid(&self) -> u32 {
        match self {
            Self::Me => rustix::process::geteuid().as_raw(),
            Self::Other { uid, .. } => *uid,
        }
    }

    /// Gives a folder to this user.
    pub(crate) fn own(&self, folder: &Path) {
        std::os::unix::fs::chown(folder, Some(self.uid()), None).unwrap();
    }

    /// Prepares to run a program as this user.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let Self::Other { uid, device } = self else { return Command::new(program) };
        // Its own world: the device is everybody's there, and for us nothing changes.
        let script = "mount --bind \"$0/fuse\" /dev/fuse && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(device.path());
        command.args(["setpriv", &format!("--reuid={uid}"), &format!("--regid={uid}"), "--clear-groups"]).arg(program);
        command
    }
}

pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A program that is inside of the mount and does not end by itself.
pub(crate) fn stuck(folder: &Path) -> Child {
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

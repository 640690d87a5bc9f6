//! A test's own place: a home, a copy of the sample's flake, and the tool in a clean environment.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix_culprit_sample::{Sample, State};
use serde_json::Value;

use crate::machine::{self, RealNix, sample, system};

pub(crate) const TOOL: &str = env!("CARGO_BIN_EXE_nix-culprit");
/// Enough for the sample's good states (53 MiB) and soon reached by its bad ones.
pub(crate) const MEMORY: &str = "256M";
/// No run of these tests takes nearly as long, even on a busy machine.
const TOO_LONG: Duration = Duration::from_secs(400);

/// A test's own place.
pub(crate) struct Room {
    pub(crate) root: PathBuf,
    pub(crate) home: PathBuf,
    /// A copy of the sample's flake.
    pub(crate) app: PathBuf,
    pub(crate) nix: RealNix,
    pub(crate) sample: Arc<Sample>,
}

impl Room {
    pub(crate) fn new(nix: &RealNix) -> Self {
        Self::with(nix, sample())
    }

    pub(crate) fn with(nix: &RealNix, sample: Arc<Sample>) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let root = machine::root().join("rooms").join(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
        let home = root.join("home");
        fs::create_dir_all(home.join(".config")).unwrap();
        fs::create_dir(root.join("tmp")).unwrap();
        fs::write(home.join(".config/kept"), "mine\n").unwrap();
        let app = root.join("app");
        let room = Self { root, home, app, nix: nix.clone(), sample };
        room.copy(&room.sample.app, &room.app);
        room
    }

    /// Copies a folder with all its times.
    pub(crate) fn copy(&self, from: &Path, to: &Path) {
        assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Prepares a program in the clean environment, in the flake's folder.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.app)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("LANG", "C.UTF-8")
            .env("HOME", &self.home)
            .env("TMPDIR", self.root.join("tmp"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("NIX_REMOTE", self.nix.store())
            .env("NIX_CONF_DIR", machine::root().join("conf"))
            .env("NIX_CULPRIT_NIX", self.nix.program())
            .env("NIX_CULPRIT_NO_CACHE", "1")
            .env("NIX_CULPRIT_NO_FIX", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Prepares the tool with these arguments.
    pub(crate) fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(TOOL);
        command.args(arguments);
        command
    }

    /// Runs the tool with these arguments to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        finish(self.tool(arguments).spawn().unwrap())
    }

    /// As [`Room::run`], with the usual budget.
    pub(crate) fn run_small(&self, arguments: &[&str]) -> Run {
        self.run(&[arguments, &["--memory", MEMORY]].concat())
    }

    /// As [`Room::run_small`], with a check of the user's own behind `--`.
    pub(crate) fn run_small_with_check(&self, arguments: &[&str], check: &[&str]) -> Run {
        self.run(&[arguments, &["--memory", MEMORY, "--"], check].concat())
    }

    /// Runs another program, which must succeed, and returns what it printed.
    pub(crate) fn succeed(&self, program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
        let run = finish(self.command(program).args(arguments).spawn().unwrap());
        assert_eq!(run.code, Some(0), "{arguments:?}: {run}");
        run.stdout.trim_end().to_owned()
    }

    /// Runs git in the flake's folder.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let who = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"];
        self.succeed("git", &[&who, arguments].concat())
    }

    /// Takes back the update of the lock, so that the flake is good.
    pub(crate) fn make_good(&self) {
        self.git(&["checkout", "-q", "HEAD", "--", "flake.lock"]);
    }

    /// A commit of the package set that is in this state, and is not an end of the sample.
    pub(crate) fn some_commit(&self, wanted: State) -> String {
        let mut commits = self.sample.truth.iter().filter(|(_, state)| *state == wanted);
        commits.nth(2).unwrap().0.clone()
    }

    /// Replaces a text in a file of the flake.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.app.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    /// The folders of all cases, oldest first.
    pub(crate) fn cases(&self) -> Vec<PathBuf> {
        let folder = self.home.join(".local/state/nix-culprit/cases");
        let mut cases: Vec<_> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        cases.sort();
        cases
    }

    /// The folder of the only case.
    pub(crate) fn case(&self) -> PathBuf {
        let cases = self.cases();
        assert_eq!(cases.len(), 1, "{cases:?}");
        cases[0].clone()
    }

    /// Takes out of a text what differs from run to run.
    pub(crate) fn steady(&self, text: &str) -> String {
        let sample = self.sample.app.parent().unwrap();
        let mut text = text
            .replace(self.root.to_str().unwrap(), "ROOM")
            .replace(sample.to_str().unwrap(), "SAMPLE")
            .replace(self.nix.program().to_str().unwrap(), "NIX")
            .replace(&system(), "SYSTEM");
        let Sample { good, bad, culprit, overlay_locked, overlay_fixed, .. } = &*self.sample;
        for (commit, name) in [
            (good, "GOOD"),
            (bad, "BAD"),
            (culprit, "CULPRIT"),
            (overlay_locked, "OVERLAY-LOCKED"),
            (overlay_fixed, "OVERLAY-FIXED"),
        ] {
            text = text.replace(commit, name).replace(&commit[..12], name);
        }
        // The newest first: `X-2` was begun in the same second as `X`.
        for case in self.cases().into_iter().rev() {
            text = text.replace(case.file_name().unwrap().to_str().unwrap(), "CASE");
        }
        text
    }
}

/// A run of a program that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn exits_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {:?}, signal {:?}\n{}\n{}", self.code, self.signal, self.stdout, self.stderr)
    }
}

/// Waits until a process ends; one that hangs is killed, and the test fails.
pub(crate) fn finish(child: Child) -> Run {
    let id = child.id();
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let watch = thread::spawn(move || {
        let hangs = ended.recv_timeout(TOO_LONG).is_err_and(|e| e == std::sync::mpsc::RecvTimeoutError::Timeout);
        if hangs {
            let _gone = Command::new("kill").args(["-9", &id.to_string()]).status();
        }
        hangs
    });
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    drop(done);
    let run = Run {
        code: status.code(),
        signal: status.signal(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    };
    assert!(!watch.join().unwrap(), "it hung: {run}");
    run
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited too long for: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

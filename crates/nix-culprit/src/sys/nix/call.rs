//! How Nix is asked, in the fast and in the faithful way, and how its answers read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::flake::AttrPath;
use nix_culprit_core::ids::DrvPath;
use nix_culprit_core::outcome::End;
use nix_culprit_core::quantity::Bytes;
use serde::Deserialize;
use thiserror::Error;

use super::Version;
use crate::sys::child::{self, Call, ChildError};
use crate::sys::interrupt::Interrupt;

/// Features that the evaluation of flakes needs, whatever the user's configuration says.
const FEATURES: &str = "nix-command flakes";

/// Addresses that locked fetches may use in restricted mode: all; the lock's hashes keep them honest.
const ALLOWED_URIS: &str = "https:// http:// ftp:// ssh:// git:// file:// path:/ git+https:// git+http:// git+ssh:// \
                            git+file:// github: gitlab: sourcehut: tarball+https:// hg+https:// flake:";

/// Says why Nix could not be used at all.
#[derive(Debug, Error)]
pub enum NixError {
    /// It could not be run.
    #[error("`{program}` cannot be used as nix")]
    Run {
        /// The program.
        program: String,
        /// What the system said.
        source: ChildError,
    },
    /// It ran, but did not say what it is.
    #[error("`{program} --version` did not print the version of a Nix")]
    Version {
        /// The program.
        program: String,
    },
    /// Another Nix could not be built by it.
    #[error("`{program} build {installable}` did not build a Nix: {message}")]
    Build {
        /// The program.
        program: String,
        /// What was to be built.
        installable: String,
        /// What it said.
        message: String,
    },
    /// It did not say for which system it evaluates.
    #[error("`{program}` did not say which system this is: {message}")]
    System {
        /// The program.
        program: String,
        /// What it said instead.
        message: String,
    },
}

/// The user's Nix.
#[derive(Debug, Clone)]
pub struct Nix {
    nix: PathBuf,
    instantiate: PathBuf,
    store: PathBuf,
    version: Version,
    system: String,
    /// Variables of the environment that are 1 for the evaluated code.
    allowed: Vec<&'static str>,
    /// What the user's own command does where a flake asks for another lock.
    relock: Relock,
}

/// What a Nix does where a flake asks for another lock than it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relock {
    /// It uses another one, and writes nothing.
    Unwritten,
    /// It refuses.
    Refused,
}

/// The folders of a fast evaluation.
#[derive(Debug, Clone)]
pub struct Scene<'a> {
    /// The folder with the entry expression and the plan.
    pub folder: &'a Path,
    /// The name of the entry expression in it.
    pub entry: &'a str,
    /// The folders that the evaluation may read besides.
    pub readable: &'a [PathBuf],
}

/// What `nix eval --raw` is asked for in a flake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalQuestion {
    /// The attribute path, as the command line reads it.
    pub attr: String,
    /// The function that makes a string of it, where it is none.
    pub apply: Option<&'static str>,
}

/// What a successful fast evaluation answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The attribute that was found, if any was.
    pub attr: Option<AttrPath>,
    /// The derivation it evaluated to, if it is one.
    pub drv_path: Option<DrvPath>,
    /// The outputs that are there, where no attribute was found.
    pub outputs: Vec<String>,
}

impl Nix {
    /// Asks a nix program what it is.
    ///
    /// # Errors
    /// When it cannot be run, or is no Nix.
    pub fn detect(program: &Path, system: Option<&str>, interrupt: &Interrupt) -> Result<Self, NixError> {
        let shown = program.display().to_string();
        let run = |call: Call| {
            child::output(&call, Some(Duration::from_secs(60)), interrupt)
                .map_err(|source| NixError::Run { program: shown.clone(), source })
        };
        let (instantiate, store) = (sibling(program, "nix-instantiate"), sibling(program, "nix-store"));
        let current_system = || -> Result<String, NixError> {
            let answer = run(Call::new(&instantiate).args(["--eval", "--json", "-E", "builtins.currentSystem"]))?;
            serde_json::from_slice(&answer.stdout).map_err(|_| NixError::System {
                program: instantiate.display().to_string(),
                message: last_line(&answer.stderr),
            })
        };
        // Each question takes the start of a Nix.
        let (printed, system) = std::thread::scope(|scope| {
            let printing = scope.spawn(|| run(Call::new(program).arg("--version")));
            let system = system.map_or_else(current_system, |system| Ok(system.to_owned()));
            (printing.join(), system)
        });
        let printed = printed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let version = Version::parse(&String::from_utf8_lossy(&printed.stdout))
            .ok_or_else(|| NixError::Version { program: shown.clone() })?;
        let system = system?;
        let (relock, allowed) = (Relock::Unwritten, Vec::new());
        Ok(Self { nix: program.to_owned(), instantiate, store, version, system, allowed, relock })
    }

    /// Has the user's own command show these variables of the environment as 1 to the evaluated code, for which a flake
    /// has to be evaluated with `--impure`. The fast way hides them.
    #[must_use]
    pub fn allowing(self, variables: Vec<&'static str>) -> Self {
        Self { allowed: variables, ..self }
    }

    /// Has the user's own command refuse a flake that asks for another lock than it has.
    #[must_use]
    pub fn bound_to_the_lock(self) -> Self {
        Self { relock: Relock::Refused, ..self }
    }

    /// Returns the `nix` program.
    pub(super) fn program(&self) -> &Path {
        &self.nix
    }

    /// Returns the `nix-store` program.
    pub(super) fn store_program(&self) -> &Path {
        &self.store
    }

    /// Returns all settings of this Nix here, as it prints them; nothing where it does not.
    #[must_use]
    pub fn settings(&self, interrupt: &Interrupt) -> Option<String> {
        let mut call = Call::new(&self.nix).arg("show-config");
        if self.version.has_flakes() {
            call = call.args(["--extra-experimental-features", "nix-command"]);
        }
        let answer = child::output(&call, Some(Duration::from_secs(60)), interrupt).ok()?;
        answer.success().then(|| String::from_utf8_lossy(&answer.stdout).into_owned())
    }

    /// Returns which Nix it is.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// Returns its version and its program, to tell it from others.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{} at {}", self.version, self.nix.display())
    }

    /// Returns the system that is evaluated for, such as `x86_64-linux`.
    #[must_use]
    pub fn system(&self) -> &str {
        &self.system
    }

    /// Builds the call that evaluates a plan, reading only, restricted to the scene's folders.
    #[must_use]
    pub fn fast(&self, scene: &Scene<'_>) -> Call {
        let mut call = scrubbed(&self.instantiate)
            .args(["--eval", "--strict", "--json", "--show-trace"])
            .args(["--option", "restrict-eval", "true", "--option", "allowed-uris", ALLOWED_URIS])
            .args(self.log_flags())
            .arg("-I")
            .arg(search_path(0, scene.folder));
        for (index, folder) in scene.readable.iter().enumerate() {
            call = call.arg("-I").arg(search_path(index + 1, folder));
        }
        call.arg(scene.folder.join(scene.entry)).folder(scene.folder)
    }

    /// Builds the user's own evaluation: `nix eval` of the target in a copy of the flake.
    #[must_use]
    pub fn faithful(&self, copy: &Path, dir: &str, question: &EvalQuestion) -> Call {
        self.own_evaluation(Vec::new(), copy, dir, question)
    }

    /// Builds the same with options that do not change what is evaluated.
    pub(super) fn own_evaluation(
        &self,
        options: Vec<OsString>,
        copy: &Path,
        dir: &str,
        question: &EvalQuestion,
    ) -> Call {
        let mut reference = OsString::from("path:");
        reference.push(copy);
        if !dir.is_empty() {
            reference.push(format!("?dir={dir}"));
        }
        reference.push(format!("#{}", question.attr));
        let impure: &[&str] = if self.allowed.is_empty() { &[] } else { &["--impure"] };
        // With both flags, Nix uses another lock.
        let relock = match self.relock {
            Relock::Unwritten => "--no-write-lock-file",
            Relock::Refused => "--no-update-lock-file",
        };
        self.with_allowed(scrubbed(&self.nix))
            .args(["eval", "--raw", "--show-trace", relock])
            .args(impure)
            .args(["--option", "eval-cache", "false"])
            .args(options)
            .args(self.log_flags())
            .args(question.apply.into_iter().flat_map(|function| ["--apply", function]))
            .arg(reference)
    }

    /// Builds the user's own evaluation of a project without a flake; `channels` are names for `<…>` with their folders.
    #[must_use]
    pub fn instantiate(&self, file: &Path, attr: &AttrPath, channels: &[(String, PathBuf)]) -> Call {
        let call = self.with_allowed(scrubbed(&self.instantiate));
        let call = call.arg("--show-trace").args(self.log_flags()).arg(file);
        let call = if attr.0.is_empty() { call } else { call.arg("-A").arg(attr.to_string()) };
        with_channels(call, channels)
    }

    fn with_allowed(&self, call: Call) -> Call {
        self.allowed.iter().fold(call, |call, variable| call.env(variable, "1"))
    }

    /// Returns what makes Nix print its messages as JSON lines, where it can.
    fn log_flags(&self) -> &'static [&'static str] {
        if self.version.has_flakes() {
            &["--log-format", "internal-json", "--extra-experimental-features", FEATURES]
        } else {
            &[]
        }
    }
}

/// Has a Nix built by another one, and returns its program; `link` keeps it from being collected as garbage.
///
/// # Errors
/// When it cannot be built, or is no Nix.
pub fn build_nix(program: &Path, installable: &str, link: &Path, interrupt: &Interrupt) -> Result<PathBuf, NixError> {
    /// Builds may take long where nothing is in a cache.
    const LONGEST: Duration = Duration::from_secs(4 * 3600);
    let shown = program.display().to_string();
    let call = Call::new(program)
        .args(["build", "--extra-experimental-features", FEATURES, "--out-link"])
        .arg(link)
        .arg(installable);
    let built = child::output(&call, Some(LONGEST), interrupt)
        .map_err(|source| NixError::Run { program: shown.clone(), source })?;
    let nix = link.join("bin").join("nix");
    if built.success() && nix.is_file() {
        return Ok(nix);
    }
    let message = match last_line(&built.stderr) {
        message if built.success() || message.is_empty() => "it has no bin/nix".to_owned(),
        message => message,
    };
    Err(NixError::Build { program: shown, installable: installable.to_owned(), message })
}

/// Gives a call the search path of the user, with these names before all others.
pub fn with_channels(call: Call, channels: &[(String, PathBuf)]) -> Call {
    let call = match std::env::var_os("NIX_PATH") {
        Some(path) => call.env("NIX_PATH", path),
        None => call,
    };
    channels.iter().fold(call, |call, (name, folder)| call.arg("-I").arg(format!("{name}={}", folder.display())))
}

/// Has an evaluation begin with a heap of this size, before which it collects no garbage, if that is more than Nix begins
/// with by itself and the user does not say how large it is.
pub fn begins_with(call: Call, heap: Bytes) -> Call {
    /// Nix has no more, and a fourth of the machine's memory where that is less.
    const OWN: Bytes = Bytes(384 << 20);
    const NAME: &str = "GC_INITIAL_HEAP_SIZE";
    if heap <= OWN || std::env::var_os(NAME).is_some() { call } else { call.env(NAME, heap.0.to_string()) }
}

/// Reads what a fast evaluation printed.
#[must_use]
pub fn read_answer(stdout: &[u8], end: End) -> Option<Answer> {
    if end == End::Exited(0) { serde_json::from_slice(stdout).ok() } else { None }
}

/// Reads what a faithful evaluation printed.
#[must_use]
pub fn read_drv_path(stdout: &[u8], end: End) -> Option<DrvPath> {
    if end == End::Exited(0) { std::str::from_utf8(stdout).ok()?.trim().parse().ok() } else { None }
}

/// Begins a call in an environment without what would change an evaluation from outside.
///
/// HOME stays: Nix reads the user's own configuration and tokens there. Restricted evaluation hides
/// the environment from the evaluated code.
pub(super) fn scrubbed(program: &Path) -> Call {
    [
        "NIX_PATH",
        "NIX_SHOW_STATS",
        "NIX_SHOW_STATS_PATH",
        "NIX_COUNT_CALLS",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
    ]
    .iter()
    .fold(Call::new(program), Call::env_remove)
}

fn search_path(index: usize, folder: &Path) -> OsString {
    let mut entry = OsString::from(format!("nix-culprit-{index}="));
    entry.push(folder);
    entry
}

/// Finds the program that came with this one: beside it, else by name.
fn sibling(program: &Path, name: &str) -> PathBuf {
    let beside = program.with_file_name(name);
    if program.components().count() > 1 && beside.exists() { beside } else { PathBuf::from(name) }
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    nix_culprit_core::text::printable(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nix(version: &str) -> Nix {
        Nix {
            nix: "/bin/nix".into(),
            instantiate: "/bin/nix-instantiate".into(),
            store: "/bin/nix-store".into(),
            version: Version::parse(&format!("nix (Nix) {version}")).unwrap(),
            system: "x86_64-linux".to_owned(),
            allowed: Vec::new(),
            relock: Relock::Unwritten,
        }
    }

    #[test]
    fn an_old_nix_is_not_given_flags_that_it_does_not_know() {
        let scene = Scene { folder: Path::new("/case"), entry: "entry.nix", readable: &["/app".into()] };
        let old = nix("2.3.7").fast(&scene).show();
        assert!(!old.contains("log-format") && !old.contains("experimental"), "{old}");
        let new = nix("2.8.0").fast(&scene).show();
        assert!(new.contains("--log-format internal-json"), "{new}");
        assert!(new.ends_with("-I nix-culprit-0=/case -I nix-culprit-1=/app /case/entry.nix"), "{new}");
    }

    #[test]
    fn the_faithful_call_is_what_a_user_would_type() {
        let ask = |dir, attr: &str, apply| {
            let question = EvalQuestion { attr: attr.to_owned(), apply };
            nix("2.34.8").faithful(Path::new("/copy/source"), dir, &question).show()
        };
        let call = ask("sub", "packages.x86_64-linux.default.drvPath", None);
        assert!(call.starts_with("/bin/nix eval --raw "), "{call}");
        assert!(call.ends_with("path:/copy/source?dir=sub#packages.x86_64-linux.default.drvPath"), "{call}");
        let call = ask("", "lib.n", Some("value: value"));
        assert!(call.ends_with("--apply value: value path:/copy/source#lib.n"), "{call}");
        let question = EvalQuestion { attr: "a.drvPath".to_owned(), apply: None };
        let pure = nix("2.34.8").pure(Path::new("/case/store"), Path::new("/copy/source"), "", &question).show();
        assert!(pure.contains(" --store /case/store "), "{pure}");
        let without = pure.split(" --store ").next().unwrap();
        let faithful = nix("2.34.8").faithful(Path::new("/copy/source"), "", &question).show();
        assert!(faithful.starts_with(without), "it differs in the store only: {pure}");
    }

    #[test]
    fn what_is_allowed_is_shown_to_the_users_own_command_alone() {
        let question = EvalQuestion { attr: "a.drvPath".to_owned(), apply: None };
        let allowing = nix("2.34.8").allowing(vec!["NIXPKGS_ALLOW_UNFREE"]);
        let own = allowing.faithful(Path::new("/copy"), "", &question);
        assert!(own.show().contains(" --impure "), "{}", own.show());
        assert!(!nix("2.34.8").faithful(Path::new("/copy"), "", &question).show().contains("impure"));
        let scene = Scene { folder: Path::new("/case"), entry: "entry.nix", readable: &[] };
        assert_eq!(allowing.fast(&scene).show(), nix("2.34.8").fast(&scene).show());
    }

    #[test]
    fn a_command_that_is_bound_to_the_lock_writes_none() {
        let question = EvalQuestion { attr: "a.drvPath".to_owned(), apply: None };
        let ask = |nix: Nix| nix.faithful(Path::new("/copy"), "", &question).show();
        let (free, bound) = (ask(nix("2.34.8")), ask(nix("2.34.8").bound_to_the_lock()));
        assert!(free.contains(" --no-write-lock-file "), "{free}");
        assert_eq!(bound, free.replace("--no-write-lock-file", "--no-update-lock-file"));
    }

    #[test]
    fn answers_are_read_only_from_a_success() {
        let text = br#"{"attr":["packages","x","default"],"drvPath":"/nix/store/a-b.drv","outputs":[]}"#;
        let answer = read_answer(text, End::Exited(0)).unwrap();
        assert_eq!(answer.drv_path.unwrap().as_str(), "/nix/store/a-b.drv");
        assert_eq!(read_answer(text, End::Exited(1)), None);
        assert_eq!(read_answer(b"nonsense", End::Exited(0)), None);
        assert_eq!(read_drv_path(b"/nix/store/a-b.drv\n", End::Exited(0)).unwrap().as_str(), "/nix/store/a-b.drv");
        assert_eq!(read_drv_path(b"\x1b[31m.drv", End::Exited(0)), None);
    }
}

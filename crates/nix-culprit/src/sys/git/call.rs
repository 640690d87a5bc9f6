//! One call of the git program: its command line, its environment, its answer.
//!
//! Owns the settings that make a call safe in a repository that a stranger may have written: no
//! hook, filter, file-system monitor or pager runs, nothing is asked at the terminal, no lock is
//! taken for convenience, and no address is reached unless the call says so.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix_culprit_core::outcome::{End, Kill};
use nix_culprit_core::text::printable;

use super::error::{GitError, last_lines, without_credentials};
use super::heads::Heads;
use super::history::Counts;
use super::opening::Facts;
use super::progress::{self, OnProgress};
use crate::sys::child::{self, Stdin};
use crate::sys::interrupt::{Asked, Interrupt};

/// The oldest git that has everything that is used here.
const OLDEST: (u32, u32) = (2, 31);

/// Bytes of stderr and of an unexpected answer that are kept.
const KEPT: usize = 16 * 1024;

/// Settings of every call. An empty `core.fsmonitor` is "none" for old and new gits alike.
const SETTINGS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", ""),
    ("core.untrackedCache", "false"),
    ("core.pager", "cat"),
    ("core.autocrlf", "false"),
    ("core.eol", "lf"),
    ("core.symlinks", "true"),
    ("core.fileMode", "true"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.sparseCheckout", "false"),
    ("core.splitIndex", "false"),
    ("core.quotePath", "true"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("log.showSignature", "false"),
    ("advice.objectNameWarning", "false"),
    ("color.ui", "false"),
    ("protocol.ext.allow", "never"),
];

/// Variables of every call.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("LANGUAGE", "C"),
    ("TZ", "UTC"),
    ("GIT_PAGER", "cat"),
    ("GIT_EDITOR", "false"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_GRAFT_FILE", "/dev/null"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    // ssh asks at /dev/tty unless told otherwise; a child in the background would hang.
    ("SSH_ASKPASS_REQUIRE", "force"),
];

/// Inherited `GIT_` variables that say how to reach another machine or where git itself lives; all
/// others (`GIT_DIR`, `GIT_INDEX_FILE`, …) would aim the call elsewhere.
const INHERITED: &[&str] = &[
    "GIT_EXEC_PATH",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_SSL_CERT",
    "GIT_SSL_KEY",
    "GIT_SSL_NO_VERIFY",
    "GIT_PROXY_COMMAND",
    "GIT_PROXY_SSL_CAINFO",
    "GIT_HTTP_PROXY_AUTHMETHOD",
    "GIT_HTTP_USER_AGENT",
    "GIT_ASKPASS",
];

/// The git program.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    version: String,
    interrupt: Interrupt,
    /// Commits that were read, for all who open the same repository.
    pub(super) heads: Arc<Mutex<Heads>>,
    /// Repositories that were opened, by the folder that was asked for.
    pub(super) opened: Arc<Mutex<BTreeMap<PathBuf, Facts>>>,
    /// How many commits a history has, likewise.
    pub(super) counts: Arc<Mutex<Counts>>,
}

impl Git {
    /// Asks the program for its version. Every later call ends with [`GitError::Interrupted`] once
    /// `interrupt` asks to stop.
    ///
    /// # Errors
    /// It cannot be started, is no git, or is older than 2.31.
    pub fn new(program: impl Into<PathBuf>, interrupt: &Interrupt) -> Result<Self, GitError> {
        let (program, interrupt) = (program.into(), interrupt.clone());
        let version = String::new();
        let (heads, opened, counts) = (Arc::default(), Arc::default(), Arc::default());
        let mut git = Self { program, version, interrupt, heads, opened, counts };
        let output = Call::new().arg("version").finish(&git)?;
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        match parse_version(&answer) {
            Some((version, number)) if output.end == End::Exited(0) && number >= OLDEST => {
                git.version = version;
                Ok(git)
            }
            _ => Err(GitError::TooOld { program: git.name(), found: printable(&answer) }),
        }
    }

    /// Returns the version, such as `2.47.3`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Fails once the user asked to stop, for work between calls.
    pub(super) fn go_on(&self, work: &str) -> Result<(), GitError> {
        match self.interrupt.asked() {
            Asked::No => Ok(()),
            Asked::Stop | Asked::Force => Err(GitError::Interrupted { command: work.to_owned() }),
        }
    }

    fn name(&self) -> String {
        printable(&self.program.to_string_lossy())
    }
}

/// Reads `git version 2.47.3` and the spellings of vendors (`2.39.5 (Apple Git-154)`).
fn parse_version(answer: &str) -> Option<(String, (u32, u32))> {
    let version = answer.trim().strip_prefix("git version ")?.split_whitespace().next()?;
    let mut parts = version.split('.');
    let number = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((printable(version), number))
}

/// What a call may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Nothing,
    Remotes,
}

/// A call as it is put together.
#[derive(Debug, Clone)]
pub(super) struct Call {
    folder: Option<PathBuf>,
    settings: Vec<(OsString, OsString)>,
    variables: Vec<(OsString, OsString)>,
    args: Vec<OsString>,
    input: Vec<u8>,
    reach: Reach,
    time: Option<Duration>,
}

/// What a finished call left.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) end: End,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) command: String,
}

impl Call {
    pub(super) fn new() -> Self {
        let settings = SETTINGS.iter().map(|(key, value)| (key.into(), value.into())).collect();
        let (variables, args, input) = (vec![], vec![], vec![]);
        Self { folder: None, settings, variables, args, input, reach: Reach::Nothing, time: None }
    }

    /// Starts git in a folder, where it looks for the repository unless `GIT_DIR` is given.
    pub(super) fn folder(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    pub(super) fn git_dir(self, folder: &Path) -> Self {
        self.variable("GIT_DIR", folder)
    }

    pub(super) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().into()));
        self
    }

    pub(super) fn setting(mut self, key: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }

    pub(super) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    pub(super) fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    pub(super) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Lets the call reach the addresses of remotes: fetches, and objects that a partial clone lacks.
    pub(super) fn may_fetch(mut self) -> Self {
        self.reach = Reach::Remotes;
        self
    }

    /// Ends the call when this time is over; without it nothing but the user does.
    pub(super) const fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Returns the command as it is shown in errors.
    fn shown(&self) -> String {
        let mut words = vec!["git".to_owned()];
        words.extend(self.args.iter().map(|arg| printable(&arg.to_string_lossy())));
        without_credentials(&words.join(" "))
    }

    /// Describes the program's run. The settings go through the environment, where a key may hold
    /// any character and child processes of git see them too.
    fn describe(&self, program: &Path, inherited: impl Iterator<Item = (OsString, OsString)>) -> child::Call {
        let inherited: BTreeMap<OsString, OsString> = inherited.collect();
        let mut call = child::Call::new(program).args(&self.args);
        if let Some(folder) = &self.folder {
            call = call.folder(folder);
        }
        if !self.input.is_empty() {
            call = call.stdin(Stdin::Bytes(self.input.clone()));
        }
        for name in inherited.keys() {
            let text = name.to_string_lossy();
            if text.starts_with("GIT_") && !INHERITED.contains(&&*text) {
                call = call.env_remove(name);
            }
        }
        let settings = inherited_settings(&inherited).chain(self.settings.iter().cloned());
        let mut count = 0;
        for (key, value) in settings {
            call = call.env(format!("GIT_CONFIG_KEY_{count}"), key).env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        call = call.env("GIT_CONFIG_COUNT", count.to_string());
        for (name, value) in ENVIRONMENT {
            call = call.env(name, value);
        }
        if !inherited.contains_key(OsStr::new("SSH_ASKPASS")) {
            call = call.env("SSH_ASKPASS", "false");
        }
        call = match self.reach {
            Reach::Nothing => call.env("GIT_NO_LAZY_FETCH", "1").env("GIT_ALLOW_PROTOCOL", "none"),
            Reach::Remotes => call.env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh"),
        };
        self.variables.iter().fold(call, |call, (name, value)| call.env(name, value))
    }

    /// Runs to the end, whatever it is.
    pub(super) fn finish(self, git: &Git) -> Result<Answer, GitError> {
        let mut stdout = vec![];
        let mut answer = self.stream(git, |pipe| pipe.read_to_end(&mut stdout).map(drop), |_| ())?;
        answer.stdout = stdout;
        Ok(answer)
    }

    /// Runs to the end and expects success; returns stdout.
    pub(super) fn output(self, git: &Git) -> Result<Vec<u8>, GitError> {
        self.finish(git)?.success()
    }

    /// Runs a long work that shows its progress, and expects success.
    pub(super) fn watched(self, git: &Git, progress: OnProgress<'_>) -> Result<(), GitError> {
        let (sender, steps) = channel();
        let work = std::thread::scope(|scope| {
            let on_line = move |line: &[u8]| {
                if let Some(step) = progress::parse(line) {
                    // The receiver lives as long as this scope.
                    let _ = sender.send(step);
                }
            };
            let work = scope.spawn(|| self.stream(git, |_| Ok(()), on_line));
            steps.iter().for_each(progress);
            work.join()
        });
        match work {
            Ok(answer) => answer?.success().map(drop),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Runs with stdout and the lines of stderr given out while they come.
    pub(super) fn stream(
        self,
        git: &Git,
        on_stdout: impl FnOnce(&mut dyn BufRead) -> io::Result<()>,
        mut on_line: impl FnMut(&[u8]) + Send,
    ) -> Result<Answer, GitError> {
        let command = self.shown();
        let call = self.describe(&git.program, std::env::vars_os());
        let mut stderr = vec![];
        let keep = |line: &[u8]| {
            on_line(line);
            stderr.extend_from_slice(line);
            if stderr.len() > 2 * KEPT {
                stderr.drain(..stderr.len() - KEPT);
            }
        };
        let (read, ended) = child::stream(&call, self.time, &git.interrupt, on_stdout, keep)?;
        match (ended.kill, self.time) {
            (None, _) => {}
            (Some(Kill::Time), Some(time)) => return Err(GitError::TimeOut { command, time }),
            (Some(_), _) => return Err(GitError::Interrupted { command }),
        }
        read.map_err(|source| GitError::Read { command: command.clone(), source })?;
        Ok(Answer { end: ended.end, stdout: vec![], stderr, command })
    }
}

/// Pairs the settings that were handed down by `GIT_CONFIG_KEY_n` and `GIT_CONFIG_VALUE_n`.
fn inherited_settings(inherited: &BTreeMap<OsString, OsString>) -> impl Iterator<Item = (OsString, OsString)> {
    let get = |name: String| inherited.get(OsStr::new(&name)).cloned();
    let count = get("GIT_CONFIG_COUNT".into()).and_then(|count| count.to_str()?.parse().ok()).unwrap_or(0u16);
    (0..count).filter_map(move |index| {
        Some((get(format!("GIT_CONFIG_KEY_{index}"))?, get(format!("GIT_CONFIG_VALUE_{index}"))?))
    })
}

impl Answer {
    /// Returns stdout of a call that succeeded.
    pub(super) fn success(self) -> Result<Vec<u8>, GitError> {
        if self.end == End::Exited(0) { Ok(self.stdout) } else { Err(self.failed()) }
    }

    /// Makes the error of a call that did not succeed.
    pub(super) fn failed(self) -> GitError {
        let status = match self.end {
            End::Exited(code) => format!("exit code {code}"),
            End::Signalled(signal) => format!("signal {signal}"),
        };
        let stderr = last_lines(&self.stderr);
        GitError::Failed { command: self.command, status, stderr }
    }

    /// Makes the error of an answer that cannot be read.
    pub(super) fn unexpected(self) -> GitError {
        unexpected(self.command, &self.stdout)
    }
}

/// Makes the error of an answer that cannot be read.
pub(super) fn unexpected(command: impl Into<String>, answer: &[u8]) -> GitError {
    let start = &answer[..answer.len().min(200)];
    GitError::Unexpected { command: command.into(), answer: printable(&String::from_utf8_lossy(start)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(call: &Call, inherited: &[(&str, &str)]) -> BTreeMap<String, Option<String>> {
        let inherited = inherited.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let text = |text: &OsStr| text.to_string_lossy().into_owned();
        let command = call.describe(Path::new("git"), inherited).command();
        command.get_envs().map(|(name, value)| (text(name), value.map(text))).collect()
    }

    #[test]
    fn versions_of_vendors_are_read() {
        assert_eq!(parse_version("git version 2.47.3\n"), Some(("2.47.3".into(), (2, 47))));
        assert_eq!(parse_version("git version 2.39.5 (Apple Git-154)"), Some(("2.39.5".into(), (2, 39))));
        assert_eq!(parse_version("git version 2.53.0.rc1.windows.1").map(|(_, number)| number), Some((2, 53)));
        assert_eq!(parse_version("hello"), None);
        assert_eq!(parse_version("git version x"), None);
    }

    #[test]
    fn inherited_variables_that_aim_elsewhere_are_removed_and_those_of_the_way_kept() {
        let env = environment(&Call::new(), &[("GIT_DIR", "/x"), ("GIT_SSH_COMMAND", "ssh -v"), ("HOME", "/h")]);
        assert_eq!(env.get("GIT_DIR"), Some(&None));
        assert_eq!(env.get("GIT_SSH_COMMAND"), None);
        assert_eq!(env.get("HOME"), None);
    }

    #[test]
    fn inherited_settings_stay_and_ours_come_last() {
        let inherited =
            [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "/x")];
        let env = environment(&Call::new().setting("a.b=c.d", "e"), &inherited);
        let count = SETTINGS.len() + 2;
        assert_eq!(env["GIT_CONFIG_COUNT"], Some(count.to_string()));
        assert_eq!(env["GIT_CONFIG_KEY_0"].as_deref(), Some("safe.directory"));
        assert_eq!(env["GIT_CONFIG_VALUE_0"].as_deref(), Some("/x"));
        assert_eq!(env[&format!("GIT_CONFIG_KEY_{}", count - 1)].as_deref(), Some("a.b=c.d"));
    }

    #[test]
    fn only_a_call_that_says_so_reaches_remotes() {
        assert_eq!(environment(&Call::new(), &[])["GIT_ALLOW_PROTOCOL"].as_deref(), Some("none"));
        let fetch = environment(&Call::new().may_fetch(), &[("GIT_NO_LAZY_FETCH", "1")]);
        assert!(!fetch["GIT_ALLOW_PROTOCOL"].as_deref().unwrap().contains("ext"));
        assert_eq!(fetch["GIT_NO_LAZY_FETCH"], None);
    }

    #[test]
    fn the_command_in_an_error_shows_no_password_and_no_escape_sequence() {
        let shown = Call::new().args(["fetch", "https://u:p@host/\x1b[31mx"]).shown();
        assert_eq!(shown, "git fetch https://***@host/x");
    }

    #[test]
    fn a_program_that_is_no_git_is_refused() {
        assert!(matches!(Git::new("echo", &Interrupt::new()), Err(GitError::TooOld { .. })));
        assert!(matches!(Git::new("/nonexistent/git", &Interrupt::new()), Err(GitError::Child(_))));
    }
}

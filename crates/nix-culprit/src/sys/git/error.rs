//! Why git could not tell or do something.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use nix_culprit_core::text::{printable, printable_lines};
use thiserror::Error;

use crate::sys::child::ChildError;

/// Lines of git's stderr that an error keeps.
const KEPT_LINES: usize = 8;

/// What git and ssh say where they would have asked the user.
const ASKED: &[&str] = &[
    "terminal prompts disabled",
    "could not read Username",
    "could not read Password",
    "Permission denied (",
    "Host key verification failed",
];

/// Says why a question to git has no answer. Texts of git and of repositories in it are printable
/// and hold no passwords.
#[derive(Debug, Error)]
pub enum GitError {
    /// The program could not be started or watched.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// Its answer could not be read.
    #[error("cannot read the answer of `{command}`")]
    Read {
        /// The command without the settings that every call has.
        command: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The program is older than what is supported, or no git.
    #[error("`{program}` is not git 2.31 or newer, it says `{found}`")]
    TooOld {
        /// The program as it was given.
        program: String,
        /// Its answer to `--version`.
        found: String,
    },
    /// Git ended with a failure that is none of the others.
    #[error("`{command}` failed ({status}): {stderr}")]
    Failed {
        /// The command without the settings that every call has.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines of its stderr.
        stderr: String,
    },
    /// Git's answer is not what its documentation says.
    #[error("`{command}` gave an unexpected answer: {answer}")]
    Unexpected {
        /// The command without the settings that every call has.
        command: String,
        /// The start of the answer.
        answer: String,
    },
    /// The caller asked to stop.
    #[error("`{command}` was interrupted")]
    Interrupted {
        /// The command without the settings that every call has.
        command: String,
    },
    /// It took too long, and was ended.
    #[error("`{command}` did not end within {} seconds", time.as_secs())]
    TimeOut {
        /// The command without the settings that every call has.
        command: String,
        /// How long it was given.
        time: Duration,
    },
    /// No repository is there.
    #[error("{} is not in a git repository", .0.display())]
    NotARepository(PathBuf),
    /// Git does not trust the repository, because somebody else owns it.
    #[error("the git repository at {} belongs to another user, and git refuses it", .0.display())]
    OtherOwner(PathBuf),
    /// The repository is the user's, and nothing is fetched into it.
    #[error("{} is no clone of nix-culprit, so nothing is fetched into it", .0.display())]
    NotOurs(PathBuf),
    /// The repository is bare.
    #[error("{} is in a bare git repository, which has no working tree", .0.display())]
    NoWorkingTree(PathBuf),
    /// The repository's settings move its working tree away from the folder that was asked for.
    #[error("the working tree of the git repository at {} is elsewhere, at {}", .0.display(), .1.display())]
    Elsewhere(PathBuf, PathBuf),
    /// The history is cut off.
    #[error("the git repository at {} is shallow: its history is cut off", .0.display())]
    Shallow(PathBuf),
    /// The name or hash names no commit of this repository.
    #[error("there is no commit `{name}` in {}", .repository.display())]
    NoCommit {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        repository: PathBuf,
    },
    /// The short hash fits several commits.
    #[error("`{name}` fits several commits: {}", .candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// The full hashes that it fits.
        candidates: Vec<String>,
    },
    /// The text cannot be the name of a commit.
    #[error("`{0}` cannot be the name of a commit")]
    BadName(String),
    /// The text is no date.
    #[error("`{0}` is no date: expected 2023-08-19 or 2023-08-19T12:00:00Z")]
    BadDate(String),
    /// No commit is that old.
    #[error("nothing in the history of `{name}` is from before {date}")]
    NothingBefore {
        /// The branch that was asked for.
        name: String,
        /// The date that was asked for.
        date: String,
    },
    /// The path leads out of the folder that it should be in, or into one that it should not.
    #[error("`{0}` is not a path that can be used here")]
    BadPath(String),
    /// A file or folder of ours could not be read or written.
    #[error("{}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl GitError {
    /// Returns what the user can do about it, where something helps.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Child(ChildError::Start { .. }) => Some("install git, or name its path".into()),
            Self::NothingBefore { .. } => Some("name a later date, or a revision".into()),
            Self::TooOld { .. } => Some("install git 2.31 or newer".into()),
            Self::OtherOwner(path) => Some(format!(
                "if you trust it: git config --global --add safe.directory '{}'",
                printable(&path.to_string_lossy())
            )),
            Self::Shallow(path) => {
                Some(format!("complete it: git -C '{}' fetch --unshallow", printable(&path.to_string_lossy())))
            }
            Self::NoCommit { repository, .. } => Some(format!(
                "if it is newer than the clone, fetch it: git -C '{}' fetch",
                printable(&repository.to_string_lossy())
            )),
            Self::Ambiguous { .. } => Some("write more digits".into()),
            Self::Failed { stderr, .. } if ASKED.iter().any(|asked| stderr.contains(asked)) => Some(
                "nothing is asked at the terminal: see that `git ls-remote` of this address works without a question \
                 (ssh-agent, a credential helper, known_hosts)"
                    .into(),
            ),
            Self::TimeOut { .. } => Some("a longer --timeout gives the server more time".into()),
            Self::Child(_)
            | Self::Read { .. }
            | Self::Failed { .. }
            | Self::Unexpected { .. }
            | Self::Interrupted { .. }
            | Self::NotARepository(_)
            | Self::NotOurs(_)
            | Self::NoWorkingTree(_)
            | Self::Elsewhere(..)
            | Self::BadName(_)
            | Self::BadDate(_)
            | Self::BadPath(_)
            | Self::File { .. } => None,
        }
    }
}

/// Wraps an error of the file system with the path that it is about.
pub(super) fn at(path: &std::path::Path) -> impl FnOnce(io::Error) -> GitError + '_ {
    move |source| GitError::File { path: path.to_owned(), source }
}

/// Returns the last lines of what git said, printable, with passwords in addresses blanked out.
pub(super) fn last_lines(stderr: &[u8]) -> String {
    let text = without_credentials(&printable_lines(&String::from_utf8_lossy(stderr)));
    let said = |line: &&str| !line.trim().is_empty() && super::progress::parse(line.as_bytes()).is_none();
    let lines: Vec<&str> = text.lines().filter(said).collect();
    lines[lines.len().saturating_sub(KEPT_LINES)..].join("\n")
}

/// Blanks out `user:password` between `://` and `@`.
pub(super) fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        out.push_str(before);
        let authority = after.find(|c: char| c == '/' || c.is_whitespace() || c == '\'').unwrap_or(after.len());
        match after[..authority].rfind('@') {
            Some(end) if after[..end] == *"git" => rest = after,
            Some(end) => {
                out.push_str("***");
                rest = &after[end..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_addresses_are_blanked_out() {
        let text = "fatal: unable to access 'https://me:secret@host/x?a=://b@c': no";
        assert_eq!(without_credentials(text), "fatal: unable to access 'https://***@host/x?a=://***@c': no");
        assert_eq!(without_credentials("ssh://git@host/x file:///a@b"), "ssh://git@host/x file:///a@b");
    }

    #[test]
    fn a_question_that_could_not_be_asked_has_a_hint() {
        let failed =
            |stderr: &str| GitError::Failed { command: String::new(), status: String::new(), stderr: stderr.into() };
        assert!(failed("git@host: Permission denied (publickey).").hint().unwrap().contains("ssh-agent"));
        assert_eq!(failed("fatal: repository not found").hint(), None);
    }

    #[test]
    fn only_the_last_lines_are_kept_and_progress_is_not() {
        let stderr =
            b"one\nReceiving objects:  50% (1/2)\rReceiving objects: 100% (2/2), done.\n\x1b[31mfatal: x\x1b[0m\n\n";
        assert_eq!(last_lines(stderr), "one\nfatal: x");
        let many = (0..20).map(|n| format!("{n}\n")).collect::<String>();
        assert_eq!(last_lines(many.as_bytes()), "12\n13\n14\n15\n16\n17\n18\n19");
    }
}

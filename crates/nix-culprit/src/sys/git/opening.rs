//! What opening a repository finds out: where it is, and what its settings say.
//!
//! Owns the questions and how their answers are read.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix_culprit_core::outcome::End;

use super::call::{Answer, Call, Git};
use super::error::GitError;
use super::repository::line;

/// The setting that marks a clone of ours.
pub(super) const OURS: &str = "nix-culprit.clone";

/// What opening a repository finds out, kept for all who open the same folder: each call of git takes milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) git_dir: PathBuf,
    pub(super) common_dir: PathBuf,
    pub(super) toplevel: Option<PathBuf>,
    pub(super) object_format: String,
    pub(super) shallow: bool,
    pub(super) settings: Settings,
}

/// What is asked of a repository; the last is answered inside of a working tree only.
const QUESTIONS: [&str; 6] = [
    "--is-inside-work-tree",
    "--is-shallow-repository",
    "--show-object-format",
    "--absolute-git-dir",
    "--git-common-dir",
    "--show-toplevel",
];

impl Facts {
    /// Asks git.
    pub(super) fn of(git: &Git, folder: &Path) -> Result<Self, GitError> {
        let answers = ask(git, folder)?;
        let text = |at: usize| answers.get(at).cloned().unwrap_or_default();
        let git_dir = PathBuf::from(text(3));
        let toplevel = answers.get(5).map(PathBuf::from);
        if let Some(toplevel) = &toplevel {
            let real = std::fs::canonicalize(folder).map_err(super::error::at(folder))?;
            if !real.starts_with(toplevel) || !leads_to(&toplevel.join(".git"), &git_dir) {
                return Err(GitError::Elsewhere(folder.to_owned(), toplevel.clone()));
            }
        }
        let settings = settings(git, &git_dir)?;
        Ok(Self {
            common_dir: folder.join(text(4)),
            toplevel,
            object_format: text(2).to_string_lossy().into_owned(),
            shallow: text(1).as_bytes() == b"true",
            settings,
            git_dir,
        })
    }
}

/// Asks all [`QUESTIONS`] at once.
fn ask(git: &Git, folder: &Path) -> Result<Vec<OsString>, GitError> {
    let call = |what: &[&str]| Call::new().folder(folder).arg("rev-parse").args(what).finish(git);
    let answer = call(&QUESTIONS)?;
    let expected = if answer.end == End::Exited(0) { QUESTIONS.len() } else { QUESTIONS.len() - 1 };
    let lines = answer.stdout.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).map(line);
    let lines: Vec<OsString> = lines.collect();
    if lines.is_empty() {
        return Err(not_opened(answer, folder));
    }
    let is_inside = lines[0].as_bytes() == b"true";
    if lines.len() == expected && is_inside == (expected == QUESTIONS.len()) {
        return Ok(lines);
    }
    // A path with a line end in it: one by one.
    let questions = &QUESTIONS[..QUESTIONS.len() - usize::from(!is_inside)];
    let alone = |what: &&str| {
        let answer = call(&[what])?;
        if answer.end == End::Exited(0) { Ok(line(answer.stdout)) } else { Err(not_opened(answer, folder)) }
    };
    questions.iter().map(alone).collect()
}

/// Tells whether a `.git` is the git folder, or a file that names it (worktrees, submodules); the
/// setting `core.worktree` could put any folder of the user in the place of the working tree.
fn leads_to(dot_git: &Path, git_dir: &Path) -> bool {
    let named = std::fs::read(dot_git).ok().and_then(|text| {
        let path = line(text.strip_prefix(b"gitdir: ")?.to_vec());
        Some(dot_git.parent()?.join(path))
    });
    let real = std::fs::canonicalize(named.as_deref().unwrap_or(dot_git));
    real.is_ok_and(|real| std::fs::canonicalize(git_dir).is_ok_and(|git_dir| git_dir == real))
}

/// What a repository's settings say of objects that it lacks, and of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// The remote that missing objects come from.
    pub(super) promisor: Option<OsString>,
    /// What that remote was asked to leave out.
    pub(super) filter: Option<String>,
    /// Whether it is a clone of ours.
    pub(super) ours: bool,
}

/// Asks for the settings.
fn settings(git: &Git, git_dir: &Path) -> Result<Settings, GitError> {
    let keys = format!(r"^(remote\..*\.(promisor|partialclonefilter)|extensions\.partialclone|{OURS})$");
    let answer = Call::new().git_dir(git_dir).args(["config", "--null", "--get-regexp", &keys]).finish(git)?;
    if !matches!(answer.end, End::Exited(0 | 1)) {
        return Err(answer.failed());
    }
    Ok(parse_settings(&answer.stdout))
}

/// Reads `KEY\nVALUE\0…`.
fn parse_settings(settings: &[u8]) -> Settings {
    let settings = settings.split(|b| *b == 0).map(|setting| {
        let end = setting.iter().position(|b| *b == b'\n');
        (&setting[..end.unwrap_or(setting.len())], end.map(|end| &setting[end + 1..]))
    });
    let is_on = |value: Option<&[u8]>| value.is_none_or(|value| matches!(value, b"true" | b"yes" | b"on" | b"1"));
    let remote = |key: &[u8], ending: &[u8]| {
        let name = key.strip_prefix(b"remote.")?.strip_suffix(ending)?;
        Some(OsString::from_vec(name.to_vec()))
    };
    let promisor = settings.clone().find_map(|(key, value)| {
        if key == b"extensions.partialclone" {
            return value.map(|name| OsString::from_vec(name.to_vec()));
        }
        remote(key, b".promisor").filter(|_| is_on(value))
    });
    let filter = settings.clone().find_map(|(key, value)| {
        let of = remote(key, b".partialclonefilter").filter(|of| promisor.as_ref() == Some(of));
        of.and(value).map(|value| String::from_utf8_lossy(value).into_owned())
    });
    let ours = settings.clone().any(|(key, value)| key == OURS.as_bytes() && is_on(value));
    Settings { promisor, filter, ours }
}

/// Says why a repository could not be opened.
fn not_opened(answer: Answer, folder: &Path) -> GitError {
    let stderr = String::from_utf8_lossy(&answer.stderr);
    if stderr.contains("dubious ownership") || stderr.contains("unsafe repository") {
        GitError::OtherOwner(folder.to_owned())
    } else if stderr.contains("not a git repository") {
        GitError::NotARepository(folder.to_owned())
    } else {
        answer.failed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promisor_is_the_remote_that_is_marked() {
        let promisor = |settings| parse_settings(settings).promisor;
        assert_eq!(promisor(b"remote.a.promisor\nfalse\0remote.b.c.promisor\ntrue\0"), Some("b.c".into()));
        assert_eq!(promisor(b"remote.a.promisor\0"), Some("a".into()));
        assert_eq!(promisor(b"extensions.partialclone\norigin\0"), Some("origin".into()));
        assert_eq!(parse_settings(b""), Settings::default());
    }

    #[test]
    fn what_was_left_out_is_that_of_the_promisor() {
        let settings = b"remote.a.partialclonefilter\ntree:0\0remote.b.promisor\ntrue\0\
                         remote.b.partialclonefilter\nblob:none\0nix-culprit.clone\ntrue\0";
        let expected = Settings { promisor: Some("b".into()), filter: Some("blob:none".into()), ours: true };
        assert_eq!(parse_settings(settings), expected);
    }
}

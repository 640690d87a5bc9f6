//! One commit, as people want to see it.

use std::path::PathBuf;
use std::sync::{MutexGuard, PoisonError};

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::text::{printable, printable_lines};

use super::call::unexpected;
use super::date::Timestamp;
use super::error::GitError;
use super::heads::Heads;
use super::repository::{Repository, path_of};

/// A commit; all text in it is printable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The hash.
    pub id: CommitId,
    /// The parents; more than one makes a merge.
    pub parents: Vec<CommitId>,
    /// Who wrote it.
    pub author: Person,
    /// When it was written; 1970 where git cannot read it.
    pub authored: Timestamp,
    /// When it was committed; 1970 where git cannot read it.
    pub committed: Timestamp,
    /// The first paragraph of the message, on one line.
    pub title: String,
    /// The rest of the message.
    pub body: String,
    /// What it changed against its first parent.
    pub files: Vec<FileChange>,
}

/// Somebody named in a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
}

/// A file that a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path from the top of the tree: any bytes, so not printable as it is.
    pub path: PathBuf,
    /// What happened to it.
    pub change: Change,
}

/// What a commit did to a file. A renamed file is a deleted and an added one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its content or its executable bit is another.
    Modified,
    /// It was a file and is a link, or the like.
    TypeChanged,
}

/// What `rev-list` is to print: fields that end with a NUL, which no field can hold.
const FORMAT: &str = "--format=%P%x00%an%x00%ae%x00%ad%x00%cd%x00%s%x00%b%x00";

impl Repository {
    /// Reads a commit and the files that it changed against its first parent.
    ///
    /// # Errors
    /// The commit is missing.
    pub fn commit(&self, id: &CommitId) -> Result<Commit, GitError> {
        let mut commit = self.head_of(id)?;
        let list =
            ["diff-tree", "-r", "-z", "--name-status", "--no-renames", "--no-commit-id", "--ignore-submodules=none"];
        let list = self.call().args(list);
        let list = match commit.parents.first() {
            Some(parent) => list.args([parent.as_str(), id.as_str()]),
            None => list.args(["--root", id.as_str()]),
        };
        let answer = list.output(&self.git)?;
        commit.files = parse_changes(&answer).ok_or_else(|| unexpected("git diff-tree", &answer))?;
        Ok(commit)
    }

    /// Reads when a commit was committed.
    ///
    /// # Errors
    /// The commit is missing.
    pub fn committed(&self, id: &CommitId) -> Result<Timestamp, GitError> {
        Ok(self.head_of(id)?.committed)
    }

    /// Reads the first paragraph of a commit's message, on one line.
    ///
    /// # Errors
    /// The commit is missing.
    pub fn title(&self, id: &CommitId) -> Result<String, GitError> {
        Ok(self.head_of(id)?.title)
    }

    /// Returns the parents of a commit.
    ///
    /// # Errors
    /// The commit is missing.
    pub fn parents(&self, id: &CommitId) -> Result<Vec<CommitId>, GitError> {
        Ok(self.head_of(id)?.parents)
    }

    /// Reads a commit without its files.
    pub(super) fn head_of(&self, id: &CommitId) -> Result<Commit, GitError> {
        if let Some(commit) = self.read(id) {
            return Ok(commit);
        }
        let commit = ask(self, id)?;
        self.heads().keep(&self.common_dir, &commit);
        Ok(commit)
    }

    /// Reads a commit without its files, if that can be done without a call of git.
    pub(super) fn read(&self, id: &CommitId) -> Option<Commit> {
        let mut heads = self.heads();
        if let Some(known) = heads.known(&self.common_dir, id) {
            return Some(known);
        }
        // Where the history is cut off, only git knows where.
        let commit = if self.is_shallow() { None } else { heads.read(&self.common_dir, id) }?;
        heads.keep(&self.common_dir, &commit);
        Some(commit)
    }

    /// Returns what was read of commits, for a moment.
    pub(super) fn heads(&self) -> MutexGuard<'_, Heads> {
        self.git.heads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks git for a commit without its files.
pub(super) fn ask(repository: &Repository, id: &CommitId) -> Result<Commit, GitError> {
    let ask = ["rev-list", "--max-count=1", "--no-walk", "--encoding=UTF-8", "--date=raw", FORMAT, id.as_str()];
    let answer = repository.call().args(ask).output(&repository.git)?;
    parse_commit(id, &answer).ok_or_else(|| unexpected("git rev-list", &answer))
}

/// Reads `commit HASH`, a line end, and the fields of [`FORMAT`].
fn parse_commit(id: &CommitId, answer: &[u8]) -> Option<Commit> {
    let text = String::from_utf8_lossy(answer);
    let (_, fields) = text.strip_prefix("commit ")?.split_once('\n')?;
    let mut fields = fields.split('\0');
    let parents = fields.next()?.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    let author = Person { name: printable(fields.next()?), email: printable(fields.next()?) };
    let moment = |text: &str| Timestamp::parse_raw(text).unwrap_or(Timestamp { seconds: 0, offset: 0 });
    let (authored, committed) = (moment(fields.next()?), moment(fields.next()?));
    let title = printable(fields.next()?);
    let body = printable_lines(fields.next()?).trim().to_owned();
    Some(Commit { id: id.clone(), parents, author, authored, committed, title, body, files: vec![] })
}

/// Reads `STATUS\0PATH\0…`.
fn parse_changes(answer: &[u8]) -> Option<Vec<FileChange>> {
    let mut fields = answer.split(|b| *b == 0);
    let mut changes = vec![];
    loop {
        let change = match fields.next()? {
            b"" => return fields.next().is_none().then_some(changes),
            b"A" => Change::Added,
            b"D" => Change::Deleted,
            b"M" => Change::Modified,
            b"T" => Change::TypeChanged,
            _ => return None,
        };
        let path = fields.next().filter(|path| !path.is_empty())?;
        changes.push(FileChange { path: path_of(path), change });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_hostile_commit_is_printable() {
        let answer = format!(
            "commit {ID}\n{ID} {ID}\0\x1b]0;x\x07Eve\0e\u{202e}@x\0{}\0nonsense\0ti\x1b[2Jtle\0\nbody\n\x1b[31mmore\n\0\n",
            "1692446400 -0330"
        );
        let commit = parse_commit(&ID.parse().unwrap(), answer.as_bytes()).unwrap();
        assert_eq!((commit.title.as_str(), commit.body.as_str()), ("title", "body\nmore"));
        assert_eq!((commit.author.name.as_str(), commit.author.email.as_str()), ("Eve", "e@x"));
        assert_eq!((commit.parents.len(), commit.authored.offset, commit.committed.seconds), (2, -210, 0));
    }

    #[test]
    fn changes_have_any_bytes_in_their_paths() {
        let changes = parse_changes(b"A\0a b\n\0D\0\xff\0M\0d/x\0T\0l\0").unwrap();
        let kinds: Vec<_> = changes.iter().map(|change| change.change).collect();
        assert_eq!(kinds, [Change::Added, Change::Deleted, Change::Modified, Change::TypeChanged]);
        assert_eq!(changes[0].path, PathBuf::from("a b\n"));
        assert_eq!(changes[1].path, path_of(b"\xff"));
        assert_eq!(parse_changes(b""), Some(vec![]));
        assert_eq!(parse_changes(b"X\0a\0"), None);
        assert_eq!(parse_changes(b"A\0"), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "commit .{0,9}\n(.{0,9}\0){0,8}") {
            let _ = parse_changes(&bytes);
            let _ = parse_commit(&ID.parse().unwrap(), text.as_bytes());
        }
    }
}

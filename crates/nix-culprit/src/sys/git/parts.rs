//! Commits that make only a part of the change that another commit makes to its first parent.

use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix_culprit_core::hunks::{Change, Content, Entry, Pieces};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::isolate::Parts;
use nix_culprit_core::read_set::Kind;

use super::call::unexpected;
use super::changed::{Side, raw_changes};
use super::error::{GitError, at};
use super::repository::{Repository, inside, line};
use super::scratch::Scratch;

/// A commit that can be made in part.
#[derive(Debug)]
pub struct Partial {
    scratch: Scratch,
    parent: CommitId,
    seconds: i64,
    message: String,
}

impl Repository {
    /// Prepares to make parts of a commit in a git folder below `folder`; nothing where it is the first one of all, or
    /// changes nothing. What is compared is its first parent. Returns the change in hunks, too.
    ///
    /// # Errors
    /// A commit or a content is missing, the folder cannot be written, or put together again it is not the commit.
    pub fn in_parts(&self, commit: &CommitId, folder: &Path) -> Result<Option<(Partial, Pieces)>, GitError> {
        let Some(parent) = self.commit(commit)?.parents.into_iter().next() else { return Ok(None) };
        let scratch = Scratch::new(self, folder, "parts.git")?;
        let message = format!("A part of {commit}\n");
        let partial = Partial { scratch, parent, seconds: self.committed(commit)?.seconds, message };
        let pieces = Pieces::hunks(partial.changes(commit)?);
        if pieces.count() == 0 {
            return Ok(None);
        }
        // Whatever else is wrong with it, the whole of it is the commit.
        let whole = partial.tree(&pieces, &(0..pieces.count()).collect())?;
        if whole != partial.scratch.tree_of(commit)? {
            return Err(unexpected("git write-tree", whole.as_bytes()));
        }
        Ok(Some((partial, pieces)))
    }
}

impl Partial {
    /// Returns the git folder that has what is made.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.scratch.git_dir
    }

    /// Returns the commit that the parts are put on.
    #[must_use]
    pub const fn parent(&self) -> &CommitId {
        &self.parent
    }

    /// Makes the commit that has some of the pieces, and puts it on the branch.
    ///
    /// # Errors
    /// Git does not take it.
    pub fn make(&self, pieces: &Pieces, chosen: &Parts) -> Result<CommitId, GitError> {
        let tree = self.tree(pieces, chosen)?;
        let commit = self.scratch.commit(&tree, &self.parent, &self.message, self.seconds)?;
        self.scratch.publish(&commit)?;
        Ok(commit)
    }

    /// Returns what a part changes, for `git apply` and `patch -p1` on the parent.
    ///
    /// # Errors
    /// Git cannot compare them.
    pub fn patch(&self, part: &CommitId) -> Result<Vec<u8>, GitError> {
        self.scratch.patch(&self.parent, part)
    }

    /// Lists what differs between the parent and the commit, with the contents of files.
    fn changes(&self, commit: &CommitId) -> Result<Vec<Change>, GitError> {
        let ask = ["diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", "--ignore-submodules=none"];
        let between = [self.parent.as_str(), commit.as_str()];
        let answer = self.scratch.call().args(ask).args(between).output(&self.scratch.git)?;
        let changes = raw_changes(&answer).ok_or_else(|| unexpected("git diff-tree", &answer))?;
        changes
            .into_iter()
            .map(|change| {
                // Only where both are files there are lines to tell apart.
                let wanted = [&change.before, &change.after].iter().all(|side| side.as_ref().is_some_and(is_file));
                let entry = |side: Option<Side>| side.map(|side| self.entry(side, wanted)).transpose();
                Ok(Change { path: change.path, before: entry(change.before)?, after: entry(change.after)? })
            })
            .collect()
    }

    fn entry(&self, side: Side, with_content: bool) -> Result<Entry, GitError> {
        let Side { kind, id } = side;
        let content = match with_content {
            true => Some(self.scratch.call().args(["cat-file", "blob", &id]).output(&self.scratch.git)?),
            false => None,
        };
        Ok(Entry { kind, id, content })
    }

    /// Writes the tree that has some of the pieces.
    fn tree(&self, pieces: &Pieces, chosen: &Parts) -> Result<std::ffi::OsString, GitError> {
        let Scratch { git, git_dir, .. } = &self.scratch;
        let index = git_dir.join("parts.index");
        let call = || self.scratch.call().variable("GIT_INDEX_FILE", &index);
        match std::fs::remove_file(&index) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(at(&index)(error)),
            Ok(()) | Err(_) => {}
        }
        call().args(["read-tree", self.parent.as_str()]).output(git)?;
        // What goes goes first: a folder may take the place of a file.
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for (path, content) in pieces.with(chosen) {
            let path = PathBuf::from(inside(path)?);
            let (kind, id) = match content {
                Content::Gone => {
                    gone.push(entry_line("0", &"0".repeat(self.parent.as_str().len()), &path));
                    continue;
                }
                Content::Second(entry) => (entry.kind, entry.id),
                Content::Text(kind, text) => (kind, self.blob(&text)?),
            };
            come.push(entry_line(mode(kind), &id, &path));
        }
        let lines = gone.into_iter().chain(come).flatten().collect::<Vec<u8>>();
        if !lines.is_empty() {
            call().args(["update-index", "-z", "--replace", "--index-info"]).input(lines).output(git)?;
        }
        Ok(line(call().args(["write-tree", "--missing-ok"]).output(git)?))
    }

    /// Writes a content, and returns its hash.
    fn blob(&self, text: &[u8]) -> Result<String, GitError> {
        // An empty input would be none at all.
        let path = self.scratch.git_dir.join("content");
        let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(text));
        written.map_err(at(&path))?;
        let answer = self.scratch.call().args(["hash-object", "-w", "--no-filters", "--"]).arg(&path);
        Ok(line(answer.output(&self.scratch.git)?).to_string_lossy().into_owned())
    }
}

const fn is_file(side: &Side) -> bool {
    matches!(side.kind, Kind::File | Kind::Executable)
}

/// Writes an entry of an index as `update-index -z --index-info` reads it.
fn entry_line(mode: &str, id: &str, path: &Path) -> Vec<u8> {
    [format!("{mode} {id}\t").as_bytes(), path.as_os_str().as_bytes(), b"\0"].concat()
}

const fn mode(kind: Kind) -> &'static str {
    match kind {
        Kind::Folder => "040000",
        Kind::File => "100644",
        Kind::Executable => "100755",
        Kind::Link => "120000",
        Kind::Submodule => "160000",
    }
}

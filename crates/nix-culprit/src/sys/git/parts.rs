//! Commits that make only a part of the change that another commit makes to its first parent.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use nix_culprit_core::hunks::{Change, Content, Entry, Pieces};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::isolate::Parts;
use nix_culprit_core::outcome::End;
use nix_culprit_core::read_set::Kind;

use super::call::{Call, unexpected};
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
            return Err(unexpected("git hash-object", whole.as_bytes()));
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

    /// Writes the tree that has some of the pieces: only the folders on the way to what differs.
    fn tree(&self, pieces: &Pieces, chosen: &Parts) -> Result<OsString, GitError> {
        let mut changes = Vec::new();
        for (path, content) in pieces.with(chosen) {
            let path = inside(path)?.into_vec();
            let entry = match content {
                Content::Gone => None,
                Content::Second(entry) => Some((mode(entry.kind), entry.id)),
                Content::Text(kind, text) => Some((mode(kind), self.write("blob", &text)?)),
            };
            let names = path.split(|byte| *byte == b'/').map(<[u8]>::to_vec).collect::<Vec<_>>();
            changes.push((names, entry));
        }
        let root = self.scratch.tree_of(&self.parent)?.to_string_lossy().into_owned();
        let changes: Vec<Deep<'_>> = changes.iter().map(|(names, entry)| (&names[..], entry.as_ref())).collect();
        Ok(self.write("tree", &self.folder(Some(&root), &changes)?)?.into())
    }

    /// Returns the content of a folder's tree after some changes below it.
    fn folder(&self, before: Option<&str>, changes: &[Deep<'_>]) -> Result<Vec<u8>, GitError> {
        let listed = match before {
            Some(id) => self.scratch.call().args(["ls-tree", "-z", id]).output(&self.scratch.git)?,
            None => Vec::new(),
        };
        let mut entries = listing(&listed).ok_or_else(|| unexpected("git ls-tree", &listed))?;
        let mut below: BTreeMap<&[u8], Vec<Deep<'_>>> = BTreeMap::new();
        for (names, entry) in changes {
            let Some((first, rest)) = names.split_first() else { continue };
            below.entry(first).or_default().push((rest, *entry));
        }
        for (name, changes) in below {
            let (own, deeper): (Vec<Deep<'_>>, _) = changes.into_iter().partition(|(rest, _)| rest.is_empty());
            let there = entries.get(name).filter(|(mode, _)| mode == FOLDER).map(|(_, id)| id.clone());
            if let Some((_, Some((mode, id)))) = own.first() {
                entries.insert(name.to_vec(), ((*mode).to_owned(), id.clone()));
                continue;
            }
            if !own.is_empty() && there.is_none() {
                entries.remove(name);
            }
            if !deeper.is_empty() {
                match self.folder(there.as_deref(), &deeper)? {
                    content if content.is_empty() => _ = entries.remove(name),
                    content => {
                        entries.insert(name.to_vec(), (FOLDER.to_owned(), self.write("tree", &content)?));
                    }
                }
            }
        }
        // As git sorts them: a folder as if its name ended in a slash.
        let mut sorted: Vec<_> = entries.into_iter().collect();
        let key = |name: &[u8], mode: &str| [name, if mode == FOLDER { b"/" } else { b"" }].concat();
        sorted.sort_by_key(|(name, (mode, _))| key(name, mode));
        sorted.iter().try_fold(Vec::new(), |mut content, (name, (mode, id))| {
            content.extend([mode.trim_start_matches('0').as_bytes(), b" ", name, b"\0"].concat());
            content.extend(bytes_of(id).ok_or_else(|| unexpected("git ls-tree", id.as_bytes()))?);
            Ok(content)
        })
    }

    /// Writes an object, unless it is there, and returns its hash. Of one that is there, git would mark the pack as
    /// used, which may be one of the user.
    fn write(&self, kind: &str, content: &[u8]) -> Result<String, GitError> {
        let Scratch { git, git_dir, .. } = &self.scratch;
        let path = git_dir.join("content");
        std::fs::write(&path, content).map_err(at(&path))?;
        let hash = |how: &[&str]| {
            let call = self.scratch.call().args(["hash-object", "--no-filters", "-t", kind]).args(how);
            Ok::<_, GitError>(line(call.arg("--").arg(&path).output(git)?).to_string_lossy().into_owned())
        };
        let id = hash(&[])?;
        let there = Call::new().git_dir(git_dir).args(["cat-file", "-e", &id]).finish(git)?;
        if there.end == End::Exited(0) { Ok(id) } else { hash(&["-w"]) }
    }
}

/// The mode of a folder, as `ls-tree` prints it.
const FOLDER: &str = "040000";

/// The names on the way to a path, and what it becomes: its mode and hash.
type Deep<'a> = (&'a [Vec<u8>], Option<&'a (&'static str, String)>);

/// Reads `ls-tree -z`: by name the mode and the hash.
fn listing(answer: &[u8]) -> Option<BTreeMap<Vec<u8>, (String, String)>> {
    let entry = |entry: &[u8]| {
        let tab = entry.iter().position(|byte| *byte == b'\t')?;
        let mut words = std::str::from_utf8(&entry[..tab]).ok()?.split(' ');
        let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
        Some((entry[tab + 1..].to_vec(), (mode.to_owned(), id.to_owned())))
    };
    answer.split(|byte| *byte == 0).filter(|part| !part.is_empty()).map(entry).collect()
}

fn bytes_of(hash: &str) -> Option<Vec<u8>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    hash.as_bytes().chunks(2).map(byte).collect()
}

const fn is_file(side: &Side) -> bool {
    matches!(side.kind, Kind::File | Kind::Executable)
}

const fn mode(kind: Kind) -> &'static str {
    match kind {
        Kind::Folder => FOLDER,
        Kind::File => "100644",
        Kind::Executable => "100755",
        Kind::Link => "120000",
        Kind::Submodule => "160000",
    }
}

//! A repository that exists: what it is, the commits that names mean, files of commits.
//!
//! Reads only.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::sync::PoisonError;

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::End;
use nix_culprit_core::text::printable;

use super::call::{Call, Git, unexpected};
use super::date::Timestamp;
use super::error::{GitError, without_credentials};
use super::opening::{Facts, Settings};

/// Whose a repository is: into one of the user nothing is ever written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    User,
    Ours,
}

/// A git repository on this machine, of the user or a clone of ours.
#[derive(Debug, Clone)]
pub struct Repository {
    pub(super) git: Git,
    pub(super) git_dir: PathBuf,
    pub(super) common_dir: PathBuf,
    pub(super) toplevel: Option<PathBuf>,
    pub(super) object_format: String,
    shallow: bool,
    owner: Owner,
    /// The remote that a partial clone gets its missing objects from.
    pub(super) promisor: Option<OsString>,
    /// What the remote was asked to leave out, such as `blob:none`.
    filter: Option<String>,
}

impl Repository {
    /// Opens the repository that a folder is, or is inside of, as git finds it. A shallow one is
    /// opened too; questions about its history fail.
    ///
    /// # Errors
    /// There is none, or it belongs to another user, or git cannot read it.
    pub fn open(git: &Git, folder: &Path) -> Result<Self, GitError> {
        let folder = std::path::absolute(folder).map_err(super::error::at(folder))?;
        std::fs::metadata(&folder).map_err(super::error::at(&folder))?;
        let opened = || git.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let known = opened().get(&folder).cloned();
        let facts = known.map_or_else(|| Facts::of(git, &folder), Ok)?;
        opened().insert(folder, facts.clone());
        let Facts { git_dir, common_dir, toplevel, object_format, shallow, settings } = facts;
        let Settings { promisor, filter, ours } = settings;
        let owner = if ours { Owner::Ours } else { Owner::User };
        Ok(Self { git: git.clone(), git_dir, common_dir, toplevel, object_format, shallow, owner, promisor, filter })
    }

    /// Opens a clone that [`clone_blobless`](super::clone_blobless) made; missing objects and
    /// revisions may be fetched into it.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn open_clone(git: &Git, folder: &Path) -> Result<Self, GitError> {
        Ok(Self { owner: Owner::Ours, ..Self::open(git, folder)? })
    }

    /// Returns the absolute git folder (of a worktree: its own, below the common one).
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// Returns the top folder of the working tree; a bare repository has none.
    #[must_use]
    pub fn toplevel(&self) -> Option<&Path> {
        self.toplevel.as_deref()
    }

    /// Tells whether the history is cut off.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.shallow
    }

    /// Tells whether objects may be missing that a remote has.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.promisor.is_some()
    }

    /// Tells of a partial repository whether nothing but contents of files is missing: folders are all there.
    #[must_use]
    pub fn lacks_blobs_only(&self) -> bool {
        self.filter.as_deref().is_some_and(|filter| filter.starts_with("blob:"))
    }

    /// Fails when the history is cut off.
    ///
    /// # Errors
    /// The repository is shallow; the hint says how to complete it.
    pub fn require_history(&self) -> Result<(), GitError> {
        if self.shallow { Err(GitError::Shallow(self.place().to_owned())) } else { Ok(()) }
    }

    /// Finds the commit of a hash, a short hash, a branch (also one of `origin`), or a tag.
    ///
    /// # Errors
    /// No commit or several fit, or the text cannot be a name.
    pub fn resolve(&self, name: &str) -> Result<CommitId, GitError> {
        if name.is_empty() || name.starts_with('-') || name.contains(|c: char| c.is_control()) {
            return Err(GitError::BadName(printable(name)));
        }
        if let Ok(id) = name.parse()
            && self.read(&id).is_some()
        {
            return Ok(id);
        }
        for name in [name.to_owned(), format!("refs/remotes/origin/{name}")] {
            let verify = ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")];
            let answer = self.call().args(verify).finish(&self.git)?;
            if answer.end == End::Exited(0) {
                return commit_id(answer.stdout);
            }
        }
        let candidates = self.candidates(name)?;
        let name = printable(name);
        if candidates.len() > 1 {
            return Err(GitError::Ambiguous { name, candidates });
        }
        Err(GitError::NoCommit { name, repository: self.place().to_owned() })
    }

    /// Finds the commits that a short hash fits.
    fn candidates(&self, prefix: &str) -> Result<Vec<String>, GitError> {
        if prefix.len() < 4 || prefix.len() >= 40 || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(vec![]);
        }
        let objects = self.call().args(["rev-parse", &format!("--disambiguate={prefix}")]).output(&self.git)?;
        let check = ["cat-file", "--batch-check=%(objecttype) %(objectname)"];
        let types = self.call().args(check).input(objects).output(&self.git)?;
        let types = String::from_utf8_lossy(&types);
        Ok(types.lines().filter_map(|line| line.strip_prefix("commit ")).map(str::to_owned).collect())
    }

    /// Finds the commit that `HEAD` names; a new repository has none.
    ///
    /// # Errors
    /// Git cannot read the repository.
    pub fn head(&self) -> Result<Option<CommitId>, GitError> {
        match self.resolve("HEAD") {
            Ok(id) => Ok(Some(id)),
            Err(GitError::NoCommit { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Finds the newest commit on the first-parent line of a branch that was committed at the date
    /// or before (`2023-08-19`: the start of that day in UTC; or RFC 3339).
    ///
    /// # Errors
    /// The date or the branch cannot be read, or all commits are newer, or the history is cut off.
    pub fn at_date(&self, branch: &str, date: &str) -> Result<CommitId, GitError> {
        self.require_history()?;
        let moment = Timestamp::parse(date)?;
        let tip = self.resolve(branch)?;
        // `--before` would fill a day up with the present time of day.
        let limit = format!("--min-age={}", moment.seconds);
        let walk = ["rev-list", "-1", "--first-parent", &limit, tip.as_str()];
        let answer = self.call().args(walk).output(&self.git)?;
        if answer.is_empty() {
            return Err(GitError::NothingBefore { name: printable(branch), date: printable(date) });
        }
        commit_id(answer)
    }

    /// Reads a file of a commit; `None` where there is none, or no regular file. Attributes that a
    /// forge's tarballs apply (`export-subst`, `export-ignore`) have no effect.
    ///
    /// # Errors
    /// The path leads out of the repository, or the content is missing in a partial clone of the user.
    pub fn file_at(&self, commit: &CommitId, path: &Path) -> Result<Option<Vec<u8>>, GitError> {
        let path = inside(path)?;
        let list = self.call().args(["ls-tree", "-z", commit.as_str(), "--"]).arg(path.clone());
        let entry = list.output(&self.git)?;
        let Some(object) = parse_blob(&entry, path.as_bytes()) else { return Ok(None) };
        let read = self.call().args(["cat-file", "blob", &object]);
        let read = if self.may_fetch() { read.may_fetch() } else { read };
        read.output(&self.git).map(Some)
    }

    /// Tells whether a file of the working tree is another one than the last commit has, or is not tracked.
    ///
    /// # Errors
    /// Git cannot read the repository.
    pub fn has_changes(&self, file: &Path) -> Result<bool, GitError> {
        let folder = file.parent().unwrap_or(file);
        let status = ["status", "--porcelain=v1", "-z", "--ignored=matching", "--no-renames", "--"];
        let answer = Call::new().folder(folder).args(status).arg(file).output(&self.git)?;
        Ok(!answer.is_empty())
    }

    /// Lists the commits before and at `tip` that changed a file, newest first. In a shallow repository those that
    /// are there, and the ones at the cut.
    ///
    /// # Errors
    /// The path leads out of the repository.
    pub fn file_history(&self, tip: &CommitId, path: &Path) -> Result<Vec<CommitId>, GitError> {
        let path = inside(path)?;
        let answer = self.call().args(["rev-list", tip.as_str(), "--"]).arg(path).output(&self.git)?;
        String::from_utf8_lossy(&answer)
            .lines()
            .map(|line| line.parse().map_err(|_| unexpected("git rev-list", line.as_bytes())))
            .collect()
    }

    /// Returns the address of `origin` without a password, for finding the clone of an input.
    ///
    /// # Errors
    /// Git cannot read the settings.
    pub fn origin(&self) -> Result<Option<String>, GitError> {
        let answer = self.call().args(["config", "--get", "remote.origin.url"]).finish(&self.git)?;
        let url = String::from_utf8_lossy(&answer.stdout).trim_end_matches('\n').to_owned();
        Ok((!url.is_empty()).then(|| without_credentials(&url)))
    }

    /// Returns the place that is shown to the user.
    pub(super) fn place(&self) -> &Path {
        self.toplevel.as_deref().unwrap_or(&self.git_dir)
    }

    /// Starts a call that reads this repository.
    pub(super) fn call(&self) -> Call {
        Call::new().git_dir(&self.git_dir)
    }

    /// Tells whether it is a clone of ours.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.owner == Owner::Ours
    }

    /// Tells whether objects may be fetched into the repository: into our own clones only.
    pub(super) fn may_fetch(&self) -> bool {
        self.is_partial() && self.is_ours()
    }
}

/// Reads one entry of `ls-tree -z` and returns the object if it is a regular file at that path.
fn parse_blob(entry: &[u8], path: &[u8]) -> Option<String> {
    let entry = entry.strip_suffix(b"\0")?;
    let tab = entry.iter().position(|b| *b == b'\t')?;
    let words = std::str::from_utf8(&entry[..tab]).ok()?;
    let mut words = words.split(' ');
    let regular = matches!(words.next()?, "100644" | "100755" | "100664") && words.next()? == "blob";
    (regular && &entry[tab + 1..] == path).then(|| words.next().map(str::to_owned))?
}

/// Takes the line end off an answer that is one path or word.
pub(super) fn line(mut answer: Vec<u8>) -> OsString {
    if answer.last() == Some(&b'\n') {
        answer.pop();
    }
    OsString::from_vec(answer)
}

/// Reads an answer that is one hash.
pub(super) fn commit_id(answer: Vec<u8>) -> Result<CommitId, GitError> {
    let text = String::from_utf8_lossy(&answer);
    text.trim().parse().map_err(|_| unexpected("git", &answer))
}

/// Returns a path that stays below its folder, without `.` in it.
pub(super) fn inside(path: &Path) -> Result<OsString, GitError> {
    let bad = || GitError::BadPath(printable(&path.to_string_lossy()));
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => clean.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::ParentDir | Component::Prefix(_) => return Err(bad()),
        }
    }
    if clean.as_os_str().is_empty() || clean.as_os_str().as_bytes().contains(&0) {
        return Err(bad());
    }
    Ok(clean.into_os_string())
}

/// Makes a path of the bytes that git prints.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_at_the_very_path_is_a_blob() {
        let hash = "d00491fd7e5bb6fa28c517a0bb32b8b506539d4d";
        let entry = |mode, kind| format!("{mode} {kind} {hash}\ta b\n\0").into_bytes();
        assert_eq!(parse_blob(&entry("100644", "blob"), b"a b\n").as_deref(), Some(hash));
        assert_eq!(parse_blob(&entry("120000", "blob"), b"a b\n"), None);
        assert_eq!(parse_blob(&entry("040000", "tree"), b"a b\n"), None);
        assert_eq!(parse_blob(&entry("100644", "blob"), b"a"), None);
        assert_eq!(parse_blob(b"", b"a"), None);
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for path in ["../x", "a/../../x", "/etc/passwd", "", ".", "a\0b"] {
            assert!(matches!(inside(Path::new(path)), Err(GitError::BadPath(_))), "{path}");
        }
        assert_eq!(inside(Path::new("./a//b/")).unwrap(), OsString::from("a/b"));
    }
}

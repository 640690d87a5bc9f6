//! Clones of ours in the cache: history without contents, which are fetched when they are needed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::ids::CommitId;
use rustix::fs::FlockOperation;

use super::call::{Call, Git};
use super::error::{GitError, at, without_credentials};
use super::opening::OURS;
use super::progress::OnProgress;
use super::repository::Repository;
use super::view;

/// References that keep revisions which no branch has.
const KEPT: &str = "refs/nix-culprit";

/// Makes a bare clone without contents of files, or opens the one that is there.
///
/// The clone appears under its name when it is whole; what an aborted one leaves is cleared by the
/// next. Two that clone the same address wait for each other. A server that cannot leave contents
/// out sends them all. Branches and tags are fetched, no pull requests.
///
/// # Errors
/// The address cannot be reached, the disk is full, or the user asked to stop.
pub fn clone_blobless(git: &Git, url: &str, into: &Path, progress: OnProgress<'_>) -> Result<Repository, GitError> {
    let parent = into.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(at(parent))?;
    let _lock = lock(git, &beside(into, "lock"))?;
    if into.exists() {
        return Repository::open_clone(git, into);
    }
    let partial = beside(into, "partial");
    remove(&partial)?;
    let made = fill(git, url, &partial, progress).and_then(|()| fs::rename(&partial, into).map_err(at(into)));
    if let Err(error) = made {
        // The first error is the one to tell; the next clone tries to remove it again.
        let _ = remove(&partial);
        return Err(error);
    }
    Repository::open_clone(git, into)
}

fn fill(git: &Git, url: &str, partial: &Path, progress: OnProgress<'_>) -> Result<(), GitError> {
    let call = Call::new().args(["clone", "--bare", "--filter=blob:none", "--progress", "--template=", "--", url]);
    call.arg(partial).may_fetch().watched(git, progress)?;
    // A few seconds once for half a million commits; each question about ancestry is ten times faster.
    Call::new().git_dir(partial).args(["commit-graph", "write", "--reachable", "--no-progress"]).output(git)?;
    Call::new().git_dir(partial).args(["config", OURS, "true"]).output(git)?;
    view::neutralise(partial)
}

impl Repository {
    /// Fetches a revision that this clone lacks, and keeps it.
    ///
    /// # Errors
    /// The repository is no clone of ours, the server does not have it, or cannot be reached.
    pub fn fetch_revision(&self, id: &CommitId, progress: OnProgress<'_>) -> Result<(), GitError> {
        if self.has(id)? {
            return Ok(());
        }
        let missing = || GitError::NoCommit { name: id.to_string(), repository: self.place().to_owned() };
        if !self.is_ours() {
            return Err(missing());
        }
        let one = self.fetch(&[format!("+{id}:{KEPT}/{id}")], progress);
        match one {
            // A server may refuse hashes, but have it on a branch.
            Err(GitError::Failed { .. }) => self.fetch_news(progress)?,
            other => other?,
        }
        if self.has(id)? { Ok(()) } else { Err(missing()) }
    }

    /// Fetches what branches and tags have become.
    ///
    /// # Errors
    /// The repository is no clone of ours, or the server cannot be reached.
    pub fn fetch_news(&self, progress: OnProgress<'_>) -> Result<(), GitError> {
        self.fetch(&["+refs/heads/*:refs/heads/*".into(), "+refs/tags/*:refs/tags/*".into()], progress)
    }

    pub(super) fn fetch(&self, refspecs: &[String], progress: OnProgress<'_>) -> Result<(), GitError> {
        if !self.is_ours() {
            return Err(GitError::NotOurs(self.place().to_owned()));
        }
        let fetch = ["fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "origin"];
        self.call().args(fetch).args(refspecs).may_fetch().watched(&self.git, progress)
    }

    /// Tells whether a commit is here.
    ///
    /// # Errors
    /// Git could not be run.
    pub fn has(&self, id: &CommitId) -> Result<bool, GitError> {
        match self.head_of(id) {
            Ok(_) => Ok(true),
            Err(GitError::Failed { .. } | GitError::Unexpected { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Returns the folder for the clone of an address: readable, and the same for the spellings of an
/// address that differ in a password, a final slash or `.git`.
#[must_use]
pub fn clone_folder(cache: &Path, url: &str) -> PathBuf {
    let address = without_credentials(url.trim()).replace("://***@", "://");
    let address = address.trim_end_matches('/');
    let address = address.strip_suffix(".git").unwrap_or(address).trim_end_matches('/');
    let parts: Vec<&str> = address.split(['/', ':']).filter(|part| !part.is_empty()).collect();
    let readable = parts[parts.len().saturating_sub(2)..].join("-");
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let readable: String = readable.chars().map(safe).take(60).collect();
    cache.join(format!("{}-{:016x}.git", readable.trim_start_matches(['.', '-']), fnv1a(address.as_bytes())))
}

/// The FNV-1a hash (64 bits): stable across versions of Rust, which the standard library's is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Waits for the lock; it is released when the file is closed, also by a kill.
fn lock(git: &Git, path: &Path) -> Result<File, GitError> {
    let file = File::options().create(true).append(true).open(path).map_err(at(path))?;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                git.go_on("wait for another clone")?;
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(at(path)(error.into())),
        }
    }
}

/// Removes a folder, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), GitError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at(folder)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(url: &str) -> String {
        clone_folder(Path::new("/cache"), url).file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn the_folder_of_a_clone_is_readable_and_stable() {
        assert_eq!(name("https://github.com/NixOS/nixpkgs"), "NixOS-nixpkgs-ab280d38d2cc9a4f.git");
        assert_eq!(name("https://me:token@github.com/NixOS/nixpkgs.git/"), name("https://github.com/NixOS/nixpkgs"));
        assert!(name("git@example.org:a/b.git").starts_with("a-b-"));
        assert_ne!(name("https://a.example/x/y"), name("https://b.example/x/y"));
    }

    #[test]
    fn no_address_leaves_the_cache() {
        for url in ["..", "/", "", "a/../..", "x:..", "-x", &"é/".repeat(500), "a\n/b\0"] {
            let folder = clone_folder(Path::new("/cache"), url);
            assert_eq!(folder.parent(), Some(Path::new("/cache")), "{url}");
            assert!(name(url).is_ascii() && name(url).len() < 90 && !name(url).contains(['\n', '\0', '/']));
        }
    }
}

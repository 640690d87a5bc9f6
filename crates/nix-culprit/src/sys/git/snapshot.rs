//! A copy of the user's flake as Nix sees it.
//!
//! In a git repository that is: the files that the index names, with their contents in the working
//! tree, committed or not; untracked files and submodules are left out. Outside
//! of git it is every file. Symbolic links are copied as links and never followed.
//!
//! Nix reads a *clean* repository from git's objects instead of the working tree: the two differ
//! where a filter (LFS) or a line-end conversion is set up.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::text::printable;

use super::call::{Git, unexpected};
use super::error::{GitError, at};
use super::repository::{Repository, path_of};

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The folder of the copy: of the whole repository, or of the flake outside of git.
    pub root: PathBuf,
    /// The flake's folder in it; empty for the root.
    pub dir: PathBuf,
    /// The commit that the working tree is based on; none in a new repository and outside of git.
    pub head: Option<CommitId>,
    /// Whether tracked files may differ from that commit.
    pub dirty: bool,
}

impl Snapshot {
    /// Copies the flake in `folder`, and the repository around it, to the new folder `into`.
    ///
    /// # Errors
    /// `into` exists or lies in a flake outside of git, a file cannot be read, the disk is full, or
    /// git refuses the repository.
    pub fn take(git: &Git, folder: &Path, into: &Path) -> Result<Self, GitError> {
        let folder = fs::canonicalize(folder).map_err(at(folder))?;
        let repository = match Repository::open(git, &folder) {
            Ok(repository) => repository,
            Err(GitError::NotARepository(_)) => {
                let root = new_folder(into, Some(&folder))?;
                copy_folder(git, &folder, &root, Top::Yes)?;
                return Ok(Self { root, dir: PathBuf::new(), head: None, dirty: false });
            }
            Err(error) => return Err(error),
        };
        let Some(toplevel) = repository.toplevel() else { return Err(GitError::NoWorkingTree(folder)) };
        let dir = folder.strip_prefix(toplevel).unwrap_or(Path::new("")).to_owned();
        let list = repository.call_in_tree(toplevel).args(["ls-files", "-z", "--stage"]).output(git)?;
        let paths = parse_index(&list).ok_or_else(|| unexpected("git ls-files", &list))?;
        let root = new_folder(into, None)?;
        let mut copy = Copy { from: toplevel, to: &root, folders: HashMap::new() };
        for path in &paths {
            git.go_on("copy the flake")?;
            copy.entry(path)?;
        }
        let head = repository.head()?;
        let dirty = head.is_none() || repository.is_dirty(toplevel)?;
        Ok(Self { root, dir, head, dirty })
    }
}

impl Snapshot {
    /// Copies the copy to the new folder `into`.
    ///
    /// # Errors
    /// `into` exists, a file cannot be read, or the disk is full.
    pub fn again(&self, git: &Git, into: &Path) -> Result<Self, GitError> {
        let root = new_folder(into, Some(&self.root))?;
        copy_folder(git, &self.root, &root, Top::No)?;
        Ok(Self { root, ..self.clone() })
    }
}

impl Repository {
    /// Starts a call that reads the index and the working tree.
    fn call_in_tree(&self, toplevel: &Path) -> super::call::Call {
        self.call().variable("GIT_WORK_TREE", toplevel).folder(toplevel)
    }

    /// Tells whether tracked files may differ from `HEAD`.
    ///
    /// Git would run the filters that the settings name on files whose time stamps changed, so each
    /// is switched off; a filtered file counts as changed then.
    fn is_dirty(&self, toplevel: &Path) -> Result<bool, GitError> {
        let ask = ["config", "--null", "--name-only", "--get-regexp", r"^filter\."];
        let names = self.call_in_tree(toplevel).args(ask).finish(&self.git)?.stdout;
        let status =
            ["status", "--porcelain=v1", "-z", "--untracked-files=no", "--ignore-submodules=dirty", "--no-renames"];
        let mut call = self.call_in_tree(toplevel).args(status);
        for name in names.split(|b| *b == 0).filter(|name| !name.is_empty()) {
            let value = if name.ends_with(b".required") { "false" } else { "" };
            call = call.setting(path_of(name), value);
        }
        Ok(!call.output(&self.git)?.is_empty())
    }
}

/// Makes a new folder that is not in another one, and returns its real path.
fn new_folder(folder: &Path, outside: Option<&Path>) -> Result<PathBuf, GitError> {
    let bad = || GitError::BadPath(printable(&folder.to_string_lossy()));
    let folder = std::path::absolute(folder).map_err(at(folder))?;
    let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else { return Err(bad()) };
    if outside.is_some_and(|outside| parent.starts_with(outside)) {
        return Err(bad());
    }
    fs::create_dir_all(parent).map_err(at(parent))?;
    let real = fs::canonicalize(parent).map_err(at(parent))?;
    if outside.is_some_and(|outside| real.starts_with(outside)) {
        return Err(bad());
    }
    let real = real.join(name);
    fs::create_dir(&real).map_err(at(&real))?;
    Ok(real)
}

/// Reads `MODE OBJECT STAGE\tPATH\0…`; a path in conflict has several stages and is named once, and
/// a submodule (mode 160000) is left out: Nix 2.26 and later have nothing at its path, and 2.8 has an
/// empty folder there only when nothing is changed.
fn parse_index(list: &[u8]) -> Option<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = vec![];
    for entry in list.split(|b| *b == 0).filter(|entry| !entry.is_empty()) {
        let tab = entry.iter().position(|b| *b == b'\t')?;
        let path = path_of(&entry[tab + 1..]);
        super::repository::inside(&path).ok()?;
        if !entry.starts_with(b"160000 ") && paths.last() != Some(&path) {
            paths.push(path);
        }
    }
    Some(paths)
}

/// A copy under way. Remembers which folders of the source are real ones: behind a symbolic link,
/// git and Nix see nothing.
struct Copy<'a> {
    from: &'a Path,
    to: &'a Path,
    folders: HashMap<PathBuf, bool>,
}

impl Copy<'_> {
    fn entry(&mut self, path: &Path) -> Result<(), GitError> {
        let Some(parent) = path.parent() else { return Ok(()) };
        if !self.is_real(parent)? {
            return Ok(());
        }
        let (from, to) = (self.from.join(path), self.to.join(path));
        match kind_of(&from)? {
            None | Some(There::Folder | There::Other) => Ok(()),
            Some(there @ (There::File { .. } | There::Link)) => {
                let folder = self.to.join(parent);
                fs::create_dir_all(&folder).map_err(at(&folder))?;
                copy_one(&from, &to, there)
            }
        }
    }

    /// Tells whether a folder of the source is reached without a symbolic link.
    fn is_real(&mut self, folder: &Path) -> Result<bool, GitError> {
        let Some(parent) = folder.parent() else { return Ok(true) };
        if let Some(known) = self.folders.get(folder) {
            return Ok(*known);
        }
        let real = self.is_real(parent)? && kind_of(&self.from.join(folder))? == Some(There::Folder);
        self.folders.insert(folder.to_owned(), real);
        Ok(real)
    }
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    File { executable: bool },
    Link,
    Folder,
    Other,
}

fn kind_of(path: &Path) -> Result<Option<There>, GitError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(at(path)(error)),
    };
    let kind = metadata.file_type();
    Ok(Some(if kind.is_symlink() {
        There::Link
    } else if kind.is_dir() {
        There::Folder
    } else if kind.is_file() {
        There::File { executable: metadata.permissions().mode() & 0o100 != 0 }
    } else {
        There::Other
    }))
}

/// Copies a file or a link; the copy is writable, and executable where the file is.
fn copy_one(from: &Path, to: &Path, kind: There) -> Result<(), GitError> {
    match kind {
        There::Link => {
            let target = fs::read_link(from).map_err(at(from))?;
            symlink(target, to).map_err(at(to))
        }
        There::File { executable } => {
            fs::copy(from, to).map_err(at(from))?;
            let mode = if executable { 0o755 } else { 0o644 };
            fs::set_permissions(to, fs::Permissions::from_mode(mode)).map_err(at(to))
        }
        There::Folder | There::Other => Ok(()),
    }
}

/// Whether a folder is the flake's own, whose `.git` is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Top {
    Yes,
    No,
}

/// Copies a folder that is not in git. Sockets and the like are left out; Nix refuses them.
fn copy_folder(git: &Git, from: &Path, to: &Path, top: Top) -> Result<(), GitError> {
    git.go_on("copy the flake")?;
    for entry in fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if top == Top::Yes && entry.file_name() == ".git" {
            continue;
        }
        match kind_of(&source)? {
            Some(There::Folder) => {
                fs::create_dir_all(&copy).map_err(at(&copy))?;
                copy_folder(git, &source, &copy, Top::No)?;
            }
            Some(kind) => copy_one(&source, &copy, kind)?,
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_names_each_path_once_and_no_submodules() {
        let zero = "0".repeat(40);
        let list = format!(
            "100644 {zero} 0\ta b\n\0100755 {zero} 1\tc\0100755 {zero} 2\tc\0120000 {zero} 0\tl\0160000 {zero} 0\ts\0"
        );
        let paths = parse_index(list.as_bytes()).unwrap();
        assert_eq!(paths, ["a b\n", "c", "l"].map(PathBuf::from));
        assert_eq!(parse_index(b""), Some(vec![]));
        assert_eq!(parse_index(b"100644 x 0\t../x\0"), None);
        assert_eq!(parse_index(b"nonsense\0"), None);
    }
}

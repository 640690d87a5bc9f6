//! What a correction changes in the user's files, and writing it.
//!
//! The only place that writes into the user's flake, and only where they asked for it. Commits nothing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;

use super::super::CaseError;
use super::super::settings::Settings;
use crate::sys::git::{Git, GitError, Repository};
use crate::sys::interrupt::Interrupt;

/// Says why a correction could not be applied. Nothing was written then, but for the files that `Write` says.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The file is another one than when the case began.
    #[error("{0} has changed since the case began")]
    Changed(PathBuf),
    /// The file cannot be read.
    #[error("could not read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("could not write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Returns those of the flake's files that have changes which are not committed; none where it is in no repository.
///
/// # Errors
/// When git cannot read the repository.
pub fn uncommitted<'n>(
    settings: &Settings,
    names: &[&'n str],
    interrupt: &Interrupt,
) -> Result<Vec<&'n str>, CaseError> {
    let git = Git::new(&settings.git, interrupt)?;
    let repository = match Repository::open(&git, &settings.flake) {
        Ok(repository) => repository,
        Err(GitError::NotARepository(_)) => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut changed = Vec::new();
    for name in names {
        if repository.has_changes(&settings.flake.join(name))? {
            changed.push(*name);
        }
    }
    Ok(changed)
}

/// What a correction changes, file by file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChanges {
    /// The files.
    pub files: Vec<FileChange>,
}

/// What a correction changes in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The file's name in the flake's folder.
    pub name: &'static str,
    /// Its text when the case began.
    pub before: String,
    /// Its text with the correction.
    pub after: String,
}

impl FileChanges {
    /// Writes the files, each whole or not at all.
    ///
    /// # Errors
    /// When one of them is another one by now, or the disk does not take it.
    pub fn apply(&self, flake: &Path) -> Result<(), ChangeError> {
        let prepared: Vec<(NamedTempFile, PathBuf)> =
            self.files.iter().map(|file| file.prepare(flake)).collect::<Result<_, _>>()?;
        for (file, path) in prepared {
            file.persist(&path).map_err(|error| ChangeError::Write { path, source: error.error })?;
        }
        Ok(())
    }
}

impl FileChange {
    /// Writes the new text beside the file, if that is still the one that it was.
    fn prepare(&self, flake: &Path) -> Result<(NamedTempFile, PathBuf), ChangeError> {
        let path = flake.join(self.name);
        let read = |source| ChangeError::Read { path: path.clone(), source };
        // A link stays one: what it leads to is written.
        let place = fs::canonicalize(&path).map_err(read)?;
        if fs::read(&place).map_err(read)? != self.before.as_bytes() {
            return Err(ChangeError::Changed(path));
        }
        let write = |source| ChangeError::Write { path: path.clone(), source };
        let permissions = fs::metadata(&place).map_err(read)?.permissions();
        let mut file = NamedTempFile::new_in(place.parent().unwrap_or(flake)).map_err(write)?;
        file.write_all(self.after.as_bytes()).map_err(write)?;
        file.as_file().set_permissions(permissions).map_err(write)?;
        file.as_file().sync_all().map_err(write)?;
        Ok((file, place))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn change(name: &'static str, before: &str, after: &str) -> FileChange {
        FileChange { name, before: before.to_owned(), after: after.to_owned() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_written_with_their_rights_and_nothing_is_left_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, flake) = (folder.path().join("flake.lock"), folder.path().join("flake.nix"));
        fs::write(&lock, "old").unwrap();
        fs::set_permissions(&lock, fs::Permissions::from_mode(0o640)).unwrap();
        fs::write(folder.path().join("real.nix"), "a").unwrap();
        symlink("real.nix", &flake).unwrap();
        let change = FileChanges { files: vec![change("flake.lock", "old", "new"), change("flake.nix", "a", "b")] };
        change.apply(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&lock).unwrap(), "new");
        assert_eq!(fs::metadata(&lock).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_to_string(folder.path().join("real.nix")).unwrap(), "b");
        assert!(flake.is_symlink());
        assert_eq!(names(folder.path()), ["flake.lock", "flake.nix", "real.nix"]);
    }

    #[test]
    fn where_one_file_has_changed_none_is_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("flake.lock"), "old").unwrap();
        fs::write(folder.path().join("flake.nix"), "mine").unwrap();
        let change = FileChanges { files: vec![change("flake.lock", "old", "new"), change("flake.nix", "a", "b")] };
        assert!(matches!(change.apply(folder.path()), Err(ChangeError::Changed(path)) if path.ends_with("flake.nix")));
        assert_eq!(fs::read_to_string(folder.path().join("flake.lock")).unwrap(), "old");
        assert_eq!(names(folder.path()), ["flake.lock", "flake.nix"]);
        fs::remove_file(folder.path().join("flake.nix")).unwrap();
        assert!(matches!(change.apply(folder.path()), Err(ChangeError::Read { .. })));
    }
}

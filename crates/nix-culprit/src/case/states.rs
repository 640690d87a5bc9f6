//! Lock files as states: the one in the working tree, committed ones, and those that the user names.

use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::flake::Lock;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::text::printable;

use super::ends::State;
use super::flake_copy::FlakeCopy;
use super::project::Project;
use super::store::CaseDir;
use super::{CaseError, StoreError};
use crate::sys::git::{Git, Repository};

/// How many committed lock files are walked back at most.
const MOST: usize = 256;

/// The lock files of one flake.
#[derive(Debug)]
pub struct States {
    flake: PathBuf,
    repository: Option<(Repository, CommitId, PathBuf)>,
    /// Its pins are its lock, if it is no flake.
    project: Option<Project>,
}

impl States {
    /// Looks at the flake's folder and, if there is one, its repository as it was when the case began.
    ///
    /// # Errors
    /// When git cannot read the repository.
    pub fn of(git: &Git, flake: &Path, copy: &FlakeCopy, project: Option<Project>) -> Result<Self, CaseError> {
        let repository = match &copy.head {
            Some(head) => {
                let lock = Path::new(&copy.dir).join(file_of(project.as_ref()));
                Some((Repository::open(git, flake)?, head.clone(), lock))
            }
            None => None,
        };
        Ok(Self { flake: flake.to_owned(), repository, project })
    }

    /// Returns the lock of the working tree, as it was when the case began.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn working(&self, case: &CaseDir) -> Result<State, CaseError> {
        if let Some(project) = self.project.as_ref().filter(|project| project.pin_file().is_none()) {
            return Ok(State { label: "the working tree".to_owned(), lock: project.lock(None)? });
        }
        let name = file_of(self.project.as_ref());
        let kept = case.file("flake.lock");
        let own = self.flake.join(name);
        if !kept.exists() {
            match fs::read(&own) {
                Ok(text) => _ = case.write("flake.lock", &text)?,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(CaseError::NoLock(self.flake.clone()));
                }
                Err(source) => return Err(CaseError::Read { path: own, source }),
            }
        }
        let text = fs::read(&kept).map_err(|source| StoreError::Io { path: kept, source })?;
        self.state(name.to_owned(), &text)
    }

    /// Returns the state that a user named: a lock file, or a revision or date of the flake's repository.
    ///
    /// # Errors
    /// When it is none of these, or cannot be used.
    pub fn named(&self, name: &str) -> Result<State, CaseError> {
        let path = Path::new(name);
        if path.is_file() {
            let text = fs::read(path).map_err(|source| CaseError::Read { path: path.to_owned(), source })?;
            return self.state(printable(name), &text);
        }
        let Some((repository, head, _)) = &self.repository else {
            let why = format!("`{}` is no file, and the flake is in no git repository", printable(name));
            return Err(CaseError::NoGoodState { why });
        };
        let commit = if looks_like_a_date(name) {
            repository.at_date(head.as_str(), name)?
        } else {
            repository.resolve(name)?
        };
        self.at(&commit)?.ok_or_else(|| {
            let why = format!("there is no flake.lock in commit {}", commit.short());
            CaseError::NoGoodState { why }
        })
    }

    /// Lists the commits whose lock differs from `other`, newest first.
    ///
    /// # Errors
    /// When git cannot read the history.
    pub fn committed(&self, other: &Lock) -> Result<Vec<CommitId>, CaseError> {
        let Some((repository, head, lock)) = &self.repository else { return Ok(Vec::new()) };
        let mut commits = repository.file_history(head, lock)?;
        commits.truncate(MOST);
        // A commit that removed the file has none; those that have the same as the bad end are no other state.
        let same = |commit: &CommitId| match self.at(commit) {
            Ok(Some(state)) => state.lock == *other,
            Ok(None) | Err(_) => true,
        };
        let leading = commits.iter().take_while(|commit| same(commit)).count();
        Ok(commits.split_off(leading))
    }

    /// Fails when the history that good states are looked for in is cut off.
    ///
    /// # Errors
    /// The repository is shallow; the hint says how to complete it.
    pub fn require_history(&self) -> Result<(), CaseError> {
        match &self.repository {
            Some((repository, ..)) => Ok(repository.require_history()?),
            None => Ok(()),
        }
    }

    fn state(&self, label: String, text: &[u8]) -> Result<State, CaseError> {
        match &self.project {
            None => state(label, text),
            Some(project) => {
                let lock = project.lock(Some((&label, &String::from_utf8_lossy(text))))?;
                Ok(State { label, lock })
            }
        }
    }

    /// Returns the state of a commit, if it has a lock.
    ///
    /// # Errors
    /// When git cannot read it, or it is no lock.
    pub fn at(&self, commit: &CommitId) -> Result<Option<State>, CaseError> {
        let Some((repository, _, lock)) = &self.repository else { return Ok(None) };
        let Some(text) = repository.file_at(commit, lock)? else { return Ok(None) };
        let date = repository.committed(commit)?;
        let name = file_of(self.project.as_ref());
        self.state(format!("{name} of {} ({date})", commit.short()), &text).map(Some)
    }
}

/// Returns the name of the file that holds the state of a project.
fn file_of(project: Option<&Project>) -> &'static str {
    project.map_or("flake.lock", |project| project.pin_file().unwrap_or("flake.lock"))
}

fn state(label: String, text: &[u8]) -> Result<State, CaseError> {
    let lock = Lock::parse(&String::from_utf8_lossy(text));
    // Every probe needs the table; what is wrong with it is said here, where the file is known.
    match lock.and_then(|lock| lock.inputs_table().map(|_| lock)) {
        Ok(lock) => Ok(State { label, lock }),
        Err(source) => Err(CaseError::Lock { label, source }),
    }
}

/// Tells whether a text is meant as a date: it begins as `2023-08-19` does.
pub(super) fn looks_like_a_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes[..10]
            .iter()
            .enumerate()
            .all(|(at, b)| if at == 4 || at == 7 { *b == b'-' } else { b.is_ascii_digit() })
}

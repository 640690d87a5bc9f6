//! Where cases live on disk: the state folder, and one folder a case.

use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::event::Event;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::journal::{Entry, read};
use super::settings::Settings;

/// The version that begins cases, and goes on with its own only.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Says why a case could not be made or found.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file or folder could not be read or written.
    #[error("could not use {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The settings of a case cannot be read.
    #[error("{path} is not the settings of a case")]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The case was begun by another version.
    #[error("the case {id} was begun by nix-culprit {version}; go on with that one, or begin anew")]
    Version {
        /// The case.
        id: String,
        /// That version.
        version: String,
    },
    /// There is no such case.
    #[error("there is no case `{0}`")]
    NoCase(String),
    /// There is no case at all.
    #[error("there is no case yet")]
    NoCases,
}

/// What `case.json` holds. The settings of another version can be anything.
#[derive(Debug, Serialize, Deserialize)]
struct Header<S> {
    version: String,
    settings: S,
}

/// The folder that holds all cases.
#[derive(Debug, Clone)]
pub struct Cases {
    root: PathBuf,
}

/// The folder of one case.
#[derive(Debug, Clone)]
pub struct CaseDir {
    path: PathBuf,
}

impl Cases {
    /// Uses the cases below a state folder.
    #[must_use]
    pub fn below(state: &Path) -> Self {
        Self { root: state.join("cases") }
    }

    /// Begins a case: makes its folder and writes its settings. `stamp` orders cases by name.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn begin(&self, stamp: &str, settings: &Settings) -> Result<CaseDir, StoreError> {
        create_private(&self.root)?;
        let path = (1..)
            .map(|n| if n == 1 { self.root.join(stamp) } else { self.root.join(format!("{stamp}-{n}")) })
            .find_map(|path| match fs::create_dir(&path) {
                Ok(()) => Some(Ok(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => None,
                Err(source) => Some(Err(StoreError::Io { path, source })),
            })
            .expect("the numbers do not end")?;
        let case = CaseDir { path };
        case.keep(settings)?;
        Ok(case)
    }

    /// Finds a case by its name, or the newest one.
    ///
    /// # Errors
    /// When there is none, or its settings cannot be read.
    pub fn find(&self, id: Option<&str>) -> Result<(CaseDir, Settings), StoreError> {
        let name = match id {
            Some(id) if id.contains('/') || id.starts_with('.') => return Err(StoreError::NoCase(id.to_owned())),
            Some(id) => id.to_owned(),
            None => self.list()?.pop().ok_or(StoreError::NoCases)?,
        };
        let case = CaseDir { path: self.root.join(&name) };
        let path = case.file("case.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(StoreError::NoCase(name)),
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        let unreadable = |source| StoreError::Settings { path: path.clone(), source };
        let Header { version, settings: IgnoredAny } = serde_json::from_slice(&text).map_err(unreadable)?;
        if version != VERSION {
            return Err(StoreError::Version { id: name, version });
        }
        let header: Header<Settings> = serde_json::from_slice(&text).map_err(unreadable)?;
        Ok((case, header.settings))
    }

    /// Lists the names of all cases, oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<String>, StoreError> {
        let io = |source| StoreError::Io { path: self.root.clone(), source };
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(io(source)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io)?;
            if entry.path().join("case.json").is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }
}

impl CaseDir {
    /// Uses a folder that is nobody's case, such as a temporary one.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Writes down what is asked of the case.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn keep(&self, settings: &Settings) -> Result<(), StoreError> {
        let header = Header { version: VERSION.to_owned(), settings };
        let text = serde_json::to_string_pretty(&header).expect("settings are plain data");
        self.write("case.json", text.as_bytes()).map(|_| ())
    }

    /// Returns the name by which `resume` and `log` find the case.
    #[must_use]
    pub fn id(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns the journal's path.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.file("journal.jsonl")
    }

    /// Tells whether the case came to its end once.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let ended = |entry: &Entry| matches!(entry.event, Event::Finished { .. });
        read(&self.journal()).is_ok_and(|entries| entries.iter().any(ended))
    }

    /// Removes the case if it learnt nothing, and tells whether it did: there is nothing to go on with.
    #[must_use]
    pub fn discard_unless_probed(&self) -> bool {
        let probed = |entry: &Entry| matches!(entry.event, Event::ProbeFinished { .. });
        let journal = self.journal();
        let is_empty = !journal.exists() || read(&journal).is_ok_and(|entries| !entries.iter().any(probed));
        is_empty && self.discard().is_ok()
    }

    /// Removes the case and all that is in its folder.
    ///
    /// # Errors
    /// When the system does not let it.
    pub fn discard(&self) -> std::io::Result<()> {
        fs::remove_dir_all(&self.path)
    }

    /// Writes a file whole or not at all.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, StoreError> {
        let path = self.file(name);
        let io = |source| StoreError::Io { path: path.clone(), source };
        let mut file = tempfile::NamedTempFile::new_in(&self.path).map_err(io)?;
        std::io::Write::write_all(&mut file, content).map_err(io)?;
        file.persist(&path).map_err(|error| io(error.error))?;
        Ok(path)
    }
}

/// Makes a folder that only the user can look into: lock files may hold tokens.
fn create_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| StoreError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;

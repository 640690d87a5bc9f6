//! Where the user's state, cache and configuration lie (XDG).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;
use thiserror::Error;

/// Says why the folders could not be told or the configuration not be read.
#[derive(Debug, Error)]
pub enum DirsError {
    /// There is no home.
    #[error("the home folder is not known; set HOME")]
    NoHome,
    /// The configuration cannot be read.
    #[error("could not read {path}")]
    Config {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The folders of this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// Holds the cases.
    pub state: PathBuf,
    /// Holds clones.
    pub cache: PathBuf,
    /// Holds `config.toml`.
    pub config: PathBuf,
    home: PathBuf,
}

/// What `config.toml` may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// From inputs (`nixpkgs`) or flake references (`github:NixOS/nixpkgs`) to clones.
    #[serde(default)]
    repositories: BTreeMap<String, String>,
}

impl Dirs {
    /// Finds the folders from the environment.
    ///
    /// # Errors
    /// When there is no home folder.
    pub fn find() -> Result<Self, DirsError> {
        let base = etcetera::choose_base_strategy().map_err(|_| DirsError::NoHome)?;
        let name = "nix-culprit";
        Ok(Self {
            state: base.state_dir().unwrap_or_else(|| base.data_dir()).join(name),
            cache: base.cache_dir().join(name),
            config: base.config_dir().join(name),
            home: base.home_dir().to_owned(),
        })
    }

    /// Returns the home folder.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Reads which clones the user has, from `config.toml`; a missing file says none.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn repositories(&self) -> Result<BTreeMap<String, PathBuf>, DirsError> {
        let path = self.config.join("config.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(DirsError::Config { path, source: error.into() }),
        };
        let config: Config = toml::from_str(&text).map_err(|error| DirsError::Config { path, source: error.into() })?;
        Ok(config.repositories.into_iter().map(|(input, clone)| (input, self.expand(&clone))).collect())
    }

    /// Replaces a leading `~/` by the home folder.
    #[must_use]
    pub fn expand(&self, path: &str) -> PathBuf {
        path.strip_prefix("~/").map_or_else(|| PathBuf::from(path), |rest| self.home.join(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirs(config: &Path) -> Dirs {
        let path = config.to_owned();
        Dirs { state: path.clone(), cache: path.clone(), config: path, home: "/home/me".into() }
    }

    #[test]
    fn clones_are_read_from_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let dirs = dirs(folder.path());
        assert_eq!(dirs.repositories().unwrap(), BTreeMap::new());
        std::fs::write(folder.path().join("config.toml"), "[repositories]\nnixpkgs = \"~/nixpkgs\"\n").unwrap();
        assert_eq!(dirs.repositories().unwrap()["nixpkgs"], PathBuf::from("/home/me/nixpkgs"));
    }

    #[test]
    fn a_wrong_configuration_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), "[repos]\n").unwrap();
        let error = dirs(folder.path()).repositories().unwrap_err();
        assert!(error.to_string().contains("config.toml"), "{error}");
    }
}

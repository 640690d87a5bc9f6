//! Names of things: commits, store paths, derivations, inputs. Raw strings stop here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Says why a text is not the identifier that it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdError {
    /// Not 40 or 64 lower-case hexadecimal digits.
    #[error("`{0}` is not a full commit hash (40 or 64 hexadecimal digits)")]
    Commit(String),
    /// Not an absolute path of a `.drv` file.
    #[error("`{0}` is not the path of a derivation")]
    DrvPath(String),
}

/// The full hash of a git commit: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(Box<str>);

impl CommitId {
    /// Returns the full hash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the first twelve digits, as shown to people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for CommitId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if hex && matches!(text.len(), 40 | 64) { Ok(Self(text.into())) } else { Err(IdError::Commit(text.to_owned())) }
    }
}

impl TryFrom<String> for CommitId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitId({})", self.short())
    }
}

/// The path of a derivation in the Nix store, such as `/nix/store/…-hello-1.0.drv`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DrvPath(Box<str>);

impl DrvPath {
    /// Returns the path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DrvPath {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.starts_with('/') && text.ends_with(".drv") && !text.contains(['\n', '\0', '\x1b']) {
            Ok(Self(text.into()))
        } else {
            Err(IdError::DrvPath(text.to_owned()))
        }
    }
}

impl TryFrom<String> for DrvPath {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<DrvPath> for String {
    fn from(path: DrvPath) -> Self {
        path.0.into()
    }
}

impl fmt::Display for DrvPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of a node in a lock file's `nodes`, such as `nixpkgs_2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeKey(pub String);

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names of inputs from the root to one input, such as `poetry2nix/nixpkgs`; empty for the root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InputPath(pub Vec<String>);

impl fmt::Display for InputPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

impl FromStr for InputPath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_forty_or_sixty_four_hexadecimal_digits() {
        let sha1 = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(sha1.parse::<CommitId>().unwrap().short(), "0123456789ab");
        assert!("0123".parse::<CommitId>().is_err());
        assert!(sha1.to_uppercase().parse::<CommitId>().is_err());
        assert!(format!("{sha1}{}", &sha1[..24]).parse::<CommitId>().is_ok());
    }

    #[test]
    fn a_derivation_path_holds_no_control_characters() {
        assert!("/nix/store/x-y.drv".parse::<DrvPath>().is_ok());
        assert!("/nix/store/x\x1b[0m.drv".parse::<DrvPath>().is_err());
        assert!("x.drv".parse::<DrvPath>().is_err());
    }
}

//! The formats of pin files, and the pins that a text has.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use super::ROOT;
use crate::text::printable;

/// The versions of npins' format that can be read.
const NPINS: std::ops::RangeInclusive<u64> = 3..=7;

/// Says why a pin file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PinsError {
    /// The text is not JSON.
    #[error("{file} is not valid JSON: {problem}")]
    Json {
        /// The file.
        file: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The format has another version.
    #[error("the version of {file} is {found}; {} to {} are known", NPINS.start(), NPINS.end())]
    Version {
        /// The file.
        file: &'static str,
        /// What it says.
        found: String,
    },
    /// A part has the wrong type.
    #[error("in {file}, {place} should be an object")]
    Shape {
        /// The file.
        file: &'static str,
        /// Where.
        place: String,
    },
}

/// A program that writes pin files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PinFormat {
    /// npins.
    Npins,
    /// niv.
    Niv,
}

impl PinFormat {
    /// Every format, the likelier first.
    pub const ALL: [Self; 2] = [Self::Npins, Self::Niv];

    /// Returns the file in the project's folder.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Npins => "npins/sources.json",
            Self::Niv => "nix/sources.json",
        }
    }

    pub(super) const fn revision(self) -> &'static str {
        match self {
            Self::Npins => "revision",
            Self::Niv => "rev",
        }
    }

    pub(super) const fn hash(self) -> &'static str {
        match self {
            Self::Npins => "hash",
            Self::Niv => "sha256",
        }
    }

    pub(super) fn pins(self, text: &str) -> Result<Map<String, Value>, PinsError> {
        let file = self.file();
        let shape = |place: String| PinsError::Shape { file, place };
        let json = |error: serde_json::Error| PinsError::Json { file, problem: error.to_string() };
        let Value::Object(mut top) = serde_json::from_str(text).map_err(json)? else {
            return Err(shape("the top".to_owned()));
        };
        let pins = match self {
            Self::Niv => top,
            Self::Npins => {
                let version = top.get("version").cloned().unwrap_or(Value::Null);
                if !version.as_u64().is_some_and(|version| NPINS.contains(&version)) {
                    return Err(PinsError::Version { file, found: printable(&version.to_string()) });
                }
                let Some(Value::Object(pins)) = top.remove("pins") else { return Err(shape("`pins`".to_owned())) };
                pins
            }
        };
        match pins.iter().find(|(name, pin)| !pin.is_object() || name.as_str() == ROOT) {
            Some((name, _)) => Err(shape(format!("the pin `{}`", printable(name)))),
            None => Ok(pins),
        }
    }
}

//! The attributes of a flake reference, as a lock file has them.
//!
//! Owns the map itself. Must not give meaning to the attributes: that is `reference`'s part.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::flake::url::shown;

/// Attributes by name, in the order in which Nix writes them (by the bytes of their names).
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attrs(pub BTreeMap<String, Value>);

impl Attrs {
    /// Returns an attribute that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Returns an attribute that is a whole number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// Returns an attribute that is true or false.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// Sets an attribute, or removes it when there is no value.
    pub fn set(&mut self, name: &str, value: Option<impl Into<Value>>) {
        match value {
            Some(value) => self.0.insert(name.to_owned(), value.into()),
            None => self.0.remove(name),
        };
    }

    /// Removes an attribute that is a text and returns it; one of another type stays.
    pub(crate) fn take_text(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?.to_owned();
        self.0.remove(name);
        Some(text)
    }
}

impl fmt::Debug for Attrs {
    /// Shows the attributes without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, shown(&value.to_string())))).finish()
    }
}

//! What is evaluated: installables and attribute paths.
//!
//! Owns their syntax and which attributes are tried, in order. Must not evaluate: whether a
//! candidate exists is found out elsewhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::flake::reference::{FlakeRef, RefError};
use crate::flake::url::{decode, shown};

/// Says why a text names no target.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// A quotation mark is never closed.
    #[error("the attribute path `{0}` has a quotation mark that is not closed")]
    OpenQuote(String),
    /// Two dots follow each other, or one ends the path.
    #[error("the attribute path `{0}` has an empty name; an empty name is written `\"\"`")]
    EmptyName(String),
    /// What stands in front of `#` is no flake reference.
    #[error("the installable `{text}` does not name a flake")]
    Reference {
        /// The installable as people may see it.
        text: String,
        /// What is wrong.
        source: RefError,
    },
}

/// Names of attributes, from outer to inner, such as `devShells.x86_64-linux.default`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttrPath(pub Vec<String>);

impl AttrPath {
    fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| (*name).to_owned()).collect())
    }

    /// Returns this path below another one.
    #[must_use]
    pub fn below(&self, above: &[&str]) -> Self {
        Self(above.iter().map(|name| (*name).to_owned()).chain(self.0.iter().cloned()).collect())
    }

    /// Returns the path in the Nix language, where quotes and `${` inside names are escaped.
    #[must_use]
    pub fn to_nix(&self) -> String {
        self.join(|name| name.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${"))
    }

    fn join(&self, inside_quotes: impl Fn(&str) -> String) -> String {
        let part = |name: &String| {
            if is_identifier(name) { name.clone() } else { format!("\"{}\"", inside_quotes(name)) }
        };
        self.0.iter().map(part).collect::<Vec<_>>().join(".")
    }
}

impl FromStr for AttrPath {
    type Err = TargetError;

    /// Reads names parted by dots; dots inside quotation marks part nothing, and there are no escapes.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let mut names = Vec::new();
        if text.is_empty() {
            return Ok(Self(names));
        }
        let (mut name, mut quoted, mut inside) = (String::new(), false, false);
        for c in text.chars().chain(['.']) {
            match c {
                '"' => (quoted, inside) = (true, !inside),
                '.' if !inside => {
                    if name.is_empty() && !quoted {
                        return Err(TargetError::EmptyName(shown(text)));
                    }
                    names.push(std::mem::take(&mut name));
                    quoted = false;
                }
                _ => name.push(c),
            }
        }
        if inside { Err(TargetError::OpenQuote(shown(text))) } else { Ok(Self(names)) }
    }
}

impl fmt::Display for AttrPath {
    /// Writes the path as Nix's command line reads it; only a name with a quotation mark cannot be said there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.join(str::to_owned))
    }
}

fn is_identifier(name: &str) -> bool {
    const KEYWORDS: [&str; 9] = ["assert", "else", "if", "in", "inherit", "let", "rec", "then", "with"];
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_'-".contains(&b))
        && !KEYWORDS.contains(&name)
}

/// How the attribute path of an installable is to be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Below the usual outputs first, then as it is.
    Usual,
    /// As it is only; written with a dot in front.
    Exact,
}

/// What people write to name something in a flake: `.#hello`, `github:o/r#packages.x86_64-linux.x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installable {
    /// The flake.
    pub flake: FlakeRef,
    /// The attribute; none when only the flake is named.
    pub attr: Option<AttrPath>,
    /// How the attribute is looked up.
    pub lookup: Lookup,
    /// The outputs behind `^`, such as `dev,out` or `*`.
    pub outputs: Option<String>,
}

impl FromStr for Installable {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let (text_before, outputs) = match text.rsplit_once('^') {
            Some((before, outputs)) if !outputs.contains(['"', '#', '/', '.']) => (before, Some(outputs.to_owned())),
            _ => (text, None),
        };
        let (flake, fragment) = text_before.split_once('#').unwrap_or((text_before, ""));
        let flake = FlakeRef::parse(if flake.is_empty() { "." } else { flake })
            .map_err(|source| TargetError::Reference { text: shown(text), source })?;
        let fragment = decode(fragment);
        let (attr, lookup) = match fragment.strip_prefix('.') {
            Some(exact) => (exact, Lookup::Exact),
            None => (fragment.as_str(), Lookup::Usual),
        };
        let attr: AttrPath = attr.parse()?;
        Ok(Self { flake, attr: (!attr.0.is_empty()).then_some(attr), lookup, outputs })
    }
}

/// Something that may be the target, to be tried in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Candidate {
    /// This attribute of the flake.
    Attr(AttrPath),
    /// This attribute below the only entry of an attribute set; nothing when there are more.
    BelowOnly {
        /// The set, such as `nixosConfigurations`.
        set: AttrPath,
        /// The attribute below its only entry.
        below: AttrPath,
    },
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attr(attr) => write!(f, "{attr}"),
            Self::BelowOnly { set, below } => write!(f, "{set}.<the only one>.{below}"),
        }
    }
}

/// Returns what is tried when the user names no attribute, for a system such as `x86_64-linux`.
#[must_use]
pub fn default_candidates(system: &str) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = [
        ["devShells", system, "default"],
        ["devShell", system, ""],
        ["packages", system, "default"],
        ["defaultPackage", system, ""],
    ]
    .iter()
    .map(|names| Candidate::Attr(AttrPath::of(if names[2].is_empty() { &names[..2] } else { names })))
    .collect();
    all.push(Candidate::BelowOnly {
        set: AttrPath::of(&["nixosConfigurations"]),
        below: AttrPath::of(&["config", "system", "build", "toplevel"]),
    });
    all
}

/// Returns what is tried for an installable, for a system such as `x86_64-linux`.
#[must_use]
pub fn candidates(installable: &Installable, system: &str) -> Vec<Candidate> {
    let Some(attr) = &installable.attr else { return default_candidates(system) };
    let usual: &[&str] = match installable.lookup {
        Lookup::Exact => &[],
        Lookup::Usual => &["devShells", "packages", "legacyPackages"],
    };
    let mut all: Vec<AttrPath> = usual.iter().map(|set| attr.below(&[set, system])).collect();
    // A whole configuration is more than anybody builds.
    all.extend(built_from_configuration(attr));
    all.push(attr.clone());
    if installable.lookup == Lookup::Usual {
        // As `nixos-rebuild --flake .#NAME` reads it.
        all.extend(built_from_configuration(&attr.below(&["nixosConfigurations"])));
    }
    all.into_iter().map(Candidate::Attr).collect()
}

/// A kind of configuration that a flake can have, each with a program that builds and activates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Configuration {
    /// NixOS, built by `nixos-rebuild`.
    Nixos,
    /// home-manager.
    Home,
    /// nix-darwin, built by `darwin-rebuild`.
    Darwin,
}

impl Configuration {
    const ALL: [Self; 3] = [Self::Nixos, Self::Home, Self::Darwin];

    const fn set(self) -> &'static str {
        match self {
            Self::Nixos => "nixosConfigurations",
            Self::Home => "homeConfigurations",
            Self::Darwin => "darwinConfigurations",
        }
    }

    /// Returns what its program builds from the configuration of this name.
    #[must_use]
    pub fn built(self, name: &str) -> AttrPath {
        let below: &[&str] = match self {
            Self::Nixos => &["config", "system", "build", "toplevel"],
            Self::Home => &["activationPackage"],
            Self::Darwin => &["system"],
        };
        AttrPath::of(below).below(&[self.set(), name])
    }
}

/// Returns what `nixos-rebuild` and its kind build from a configuration such as `nixosConfigurations.box`.
fn built_from_configuration(attr: &AttrPath) -> Option<AttrPath> {
    let [set, name] = attr.0.as_slice() else { return None };
    Configuration::ALL.into_iter().find(|kind| kind.set() == set).map(|kind| kind.built(name))
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;

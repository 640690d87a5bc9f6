//! Pins of projects without a flake, as a lock: what npins and niv write, and revisions in Nix code.
//!
//! Owns reading them and writing them back with other revisions, all else byte for byte. Must not touch a file.

mod code;
mod edit;

pub use code::{CodePin, find_code_pin, with_code_revision};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use self::edit::set_string;
use crate::flake::{Attrs, Input, Lock, Node};
use crate::ids::NodeKey;
use crate::store_path::NarHash;
use crate::text::printable;

/// The key of a lock of pins for the project itself; no pin can have this name.
const ROOT: &str = "";

/// Where a node keeps its pin as it was written.
const PIN: &str = "pin";

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

    const fn revision(self) -> &'static str {
        match self {
            Self::Npins => "revision",
            Self::Niv => "rev",
        }
    }

    const fn hash(self) -> &'static str {
        match self {
            Self::Npins => "hash",
            Self::Niv => "sha256",
        }
    }

    fn pins(self, text: &str) -> Result<Map<String, Value>, PinsError> {
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

/// Makes the lock of a project: an input for each pin, with where it comes from.
#[must_use]
pub fn lock_of(pins: impl IntoIterator<Item = (String, Node)>) -> Lock {
    let mut nodes = BTreeMap::new();
    let mut inputs = BTreeMap::new();
    for (name, node) in pins {
        inputs.insert(name.clone(), Input::Node(NodeKey(name.clone())));
        nodes.insert(NodeKey(name), node);
    }
    let root = NodeKey(ROOT.to_owned());
    nodes.insert(root.clone(), Node { inputs, ..Node::default() });
    Lock { root, nodes, extra: Attrs::default() }
}

/// Makes a node of plain files that come from here.
#[must_use]
pub fn node(locked: Attrs) -> Node {
    Node { locked: Some(locked), flake: false, ..Node::default() }
}

/// Reads a pin file; each pin is a node with where it comes from.
///
/// # Errors
/// When it is not what the program writes.
pub fn read(format: PinFormat, text: &str) -> Result<Vec<(String, Node)>, PinsError> {
    let of = |(name, pin): (String, Value)| {
        let Value::Object(pin) = pin else { return None };
        let locked = Attrs(place(format, &name, &pin));
        let original = Attrs(BTreeMap::from([(PIN.to_owned(), Value::Object(pin))]));
        Some((name, Node { original: Some(original), ..node(locked) }))
    };
    Ok(format.pins(text)?.into_iter().filter_map(of).collect())
}

/// Returns where a pin comes from, in the words of lock files.
fn place(format: PinFormat, name: &str, pin: &Map<String, Value>) -> BTreeMap<String, Value> {
    let text = |object: &Map<String, Value>, name: &str| object.get(name)?.as_str().map(str::to_owned);
    let url = text(pin, "url");
    let attrs = |pairs: Vec<(&str, Option<String>)>| {
        let known = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))));
        known.collect::<BTreeMap<String, Value>>()
    };
    let Some(rev) = text(pin, format.revision()).filter(|rev| is_commit(rev)) else {
        let nowhere = || Some("https://example.invalid/unknown".to_owned());
        let kind = Some("tarball".to_owned());
        return attrs(vec![("type", kind), ("url", url.or_else(nowhere)), ("narHash", text(pin, format.hash()))]);
    };
    let rev = Some(rev);
    let of_forge = |kind: &str, owner, repo, host| {
        attrs(vec![
            ("type", Some(kind.to_owned())),
            ("owner", owner),
            ("repo", repo),
            ("host", host),
            ("rev", rev.clone()),
        ])
    };
    let of_git = |url| attrs(vec![("type", Some("git".to_owned())), ("url", url), ("rev", rev.clone())]);
    match format {
        PinFormat::Npins => {
            let empty = Map::new();
            let repository = pin.get("repository").and_then(Value::as_object).unwrap_or(&empty);
            match text(repository, "type").as_deref() {
                Some("GitHub") => of_forge("github", text(repository, "owner"), text(repository, "repo"), None),
                Some("GitLab") => {
                    let path = text(repository, "repo_path").unwrap_or_default();
                    let (owner, repo) = path.rsplit_once('/').unwrap_or(("", &path));
                    let server = text(repository, "server");
                    let host =
                        server.and_then(|url| url.split("://").nth(1).map(|host| host.trim_matches('/').to_owned()));
                    of_forge("gitlab", Some(owner.to_owned()), Some(repo.to_owned()), host)
                }
                Some("Forgejo") => {
                    let part = |name| text(repository, name).unwrap_or_default();
                    let server = part("server");
                    of_git(Some(format!("{}/{}/{}.git", server.trim_end_matches('/'), part("owner"), part("repo"))))
                }
                _ => of_git(text(repository, "url").or(url)),
            }
        }
        PinFormat::Niv => {
            let is_github = url.as_deref().is_some_and(|url| url.starts_with("https://github.com/"));
            match (text(pin, "owner"), text(pin, "repo")) {
                (Some(owner), Some(repo)) if is_github => of_forge("github", Some(owner), Some(repo), None),
                (None, Some(repo)) if text(pin, "type").as_deref() == Some("git") => of_git(Some(repo)),
                // An archive: where it comes from is the same for every revision, and another place for each pin.
                _ => {
                    of_git(url.map(|url| format!("{}/{name}", url.replace(rev.as_deref().unwrap_or_default(), "REV"))))
                }
            }
        }
    }
}

/// Tells whether a text is a whole commit hash.
fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Writes a lock back into a pin file; what does not differ stays byte for byte.
///
/// `hash` knows the hash of the tree of a node that is at another revision than its pin says; where it does not, the
/// old hash stays.
///
/// # Errors
/// When the text is not what the program writes.
pub fn write(
    format: PinFormat,
    text: &str,
    lock: &Lock,
    hash: &dyn Fn(&NodeKey) -> Option<NarHash>,
) -> Result<String, PinsError> {
    let own = format.pins(text)?;
    // The keys of nodes are others where they came from another state.
    let inputs = lock.nodes.get(&lock.root).map(|root| &root.inputs).into_iter().flatten();
    let pins = inputs.filter_map(|(name, input)| {
        let Input::Node(key) = input else { return None };
        let node = lock.nodes.get(key)?;
        let pin = node.original.as_ref()?.0.get(PIN)?.as_object()?;
        Some((name.clone(), at_revision(format, pin, (key, node), hash)))
    });
    let wanted: BTreeMap<String, Map<String, Value>> = pins.collect();
    let same_names = own.len() == wanted.len() && own.keys().all(|name| wanted.contains_key(name));
    let edited = same_names.then(|| {
        wanted.iter().try_fold(text.to_owned(), |text, (name, pin)| in_place(format, text, (name, pin), &own))
    });
    match edited.flatten() {
        Some(text) => Ok(text),
        None => Ok(rewritten(format, text, &own, wanted)),
    }
}

/// Returns a pin at the revision that its node is locked to.
fn at_revision(
    format: PinFormat,
    pin: &Map<String, Value>,
    (key, node): (&NodeKey, &Node),
    hash: &dyn Fn(&NodeKey) -> Option<NarHash>,
) -> Map<String, Value> {
    let mut pin = pin.clone();
    let old = pin.get(format.revision()).and_then(Value::as_str).map(str::to_owned);
    let new = node.locked.as_ref().and_then(|locked| locked.text("rev"));
    let (Some(old), Some(new)) = (old, new) else { return pin };
    if old == new {
        return pin;
    }
    for value in pin.values_mut() {
        if let Value::String(text) = value {
            *text = text.replace(&old, new);
        }
    }
    if let Some(Value::String(old)) = pin.get_mut(format.hash())
        && let Some(hash) = hash(key)
    {
        *old = in_the_form_of(old, &hash);
    }
    pin
}

/// Writes a hash as another one is written: in base 64, base 32 or base 16.
fn in_the_form_of(other: &str, hash: &NarHash) -> String {
    match other.len() {
        64 => hash.to_hex(),
        52 => hash.to_base32(),
        _ => hash.to_string(),
    }
}

/// Changes the texts of one pin in place, if that is all that differs.
fn in_place(
    format: PinFormat,
    text: String,
    (name, pin): (&str, &Map<String, Value>),
    own: &Map<String, Value>,
) -> Option<String> {
    let own = own.get(name)?.as_object()?;
    if own.len() != pin.len() {
        return None;
    }
    pin.iter().try_fold(text, |text, (field, value)| match (own.get(field)?, value) {
        (old, new) if old == new => Some(text),
        (Value::String(_), Value::String(new)) => match format {
            PinFormat::Npins => set_string(&text, &["pins", name, field], new),
            PinFormat::Niv => set_string(&text, &[name, field], new),
        },
        _ => None,
    })
}

/// Writes the whole file anew, with the pins that stay in their order.
fn rewritten(
    format: PinFormat,
    text: &str,
    own: &Map<String, Value>,
    mut wanted: BTreeMap<String, Map<String, Value>>,
) -> String {
    let stay = own.keys().filter_map(|name| Some((name.clone(), wanted.remove(name)?))).collect::<Vec<_>>();
    let pins: Map<String, Value> =
        stay.into_iter().chain(wanted).map(|(name, pin)| (name, Value::Object(pin))).collect();
    let top = match format {
        PinFormat::Niv => Value::Object(pins),
        PinFormat::Npins => {
            let mut top: Value = serde_json::from_str(text).unwrap_or(Value::Null);
            if let Value::Object(top) = &mut top {
                top.insert("pins".to_owned(), Value::Object(pins));
            }
            top
        }
    };
    format!("{top:#}\n")
}

#[cfg(test)]
mod tests;

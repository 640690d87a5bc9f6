//! Reading pins: each becomes a node of a lock, with where it comes from.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::format::{PinFormat, PinsError};
use super::{PIN, ROOT};
use crate::flake::{Attrs, Input, Lock, Node};
use crate::ids::{CommitId, NodeKey};

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
pub(super) fn place(format: PinFormat, name: &str, pin: &Map<String, Value>) -> BTreeMap<String, Value> {
    let text = |object: &Map<String, Value>, name: &str| object.get(name)?.as_str().map(str::to_owned);
    let url = text(pin, "url");
    let attrs = |pairs: Vec<(&str, Option<String>)>| {
        let known = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::String(value?))));
        known.collect::<BTreeMap<String, Value>>()
    };
    let Some(rev) = text(pin, format.revision()).filter(|rev| rev.parse::<CommitId>().is_ok()) else {
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

//! A flake reference as text: the one that Nix understands, and the one that people may see.

use std::fmt;

use serde_json::Value;

use super::{FlakeRef, GIT_FLAGS, GIT_TEXTS, Source};
use crate::flake::url::{Url, decode, encode, shown, split_query, with_query};
use crate::ids::CommitId;

impl FlakeRef {
    /// Returns the text that Nix understands, credentials included: for use, never for people.
    ///
    /// A reference of an unknown kind has no text; its `type` alone is returned.
    #[must_use]
    pub fn to_url(&self) -> String {
        self.text(&["narHash", "lastModified", "revCount"])
    }

    pub(super) fn text(&self, hashes: &[&str]) -> String {
        let mut query = Vec::new();
        let mut add = |name: &str, value: &str| query.push((name.to_owned(), value.to_owned()));
        if let Some(dir) = &self.dir {
            add("dir", dir);
        }
        let address = match &self.source {
            Source::Forge { forge, owner, repo, host, at } => {
                if let Some(host) = host {
                    add("host", host);
                }
                let at = at.rev.as_ref().map(CommitId::as_str).or(at.git_ref.as_deref());
                let at = at.map(|at| format!("/{}", encode(at, "@/"))).unwrap_or_default();
                format!("{}:{}/{}{at}", forge.scheme(), encode(&decode(owner), ""), encode(repo, ""))
            }
            Source::Git { url, at } => {
                if let Some(git_ref) = &at.git_ref {
                    add("ref", git_ref);
                }
                if let Some(rev) = &at.rev {
                    add("rev", rev.as_str());
                }
                format!("{}{}", if url.scheme() == Some("git") { "" } else { "git+" }, url.raw())
            }
            Source::Path { path } => format!("path:{}", encode(path, "/:@")),
            Source::Tarball { url } => format!("{}{}", if is_archive(url) { "" } else { "tarball+" }, url.raw()),
            Source::File { url } => format!("file+{}", url.raw()),
            Source::Indirect { id, at } => {
                let parts = [at.git_ref.as_deref(), at.rev.as_ref().map(CommitId::as_str)];
                parts.into_iter().flatten().fold(format!("flake:{id}"), |text, part| format!("{text}/{part}"))
            }
            Source::Other { kind } => match self.extra.text("url") {
                Some(url) => format!("{kind}+{url}"),
                None => kind.clone(),
            },
        };
        for (name, value) in &self.extra.0 {
            let wanted = match &self.source {
                Source::Git { .. } => GIT_FLAGS.contains(&name.as_str()) || GIT_TEXTS.contains(&name.as_str()),
                Source::Forge { .. } => name == "narHash" && hashes.contains(&"narHash"),
                Source::Path { .. } | Source::Tarball { .. } | Source::File { .. } => {
                    name == "rev" || hashes.contains(&name.as_str())
                }
                Source::Indirect { .. } | Source::Other { .. } => false,
            };
            match value {
                Value::Bool(flag) if wanted => add(name, if *flag { "1" } else { "0" }),
                Value::Number(number) if wanted => add(name, &number.to_string()),
                Value::String(text) if wanted => add(name, text),
                _ => {}
            }
        }
        match address.split_once('?') {
            Some((bare, _)) => {
                let (_, mut all) = split_query(&address);
                all.extend(query);
                with_query(bare, &all)
            }
            None => with_query(&address, &query),
        }
    }
}

impl fmt::Display for FlakeRef {
    /// Shows the reference to people: no credentials, no hashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.text(&[])))
    }
}

fn is_archive(url: &Url) -> bool {
    [".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst"].iter().any(|end| url.path().ends_with(end))
}

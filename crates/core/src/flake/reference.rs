//! Flake references: where a flake or another input comes from.
//!
//! Owns reading them from a lock's attributes, writing them back without loss, and what follows
//! from them alone: where to clone, which revision, which web page. Must not look
//! anything up: an indirect reference stays one.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use crate::flake::attrs::Attrs;
use crate::flake::url::{Url, decode, encode, shown, split_query, with_query};
use crate::flake::web::{Forge, Web};
use crate::ids::CommitId;

/// Says why something is no flake reference. The texts hold no credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RefError {
    /// The text is empty.
    #[error("the flake reference is empty")]
    Empty,
    /// The scheme is none that Nix knows.
    #[error("`{text}` is no flake reference: unknown scheme `{scheme}`")]
    UnknownScheme {
        /// The reference as people may see it.
        text: String,
        /// What stands in front of the first `:`.
        scheme: String,
    },
    /// A part that this kind of reference needs is missing or wrong.
    #[error("`{text}` is no flake reference: {problem}")]
    Invalid {
        /// The reference as people may see it.
        text: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The attributes lack one that their type needs.
    #[error("the attribute `{attribute}` is missing from a reference of type `{kind}`")]
    MissingAttribute {
        /// The `type` of the reference, `?` without one.
        kind: String,
        /// The attribute that is missing.
        attribute: &'static str,
    },
}

/// Which revision of a repository is meant; both parts may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct At {
    /// A branch or tag.
    pub git_ref: Option<String>,
    /// A commit.
    pub rev: Option<CommitId>,
}

/// What kind of place a flake reference names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A repository on a forge, fetched as an archive.
    Forge {
        /// Which kind of forge.
        forge: Forge,
        /// The owner; on GitLab with its groups, parted by `/` or `%2F` as in the lock.
        owner: String,
        /// The repository's name.
        repo: String,
        /// The host, when it is not the usual one.
        host: Option<String>,
        /// The revision.
        at: At,
    },
    /// A git repository.
    Git {
        /// Its address without `git+`.
        url: Url,
        /// The revision.
        at: At,
    },
    /// A folder, copied as it is; relative to the flake when not absolute.
    Path {
        /// The folder.
        path: String,
    },
    /// An archive that is unpacked.
    Tarball {
        /// Its address.
        url: Url,
    },
    /// A single file.
    File {
        /// Its address.
        url: Url,
    },
    /// A name in the flake registry.
    Indirect {
        /// The name.
        id: String,
        /// The revision.
        at: At,
    },
    /// A kind that we do not know; all its attributes are in `extra`.
    Other {
        /// Its `type`.
        kind: String,
    },
}

/// A flake reference, with all its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlakeRef {
    /// Where the tree comes from.
    pub source: Source,
    /// The folder in the tree that holds `flake.nix`, when it is not the top.
    pub dir: Option<String>,
    /// All other attributes, such as `narHash`, `lastModified` or `submodules`.
    pub extra: Attrs,
}

pub(super) const GIT_FLAGS: [&str; 6] = ["shallow", "submodules", "lfs", "exportIgnore", "allRefs", "verifyCommit"];
pub(super) const GIT_TEXTS: [&str; 3] = ["keytype", "publicKey", "publicKeys"];

impl FlakeRef {
    /// Reads the attributes of a lock's `locked` or `original`.
    ///
    /// # Errors
    /// When `type`, or an attribute that the type needs, is missing or no text.
    pub fn from_attrs(attrs: &Attrs) -> Result<Self, RefError> {
        let mut extra = attrs.clone();
        let kind = extra.take_text("type");
        let missing = |kind: &str, attribute| RefError::MissingAttribute { kind: shown(kind), attribute };
        let kind = kind.ok_or_else(|| missing("?", "type"))?;
        let mut need = |name| extra.take_text(name).ok_or_else(|| missing(&kind, name));
        let mut source = match kind.as_str() {
            "git" => Source::Git { url: Url::new(need("url")?), at: At::default() },
            "path" => Source::Path { path: need("path")? },
            "tarball" => Source::Tarball { url: Url::new(need("url")?) },
            "file" => Source::File { url: Url::new(need("url")?) },
            "indirect" => Source::Indirect { id: need("id")?, at: At::default() },
            _ => match Forge::from_scheme(&kind) {
                Some(forge) => {
                    let (owner, repo) = (need("owner")?, need("repo")?);
                    Source::Forge { forge, owner, repo, host: extra.take_text("host"), at: At::default() }
                }
                None => Source::Other { kind },
            },
        };
        if let Some(at) = source.at_mut() {
            at.git_ref = extra.take_text("ref");
            at.rev = extra.text("rev").and_then(|rev| rev.parse().ok());
            if at.rev.is_some() {
                extra.0.remove("rev");
            }
        }
        let dir = extra.take_text("dir");
        Ok(Self { source, dir, extra })
    }

    /// Returns the attributes, as a lock has them.
    #[must_use]
    pub fn to_attrs(&self) -> Attrs {
        let mut attrs = self.extra.clone();
        attrs.set("type", Some(self.kind()));
        if let Some(dir) = &self.dir {
            attrs.set("dir", Some(dir.as_str()));
        }
        match &self.source {
            Source::Forge { owner, repo, host, .. } => {
                attrs.set("owner", Some(owner.as_str()));
                attrs.set("repo", Some(repo.as_str()));
                if let Some(host) = host {
                    attrs.set("host", Some(host.as_str()));
                }
            }
            Source::Git { url, .. } | Source::Tarball { url } | Source::File { url } => {
                attrs.set("url", Some(url.raw()));
            }
            Source::Path { path } => attrs.set("path", Some(path.as_str())),
            Source::Indirect { id, .. } => attrs.set("id", Some(id.as_str())),
            Source::Other { .. } => {}
        }
        if let Some(at) = self.at() {
            if let Some(git_ref) = &at.git_ref {
                attrs.set("ref", Some(git_ref.as_str()));
            }
            if let Some(rev) = &at.rev {
                attrs.set("rev", Some(rev.as_str()));
            }
        }
        attrs
    }

    /// Returns the `type` that the reference has in a lock.
    #[must_use]
    pub fn kind(&self) -> &str {
        match &self.source {
            Source::Forge { forge, .. } => forge.scheme(),
            Source::Git { .. } => "git",
            Source::Path { .. } => "path",
            Source::Tarball { .. } => "tarball",
            Source::File { .. } => "file",
            Source::Indirect { .. } => "indirect",
            Source::Other { kind } => kind,
        }
    }

    /// Returns the text that Nix understands, credentials included: for use, never for people.
    ///
    /// A reference of an unknown kind has no text; its `type` alone is returned.
    #[must_use]
    pub fn to_url(&self) -> String {
        self.text(&["narHash", "lastModified", "revCount"])
    }

    fn text(&self, hashes: &[&str]) -> String {
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

    /// Returns what git can clone: an `https`, `ssh` or `git` address, or a path; none for what is no git repository.
    #[must_use]
    pub fn clone_url(&self) -> Option<String> {
        match &self.source {
            Source::Forge { forge, owner, repo, host, .. } => {
                let host = host.as_deref().unwrap_or(forge.default_host());
                match forge {
                    Forge::Github | Forge::Gitlab => Some(format!("https://{host}/{}/{repo}.git", decode(owner))),
                    Forge::Sourcehut if host.starts_with("hg.") => None,
                    Forge::Sourcehut => Some(format!("https://{host}/{owner}/{repo}")),
                }
            }
            Source::Git { url, .. } => {
                let (address, mut query) = split_query(url.raw());
                if url.scheme() == Some("file") {
                    return Some(decode(url.path()));
                }
                // Older Nix left `?dir=` in the address as well.
                query.retain(|(name, _)| name != "dir");
                Some(with_query(address, &query))
            }
            Source::Tarball { url } => archive_of(url).map(|web| format!("{}.git", web.repository_url())),
            Source::Path { .. } | Source::File { .. } | Source::Indirect { .. } | Source::Other { .. } => None,
        }
    }

    /// Returns the commit that the reference is fixed to.
    #[must_use]
    pub fn rev(&self) -> Option<CommitId> {
        if let Some(rev) = self.at().and_then(|at| at.rev.clone()) {
            return Some(rev);
        }
        if let Some(rev) = self.extra.text("rev") {
            return rev.parse().ok();
        }
        match &self.source {
            Source::Tarball { url } if archive_of(url).is_some() => {
                let file = url.path().rsplit('/').next()?;
                file.split('.').next()?.parse().ok()
            }
            _ => None,
        }
    }

    /// Returns the branch or tag that the reference names.
    #[must_use]
    pub fn git_ref(&self) -> Option<&str> {
        self.at()?.git_ref.as_deref()
    }

    /// Returns the repository's page, where the host is known.
    #[must_use]
    pub fn web(&self) -> Option<Web> {
        match &self.source {
            Source::Forge { forge, owner, repo, host, .. } => {
                let host = host.as_deref().unwrap_or(forge.default_host());
                let mercurial = *forge == Forge::Sourcehut && host.starts_with("hg.");
                (!mercurial).then(|| Web::new(*forge, host, &format!("{}/{repo}", decode(owner))))
            }
            Source::Git { url, .. } => Web::of_url(&git_address(url)),
            Source::Tarball { url } => archive_of(url),
            Source::Path { .. } | Source::File { .. } | Source::Indirect { .. } | Source::Other { .. } => None,
        }
    }

    /// Says whether both name the same repository, folder or address, at whatever revision.
    #[must_use]
    pub fn same_place(&self, other: &Self) -> bool {
        if let (Some(one), Some(two)) = (self.web(), other.web()) {
            return one.repository_url().eq_ignore_ascii_case(&two.repository_url());
        }
        if let (Some(one), Some(two)) = (self.clone_url(), other.clone_url()) {
            return one.trim_end_matches('/') == two.trim_end_matches('/');
        }
        match (&self.source, &other.source) {
            (Source::Path { path: one }, Source::Path { path: two }) => one == two,
            (Source::Indirect { id: one, .. }, Source::Indirect { id: two, .. }) => one == two,
            (Source::Tarball { url: one }, Source::Tarball { url: two })
            | (Source::File { url: one }, Source::File { url: two }) => one == two,
            (Source::Other { kind: one }, Source::Other { kind: two }) => {
                one == two && self.extra.text("url") == other.extra.text("url")
            }
            _ => false,
        }
    }

    const fn at(&self) -> Option<&At> {
        match &self.source {
            Source::Forge { at, .. } | Source::Git { at, .. } | Source::Indirect { at, .. } => Some(at),
            Source::Path { .. } | Source::Tarball { .. } | Source::File { .. } | Source::Other { .. } => None,
        }
    }
}

impl Source {
    pub(super) const fn at_mut(&mut self) -> Option<&mut At> {
        match self {
            Self::Forge { at, .. } | Self::Git { at, .. } | Self::Indirect { at, .. } => Some(at),
            Self::Path { .. } | Self::Tarball { .. } | Self::File { .. } | Self::Other { .. } => None,
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

/// Writes `user@host:path`, which git knows too, as an address.
fn git_address(url: &Url) -> Url {
    match url.raw().split_once(':') {
        Some((host, path)) if url.scheme().is_none() && host.contains('@') && !host.contains('/') => {
            Url::new(format!("ssh://{host}/{}", path.trim_start_matches('/')))
        }
        _ => url.clone(),
    }
}

/// Recognises an archive that a forge makes of a repository.
fn archive_of(url: &Url) -> Option<Web> {
    let path = url.path();
    let cut = match url.host()? {
        "github.com" => path.find("/archive/")?,
        "codeload.github.com" => path.find("/tar.gz/").or_else(|| path.find("/zip/"))?,
        host if host.starts_with("gitlab.") => path.find("/-/archive/")?,
        _ => return None,
    };
    let host = url.host()?.trim_start_matches("codeload.");
    Web::of_url(&Url::new(format!("https://{host}{}", &path[..cut])))
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;

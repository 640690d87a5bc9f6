//! Flake references: where a flake or another input comes from.
//!
//! Owns reading them from a lock's attributes, writing them back without loss, and what follows
//! from them alone: where to clone, which revision, which web page. Must not look
//! anything up: an indirect reference stays one.

mod place;
mod text;

use thiserror::Error;

use crate::flake::attrs::Attrs;
use crate::flake::url::{Url, shown};
use crate::flake::web::Forge;
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

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;

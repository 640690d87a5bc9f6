//! Where a repository is looked at in a browser.
//!
//! Owns the addresses of commits and pull requests of the forges that we know. Must not guess for
//! other hosts: no link is better than a wrong one.

use serde::{Deserialize, Serialize};

use crate::flake::url::{Url, decode, encode};
use crate::ids::CommitId;

/// The software behind a forge, which decides what its addresses look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forge {
    /// GitHub and its enterprise servers.
    Github,
    /// GitLab, also self-hosted.
    Gitlab,
    /// SourceHut.
    Sourcehut,
}

impl Forge {
    /// Returns the name as in `type` of a lock and as the scheme of a reference.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Sourcehut => "sourcehut",
        }
    }

    /// Returns the forge with this scheme.
    #[must_use]
    pub fn from_scheme(scheme: &str) -> Option<Self> {
        [Self::Github, Self::Gitlab, Self::Sourcehut].into_iter().find(|forge| forge.scheme() == scheme)
    }

    /// Returns the host that is meant when none is given.
    #[must_use]
    pub const fn default_host(self) -> &'static str {
        match self {
            Self::Github => "github.com",
            Self::Gitlab => "gitlab.com",
            Self::Sourcehut => "git.sr.ht",
        }
    }
}

/// The page of a repository on a forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Web {
    forge: Forge,
    host: String,
    /// Owner (with groups) and name, decoded.
    path: String,
}

impl Web {
    pub(crate) fn new(forge: Forge, host: &str, path: &str) -> Self {
        Self { forge, host: host.to_owned(), path: path.to_owned() }
    }

    /// Recognises the repository behind an address that git or a browser knows.
    #[must_use]
    pub fn of_url(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), Some("https" | "http" | "ssh" | "git")) {
            return None;
        }
        let host = url.host()?.to_ascii_lowercase();
        let forge = match host.as_str() {
            "github.com" => Forge::Github,
            "git.sr.ht" => Forge::Sourcehut,
            _ if host.starts_with("gitlab.") => Forge::Gitlab,
            _ => return None,
        };
        let path = decode(url.path());
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let parts = path.split('/').count();
        let complete = path.split('/').all(|part| !part.is_empty());
        (complete && (parts == 2 || (parts > 2 && forge == Forge::Gitlab))).then(|| Self::new(forge, &host, path))
    }

    /// Returns the software of the forge.
    #[must_use]
    pub const fn forge(&self) -> Forge {
        self.forge
    }

    /// Returns the address of the repository's page.
    #[must_use]
    pub fn repository_url(&self) -> String {
        format!("https://{}/{}", self.host, encode(&self.path, "/"))
    }

    /// Returns the address of a commit's page.
    #[must_use]
    pub fn commit_url(&self, commit: &CommitId) -> String {
        let page = match self.forge {
            Forge::Github | Forge::Sourcehut => "commit",
            Forge::Gitlab => "-/commit",
        };
        format!("{}/{page}/{commit}", self.repository_url())
    }

    /// Returns the address of a pull request (a merge request on GitLab); SourceHut has none.
    #[must_use]
    pub fn pull_request_url(&self, number: u64) -> Option<String> {
        match self.forge {
            Forge::Github => Some(format!("{}/pull/{number}", self.repository_url())),
            Forge::Gitlab => Some(format!("{}/-/merge_requests/{number}", self.repository_url())),
            Forge::Sourcehut => None,
        }
    }
}

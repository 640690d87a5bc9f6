//! What a flake reference names: where to clone, which commit, which web page, and whether two are of one place.

use super::{FlakeRef, Source};
use crate::flake::url::{Url, decode, split_query, with_query};
use crate::flake::web::{Forge, Web};
use crate::ids::CommitId;

impl FlakeRef {
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

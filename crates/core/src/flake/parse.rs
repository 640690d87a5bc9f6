//! Flake references as people write them.
//!
//! Owns the syntax. What a reference is, and its text for Nix, is in `reference`.

use crate::flake::attrs::Attrs;
use crate::flake::reference::{At, FlakeRef, GIT_FLAGS, GIT_TEXTS, RefError, Source};
use crate::flake::url::{Url, decode, shown, split_query, split_scheme, with_query};
use crate::flake::web::Forge;
use crate::ids::CommitId;

const TREE_TEXTS: [&str; 2] = ["narHash", "rev"];
const TREE_NUMBERS: [&str; 2] = ["lastModified", "revCount"];

impl FlakeRef {
    /// Reads a reference as people write it, such as `github:o/r/branch?dir=x`, `nixpkgs` or `./x`.
    ///
    /// A `https` address without an archive's name is taken for an archive, as Nix does for flakes.
    ///
    /// # Errors
    /// When the text is empty, has a fragment, or is none of the forms that Nix knows.
    pub fn parse(text: &str) -> Result<Self, RefError> {
        let invalid = |problem| RefError::Invalid { text: shown(text), problem };
        if text.is_empty() {
            return Err(RefError::Empty);
        }
        if text.contains('#') {
            return Err(invalid("it has a fragment (`#…`)"));
        }
        if text.starts_with(|c: char| c.is_ascii_alphabetic()) && !text.contains([':', '?']) {
            return indirect(text).map_err(invalid);
        }
        let (address, query) = split_query(text);
        let Some((scheme, rest)) = split_scheme(address) else {
            return tree(Source::Path { path: address.to_owned() }, query).map_err(invalid);
        };
        if let Some(forge) = Forge::from_scheme(scheme) {
            return on_forge(forge, rest, query).map_err(invalid);
        }
        match scheme.split_once('+').unwrap_or(("", scheme)) {
            ("", "flake") => with_dir(indirect(rest).map_err(invalid)?, query).map_err(invalid),
            ("", "path") => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                tree(Source::Path { path: decode(path) }, query).map_err(invalid)
            }
            ("", "git") => Ok(git(address, query)),
            ("git", "http" | "https" | "ssh" | "file") => Ok(git(address.trim_start_matches("git+"), query)),
            ("file", "http" | "https" | "file") => {
                Ok(download(address.trim_start_matches("file+"), query, |url| Source::File { url }))
            }
            ("" | "tarball", "http" | "https" | "file") => {
                Ok(download(address.trim_start_matches("tarball+"), query, |url| Source::Tarball { url }))
            }
            ("hg", _) => {
                let mut extra = Attrs::default();
                extra.set("url", Some(text.trim_start_matches("hg+")));
                Ok(Self { source: Source::Other { kind: "hg".to_owned() }, dir: None, extra })
            }
            _ => Err(RefError::UnknownScheme { text: shown(text), scheme: scheme.to_owned() }),
        }
    }
}

type Query = Vec<(String, String)>;

fn indirect(text: &str) -> Result<FlakeRef, &'static str> {
    let (id, rest) = text.split_once('/').map_or((text, None), |(id, rest)| (id, Some(rest)));
    let valid = id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if !valid {
        return Err("it is neither a name in the registry, nor an address, nor a path (paths start with `./` or `/`)");
    }
    let mut at = At::default();
    if let Some(rest) = rest {
        if let Ok(rev) = rest.parse() {
            at.rev = Some(rev);
        } else {
            let (name, rev) = match rest.rsplit_once('/') {
                Some((name, last)) if last.parse::<CommitId>().is_ok() => (name, last.parse().ok()),
                _ => (rest, None),
            };
            if !is_ref(name) {
                return Err("what stands behind the first `/` is no branch, tag or commit");
            }
            at = At { git_ref: Some(name.to_owned()), rev };
        }
    }
    Ok(FlakeRef { source: Source::Indirect { id: id.to_owned(), at }, dir: None, extra: Attrs::default() })
}

fn is_ref(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./@+-".contains(&b))
}

fn with_dir(mut reference: FlakeRef, query: Query) -> Result<FlakeRef, &'static str> {
    for (name, value) in query {
        match (name.as_str(), reference.source.at_mut()) {
            ("dir", _) => reference.dir = some(value),
            ("ref", Some(at)) => at.git_ref = some(value),
            ("rev", Some(at)) => at.rev = Some(value.parse().map_err(|_| "its `rev` is no full commit hash")?),
            _ => return Err("it has a parameter that such references do not have"),
        }
    }
    Ok(reference)
}

fn on_forge(forge: Forge, rest: &str, query: Query) -> Result<FlakeRef, &'static str> {
    let mut parts = rest.split('/').filter(|part| !part.is_empty()).map(decode);
    let (Some(owner), Some(repo)) = (parts.next(), parts.next()) else {
        return Err("it needs an owner and a repository, like `github:owner/repository`");
    };
    let at = parts.collect::<Vec<_>>().join("/");
    let mut at = match at.parse() {
        Ok(rev) => At { rev: Some(rev), git_ref: None },
        Err(_) => At { rev: None, git_ref: some(at) },
    };
    let (mut host, mut dir, mut extra) = (None, None, Attrs::default());
    for (name, value) in query {
        match name.as_str() {
            "dir" => dir = some(value),
            "host" => host = some(value),
            "narHash" => extra.set("narHash", Some(value)),
            "ref" if at.git_ref.is_some() => return Err("it names two branches or tags"),
            "ref" => at.git_ref = some(value),
            "rev" if at.rev.is_some() => return Err("it names two commits"),
            "rev" => at.rev = Some(value.parse().map_err(|_| "its `rev` is no full commit hash")?),
            _ => return Err("it has a parameter that such references do not have"),
        }
    }
    if at.rev.is_some() && at.git_ref.is_some() {
        return Err("it names both a commit and a branch or tag");
    }
    Ok(FlakeRef { source: Source::Forge { forge, owner, repo, host, at }, dir, extra })
}

fn git(address: &str, query: Query) -> FlakeRef {
    let (mut at, mut dir, mut extra) = (At::default(), None, Attrs::default());
    let mut rest = Vec::new();
    for (name, value) in query {
        match name.as_str() {
            "dir" => dir = some(value),
            "ref" => at.git_ref = some(value),
            "rev" => match value.parse() {
                Ok(rev) => at.rev = Some(rev),
                Err(_) => extra.set("rev", Some(value)),
            },
            _ if GIT_FLAGS.contains(&name.as_str()) => extra.set(&name, Some(value == "1")),
            _ if GIT_TEXTS.contains(&name.as_str()) => extra.set(&name, Some(value)),
            _ => rest.push((name, value)),
        }
    }
    FlakeRef { source: Source::Git { url: Url::new(with_query(address, &rest)), at }, dir, extra }
}

fn download(address: &str, query: Query, source: fn(Url) -> Source) -> FlakeRef {
    let (mut dir, mut extra, mut rest) = (None, Attrs::default(), Vec::new());
    for (name, value) in query {
        match name.as_str() {
            "dir" => dir = some(value),
            "name" | "unpack" => {}
            _ if TREE_TEXTS.contains(&name.as_str()) => extra.set(&name, Some(value)),
            _ if TREE_NUMBERS.contains(&name.as_str()) => extra.set(&name, value.parse::<u64>().ok()),
            _ => rest.push((name, value)),
        }
    }
    FlakeRef { source: source(Url::new(with_query(address, &rest))), dir, extra }
}

fn tree(source: Source, query: Query) -> Result<FlakeRef, &'static str> {
    let (mut dir, mut extra) = (None, Attrs::default());
    for (name, value) in query {
        match name.as_str() {
            "dir" => dir = some(value),
            _ if TREE_TEXTS.contains(&name.as_str()) => extra.set(&name, Some(value)),
            _ if TREE_NUMBERS.contains(&name.as_str()) => {
                extra.set(&name, Some(value.parse::<u64>().map_err(|_| "a parameter should be a number")?));
            }
            // A plain path may become a git reference, whose parameters we keep.
            _ => extra.set(&name, Some(value)),
        }
    }
    Ok(FlakeRef { source, dir, extra })
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

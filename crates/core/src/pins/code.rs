//! A revision that is written in Nix code: in an address for `fetchTarball`, or as `rev` of `fetchFromGitHub`.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::write::in_the_form_of;
use crate::ids::CommitId;
use crate::store_path::NarHash;

static COMMIT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b").expect("a constant pattern"));

static GITHUB: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"github\.com/(?P<owner>[A-Za-z0-9._-]+)/(?P<repo>[A-Za-z0-9._-]+?)(?:\.git)?/(?:archive|tarball)/\z"#)
        .expect("a constant pattern")
});

static FIELD: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\b(?P<name>owner|repo|sha256|hash)\s*=\s*"(?P<value>[^"\\$]*)""#).expect("a constant pattern")
});

/// A revision in Nix code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodePin {
    /// The commit.
    pub rev: CommitId,
    /// The owner and the repository on GitHub, if the code says so.
    pub github: Option<(String, String)>,
}

/// Finds the commits in Nix code whose hash begins in this way, each once.
#[must_use]
pub fn find_code_pin(code: &str, prefix: &str) -> Vec<CodePin> {
    let mut found: Vec<CodePin> = Vec::new();
    for place in COMMIT.find_iter(code).filter(|place| place.as_str().starts_with(prefix)) {
        let Ok(rev) = place.as_str().parse() else { continue };
        let before = code.get(..place.start()).unwrap_or_default();
        let in_address = GITHUB.captures(before).map(|found| (found["owner"].to_owned(), found["repo"].to_owned()));
        let github = in_address.or_else(|| {
            let around = code.get(braces(code, place.range()))?;
            Some((field(around, &["owner"])?.1, field(around, &["repo"])?.1))
        });
        match found.iter_mut().find(|pin| pin.rev == rev) {
            Some(known) => known.github = known.github.take().or(github),
            None => found.push(CodePin { rev, github }),
        }
    }
    found
}

/// Returns Nix code with another commit in place of one, and the hash beside it, where both are known.
#[must_use]
pub fn with_code_revision(code: &str, old: &CommitId, new: &CommitId, hash: Option<&NarHash>) -> String {
    let mut code = code.to_owned();
    let mut from = 0;
    while let Some(at) = code.get(from..).and_then(|rest| rest.find(old.as_str())).map(|at| from + at) {
        code.replace_range(at..at + old.as_str().len(), new.as_str());
        from = at + new.as_str().len();
        let around = braces(&code, at..from);
        let beside = code.get(around.clone()).and_then(|text| field(text, &["sha256", "hash"]));
        if let (Some((place, value)), Some(hash)) = (beside, hash) {
            let place = around.start + place.start..around.start + place.end;
            let written = in_the_form_of(&value, hash);
            if place.start > from {
                code.replace_range(place, &written);
            } else {
                from = from + written.len() - place.len();
                code.replace_range(place, &written);
            }
        }
    }
    code
}

/// Returns the inside of the innermost braces around a place; nothing where there are none.
fn braces(code: &str, place: Range<usize>) -> Range<usize> {
    let bytes = code.as_bytes();
    let mut depth = 0_usize;
    let mut start = None;
    for (at, byte) in bytes.iter().enumerate().take(place.start).rev() {
        match byte {
            b'}' => depth += 1,
            b'{' if depth == 0 => {
                start = Some(at + 1);
                break;
            }
            b'{' => depth -= 1,
            _ => {}
        }
    }
    let Some(start) = start else { return place.start..place.start };
    depth = 0;
    for (at, byte) in bytes.iter().enumerate().skip(place.end) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return start..at,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    place.start..place.start
}

/// Finds the text of the first of some fields, and where it is.
fn field(code: &str, names: &[&str]) -> Option<(Range<usize>, String)> {
    let found = FIELD.captures_iter(code).find(|found| names.contains(&&found["name"]))?;
    let value = found.name("value")?;
    Some((value.range(), value.as_str().to_owned()))
}

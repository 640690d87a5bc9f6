//! What differs between the trees of two commits.

use std::path::PathBuf;

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::read_set::{Changed, Kind};

use super::call::unexpected;
use super::error::GitError;
use super::repository::{Repository, path_of};

impl Repository {
    /// Lists the paths that differ between two commits, directories among them.
    ///
    /// # Errors
    /// A commit is missing.
    pub fn changed(&self, before: &CommitId, after: &CommitId) -> Result<Vec<Changed>, GitError> {
        let ask = ["diff-tree", "-r", "-t", "-z", "--raw", "--no-renames", "--ignore-submodules=none"];
        let answer = self.call().args(ask).args([before.as_str(), after.as_str()]).output(&self.git)?;
        parse(&answer).ok_or_else(|| unexpected("git diff-tree", &answer))
    }
}

/// What a path is in one of two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) kind: Kind,
    pub(super) id: String,
}

/// A path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawChange {
    pub(super) path: PathBuf,
    pub(super) before: Option<Side>,
    pub(super) after: Option<Side>,
}

fn parse(answer: &[u8]) -> Option<Vec<Changed>> {
    let kind = |side: Option<Side>| side.map(|side| side.kind);
    let changed = |RawChange { path, before, after }| Changed { path, before: kind(before), after: kind(after) };
    Some(raw_changes(answer)?.into_iter().map(changed).collect())
}

/// Reads `:MODE MODE ID ID STATUS\0PATH\0…`.
pub(super) fn raw_changes(answer: &[u8]) -> Option<Vec<RawChange>> {
    let mut fields = answer.split(|b| *b == 0);
    let mut changes = Vec::new();
    loop {
        let head = std::str::from_utf8(fields.next()?).ok()?;
        if head.is_empty() {
            return fields.next().is_none().then_some(changes);
        }
        let mut words = head.strip_prefix(':')?.split(' ');
        let (before, after) = (kind(words.next()?)?, kind(words.next()?)?);
        let mut side = |kind: Option<Kind>| words.next().map(|id| kind.map(|kind| Side { kind, id: id.to_owned() }));
        let (before, after) = (side(before)?, side(after)?);
        let path = fields.next().filter(|path| !path.is_empty())?;
        changes.push(RawChange { path: path_of(path), before, after });
    }
}

/// Reads a mode; the outer option says whether it is one.
pub(super) fn kind(mode: &str) -> Option<Option<Kind>> {
    Some(match mode {
        "000000" => None,
        "040000" => Some(Kind::Folder),
        "100644" | "100664" => Some(Kind::File),
        "100755" => Some(Kind::Executable),
        "120000" => Some(Kind::Link),
        "160000" => Some(Kind::Submodule),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_kind_of_change_is_read_and_nothing_else() {
        let ids = "0 1";
        let answer = format!(
            ":000000 100644 {ids} A\0a b\n\0:040000 000000 {ids} D\0d\0:120000 100755 {ids} T\0\u{fc}\0:160000 160000 {ids} M\0m\0"
        );
        let kinds: Vec<_> = parse(answer.as_bytes()).unwrap().into_iter().map(|c| (c.before, c.after)).collect();
        assert_eq!(
            kinds,
            [
                (None, Some(Kind::File)),
                (Some(Kind::Folder), None),
                (Some(Kind::Link), Some(Kind::Executable)),
                (Some(Kind::Submodule), Some(Kind::Submodule)),
            ]
        );
        assert_eq!(parse(b""), Some(vec![]));
        for wrong in
            [&b":000000 100644 0 1 A\0"[..], b":000000 777777 0 1 A\0a\0", b"A\0a\0", b":000000 100644 0 1 A\0a"]
        {
            assert_eq!(parse(wrong), None);
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = parse(&bytes);
        }
    }
}

//! What each commit of a history changes, by one call of git.

use std::io::{self, BufRead, Write};

use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::End;
use nix_culprit_core::read_set::{Changed, Kind};

use super::call::unexpected;
use super::changed::kind;
use super::error::GitError;
use super::repository::{Repository, path_of};

impl Repository {
    /// Reads what each commit changes, and writes git's answer to `copy` too, for [`read_changed_paths`].
    ///
    /// No contents are looked at, so a clone without them will do; one without directories will not.
    ///
    /// # Errors
    /// A commit or a directory is missing, or the copy cannot be written.
    pub fn changed_paths(&self, commits: &[CommitId], copy: &mut dyn Write) -> Result<ChangedPaths, GitError> {
        // With `-c` a merge has what differs from every parent; against each one alone it would have all that
        // happened since the branches parted.
        let ask = ["diff-tree", "--stdin", "--always", "--root", "-c", "-r", "-t", "-z", "--raw", "--no-renames"];
        let input: String = commits.iter().map(|commit| format!("{commit}\n")).collect();
        let call = self.call().args(ask).args(["--ignore-submodules=none", "--abbrev=4"]).input(input);
        let mut history = ChangedPaths::default();
        let answer = call.stream(&self.git, |pipe| read(pipe, &mut history, copy), |_| ())?;
        if answer.end != End::Exited(0) {
            return Err(answer.failed());
        }
        // Git passes over a commit that it does not have.
        if history.commits() == commits { Ok(history) } else { Err(answer.unexpected()) }
    }
}

/// Reads a copy of an answer of [`Repository::changed_paths`].
///
/// # Errors
/// It cannot be read, or is none.
pub fn read_changed_paths(copy: &mut dyn BufRead) -> io::Result<ChangedPaths> {
    let mut history = ChangedPaths::default();
    read(copy, &mut history, &mut io::sink())?;
    Ok(history)
}

/// Reads `COMMIT\0` and for each change `:MODE MODE ID ID STATUS\0PATH\0`, with one colon for each parent.
fn read(pipe: &mut dyn BufRead, history: &mut ChangedPaths, copy: &mut dyn Write) -> io::Result<()> {
    let mut commit: Option<CommitId> = None;
    let mut changes = Vec::new();
    let mut field = Vec::new();
    let wrong = |field: &[u8]| io::Error::other(unexpected("git diff-tree", field));
    while let Some(head) = next(pipe, &mut field, copy)? {
        if head.starts_with(b":") {
            let kinds = kinds(head).ok_or_else(|| wrong(head))?;
            let path = next(pipe, &mut field, copy)?.filter(|path| !path.is_empty()).ok_or_else(|| wrong(b""))?;
            changes.push(Changed { path: path_of(path), before: kinds.0, after: kinds.1 });
        } else {
            let id = std::str::from_utf8(head).ok().and_then(|text| text.parse().ok()).ok_or_else(|| wrong(head))?;
            if let Some(commit) = commit.replace(id) {
                history.push(commit, changes.drain(..));
            }
        }
        if commit.is_none() {
            return Err(wrong(b""));
        }
    }
    if let Some(commit) = commit {
        history.push(commit, changes);
    }
    Ok(())
}

/// Reads up to the next zero byte; nothing at the end.
fn next<'a>(pipe: &mut dyn BufRead, field: &'a mut Vec<u8>, copy: &mut dyn Write) -> io::Result<Option<&'a [u8]>> {
    field.clear();
    if pipe.read_until(0, field)? == 0 {
        return Ok(None);
    }
    copy.write_all(field)?;
    match field.split_last() {
        Some((0, text)) => Ok(Some(text)),
        Some(_) | None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Reads the modes before and after. Where a merge's parents are not alike, one is taken that shows the change.
fn kinds(head: &[u8]) -> Option<(Option<Kind>, Option<Kind>)> {
    let head = std::str::from_utf8(head).ok()?;
    let modes = head.trim_start_matches(':');
    let parents = head.len() - modes.len();
    let kinds: Vec<Option<Kind>> = modes.split(' ').take(parents + 1).map(kind).collect::<Option<_>>()?;
    let (after, before) = kinds.split_last().filter(|(_, before)| before.len() == parents)?;
    let unlike = before.iter().find(|before| *before != after);
    Some((*unlike.or(before.first())?, *after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    #[test]
    fn commits_and_merges_are_read_and_copied() {
        let answer = format!(
            "{A}\0:040000 040000 1 2 M\0d\0:000000 100644 0 1 A\0d/a b\n\0{B}\0::100644 100755 100755 1 2 3 MM\0x\0"
        );
        let (mut history, mut copy) = (ChangedPaths::default(), Vec::new());
        read(&mut answer.as_bytes(), &mut history, &mut copy).unwrap();
        let of = |id: &str| {
            let changes = history.of(&id.parse().unwrap());
            changes.map(|change| (change.path, change.before, change.after)).collect::<Vec<_>>()
        };
        assert_eq!(history.commits().len(), 2);
        assert_eq!(of(A), [("d/a b\n".into(), None, Some(Kind::File))]);
        assert_eq!(of(B), [("x".into(), Some(Kind::File), Some(Kind::Executable))]);
        assert_eq!(copy, answer.as_bytes());
        assert_eq!(read_changed_paths(&mut &b""[..]).unwrap().commits(), []);
    }

    #[test]
    fn what_is_cut_off_or_no_answer_is_refused() {
        let whole = format!("{A}\0:000000 100644 0 1 A\0a\0");
        for text in [&whole[..whole.len() - 1], &whole[..whole.len() - 2], &whole[42..], ":1 2\0a\0", "x\0"] {
            assert!(read_changed_paths(&mut text.as_bytes()).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop::sample::select(&b":0146 a\0"[..]), 0..200)) {
            let _ = read_changed_paths(&mut &[A.as_bytes(), b"\0", &bytes].concat()[..]);
            let _ = read_changed_paths(&mut &bytes[..]);
        }
    }
}

//! What came of each candidate, on disk: one line each, so that a reduction that was interrupted can be gone on with.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use nix_culprit_core::reduce::{Digest, Tried};
use serde::{Deserialize, Serialize};

use super::super::StoreError;

/// The answers so far.
#[derive(Debug)]
pub(super) struct Answers {
    path: PathBuf,
    file: File,
    kept: Vec<(Digest, Tried)>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    digest: Digest,
    fails: bool,
}

impl Answers {
    /// Opens or creates the file; a last line that was cut off is left out.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let io = |source| StoreError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
        let content = std::fs::read(path).map_err(io)?;
        let whole = content.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if whole < content.len() {
            file.set_len(whole as u64).map_err(io)?;
        }
        let lines = content[..whole].split(|&byte| byte == b'\n');
        let line = |line: &[u8]| {
            let Line { digest, fails } = serde_json::from_slice(line).ok()?;
            Some((digest, if fails { Tried::Fails } else { Tried::Otherwise }))
        };
        Ok(Self { path: path.to_owned(), kept: lines.filter_map(line).collect(), file })
    }

    /// Returns the answers of earlier runs.
    pub(super) fn kept(&self) -> &[(Digest, Tried)] {
        &self.kept
    }

    /// Writes an answer down.
    pub(super) fn keep(&mut self, digest: Digest, tried: Tried) -> Result<(), StoreError> {
        let line = serde_json::to_string(&Line { digest, fails: tried == Tried::Fails }).expect("plain data");
        self.file
            .write_all(format!("{line}\n").as_bytes())
            .map_err(|source| StoreError::Io { path: self.path.clone(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_back_and_a_line_that_was_cut_off_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers");
        let [one, other] =
            ["a", "b"].map(|name| nix_culprit_core::reduce::Project::new([(name.into(), vec![])]).digest());
        let mut answers = Answers::open(&path).unwrap();
        answers.keep(one, Tried::Fails).unwrap();
        answers.keep(other, Tried::Otherwise).unwrap();
        let content = std::fs::read(&path).unwrap();
        std::fs::write(&path, &content[..content.len() - 3]).unwrap();
        let mut again = Answers::open(&path).unwrap();
        assert_eq!(again.kept(), [(one, Tried::Fails)]);
        again.keep(other, Tried::Otherwise).unwrap();
        assert_eq!(Answers::open(&path).unwrap().kept(), [(one, Tried::Fails), (other, Tried::Otherwise)]);
    }
}

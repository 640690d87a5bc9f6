//! Files of a commit, many at once.

use std::io::{self, BufRead, Read as _};
use std::path::{Path, PathBuf};

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::End;

use super::call::unexpected;
use super::error::GitError;
use super::repository::{Repository, path_of};

impl Repository {
    /// Reads all files of a commit that are wanted, in the order of their paths; links and submodules are none.
    ///
    /// # Errors
    /// The commit or a content is missing in a partial clone of the user.
    pub fn each_file(
        &self,
        commit: &CommitId,
        wanted: impl Fn(&Path) -> bool,
        mut each: impl FnMut(&Path, Vec<u8>),
    ) -> Result<(), GitError> {
        let listed = self.call().args(["ls-tree", "-r", "-z", commit.as_str()]).output(&self.git)?;
        let files = files(&listed).ok_or_else(|| unexpected("git ls-tree", &listed))?;
        let files: Vec<(PathBuf, &str)> = files.into_iter().filter(|(path, _)| wanted(path)).collect();
        if files.is_empty() {
            return Ok(());
        }
        let input: String = files.iter().map(|(_, id)| format!("{id}\n")).collect();
        let call = self.call().args(["cat-file", "--batch"]).input(input);
        let call = if self.may_fetch() { call.may_fetch() } else { call };
        let read = |pipe: &mut dyn BufRead| {
            files.iter().try_for_each(|(path, _)| {
                each(path, blob(pipe)?);
                Ok(())
            })
        };
        let answer = call.stream(&self.git, read, |_| ())?;
        if answer.end == End::Exited(0) { Ok(()) } else { Err(answer.failed()) }
    }
}

/// Reads `MODE blob ID\tPATH\0…` and leaves out what is no file.
fn files(listed: &[u8]) -> Option<Vec<(PathBuf, &str)>> {
    let mut all = Vec::new();
    for part in listed.split(|byte| *byte == 0).filter(|part| !part.is_empty()) {
        let tab = part.iter().position(|byte| *byte == b'\t')?;
        let mut words = std::str::from_utf8(&part[..tab]).ok()?.split(' ');
        let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
        if matches!(mode, "100644" | "100755" | "100664") {
            all.push((path_of(&part[tab + 1..]), id));
        }
    }
    Some(all)
}

/// Reads one answer of `cat-file --batch`: `ID blob SIZE\n`, the content, and a line end.
fn blob(pipe: &mut dyn BufRead) -> io::Result<Vec<u8>> {
    let mut head = String::new();
    pipe.read_line(&mut head)?;
    let size = head.trim_end().rsplit_once(' ').filter(|(rest, _)| rest.ends_with(" blob"));
    let size: u64 = size.and_then(|(_, size)| size.parse().ok()).ok_or_else(|| io::Error::other(head.clone()))?;
    let mut content = Vec::new();
    pipe.take(size + 1).read_to_end(&mut content)?;
    content.pop();
    Ok(content)
}

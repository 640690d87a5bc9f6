//! What commits add to some files, by one call of git.

use std::collections::BTreeSet;
use std::path::PathBuf;

use nix_culprit_core::explain::{Additions, read_additions};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::End;

use super::error::GitError;
use super::repository::Repository;

impl Repository {
    /// Reads the lines that commits add to some files. Merges add none, and neither does a commit without changes there;
    /// of a file that a commit moved, what it was before is not added.
    ///
    /// # Errors
    /// A commit or the contents of a file are missing.
    pub fn additions(&self, commits: &[CommitId], files: &BTreeSet<PathBuf>) -> Result<Vec<Additions>, GitError> {
        if commits.is_empty() || files.is_empty() {
            return Ok(Vec::new());
        }
        let mut all = self.added(commits, &["--no-renames"], files)?;
        // Where a file was before is seen only with all files in view.
        let making = all.iter().filter(|commit| !commit.made.is_empty());
        let making: Vec<CommitId> = making.map(|commit| commit.commit.clone()).collect();
        if !making.is_empty() {
            for moves in self.added(&making, &["--find-renames", "--diff-filter=R"], &BTreeSet::new())? {
                all.iter_mut()
                    .filter(|commit| commit.commit == moves.commit)
                    .for_each(|commit| commit.take_moves(&moves));
            }
        }
        Ok(all)
    }

    fn added(
        &self,
        commits: &[CommitId],
        options: &[&str],
        files: &BTreeSet<PathBuf>,
    ) -> Result<Vec<Additions>, GitError> {
        let ask = ["diff-tree", "--stdin", "--root", "-r", "-p", "-U0"];
        let plain = ["--no-ext-diff", "--no-textconv", "--no-color", "--src-prefix=a/", "--dst-prefix=b/"];
        let input: String = commits.iter().map(|commit| format!("{commit}\n")).collect();
        let call = self.call().setting("core.quotePath", "false").args(ask).args(plain).args(options).args(["--"]);
        let mut printed = Vec::new();
        let read = |pipe: &mut dyn std::io::BufRead| pipe.read_to_end(&mut printed).map(|_| ());
        let answer = call.args(files).input(input).stream(&self.git, read, |_| ())?;
        if answer.end != End::Exited(0) {
            return Err(answer.failed());
        }
        Ok(read_additions(&printed))
    }
}

#[cfg(test)]
mod tests {
    use nix_culprit_sample::{Options, generate};

    use crate::sys::git::Git;
    use crate::sys::interrupt::Interrupt;

    use super::*;

    #[test]
    fn what_the_samples_culprit_adds_to_a_file_is_told_and_of_other_files_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let sample = generate(&folder.path().join("sample"), &Options { commits: 60, ..Options::default() }).unwrap();
        let git = Git::new("git", &Interrupt::new()).unwrap();
        let repository = Repository::open(&git, &sample.pkgs).unwrap();
        let commits = [&sample.culprit, &sample.merge].map(|commit| commit.parse().unwrap());
        let setuptools = "python/packages/setuptools.nix";
        let added = repository.additions(&commits, &BTreeSet::from([setuptools.into()])).unwrap();
        let [culprit, ..] = added.as_slice() else { panic!("{added:?}") };
        assert_eq!(culprit.commit, commits[0]);
        assert_eq!(culprit.files, [(setuptools.to_owned(), vec!["  wheel,".to_owned(), "    wheel".to_owned()])]);
        assert!(added.iter().skip(1).all(|merge| merge.files.is_empty()), "{added:?}");
        let others = repository.additions(&commits, &BTreeSet::from(["python/packages/*.nix".into()])).unwrap();
        assert!(others.iter().all(|commit| commit.files.is_empty()), "{others:?}");
        assert!(repository.additions(&["a".repeat(40).parse().unwrap()], &BTreeSet::from(["x".into()])).is_ok());
    }
}

//! What the commits of a range change: asked of git once, and kept in the case.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::ids::CommitId;
use sha2::{Digest, Sha256};

use crate::sys::git::{GitError, Repository, read_changed_paths};

/// Returns what each commit changes, from the copy in `folder` if there is one of these very commits.
///
/// # Errors
/// When git cannot tell. A disk that takes no copy is no error.
pub fn changed_paths(repository: &Repository, commits: &[CommitId], folder: &Path) -> Result<ChangedPaths, GitError> {
    let digest = commits.iter().fold(Sha256::new(), |digest, commit| digest.chain_update(commit.as_str())).finalize();
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let kept = folder.join(format!("changed-paths-{name}"));
    let read = File::open(&kept).and_then(|file| read_changed_paths(&mut BufReader::new(file)));
    // One that was cut off at a commit's end has fewer.
    if let Ok(history) = read
        && history.commits() == commits
    {
        return Ok(history);
    }
    if let Ok(copy) = tempfile::NamedTempFile::new_in(folder) {
        let mut copy = BufWriter::new(copy);
        if let Ok(history) = repository.changed_paths(commits, &mut copy) {
            if copy.flush().is_ok()
                && let Ok(copy) = copy.into_inner()
            {
                // Without a copy it is asked again after an interruption.
                let _ = copy.persist(&kept);
            }
            return Ok(history);
        }
    }
    repository.changed_paths(commits, &mut std::io::sink())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use nix_culprit_sample::{Options, generate};

    use crate::sys::git::Git;
    use crate::sys::interrupt::Interrupt;

    use super::*;

    #[test]
    fn the_copy_in_the_case_is_used_where_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let sample = generate(&folder.path().join("sample"), &Options { commits: 40, ..Options::default() }).unwrap();
        let git = Git::new("git", &Interrupt::new()).unwrap();
        let repository = Repository::open(&git, &sample.pkgs).unwrap();
        let tip = repository.head().unwrap().unwrap();
        let commits: Vec<CommitId> = repository.history(&[], &tip).unwrap().into_iter().map(|entry| entry.0).collect();
        let case = folder.path().join("case");
        fs::create_dir(&case).unwrap();
        let paths = |history: &ChangedPaths| -> Vec<BTreeSet<_>> {
            commits.iter().map(|commit| history.of(commit).map(|change| change.path).collect()).collect()
        };
        let asked = paths(&changed_paths(&repository, &commits, &case).unwrap());
        assert!(asked.iter().any(|paths| !paths.is_empty()));

        let copy = fs::read_dir(&case).unwrap().next().unwrap().unwrap().path();
        let whole = fs::read(&copy).unwrap();
        assert_eq!(paths(&changed_paths(&repository, &commits, &case).unwrap()), asked, "from the copy");
        for damaged in [&whole[..whole.len() / 2], &whole[..41], b"x", &whole.repeat(2)] {
            fs::write(&copy, damaged).unwrap();
            assert_eq!(paths(&changed_paths(&repository, &commits, &case).unwrap()), asked, "asked again");
            assert_eq!(fs::read(&copy).unwrap(), whole, "kept again");
        }

        fs::remove_dir_all(&case).unwrap();
        assert_eq!(paths(&changed_paths(&repository, &commits, &case).unwrap()), asked, "without a place for a copy");
    }
}

//! Heads of pull requests, as GitHub and Gitea (`refs/pull/N/head`) and GitLab (`refs/merge-requests/N/head`) keep them.
//!
//! A mirror of the user has them; into a clone of ours the newest ones are fetched, when that is asked for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::End;

use super::error::GitError;
use super::progress::OnProgress;
use super::repository::{Repository, path_of};

/// The names of all heads.
const HEADS: [&str; 2] = ["refs/pull/*/head", "refs/merge-requests/*/head"];

/// The head of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its name, such as `refs/pull/12/head`.
    pub reference: String,
    /// Its commit.
    pub head: CommitId,
}

impl Repository {
    /// Lists the heads of pull requests that contain a commit and are not part of a branch, the newest first, at most
    /// `most` of them. Of several with the same commit one is named.
    ///
    /// # Errors
    /// A commit is missing, or the history is cut off.
    pub fn pull_requests(
        &self,
        containing: &CommitId,
        branch: &CommitId,
        most: usize,
    ) -> Result<Vec<PullRequest>, GitError> {
        self.require_history()?;
        let ask = ["for-each-ref", "--sort=-committerdate", "--format=%(objecttype) %(objectname) %(refname)"];
        let among = [format!("--count={most}"), format!("--contains={containing}"), format!("--no-merged={branch}")];
        let answer = self.call().args(ask).args(among).args(HEADS).output(&self.git)?;
        let mut heads: Vec<PullRequest> = Vec::new();
        for line in String::from_utf8_lossy(&answer).lines() {
            let head = read(line).filter(|new| heads.iter().all(|known| known.head != new.head));
            heads.extend(head);
        }
        Ok(heads)
    }

    /// Lists the files that differ between a commit and the place where it parted from a branch; none where they have
    /// nothing in common.
    ///
    /// # Errors
    /// A commit is missing, or the history is cut off.
    pub fn changes_since_parting(&self, branch: &CommitId, head: &CommitId) -> Result<BTreeSet<PathBuf>, GitError> {
        self.require_history()?;
        let ask = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv"];
        let answer = self.call().args(ask).arg(format!("{branch}...{head}")).arg("--").finish(&self.git)?;
        match answer.end {
            End::Exited(0) => {
                let paths = answer.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
                Ok(paths.map(path_of).collect())
            }
            End::Exited(_) if self.merge_bases(branch, head)?.is_empty() => Ok(BTreeSet::new()),
            End::Exited(_) | End::Signalled(_) => Err(answer.failed()),
        }
    }

    /// Fetches the heads of the newest pull requests of the server, at most `most` of them; returns how many it has.
    ///
    /// # Errors
    /// The repository is no clone of ours, or the server cannot be reached.
    pub fn fetch_pull_requests(&self, most: usize, progress: OnProgress<'_>) -> Result<usize, GitError> {
        if !self.is_ours() {
            return Err(GitError::NotOurs(self.place().to_owned()));
        }
        let listed = self.call().args(["ls-remote", "--refs", "origin"]).args(HEADS).may_fetch().output(&self.git)?;
        let mut heads: Vec<(u64, String)> = String::from_utf8_lossy(&listed)
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter_map(|(_, name)| Some((number(name)?, name.to_owned())))
            .collect();
        heads.sort();
        let newest: Vec<String> = heads.iter().rev().take(most).map(|(_, name)| format!("+{name}:{name}")).collect();
        if !newest.is_empty() {
            self.fetch(&newest, progress)?;
        }
        Ok(heads.len())
    }
}

/// Reads `commit ID refs/pull/N/head`.
fn read(line: &str) -> Option<PullRequest> {
    let (head, reference) = line.strip_prefix("commit ")?.split_once(' ')?;
    number(reference)?;
    Some(PullRequest { reference: reference.to_owned(), head: head.parse().ok()? })
}

/// Returns the number in the name of a head.
fn number(reference: &str) -> Option<u64> {
    let rest = reference.strip_prefix("refs/pull/").or_else(|| reference.strip_prefix("refs/merge-requests/"))?;
    rest.strip_suffix("/head")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_heads_of_commits_with_a_number_are_read() {
        let id = "a".repeat(40);
        let found = read(&format!("commit {id} refs/pull/12/head")).unwrap();
        assert_eq!((found.reference.as_str(), found.head.as_str()), ("refs/pull/12/head", id.as_str()));
        assert!(read(&format!("commit {id} refs/merge-requests/3/head")).is_some());
        for line in ["tag ID refs/pull/1/head", "commit ID refs/pull/x/head", "commit ID refs/pull/1/merge", "commit"] {
            assert_eq!(read(&line.replace("ID", &id)), None, "{line}");
        }
    }
}

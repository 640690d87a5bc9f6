//! The graph of commits: ranges, ancestry, the merge that brought a commit in.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::sync::PoisonError;

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::End;

use super::call::unexpected;
use super::commit::Commit;
use super::error::GitError;
use super::repository::Repository;

/// How many commits the history of one has, by the git folder.
pub(super) type Counts = BTreeMap<(PathBuf, CommitId), u64>;

impl Repository {
    /// Lists the commits that `bad` has and none of `good` has, each with all its parents (also
    /// those outside of the range), children before parents.
    ///
    /// # Errors
    /// A commit is missing, or the history is cut off.
    pub fn history(&self, good: &[CommitId], bad: &CommitId) -> Result<Vec<(CommitId, Vec<CommitId>)>, GitError> {
        let exclude = good.iter().map(|id| format!("^{id}\n"));
        let input = std::iter::once(format!("{bad}\n")).chain(exclude).collect::<String>();
        self.walk(&["--topo-order"], input)
    }

    /// Tells whether `descendant` is or contains `ancestor`.
    ///
    /// # Errors
    /// A commit is missing, or the history is cut off.
    pub fn is_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<bool, GitError> {
        self.require_history()?;
        let ask = ["merge-base", "--is-ancestor", ancestor.as_str(), descendant.as_str()];
        let answer = self.call().args(ask).finish(&self.git)?;
        match answer.end {
            End::Exited(0) => Ok(true),
            End::Exited(1) => Ok(false),
            End::Exited(_) | End::Signalled(_) => Err(answer.failed()),
        }
    }

    /// Lists the best common ancestors of two commits; unrelated histories have none.
    ///
    /// # Errors
    /// A commit is missing, or the history is cut off.
    pub fn merge_bases(&self, one: &CommitId, other: &CommitId) -> Result<Vec<CommitId>, GitError> {
        self.require_history()?;
        let known = self.heads().known_bases(&self.common_dir, one, other);
        if let Some(known) = known {
            return Ok(known);
        }
        let ask = ["merge-base", "--all", one.as_str(), other.as_str()];
        let answer = self.call().args(ask).finish(&self.git)?;
        match answer.end {
            End::Exited(0) => {}
            End::Exited(1) => return Ok(vec![]),
            End::Exited(_) | End::Signalled(_) => return Err(answer.failed()),
        }
        let Ok(text) = std::str::from_utf8(&answer.stdout) else { return Err(answer.unexpected()) };
        let Ok(bases) = text.lines().map(str::parse).collect::<Result<Vec<_>, _>>() else {
            return Err(answer.unexpected());
        };
        self.heads().keep_bases(&self.common_dir, (one, other), &bases);
        Ok(bases)
    }

    /// Finds the first merge on the first-parent line of `tip` that contains the commit; `None`
    /// where the commit is itself on that line, or is not in `tip`.
    ///
    /// # Errors
    /// A commit is missing, or the history is cut off.
    pub fn merge_that_brought_in(&self, id: &CommitId, tip: &CommitId) -> Result<Option<Commit>, GitError> {
        let known = self.heads().known_merge(&self.common_dir, id, tip);
        let merge = match known {
            Some(known) => known,
            None => {
                let between = self.walk(&["--topo-order", "--ancestry-path"], format!("{tip}\n^{id}\n"))?;
                let parents: HashMap<CommitId, Vec<CommitId>> = between.into_iter().collect();
                let merge = first_containing(&parents, id, tip);
                self.heads().keep_merge(&self.common_dir, (id, tip), merge.as_ref());
                merge
            }
        };
        merge.map(|merge| self.commit(&merge)).transpose()
    }

    /// Counts the commits in the history of one, itself among them: Nix's `revCount`. All of it is walked, once.
    ///
    /// # Errors
    /// A commit is missing, or the history is cut off.
    pub fn count(&self, tip: &CommitId) -> Result<u64, GitError> {
        self.require_history()?;
        let key = (self.common_dir.clone(), tip.clone());
        let counts = || self.git.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counts().get(&key).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let answer = self.call().args(["rev-list", "--count", tip.as_str()]).output(&self.git)?;
        let text = String::from_utf8_lossy(&answer);
        let count = text.trim().parse().map_err(|_| unexpected("git rev-list --count", &answer))?;
        counts().insert(key, count);
        Ok(count)
    }

    fn walk(&self, options: &[&str], input: String) -> Result<Vec<(CommitId, Vec<CommitId>)>, GitError> {
        self.require_history()?;
        let mut commits = vec![];
        let call = self.call().args(["rev-list", "--parents", "--stdin"]).args(options).input(input);
        let answer = call.stream(&self.git, |pipe| read_commits(pipe, &mut commits), |_| ())?;
        if answer.end != End::Exited(0) {
            return Err(answer.failed());
        }
        Ok(commits)
    }
}

/// Reads lines of `COMMIT PARENT…`.
fn read_commits(lines: &mut dyn BufRead, commits: &mut Vec<(CommitId, Vec<CommitId>)>) -> io::Result<()> {
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let mut ids = line.split_whitespace().map(str::parse);
        match (ids.next(), ids.collect()) {
            (Some(Ok(id)), Ok(parents)) => commits.push((id, parents)),
            _ => return Err(io::Error::other(unexpected("git rev-list", line.as_bytes()))),
        }
        line.clear();
    }
    Ok(())
}

/// Follows first parents from `tip` while they contain `id`; `parents` holds the commits between.
fn first_containing(parents: &HashMap<CommitId, Vec<CommitId>>, id: &CommitId, tip: &CommitId) -> Option<CommitId> {
    let mut at = tip;
    let mut first = None;
    while let Some(above) = parents.get(at) {
        first = Some(at);
        at = above.first()?;
    }
    if at == id { None } else { first.cloned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u32) -> CommitId {
        format!("{number:040x}").parse().unwrap()
    }

    #[test]
    fn lines_of_rev_list_are_read_and_other_lines_refused() {
        let mut commits = vec![];
        let text = format!("{} {} {}\n{}\n", id(3), id(2), id(1), id(1));
        read_commits(&mut text.as_bytes(), &mut commits).unwrap();
        assert_eq!(commits, [(id(3), vec![id(2), id(1)]), (id(1), vec![])]);
        for text in ["fatal: x\n", "\n", "\u{fffd}"] {
            assert!(read_commits(&mut text.as_bytes(), &mut vec![]).is_err());
        }
    }

    #[test]
    fn the_first_merge_is_the_lowest_on_the_line() {
        // 1 - 2 - 5(2,4) - 6 ; 1 - 3 - 4
        let between = |list: &[(u32, &[u32])]| {
            list.iter().map(|(of, above)| (id(*of), above.iter().map(|n| id(*n)).collect())).collect()
        };
        let of_3 = between(&[(6, &[5]), (5, &[2, 4]), (4, &[3])]);
        assert_eq!(first_containing(&of_3, &id(3), &id(6)), Some(id(5)));
        let of_2 = between(&[(6, &[5]), (5, &[2, 4])]);
        assert_eq!(first_containing(&of_2, &id(2), &id(6)), None);
        assert_eq!(first_containing(&between(&[]), &id(9), &id(6)), None);
        assert_eq!(first_containing(&between(&[]), &id(6), &id(6)), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_commits(&mut &bytes[..], &mut vec![]);
        }
    }
}

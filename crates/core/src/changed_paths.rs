//! Which paths each commit of a history changes, and which commits change something that matters.
//!
//! Owns the record, with every path kept once, and the questions that are asked of it. Must not know how the
//! history was read.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ids::CommitId;
use crate::read_set::{Changed, Kind, Reads, Use};

/// The paths that each commit of a history changes.
///
/// A commit changes what differs from its parent; a merge changes what differs from each of its parents, so that
/// a merge of two branches that do not meet changes nothing.
#[derive(Debug, Clone)]
pub struct ChangedPaths {
    /// All paths, by number; the top of the tree is the first.
    paths: Vec<Arc<Path>>,
    /// The folder that a path lies in, by number; the top lies in itself.
    above: Vec<u32>,
    numbers: HashMap<Arc<Path>, u32>,
    commits: Vec<CommitId>,
    /// Where the changes of a commit end.
    ends: Vec<usize>,
    changed: Vec<u32>,
    kinds: Vec<Kinds>,
}

/// What a path is before and after, in one byte: a history has millions of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    const ALL: [Option<Kind>; 6] =
        [None, Some(Kind::Folder), Some(Kind::File), Some(Kind::Executable), Some(Kind::Link), Some(Kind::Submodule)];

    fn of(before: Option<Kind>, after: Option<Kind>) -> Self {
        Self(Self::number(before) * 8 + Self::number(after))
    }

    const fn number(kind: Option<Kind>) -> u8 {
        match kind {
            None => 0,
            Some(Kind::Folder) => 1,
            Some(Kind::File) => 2,
            Some(Kind::Executable) => 3,
            Some(Kind::Link) => 4,
            Some(Kind::Submodule) => 5,
        }
    }

    fn both(self) -> (Option<Kind>, Option<Kind>) {
        (Self::ALL[usize::from(self.0 / 8)], Self::ALL[usize::from(self.0 % 8)])
    }
}

impl Default for ChangedPaths {
    fn default() -> Self {
        let top: Arc<Path> = Arc::from(Path::new(""));
        Self {
            paths: vec![top.clone()],
            above: vec![0],
            numbers: HashMap::from([(top, 0)]),
            commits: Vec::new(),
            ends: Vec::new(),
            changed: Vec::new(),
            kinds: Vec::new(),
        }
    }
}

impl ChangedPaths {
    /// Adds a commit with what it changes. Folders that stay folders are left out: what changes below them says more.
    pub fn push(&mut self, commit: CommitId, changes: impl IntoIterator<Item = Changed>) {
        for change in changes {
            if (change.before, change.after) != (Some(Kind::Folder), Some(Kind::Folder)) {
                let number = self.number(&change.path);
                self.changed.push(number);
                self.kinds.push(Kinds::of(change.before, change.after));
            }
        }
        self.commits.push(commit);
        self.ends.push(self.changed.len());
    }

    /// Returns the commits, in the order in which they came.
    #[must_use]
    pub fn commits(&self) -> &[CommitId] {
        &self.commits
    }

    /// Returns the commits that change one of these files.
    #[must_use]
    pub fn touching(&self, files: &BTreeSet<PathBuf>) -> BTreeSet<CommitId> {
        let mut wanted = vec![false; self.paths.len()];
        for number in files.iter().filter_map(|file| self.numbers.get(file.as_path())) {
            wanted[*number as usize] = true;
        }
        self.commits_with(|path, _| wanted[path as usize])
    }

    /// Returns the commits that change something that one of these evaluations looked at.
    #[must_use]
    pub fn seen_by(&self, reads: &[&Reads]) -> BTreeSet<CommitId> {
        let mut uses: Vec<Vec<Option<Use>>> = Vec::new();
        for reads in reads {
            let mut of_path = vec![None; self.paths.len()];
            for (path, used) in &reads.uses {
                if let Some(number) = self.numbers.get(path.as_path()) {
                    of_path[*number as usize] = Some(*used);
                }
            }
            uses.push(of_path);
        }
        self.commits_with(|path, kinds| {
            let (before, after) = kinds.both();
            let above = self.above[path as usize] as usize;
            uses.iter().any(|uses| Reads::sees(uses[path as usize], uses[above], before, after))
        })
    }

    /// Returns what a commit changes, without folders that stay folders; nothing for one that is not there.
    pub fn of(&self, commit: &CommitId) -> impl Iterator<Item = Changed> + use<'_> {
        let at = self.commits.iter().position(|other| other == commit);
        at.map(|at| self.range(at)).unwrap_or_default().map(|entry| {
            let (before, after) = self.kinds[entry].both();
            Changed { path: self.paths[self.changed[entry] as usize].to_path_buf(), before, after }
        })
    }

    fn range(&self, at: usize) -> std::ops::Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[at]
    }

    fn commits_with(&self, wanted: impl Fn(u32, Kinds) -> bool) -> BTreeSet<CommitId> {
        let touches = |at: &usize| self.range(*at).any(|entry| wanted(self.changed[entry], self.kinds[entry]));
        (0..self.commits.len()).filter(touches).map(|at| self.commits[at].clone()).collect()
    }

    /// Returns the number of a path, which it gets with all the folders that it lies in.
    fn number(&mut self, path: &Path) -> u32 {
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        let above = path.parent().map_or(0, |folder| self.number(folder));
        let number = u32::try_from(self.paths.len()).expect("memory ends before the numbers do");
        let path: Arc<Path> = Arc::from(path);
        self.paths.push(path.clone());
        self.above.push(above);
        self.numbers.insert(path, number);
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn commit(number: usize) -> CommitId {
        format!("{number:040x}").parse().unwrap()
    }

    fn change(path: &str, before: Option<Kind>, after: Option<Kind>) -> Changed {
        Changed { path: path.into(), before, after }
    }

    #[test]
    fn a_file_is_touched_by_the_commits_that_change_it() {
        let mut history = ChangedPaths::default();
        let file = Some(Kind::File);
        let folder = Some(Kind::Folder);
        history.push(commit(1), [change("a", folder, folder), change("a/b", file, file)]);
        history.push(commit(2), []);
        history.push(commit(3), [change("a", folder, None), change("a/b", file, None)]);
        let touching = |path: &str| history.touching(&BTreeSet::from([path.into()]));
        assert_eq!(touching("a/b"), BTreeSet::from([commit(1), commit(3)]));
        assert_eq!(touching("a/c"), BTreeSet::new());
        assert_eq!(history.of(&commit(1)).collect::<Vec<_>>(), [change("a/b", file, file)]);
        assert_eq!(history.of(&commit(9)).count(), 0);
    }

    fn any_path() -> impl Strategy<Value = PathBuf> {
        prop::collection::vec("[abc]", 0..4).prop_map(|parts| parts.iter().collect())
    }

    fn any_change() -> impl Strategy<Value = Changed> {
        let kind = || prop::sample::select(&Kinds::ALL[..]);
        (any_path(), kind(), kind()).prop_map(|(path, before, after)| Changed { path, before, after })
    }

    fn any_reads() -> impl Strategy<Value = Reads> {
        let used = prop::sample::select(vec![Use::Missing, Use::Found, Use::Listed, Use::Read]);
        prop::collection::btree_map(any_path(), used, 0..8).prop_map(|uses| Reads { uses, unreadable: BTreeSet::new() })
    }

    proptest! {
        #[test]
        fn a_commit_is_seen_where_one_of_the_read_sets_does_not_hold_after_its_changes(
            commits in prop::collection::vec(prop::collection::vec(any_change(), 0..5), 0..12),
            reads in prop::collection::vec(any_reads(), 0..3),
        ) {
            // A folder that stays one is left out: it is seen by what changes in it.
            let stays = |change: &Changed| (change.before, change.after) == (Some(Kind::Folder), Some(Kind::Folder));
            let commits: Vec<Vec<Changed>> =
                commits.into_iter().map(|changes| changes.into_iter().filter(|change| !stays(change)).collect()).collect();
            let mut history = ChangedPaths::default();
            for (at, changes) in commits.iter().enumerate() {
                history.push(commit(at), changes.clone());
            }
            let expected: BTreeSet<CommitId> = (0..commits.len())
                .filter(|&at| reads.iter().any(|reads| !reads.hold_after(&commits[at])))
                .map(commit)
                .collect();
            prop_assert_eq!(history.seen_by(&reads.iter().collect::<Vec<_>>()), expected);
            for (at, changes) in commits.into_iter().enumerate() {
                prop_assert_eq!(history.of(&commit(at)).collect::<Vec<_>>(), changes);
            }
        }
    }
}

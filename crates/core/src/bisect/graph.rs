//! The commit graph: compact indices in topological order.
//!
//! Owns who is whose parent. Knows nothing of good and bad.

use std::collections::HashMap;

use thiserror::Error;

use crate::ids::CommitId;

/// Says why a list of commits is no history.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GraphError {
    /// A commit was given twice.
    #[error("commit {0} is listed twice")]
    Duplicate(CommitId),
    /// A commit is its own ancestor.
    #[error("commit {0} is its own ancestor")]
    Cycle(CommitId),
    /// There are more commits than an index can name.
    #[error("the history has more than {} commits", u32::MAX - 1)]
    TooLarge,
}

/// A history: commits and their parents.
///
/// Inside the search a commit is its index: 0 up to `len`, every parent before its children, and
/// side branches contiguous, just before the merge that brings them in.
#[derive(Debug, Clone)]
pub struct Graph {
    /// By index; from `len` on, the parents that are outside of the graph.
    ids: Vec<CommitId>,
    /// The indices below `len`, in the order of their ids.
    by_id: Vec<u32>,
    /// Where the parents of each commit start in `parents`; one entry more than commits.
    starts: Vec<u32>,
    parents: Vec<u32>,
}

impl Graph {
    /// Builds the graph from each commit with its parents, first parent first, in any order.
    ///
    /// Parents that are not themselves given end the history there; their ids are kept for the report.
    /// With commits newest first, as `git rev-list --parents` lists them, the order is the best for
    /// the search.
    ///
    /// # Errors
    /// When a commit is given twice or is its own ancestor.
    pub fn new(commits: impl IntoIterator<Item = (CommitId, Vec<CommitId>)>) -> Result<Self, GraphError> {
        let listed = Listed::read(commits)?;
        let order = listed.topological()?;
        Ok(listed.renumber(&order))
    }

    /// Returns the number of commits.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Tells whether there is no commit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the ids of a commit's parents, first parent first; `None` for a commit outside of the graph.
    #[must_use]
    pub fn parents_of(&self, commit: &CommitId) -> Option<Vec<&CommitId>> {
        self.index(commit).map(|at| self.parent_ids(at).collect())
    }

    /// Finds the index of a commit.
    pub(super) fn index(&self, id: &CommitId) -> Option<u32> {
        self.by_id.binary_search_by(|&at| self.ids[at as usize].cmp(id)).ok().map(|place| self.by_id[place])
    }

    pub(super) fn id(&self, at: u32) -> &CommitId {
        &self.ids[at as usize]
    }

    fn all_parents(&self, at: u32) -> &[u32] {
        &self.parents[self.starts[at as usize] as usize..self.starts[at as usize + 1] as usize]
    }

    /// The parents that are in the graph.
    pub(super) fn parents(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let len = self.len();
        self.all_parents(at).iter().copied().filter(move |&parent| (parent as usize) < len)
    }

    /// The ids of all parents, also of those outside of the graph.
    pub(super) fn parent_ids(&self, at: u32) -> impl Iterator<Item = &CommitId> {
        self.all_parents(at).iter().map(|&parent| self.id(parent))
    }

    /// The first parent, if it is in the graph.
    pub(super) fn first_parent(&self, at: u32) -> Option<u32> {
        self.all_parents(at).first().copied().filter(|&parent| (parent as usize) < self.len())
    }

    /// Marks these commits and all their ancestors.
    pub(super) fn ancestors(&self, of: impl IntoIterator<Item = u32>) -> Vec<bool> {
        let mut marked = vec![false; self.len()];
        let mut highest = 0;
        for at in of {
            marked[at as usize] = true;
            highest = highest.max(at as usize + 1);
        }
        for at in (0..highest).rev() {
            if marked[at] {
                for parent in self.parents(to_index(at)) {
                    marked[parent as usize] = true;
                }
            }
        }
        marked
    }

    /// Marks these commits and all their descendants.
    pub(super) fn descendants(&self, of: impl IntoIterator<Item = u32>) -> Vec<bool> {
        let mut marked = vec![false; self.len()];
        let mut lowest = self.len();
        for at in of {
            marked[at as usize] = true;
            lowest = lowest.min(at as usize);
        }
        for at in lowest..self.len() {
            marked[at] = marked[at] || self.parents(to_index(at)).any(|parent| marked[parent as usize]);
        }
        marked
    }

    /// The commits reached from `tip` by first parents, newest first.
    pub(super) fn first_parents(&self, tip: u32) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(Some(tip), |&at| self.first_parent(at))
    }
}

/// Turns a position into an index; the graph's size was checked when it was built.
#[expect(clippy::cast_possible_truncation, reason = "a graph has fewer than 2^32 commits")]
pub(super) const fn to_index(position: usize) -> u32 {
    position as u32
}

/// The commits as they were given, numbered in the order in which they or their children came.
struct Listed {
    numbers: HashMap<CommitId, u32>,
    /// The numbers of the given commits, in the order given.
    given: Vec<u32>,
    /// Where the parents of each given commit start; one entry more than `given`.
    starts: Vec<u32>,
    parents: Vec<u32>,
    /// By number: the position in `given`, or `OUTSIDE`.
    place: Vec<u32>,
}

const OUTSIDE: u32 = u32::MAX;

impl Listed {
    fn read(commits: impl IntoIterator<Item = (CommitId, Vec<CommitId>)>) -> Result<Self, GraphError> {
        let mut listed = Self {
            numbers: HashMap::new(),
            given: Vec::new(),
            starts: vec![0],
            parents: Vec::new(),
            place: Vec::new(),
        };
        for (id, parents) in commits {
            let number = listed.number(&id)?;
            if listed.place[number as usize] != OUTSIDE {
                return Err(GraphError::Duplicate(id));
            }
            listed.place[number as usize] = to_index(listed.given.len());
            listed.given.push(number);
            for parent in parents {
                let parent = listed.number(&parent)?;
                listed.parents.push(parent);
            }
            listed.starts.push(u32::try_from(listed.parents.len()).map_err(|_| GraphError::TooLarge)?);
        }
        Ok(listed)
    }

    fn number(&mut self, id: &CommitId) -> Result<u32, GraphError> {
        if let Some(&number) = self.numbers.get(id) {
            return Ok(number);
        }
        let number = to_index(self.place.len());
        if number >= OUTSIDE - 1 {
            return Err(GraphError::TooLarge);
        }
        self.numbers.insert(id.clone(), number);
        self.place.push(OUTSIDE);
        Ok(number)
    }

    fn parents(&self, place: u32) -> &[u32] {
        &self.parents[self.starts[place as usize] as usize..self.starts[place as usize + 1] as usize]
    }

    /// The positions of the given commits in post-order from the tips, first parents first.
    fn topological(&self) -> Result<Vec<u32>, GraphError> {
        #[derive(Clone, Copy, PartialEq)]
        enum Visit {
            Not,
            Open,
            Done,
        }
        let count = to_index(self.given.len());
        let mut has_child = vec![false; self.place.len()];
        for &parent in &self.parents {
            has_child[parent as usize] = true;
        }
        let tips = (0..count).filter(|&place| !has_child[self.given[place as usize] as usize]);
        let mut visits = vec![Visit::Not; self.given.len()];
        let mut order = Vec::with_capacity(self.given.len());
        let mut stack: Vec<(u32, usize)> = Vec::new();
        // A cycle has no tip of its own: the second round finds it.
        for root in tips.chain(0..count) {
            if visits[root as usize] == Visit::Not {
                visits[root as usize] = Visit::Open;
                stack.push((root, 0));
            }
            while let Some((place, next)) = stack.last_mut() {
                let Some(&parent) = self.parents(*place).get(*next) else {
                    visits[*place as usize] = Visit::Done;
                    order.push(*place);
                    stack.pop();
                    continue;
                };
                *next += 1;
                let parent_place = self.place[parent as usize];
                if parent_place == OUTSIDE {
                    continue;
                }
                match visits[parent_place as usize] {
                    Visit::Not => {
                        visits[parent_place as usize] = Visit::Open;
                        stack.push((parent_place, 0));
                    }
                    Visit::Open => return Err(GraphError::Cycle(self.name(parent))),
                    Visit::Done => {}
                }
            }
        }
        Ok(order)
    }

    fn name(&self, number: u32) -> CommitId {
        let found = self.numbers.iter().find(|entry| *entry.1 == number);
        found.map(|entry| entry.0.clone()).expect("every number was given to a name")
    }

    fn renumber(self, order: &[u32]) -> Graph {
        let mut index = vec![OUTSIDE; self.place.len()];
        for (at, &place) in order.iter().enumerate() {
            index[self.given[place as usize] as usize] = to_index(at);
        }
        let outside = index.iter_mut().filter(|at| **at == OUTSIDE);
        for (next, at) in (to_index(order.len())..).zip(outside) {
            *at = next;
        }
        let mut starts = Vec::with_capacity(order.len() + 1);
        let mut parents = Vec::with_capacity(self.parents.len());
        starts.push(0);
        for &place in order {
            parents.extend(self.parents(place).iter().map(|&parent| index[parent as usize]));
            starts.push(to_index(parents.len()));
        }
        let mut named: Vec<(u32, CommitId)> =
            self.numbers.into_iter().map(|(id, number)| (index[number as usize], id)).collect();
        named.sort_unstable_by_key(|entry| entry.0);
        let ids: Vec<CommitId> = named.into_iter().map(|entry| entry.1).collect();
        let mut by_id: Vec<u32> = (0..to_index(order.len())).collect();
        by_id.sort_unstable_by(|&a, &b| ids[a as usize].cmp(&ids[b as usize]));
        Graph { ids, by_id, starts, parents }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{commit, graph_of};
    use super::*;

    #[test]
    fn parents_come_before_children_and_side_branches_stay_together() {
        // 0 - 1 - 4 - 5, and 0 - 2 - 3 merged by 5; listed newest first by date.
        let listed = [(5, vec![4, 3]), (3, vec![2]), (4, vec![1]), (2, vec![0]), (1, vec![0]), (0, vec![])];
        let graph = graph_of(&listed);
        let order: Vec<_> = (0..6).map(|at| graph.id(at).clone()).collect();
        assert_eq!(order, [0, 1, 4, 2, 3, 5].map(commit));
        let five = graph.index(&commit(5)).unwrap();
        assert_eq!(graph.parent_ids(five).cloned().collect::<Vec<_>>(), [commit(4), commit(3)]);
        assert_eq!(graph.index(&commit(6)), None);
    }

    #[test]
    fn a_parent_outside_the_graph_ends_the_history_and_keeps_its_name() {
        let graph = graph_of(&[(5, vec![9, 4]), (4, vec![])]);
        assert_eq!(graph.len(), 2);
        let five = graph.index(&commit(5)).unwrap();
        assert_eq!(graph.first_parent(five), None, "the first parent is outside; the second must not take its place");
        assert_eq!(graph.parents(five).count(), 1);
        assert_eq!(graph.parents_of(&commit(5)), Some(vec![&commit(9), &commit(4)]));
        assert_eq!(graph.index(&commit(9)), None);
    }

    #[test]
    fn a_duplicate_or_a_cycle_is_an_error() {
        let name = |list: &[(u32, Vec<u32>)]| {
            Graph::new(list.iter().map(|(id, parents)| (commit(*id), parents.iter().map(|&p| commit(p)).collect())))
        };
        assert_eq!(name(&[(1, vec![]), (1, vec![])]).unwrap_err(), GraphError::Duplicate(commit(1)));
        assert!(matches!(name(&[(3, vec![2]), (2, vec![1]), (1, vec![2])]), Err(GraphError::Cycle(_))));
        assert!(matches!(name(&[(1, vec![1])]), Err(GraphError::Cycle(_))));
        assert!(name(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_long_history_needs_no_deep_stack() {
        let graph =
            Graph::new((0..300_000).rev().map(|n| (commit(n), n.checked_sub(1).map(commit).into_iter().collect())))
                .unwrap();
        assert_eq!(graph.index(&commit(299_999)), Some(299_999));
        assert!(graph.ancestors([299_999]).into_iter().all(|marked| marked));
    }
}

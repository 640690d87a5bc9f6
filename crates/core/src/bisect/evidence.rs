//! What is known of each commit, and which suspects that leaves.
//!
//! The suspects follow from the set of verdicts alone, never from the order in which they came.

use std::collections::BTreeMap;

use super::graph::{Graph, to_index};
use super::range::Field;

/// What a probe said, whichever way the search goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// The change is not there yet.
    Old,
    /// The change is there.
    New,
    /// Nothing can be said, for this reason.
    Skip(String),
}

/// The marks by commit, beside the ends.
pub(super) type Evidence = BTreeMap<u32, Mark>;

/// Tells whether a commit is known to show the change.
pub(super) fn is_new(field: &Field, evidence: &Evidence, at: u32) -> bool {
    at == field.new || evidence.get(&at) == Some(&Mark::New)
}

/// The commits known not to show the change, the ends first.
///
/// A mark on an end, or outside of the new end's history, does not count.
pub(super) fn old_commits<'a>(field: &'a Field, evidence: &'a Evidence) -> impl Iterator<Item = u32> + 'a {
    let marked = evidence.iter().filter(|entry| *entry.1 == Mark::Old).map(|entry| *entry.0);
    field.old.iter().copied().chain(marked.filter(|&at| at != field.new && field.inside[at as usize]))
}

/// The commits found to show the change, within the new end's history and without the end itself.
pub(super) fn new_commits<'a>(field: &'a Field, evidence: &'a Evidence) -> impl Iterator<Item = u32> + 'a {
    let marked = evidence.iter().filter(|entry| *entry.1 == Mark::New).map(|entry| *entry.0);
    marked.filter(|&at| at != field.new && field.inside[at as usize])
}

/// What the evidence leaves over.
#[derive(Debug, Clone)]
pub(super) struct Narrowed {
    /// The commits that can have made the change; never empty.
    pub(super) members: Vec<u32>,
    /// The old commits and all their ancestors.
    pub(super) cleared: Vec<bool>,
    /// Commits that show the change although no suspect is in their history.
    pub(super) apart: Vec<u32>,
}

/// Finds the suspects: in the history of every commit that is new, and of none that is old.
///
/// Where both cannot be had, an old verdict outweighs the new ones before it: what went wrong there
/// was repaired in between, and the change at the end of the range came later. Of commits that are
/// new with no suspect in common, the first in topological order counts.
pub(super) fn narrow(graph: &Graph, field: &Field, evidence: &Evidence) -> Narrowed {
    let cleared = graph.ancestors(old_commits(field, evidence));
    let range = (0..graph.len()).filter(|&at| field.inside[at] && !cleared[at]).map(to_index);
    let mut news = new_commits(field, evidence).filter(|&at| !cleared[at as usize]);
    let Some(first) = news.next() else {
        return Narrowed { members: range.collect(), cleared, apart: Vec::new() };
    };
    let before = graph.ancestors([first]);
    let after = graph.descendants([first]);
    let mut members: Vec<u32> = range.filter(|&at| before[at as usize]).collect();
    let mut apart = Vec::new();
    for new in news.filter(|&at| !after[at as usize]) {
        let before = graph.ancestors([new]);
        if members.iter().any(|&at| before[at as usize]) {
            members.retain(|&at| before[at as usize]);
        } else {
            apart.push(new);
        }
    }
    Narrowed { members, cleared, apart }
}

/// The old end, or a commit marked old, that has this cleared commit in its history.
pub(super) fn witness(graph: &Graph, field: &Field, evidence: &Evidence, at: u32) -> Option<u32> {
    let after = graph.descendants([at]);
    let own = old_commits(field, evidence).find(|&old| old == at);
    own.or_else(|| old_commits(field, evidence).find(|&old| after[old as usize]))
}

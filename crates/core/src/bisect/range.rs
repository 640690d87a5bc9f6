//! The ends of a search, how they are related, and the suspects between them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::graph::{Graph, to_index};
use crate::ids::CommitId;

/// The ends of a search: the change is in `new`, and not yet in any of `old`.
///
/// When the first bad commit is searched for, `old` is good and `new` is bad; when the first good
/// one is (`--find-fix`), it is the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    /// Commits known to be as before; at least one.
    pub old: Vec<CommitId>,
    /// The commit known to show the change.
    pub new: CommitId,
}

/// How a commit is related to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// They are the same commit.
    Same,
    /// It is an ancestor of the other.
    Ancestor,
    /// It is a descendant of the other: with the ends of a search, the other direction is meant (`--find-fix`).
    Descendant,
    /// Both have commits that the other lacks; as in `git bisect`, these merge bases must be probed, and can
    /// take the place of the old end if they are old.
    Diverged {
        /// The best common ancestors, oldest first.
        merge_bases: Vec<CommitId>,
    },
    /// They have no commit in common, as far as the graph goes.
    Unrelated,
}

/// Says why there is nothing to search between two ends.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RangeError {
    /// An end is not in the graph.
    #[error("commit {0} is not in the history that is searched")]
    NotInGraph(CommitId),
    /// There is no old end.
    #[error("no commit is known to be as before")]
    NoOldEnd,
    /// An old end is not an ancestor of the new end.
    #[error("commit {} is not an ancestor of {}: {}", old.short(), new.short(), explain(relation))]
    NotAncestor {
        /// The old end.
        old: CommitId,
        /// The new end.
        new: CommitId,
        /// How the old end is related to the new one.
        relation: Relation,
    },
}

fn explain(relation: &Relation) -> String {
    match relation {
        Relation::Same => "they are the same".to_owned(),
        Relation::Ancestor => "it is one".to_owned(),
        Relation::Descendant => "it comes after it".to_owned(),
        Relation::Diverged { merge_bases } => {
            let names: Vec<_> = merge_bases.iter().map(CommitId::short).collect();
            format!("they diverged at {}", names.join(", "))
        }
        Relation::Unrelated => "they share no history".to_owned(),
    }
}

/// Tells how `a` is related to `b`, as far as the graph goes.
///
/// # Errors
/// When one of them is not in the graph.
pub fn relation(graph: &Graph, a: &CommitId, b: &CommitId) -> Result<Relation, RangeError> {
    let find = |id: &CommitId| graph.index(id).ok_or_else(|| RangeError::NotInGraph(id.clone()));
    let (at_a, at_b) = (find(a)?, find(b)?);
    if at_a == at_b {
        return Ok(Relation::Same);
    }
    let (of_a, of_b) = (graph.ancestors([at_a]), graph.ancestors([at_b]));
    if of_b[at_a as usize] {
        return Ok(Relation::Ancestor);
    }
    if of_a[at_b as usize] {
        return Ok(Relation::Descendant);
    }
    let mut best: Vec<bool> = of_a.iter().zip(&of_b).map(|(a, b)| *a && *b).collect();
    for at in (0..graph.len()).rev().filter(|&at| of_a[at] && of_b[at]) {
        for parent in graph.parents(to_index(at)) {
            best[parent as usize] = false;
        }
    }
    let merge_bases: Vec<_> =
        (0..graph.len()).filter(|&at| best[at]).map(|at| graph.id(to_index(at)).clone()).collect();
    Ok(if merge_bases.is_empty() { Relation::Unrelated } else { Relation::Diverged { merge_bases } })
}

/// The ends as indices, and who is an ancestor of the new one.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) old: Vec<u32>,
    pub(super) new: u32,
    /// The new end and its ancestors.
    pub(super) inside: Vec<bool>,
}

impl Field {
    pub(super) fn new(graph: &Graph, ends: &Ends) -> Result<Self, RangeError> {
        let find = |id: &CommitId| graph.index(id).ok_or_else(|| RangeError::NotInGraph(id.clone()));
        let new = find(&ends.new)?;
        let inside = graph.ancestors([new]);
        if ends.old.is_empty() {
            return Err(RangeError::NoOldEnd);
        }
        let mut old = Vec::with_capacity(ends.old.len());
        for id in &ends.old {
            let at = find(id)?;
            if at == new || !inside[at as usize] {
                let relation = relation(graph, id, &ends.new)?;
                return Err(RangeError::NotAncestor { old: id.clone(), new: ends.new.clone(), relation });
            }
            old.push(at);
        }
        Ok(Self { old, new, inside })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{commit, graph_of};
    use super::*;

    #[test]
    fn relations_are_told_apart() {
        // 0 - 1 - 2, 1 - 3 - 5, 0 - 4 - 5; 9 stands alone
        let graph = graph_of(&[
            (9, vec![]),
            (5, vec![3, 4]),
            (4, vec![0]),
            (3, vec![1]),
            (2, vec![1]),
            (1, vec![0]),
            (0, vec![]),
        ]);
        let of = |a, b| relation(&graph, &commit(a), &commit(b)).unwrap();
        assert_eq!(of(1, 5), Relation::Ancestor);
        assert_eq!(of(5, 4), Relation::Descendant);
        assert_eq!(of(5, 5), Relation::Same);
        assert_eq!(of(2, 5), Relation::Diverged { merge_bases: vec![commit(1)] });
        assert_eq!(of(2, 4), Relation::Diverged { merge_bases: vec![commit(0)] });
        assert_eq!(of(9, 5), Relation::Unrelated);
        assert_eq!(relation(&graph, &commit(7), &commit(5)), Err(RangeError::NotInGraph(commit(7))));
    }

    #[test]
    fn every_old_end_must_be_an_ancestor_of_the_new_end() {
        let graph = graph_of(&[(3, vec![1]), (2, vec![1]), (1, vec![0]), (0, vec![])]);
        let ends = |old: &[u32], new| Ends { old: old.iter().map(|&n| commit(n)).collect(), new: commit(new) };
        assert!(Field::new(&graph, &ends(&[0, 1], 3)).is_ok());
        assert_eq!(Field::new(&graph, &ends(&[], 3)).unwrap_err(), RangeError::NoOldEnd);
        let error = Field::new(&graph, &ends(&[0, 2], 3)).unwrap_err();
        assert!(error.to_string().ends_with(&format!("they diverged at {}", commit(1).short())), "{error}");
        let error = Field::new(&graph, &ends(&[3], 0)).unwrap_err();
        assert!(error.to_string().ends_with("it comes after it"), "{error}");
        let error = Field::new(&graph, &ends(&[3], 3)).unwrap_err();
        assert!(error.to_string().ends_with("they are the same"), "{error}");
    }
}

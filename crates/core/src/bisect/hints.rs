//! What makes some suspects likelier than others, and how much of it is believed.
//!
//! Owns the weights that hints give, within what wrong hints may cost. Must not know where hints come from.

use std::collections::BTreeMap;

use super::graph::Graph;
use crate::ids::CommitId;

/// What speaks for commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Evaluations nearby looked at something that they change. Nearly always right: a commit that changes nothing
    /// that its parent's evaluation looked at makes no difference.
    Evaluated,
    /// The failure goes through files that they change. A guess.
    Failure,
    /// They add a line that the failure goes through. A good guess, mostly of a single commit.
    Line,
}

/// A reason to take some commits for likelier than others.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    reason: Reason,
    likely: BTreeMap<CommitId, f64>,
}

/// The share that stays spread evenly over all suspects.
const EVEN: f64 = 4.0;

/// What all hints together get at most: more than one fourth stays spread evenly, whatever they are. See [`most`].
const ALL: f64 = EVEN + 11.0;

const fn parts(reason: Reason) -> f64 {
    match reason {
        Reason::Evaluated => 7.0,
        Reason::Failure => 4.0,
        // Beside the others it gets two thirds of what there is.
        Reason::Line => 22.0,
    }
}

impl Hint {
    /// Says how likely commits are, in any unit; all others count as 0, and so does what is not finite or below 0.
    pub fn new(reason: Reason, likely: impl IntoIterator<Item = (CommitId, f64)>) -> Self {
        let likely = likely.into_iter().filter(|(_, weight)| weight.is_finite() && *weight > 0.0);
        Self { reason, likely: likely.collect() }
    }

    /// Returns what the reason is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns how many commits it makes likelier.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.likely.len()
    }

    /// Returns the commit that it makes likelier, if it is one alone.
    #[must_use]
    pub fn only(&self) -> Option<&CommitId> {
        self.likely.keys().next().filter(|_| self.likely.len() == 1)
    }

    /// Says that all of these commits are likelier than all others.
    pub fn all(reason: Reason, commits: impl IntoIterator<Item = CommitId>) -> Self {
        Self::new(reason, commits.into_iter().map(|commit| (commit, 1.0)))
    }
}

/// The most that all suspects may weigh together, so that wrong hints cost at most three probes in a line.
///
/// Without hints each of `range` commits weighs 1, and every verdict halves what is left. Weights that sum to less
/// than four times that need less than two verdicts more, and one is lost where a single commit weighs most. Hints that
/// change on the way may only use what is left of this sum: else ever new ones could mislead for ever.
#[expect(clippy::cast_precision_loss, reason = "numbers of commits")]
pub(super) fn most(range: usize, verdicts: u32) -> f64 {
    range as f64 * (ALL / EVEN) / f64::from(verdicts).exp2()
}

/// Weighs the suspects: 1 for each, and the hints' shares on top as far as `most` allows. By index; nothing where no
/// hint says anything about them.
pub(super) fn weights(graph: &Graph, members: &[u32], hints: &[Hint], most: f64) -> Option<Vec<f64>> {
    #[expect(clippy::cast_precision_loss, reason = "a number of commits")]
    let count = members.len() as f64;
    let mut shares: BTreeMap<Reason, Vec<f64>> = BTreeMap::new();
    for hint in hints {
        let share = shares.entry(hint.reason).or_insert_with(|| vec![0.0; members.len()]);
        for (share, &at) in share.iter_mut().zip(members) {
            *share += hint.likely.get(graph.id(at)).copied().unwrap_or(0.0);
        }
    }
    shares.retain(|_, share| share.iter().any(|weight| *weight > 0.0));
    let parts_of_hints: f64 = shares.keys().map(|reason| parts(*reason)).sum();
    let room = (count * parts_of_hints / EVEN).min(most - count);
    if shares.is_empty() || room <= 0.0 {
        return None;
    }
    let mut weights = vec![0.0; graph.len()];
    members.iter().for_each(|&at| weights[at as usize] = 1.0);
    for (reason, share) in shares {
        // First by the largest, as the sum of what is in any unit can be too large for a number.
        let largest = share.iter().copied().fold(0.0, f64::max);
        let sum: f64 = share.iter().map(|weight| weight / largest).sum();
        let room = room * parts(reason) / parts_of_hints;
        for (&at, weight) in members.iter().zip(&share) {
            weights[at as usize] += room * (weight / largest / sum);
        }
    }
    Some(weights)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{commit, graph_of};
    use super::*;

    fn weigh(hints: &[Hint], most: f64) -> Option<Vec<f64>> {
        let graph = graph_of(&(0..8).map(|n: u32| (n, n.checked_sub(1).into_iter().collect())).collect::<Vec<_>>());
        weights(&graph, &[4, 5, 6, 7], hints, most)
    }

    #[test]
    fn a_share_stays_even_and_the_hints_divide_the_rest() {
        let evaluated = Hint::all(Reason::Evaluated, [4, 5].map(commit));
        let failure = Hint::new(Reason::Failure, [(commit(5), 1e308), (commit(1), 9.0), (commit(6), f64::NAN)]);
        let (e, f) = (4.0 * 7.0 / 4.0, 4.0);
        assert_eq!(weigh(std::slice::from_ref(&failure), 1e9).unwrap()[4..], [1.0, 1.0 + f, 1.0, 1.0]);
        assert_eq!(weigh(&[evaluated, failure], 1e9).unwrap()[4..], [1.0 + e / 2.0, 1.0 + e / 2.0 + f, 1.0, 1.0]);
    }

    #[test]
    fn what_was_spent_is_no_longer_given() {
        let hint = || Hint::all(Reason::Failure, [commit(5)]);
        assert_eq!(weigh(&[hint()], 6.0).unwrap()[4..], [1.0, 3.0, 1.0, 1.0]);
        assert_eq!(weigh(&[hint()], 4.0), None);
        assert_eq!(weigh(&[hint()], 1.0), None);
        assert_eq!(weigh(&[Hint::all(Reason::Evaluated, [commit(0)])], 1e9), None, "it is no suspect");
        assert_eq!(weigh(&[], 1e9), None);
    }
}

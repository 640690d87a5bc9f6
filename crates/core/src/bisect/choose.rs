//! Which commit to probe next.
//!
//! Owns the halving measure and how the search keeps away from commits that were skipped.

use super::evidence::{Evidence, Mark, Narrowed};
use super::graph::{Graph, to_index};
use super::range::Field;
use super::settings::SkipPolicy;
use super::shares::{shares, splitters};

/// The share of the suspects at which the chance that a neighbour of a skipped commit can be
/// probed is taken to be one half.
const SHADOW: f64 = 1.0 / 16.0;

/// The factor for a commit between two that were skipped for the same reason.
const SAME_REASON: f64 = 0.1;

/// How many commits beside the suspects may be skipped before no more of them are tried.
const ASIDE: usize = 8;

/// A commit to probe, and the probability that it shows the change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice {
    pub(super) at: u32,
    pub(super) new: f64,
}

/// All that a choice depends on.
pub(super) struct Situation<'a> {
    pub(super) graph: &'a Graph,
    pub(super) field: &'a Field,
    pub(super) evidence: &'a Evidence,
    pub(super) narrowed: &'a Narrowed,
    /// By index; `None` when all commits weigh the same.
    pub(super) prior: Option<&'a [f64]>,
    /// Commits to be probed before all others; empty for none.
    pub(super) preferred: &'a [bool],
    pub(super) skips: SkipPolicy,
}

impl Situation<'_> {
    /// Returns the suspects' weights.
    pub(super) fn weights(&self) -> Vec<f64> {
        self.narrowed.members.iter().map(|&at| self.prior.map_or(1.0, |prior| prior[at as usize])).collect()
    }

    /// Chooses the most informative probe; `None` when no probe can narrow the suspects.
    pub(super) fn choose(&self) -> Option<Choice> {
        let members = &self.narrowed.members;
        if let [only] = members[..] {
            // It is new by all that is known; see it, unless that was done.
            let seen = only == self.field.new || self.evidence.contains_key(&only);
            return (!seen).then_some(Choice { at: only, new: 1.0 });
        }
        let weights = self.weights();
        let assumed = self.assumed_skipped();
        let is_open =
            |at: u32| at != self.field.new && !self.evidence.contains_key(&at) && assumed.binary_search(&at).is_err();
        if !members.iter().any(|&at| is_open(at)) {
            return self.choose_aside(&weights);
        }
        let total: f64 = weights.iter().sum();
        let shares = shares(self.graph, members, &weights);
        let shadows = self.shadows(&weights, total);
        let best_of = |wanted: &dyn Fn(u32) -> bool| {
            let mut best: Option<(f64, Choice)> = None;
            for (position, &at) in members.iter().enumerate().filter(|entry| is_open(*entry.1) && wanted(*entry.1)) {
                let share = shares[position];
                let value =
                    information(share.min(total - share) / total) * shadows.as_ref().map_or(1.0, |s| s[position]);
                // Of equals the older one: it is less likely to show the change, which is what costs time and memory.
                if best.is_none_or(|(most, _)| value > most) {
                    best = Some((value, Choice { at, new: (share / total).clamp(0.0, 1.0) }));
                }
            }
            best
        };
        let last = members[members.len() - 1];
        let heaviest = self.heaviest(&weights, total).filter(|_| shadows.is_none());
        let beside = |at: u32| heaviest.is_some_and(|most| at == most || self.graph.parents(most).any(|up| up == at));
        let best = best_of(&|at| at != last && self.preferred.get(at as usize).copied().unwrap_or(false))
            .or_else(|| best_of(&beside).filter(|(value, _)| *value > 0.0))
            .or_else(|| best_of(&|_| true));
        best.map(|(_, choice)| choice)
    }

    /// The suspect that weighs at least as much as all others together, if there is one. It and its parents tell whether
    /// it made the change; what is wrong with it then takes half of the weight away. On a line one of them is nearest to
    /// the middle anyway; with side branches another commit can be nearer, and tells nothing about this one.
    fn heaviest(&self, weights: &[f64], total: f64) -> Option<u32> {
        self.prior?;
        let position = weights.iter().position(|weight| weight * 2.0 >= total)?;
        Some(self.narrowed.members[position])
    }

    /// Chooses a commit that is no suspect, but has only some of the suspects in its history.
    fn choose_aside(&self, weights: &[f64]) -> Option<Choice> {
        let range: Vec<u32> = (0..self.graph.len())
            .filter(|&at| self.field.inside[at] && !self.narrowed.cleared[at])
            .map(to_index)
            .collect();
        let total: f64 = weights.iter().sum();
        let found = splitters(self.graph, &range, &self.narrowed.members, weights);
        let (skipped, open): (Vec<_>, Vec<_>) = found
            .into_iter()
            .filter(|(at, _)| *at != self.field.new && self.narrowed.members.binary_search(at).is_err())
            .partition(|(at, _)| self.evidence.contains_key(at));
        if self.skips == SkipPolicy::Regions && skipped.len() >= ASIDE {
            return None;
        }
        let mut best: Option<(f64, Choice)> = None;
        for (at, share) in open {
            let value = information(share.min(total - share) / total);
            if best.is_none_or(|(most, _)| value > most) {
                best = Some((value, Choice { at, new: (share / total).clamp(0.0, 1.0) }));
            }
        }
        best.map(|(_, choice)| choice)
    }

    /// The positions of skipped suspects with their reasons.
    fn skipped(&self) -> Vec<(usize, &str)> {
        let members = &self.narrowed.members;
        let marks = self.evidence.iter().filter_map(|(at, mark)| match mark {
            Mark::Skip(reason) => members.binary_search(at).ok().map(|position| (position, reason.as_str())),
            Mark::Old | Mark::New => None,
        });
        marks.collect()
    }

    /// For each suspect the chance that it can be probed, from how far away skipped ones are; `None` without skips.
    ///
    /// The distance is measured in the suspects' order by weight, so that the steps away from a region that
    /// cannot be probed are large while there are many suspects, and become small at its borders.
    fn shadows(&self, weights: &[f64], total: f64) -> Option<Vec<f64>> {
        let skipped = self.skipped();
        if skipped.is_empty() {
            return None;
        }
        let mut places = Vec::with_capacity(weights.len());
        let mut sum = 0.0;
        for weight in weights {
            sum += weight / total;
            places.push(sum);
        }
        let chance = |from: usize, to: usize| {
            let distance = (places[to] - places[from]).abs();
            distance / (distance + SHADOW)
        };
        let mut shadows = vec![1.0; weights.len()];
        for (nth, &(position, reason)) in skipped.iter().enumerate() {
            let next = skipped.get(nth + 1);
            let end = next.map_or(weights.len(), |next| next.0);
            let start = if nth == 0 { 0 } else { position };
            for (other, shadow) in shadows.iter_mut().enumerate().take(end).skip(start) {
                *shadow *= chance(position, other);
                if let Some(next) = next.filter(|_| other > position) {
                    *shadow *= chance(other, next.0) * if next.1 == reason { SAME_REASON } else { 1.0 };
                }
            }
        }
        Some(shadows)
    }

    /// The suspects that are not probed, because they lie between commits skipped for the same reason.
    ///
    /// A run of N suspects counts as one region when at least 3 + log2 N of them were probed, and every
    /// one was skipped for the same reason. Only commits on a path between two skipped neighbours belong to it.
    pub(super) fn assumed_skipped(&self) -> Vec<u32> {
        let mut assumed = Vec::new();
        if self.skips == SkipPolicy::Exhaustive {
            return assumed;
        }
        let skipped = self.skipped();
        for run in skipped.chunk_by(|a, b| a.1 == b.1) {
            let span = run[run.len() - 1].0 - run[0].0 + 1;
            if run.len() < 3 + span.next_power_of_two().ilog2() as usize {
                continue;
            }
            for pair in run.windows(2) {
                assumed.extend(self.between(pair[0].0, pair[1].0));
            }
        }
        assumed
    }

    /// The suspects on a path from one position to a later one, without these two.
    fn between(&self, from: usize, to: usize) -> Vec<u32> {
        let members = &self.narrowed.members[from..=to];
        let place = |at: u32| members.binary_search(&at).ok();
        let mut after = vec![false; members.len()];
        let mut before = vec![false; members.len()];
        after[0] = true;
        before[members.len() - 1] = true;
        for position in 1..members.len() {
            after[position] = self.graph.parents(members[position]).filter_map(place).any(|parent| after[parent]);
        }
        for position in (1..members.len()).rev().filter(|&position| after[position]) {
            if before[position] {
                for parent in self.graph.parents(members[position]).filter_map(place) {
                    before[parent] = true;
                }
            }
        }
        (1..members.len() - 1).filter(|&p| after[p] && before[p]).map(|p| members[p]).collect()
    }
}

/// The information in bits that a probe gives which shows the change with this probability.
fn information(chance: f64) -> f64 {
    if chance <= 0.0 || chance >= 1.0 {
        return 0.0;
    }
    -(chance * chance.log2() + (1.0 - chance) * (1.0 - chance).log2())
}

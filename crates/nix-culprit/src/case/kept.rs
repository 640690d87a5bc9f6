//! Finished fast probes with all that they looked at, and which other ones they settle. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use nix_culprit_core::flake::InputsTable;
use nix_culprit_core::ids::{CommitId, NodeKey};
use nix_culprit_core::outcome::{Class, Kill, Observation};
use nix_culprit_core::quantity::Bytes;

use super::assignment::Assignment;
use super::evaluator::{Settled, Target};
use super::trees::LookedAt;

/// What a fast probe is asked, apart from which commits its folders show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    table: InputsTable,
    clones: BTreeMap<NodeKey, PathBuf>,
    target: Target,
}

impl Asked {
    /// Takes the commits out of an assignment.
    pub(super) fn of(assignment: &Assignment, target: &Target) -> Option<(Self, BTreeMap<NodeKey, CommitId>)> {
        let mut table = assignment.lock.inputs_table().ok()?;
        let mut commits = BTreeMap::new();
        for (key, node) in table.nodes.iter_mut().filter(|(key, _)| **key != table.root) {
            if assignment.clones.contains_key(key) {
                commits.insert(key.clone(), assignment.lock.locked(key).ok()?.rev()?);
                node.fetch = None;
            }
        }
        Some((Self { table, clones: assignment.clones.clone(), target: target.clone() }, commits))
    }
}

/// A finished fast probe.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) asked: Asked,
    pub(super) memory: Bytes,
    pub(super) looked_at: BTreeMap<NodeKey, LookedAt>,
    pub(super) observation: Observation,
}

/// All finished fast probes of a run, oldest first.
#[derive(Debug, Default)]
pub(super) struct AllKept(Vec<Kept>);

impl AllKept {
    /// Keeps a probe.
    pub(super) fn keep(&mut self, kept: Kept) {
        self.0.push(kept);
    }

    /// Finds a probe that settles another one: all but one folder shows the same commit, and what it looked at in
    /// that one looks alike in the other commit.
    ///
    /// Comparing costs time where commits are far apart: only the newest of each kind of end is compared.
    pub(super) fn settle(
        &self,
        (asked, commits): &(Asked, BTreeMap<NodeKey, CommitId>),
        memory: Bytes,
        looks_alike: impl Fn(&PathBuf, &LookedAt, &CommitId) -> bool,
    ) -> Option<Settled> {
        let mut tried: Vec<Class> = Vec::new();
        for kept in self.0.iter().rev() {
            let class = kept.observation.outcome.class;
            if kept.asked != *asked || !same_within(&kept.observation, kept.memory, memory) || tried.contains(&class) {
                continue;
            }
            let mut moved = kept.looked_at.iter().filter(|(key, seen)| commits.get(*key) != Some(&seen.commit));
            let (Some((key, seen)), None) = (moved.next(), moved.next()) else { continue };
            tried.push(class);
            if let (Some(clone), Some(commit)) = (asked.clones.get(key), commits.get(key))
                && looks_alike(clone, seen, commit)
            {
                // It took no time, and the derivation can hold the name of the folder.
                let seen_there = kept.observation.clone();
                let observation = Observation { wall: Duration::ZERO, curve: Vec::new(), drv_path: None, ..seen_there };
                return Some(Settled { by: seen.commit.clone(), observation });
            }
        }
        None
    }
}

/// Tells whether an end was reached for the code's sake alone, so that it is reached again where all is alike.
pub(super) const fn is_repeatable(class: Class, kill: Option<Kill>) -> bool {
    match class {
        Class::Success
        | Class::InfiniteRecursion
        | Class::CallDepth
        | Class::StackOverflow
        | Class::EvaluationError
        | Class::Refused
        | Class::NixTooOld => kill.is_none(),
        Class::OutOfMemory => matches!(kill, Some(Kill::Memory)),
        Class::FetchFailure
        | Class::HashMismatch
        | Class::BuildFailure
        | Class::ImportFromDerivation
        | Class::TimeOut
        | Class::Interrupted
        | Class::NixUnusable
        | Class::Killed => false,
    }
}

/// Tells whether a probe ends in the same way with another budget of memory.
fn same_within(seen: &Observation, ran: Bytes, wanted: Bytes) -> bool {
    match seen.outcome.class {
        // What grew to a budget grew through every smaller one.
        Class::OutOfMemory => wanted <= ran,
        // Twice what it needed: it is not the same to the byte in every run.
        _ => wanted >= ran || seen.peak.percent(200) <= wanted,
    }
}

#[cfg(test)]
mod tests;

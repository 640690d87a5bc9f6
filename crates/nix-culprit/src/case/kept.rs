//! Finished fast probes with all that they looked at, and which other ones they settle.
//!
//! Owns the file in the case that keeps them for a resumed run. Draws its conclusions from them alone.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::event::Mode;
use nix_culprit_core::flake::InputsTable;
use nix_culprit_core::ids::{CommitId, NodeKey};
use nix_culprit_core::outcome::{Class, Kill, Observation};
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::read_set::Reads;

use serde::{Deserialize, Serialize};

use super::assignment::Assignment;
use super::evaluator::{Settled, Target};
use super::trees::LookedAt;

/// What a fast probe is asked, apart from which commits its folders show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) asked: Asked,
    pub(super) memory: Bytes,
    pub(super) looked_at: BTreeMap<NodeKey, LookedAt>,
    pub(super) observation: Observation,
    /// In which way it was asked: only what a fast one looked at settles others.
    #[serde(default = "fast")]
    pub(super) mode: Mode,
}

/// The only way of which anything was kept once.
const fn fast() -> Mode {
    Mode::Fast
}

/// All finished fast probes of a case, oldest first.
#[derive(Debug, Default)]
pub(super) struct AllKept {
    all: Vec<Kept>,
    file: Option<File>,
}

impl AllKept {
    /// Begins with what a file has, one probe a line, and keeps what comes in it. Without it, an interrupted case goes
    /// on knowing less: so what cannot be read or written is passed over.
    pub(super) fn open(path: &Path) -> Self {
        let text = fs::read(path).unwrap_or_default();
        let all = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Self { all, file: OpenOptions::new().create(true).append(true).open(path).ok() }
    }

    /// Keeps a probe.
    pub(super) fn keep(&mut self, kept: Kept) {
        // Names of files that are no text cannot be written.
        if let (Some(file), Ok(line)) = (&mut self.file, serde_json::to_string(&kept)) {
            // Led by a line end too, as the last run may have been killed in the middle of a line.
            let written = file.write_all(format!("\n{line}\n").as_bytes());
            if written.is_err() {
                self.file = None;
            }
        }
        self.all.push(kept);
    }

    /// Returns how many there are.
    pub(super) const fn count(&self) -> usize {
        self.all.len()
    }

    /// Returns the first that was kept after there were so many.
    pub(super) fn since(&self, count: usize) -> Option<&Kept> {
        self.all.get(count)
    }

    /// Returns what the newest probe that was shown a commit of a clone looked at in it.
    pub(super) fn reads(&self, clone: &Path, commit: &CommitId) -> Option<&Reads> {
        self.all.iter().rev().find_map(|kept| {
            let is_it = |(key, seen): &(&NodeKey, &LookedAt)| {
                seen.commit == *commit && kept.asked.clones.get(*key).is_some_and(|other| other == clone)
            };
            kept.looked_at.iter().find(is_it).map(|(_, seen)| &seen.reads)
        })
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
        for kept in self.all.iter().rev() {
            let class = kept.observation.outcome.class;
            if kept.mode != Mode::Fast
                || kept.asked != *asked
                || !same_within(&kept.observation, kept.memory, memory)
                || tried.contains(&class)
            {
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
                let observation =
                    Observation { wall: Duration::ZERO, cpu: None, curve: Vec::new(), drv_path: None, ..seen_there };
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
pub(super) fn same_within(seen: &Observation, ran: Bytes, wanted: Bytes) -> bool {
    match seen.outcome.class {
        // What grew to a budget grew through every smaller one.
        Class::OutOfMemory => wanted <= ran,
        // Twice what it needed: it is not the same to the byte in every run.
        _ => wanted >= ran || seen.peak.percent(200) <= wanted,
    }
}

#[cfg(test)]
mod tests;

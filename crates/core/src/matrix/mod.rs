//! Evaluations under many conditions, as a table: what was seen in each cell, and which axes matter.
//!
//! Owns the table, its reading and its texts. Must not run anything.

mod render;

pub use render::{document, markdown, plain};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::outcome::{Class, Observation};

/// The name of the axis of Nix versions, which become the columns of the table.
pub const NIX: &str = "nix";

/// One condition that is varied, such as the version of Nix or the state of an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axis {
    /// What is varied: [`NIX`], the path of an input, `lock`, or a follows.
    pub name: String,
    /// What it can be, such as `good` and `bad`.
    pub levels: Vec<String>,
}

/// One evaluation to make: a level on each axis, in their order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Spot(pub Vec<usize>);

/// What came of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Seen {
    /// Nix was asked.
    Observed {
        /// What was seen.
        observation: Box<Observation>,
    },
    /// It could not be looked at.
    Missed {
        /// Why.
        why: String,
    },
}

impl Seen {
    /// Returns the kind of end, if it says something about the evaluated code.
    #[must_use]
    pub fn class(&self) -> Option<Class> {
        match self {
            Self::Missed { .. } => None,
            Self::Observed { observation } => match observation.outcome.class {
                Class::FetchFailure | Class::HashMismatch | Class::Interrupted | Class::NixUnusable | Class::Killed => {
                    None
                }
                class => Some(class),
            },
        }
    }
}

/// Evaluations under many conditions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    /// What is evaluated.
    pub target: String,
    /// What the levels of the axes mean, in a line each.
    pub notes: Vec<String>,
    /// The conditions that are varied.
    pub axes: Vec<Axis>,
    /// The evaluations, in the order of the table.
    pub spots: Vec<Spot>,
    /// What came of those that are done.
    pub seen: BTreeMap<Spot, Seen>,
}

/// What an axis does to the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Effect {
    /// The axis.
    pub axis: String,
    /// Pairs of cells that differ on this axis alone, and say something about the code.
    pub pairs: usize,
    /// Those of them that came to different ends.
    pub differing: usize,
}

/// Returns every combination of levels, the last axis varying fastest.
#[must_use]
pub fn combinations(axes: &[Axis]) -> Vec<Spot> {
    axes.iter().fold(vec![Spot(Vec::new())], |spots, axis| {
        let with = |spot: &Spot, level| Spot(spot.0.iter().copied().chain([level]).collect());
        spots.iter().flat_map(|spot| (0..axis.levels.len()).map(move |level| with(spot, level))).collect()
    })
}

impl Matrix {
    /// Says for each axis with several levels what it does to the outcome.
    #[must_use]
    pub fn effects(&self) -> Vec<Effect> {
        let several = self.axes.iter().enumerate().filter(|(_, axis)| axis.levels.len() > 1);
        several.map(|(at, axis)| self.effect(at, axis)).collect()
    }

    fn effect(&self, at: usize, axis: &Axis) -> Effect {
        // All else alike: by the levels on the other axes.
        let mut alike: BTreeMap<Vec<usize>, BTreeMap<Class, usize>> = BTreeMap::new();
        for (Spot(levels), seen) in &self.seen {
            let Some(class) = seen.class() else { continue };
            let mut others = levels.clone();
            others.remove(at);
            *alike.entry(others).or_default().entry(class).or_default() += 1;
        }
        let of = |count: usize| count * count.saturating_sub(1) / 2;
        let (mut pairs, mut same) = (0, 0);
        for ends in alike.values() {
            pairs += of(ends.values().sum());
            same += ends.values().copied().map(of).sum::<usize>();
        }
        Effect { axis: axis.name.clone(), pairs, differing: pairs - same }
    }

    /// Tells whether every cell says something about the code.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.spots.iter().all(|spot| self.seen.get(spot).is_some_and(|seen| seen.class().is_some()))
    }

    /// Returns the name of a level.
    fn level(&self, spot: &Spot, axis: usize) -> &str {
        let level = spot.0.get(axis).and_then(|level| self.axes.get(axis)?.levels.get(*level));
        level.map_or("", String::as_str)
    }

    /// Names a spot by its levels on all axes but the one of Nix versions.
    #[must_use]
    pub fn row(&self, spot: &Spot) -> String {
        let varying = self.axes.iter().enumerate().filter(|(_, axis)| axis.name != NIX);
        let words: Vec<String> = varying.map(|(at, axis)| format!("{} {}", axis.name, self.level(spot, at))).collect();
        if words.is_empty() { "as locked".to_owned() } else { words.join(", ") }
    }

    /// Names the Nix version of a spot.
    #[must_use]
    pub fn nix(&self, spot: &Spot) -> &str {
        self.axes.iter().position(|axis| axis.name == NIX).map_or("nix", |at| self.level(spot, at))
    }
}

#[cfg(test)]
mod tests;

//! A cycle: the part of an evaluation's stack that repeats.
//!
//! Owns what a cycle is and when two are the same. Finding one is `detect`'s part.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::frame::Frame;
use crate::outcome::Position;

/// One derivation of a cycle, or one function where a cycle has no derivations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// The derivation's name, or what is called.
    pub name: String,
    /// Where the stack has it: in a trace and with our tracer the place of the derivation's name; in a profile a
    /// place within Nix, which says nothing.
    pub position: Option<Position>,
    /// The attribute of it whose evaluation led to the next step, such as `nativeBuildInputs`, where it was told.
    pub attribute: Option<String>,
    /// The frames between this step and the next one, from outer to inner: how it led there.
    pub frames: Vec<Frame>,
    /// Derivations that were seen between this step and the next one in some turns, but not in all.
    pub sometimes: Vec<String>,
}

/// The repeating part of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cycle {
    /// One turn, from outer to inner, beginning where the repetition begins; the last step leads to the first.
    pub turn: Vec<Step>,
    /// How often the stack holds the turn.
    pub repetitions: Repetitions,
    /// How many steps lie outside of the repetition, on its outer side.
    pub head: usize,
    /// How many steps lie outside of the repetition, on its inner side.
    pub tail: usize,
}

/// How often a turn is on a stack, in hundredths: the last turn can be begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Repetitions(u64);

impl Repetitions {
    /// Returns how often a turn of `period` steps is in `steps` steps.
    ///
    /// # Panics
    ///
    /// If `period` is 0.
    #[must_use]
    pub const fn of(steps: usize, period: usize) -> Self {
        Self((steps as u64).saturating_mul(100) / period as u64)
    }

    /// Returns that many whole turns.
    #[must_use]
    pub const fn turns(turns: u64) -> Self {
        Self(turns.saturating_mul(100))
    }

    /// Returns the number of whole turns.
    #[must_use]
    pub const fn whole(self) -> u64 {
        self.0 / 100
    }

    /// Returns the repetitions in hundredths.
    pub(super) const fn hundredths(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Repetitions {
    /// Shows the whole turns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.whole())
    }
}

impl Cycle {
    /// Returns how many steps one turn has.
    #[must_use]
    pub fn period(&self) -> usize {
        self.turn.len()
    }

    /// Returns the names of one turn, in stack order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.turn.iter().map(|step| step.name.as_str())
    }

    /// Tells whether two cycles are the same loop, wherever each one begins. Steps that one of them lacks, because
    /// it was not in every turn that was seen, do not matter as long as more than half of the longer one is common.
    #[must_use]
    pub fn is_same_loop(&self, other: &Self) -> bool {
        let (short, long) = if self.period() <= other.period() { (self, other) } else { (other, self) };
        let (short, long): (Vec<&str>, Vec<&str>) = (short.names().collect(), long.names().collect());
        !short.is_empty()
            && (short.len() == long.len() || short.len() * 2 > long.len())
            && (0..long.len()).any(|start| {
                let mut rotated = long[start..].iter().chain(&long[..start]);
                short.iter().all(|name| rotated.any(|other| other == name))
            })
    }

    /// Begins the turn at the step with the smallest name, so that two equal loops look alike.
    #[must_use]
    pub fn rotated(mut self) -> Self {
        let names: Vec<&str> = self.names().collect();
        let turned = |start: &usize| names[*start..].iter().chain(&names[..*start]).copied().collect::<Vec<_>>();
        let start = (0..names.len()).min_by_key(turned).unwrap_or(0);
        self.turn.rotate_left(start);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(names: &str) -> Cycle {
        let step = |name: &str| Step {
            name: name.to_owned(),
            position: None,
            attribute: None,
            frames: Vec::new(),
            sometimes: Vec::new(),
        };
        let turn = names.split_terminator(' ').map(step).collect();
        Cycle { turn, repetitions: Repetitions::turns(3), head: 0, tail: 0 }
    }

    #[test]
    fn loops_are_the_same_up_to_where_they_begin() {
        for (one, other, expected) in [
            ("a b c", "a b c", true),
            ("a b c", "c a b", true),
            ("a b c", "a c b", false),
            ("a b c", "a b", true),
            ("a b", "c a b", true),
            ("a b c d", "a b", false),
            ("a b c d e", "d e a", true),
            ("a", "b", false),
            ("", "", false),
            ("a a b", "a b a", true),
        ] {
            assert_eq!(cycle(one).is_same_loop(&cycle(other)), expected, "{one} and {other}");
            assert_eq!(cycle(other).is_same_loop(&cycle(one)), expected, "{other} and {one}");
        }
    }

    #[test]
    fn a_loop_can_begin_at_its_smallest_name() {
        for (names, expected) in [("c a b", "a b c"), ("b a a c", "a a c b"), ("x", "x"), ("", "")] {
            assert_eq!(cycle(names).rotated(), cycle(expected));
        }
    }

    #[test]
    fn a_turn_that_is_only_begun_does_not_count_as_one() {
        assert_eq!(Repetitions::of(17, 5).to_string(), "3");
        assert!(Repetitions::of(17, 5) > Repetitions::of(16, 5));
        assert!(Repetitions::of(14, 5) < Repetitions::turns(3));
    }
}

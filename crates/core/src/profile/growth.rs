//! How a cycle grows while an evaluation runs, or with the depth that it is allowed.
//!
//! Owns the step from stacks seen one after the other to a suspicion or its confirmation. Must not find cycles
//! itself, and must not claim more than was seen: nothing is ever infinite.

use serde::{Deserialize, Serialize};

use super::cycle::{Cycle, Repetitions};
use crate::quantity::Bytes;

/// What was known besides the stack when it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mark {
    /// The memory in use.
    pub memory: Option<Bytes>,
    /// The limit of the call depth that the stack ended at.
    pub call_depth: Option<u32>,
}

/// The cycle on one stack, or that there was none, with what was known then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// The cycle.
    pub cycle: Option<Cycle>,
    /// What was known besides.
    pub mark: Mark,
}

/// How often the cycle was on the stack at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Point {
    /// How often the turn was on the stack.
    pub repetitions: Repetitions,
    /// What was known besides.
    pub mark: Mark,
}

/// A cycle that was on the stack, but was not seen to grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Suspicion {
    /// The cycle with the most repetitions.
    pub cycle: Cycle,
    /// When it was seen.
    pub points: Vec<Point>,
}

/// A cycle that was seen to grow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Confirmed {
    /// The cycle with the most repetitions.
    pub cycle: Cycle,
    /// How it grew: each point has more repetitions than the one before, and more memory or a greater call depth.
    pub points: Vec<Point>,
}

/// What stacks seen one after the other say about a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// No cycle was on any of them.
    Nothing,
    /// There was one.
    Suspected(Suspicion),
    /// There was one, and it grew.
    Confirmed(Confirmed),
}

/// So many points of growth confirm a cycle.
const POINTS: usize = 3;
/// So many rungs of one loop are kept: the first ones and the latest one.
const KEPT: usize = 256;
/// So many different loops are kept.
const LOOPS: usize = 16;

/// Collects what was seen over flushes of a profile, rungs of a ladder of call depths, or a tracer's lines.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    loops: Vec<Loop>,
}

#[derive(Debug, Clone)]
struct Loop {
    longest: Cycle,
    points: Vec<Point>,
}

impl Growth {
    /// Takes the next stack's cycle, and tells what is known now.
    pub fn push(&mut self, rung: Rung) -> Finding {
        if let Some(cycle) = rung.cycle {
            let point = Point { repetitions: cycle.repetitions, mark: rung.mark };
            match self.loops.iter().position(|known| known.longest.is_same_loop(&cycle)) {
                Some(at) => self.loops[at].push(cycle, point),
                None if self.loops.len() < LOOPS => self.loops.push(Loop { longest: cycle, points: vec![point] }),
                None => {}
            }
        }
        self.finding()
    }

    /// Tells what is known so far: of several loops the one that grew, else the one that is on the stack most.
    #[must_use]
    pub fn finding(&self) -> Finding {
        let grown = self.loops.iter().map(|known| (known, known.grown())).filter(|(_, grown)| grown.len() >= POINTS);
        if let Some((known, points)) = grown.max_by_key(|(known, _)| known.longest.repetitions) {
            return Finding::Confirmed(Confirmed { cycle: known.longest.clone(), points });
        }
        match self.loops.iter().max_by_key(|known| known.longest.repetitions) {
            Some(known) => Finding::Suspected(Suspicion { cycle: known.longest.clone(), points: known.points.clone() }),
            None => Finding::Nothing,
        }
    }
}

impl Loop {
    fn push(&mut self, cycle: Cycle, point: Point) {
        if cycle.repetitions > self.longest.repetitions {
            self.longest = cycle;
        }
        if self.points.len() == KEPT {
            self.points.pop();
        }
        self.points.push(point);
    }

    /// Returns the points at which the loop was on the stack more often than ever before, as long as memory or the
    /// allowed depth rose with it.
    fn grown(&self) -> Vec<Point> {
        let mut grown: Vec<Point> = Vec::new();
        for point in &self.points {
            if grown.last().is_none_or(|last| is_growth(last, point)) {
                grown.push(*point);
            }
        }
        grown
    }
}

fn is_growth(from: &Point, to: &Point) -> bool {
    let (before, after) = (from.repetitions.hundredths(), to.repetitions.hundredths());
    if let (Some(shallow), Some(deep)) = (from.mark.call_depth, to.mark.call_depth) {
        // What is merely deep needs no more turns when it may go deeper. Half of what would be proportional is
        // enough: the head takes its part of the depth, and what a turn takes of it can vary.
        let (shallow, deep) = (u128::from(shallow), u128::from(deep));
        let (more, needed) = (u128::from(after.saturating_sub(before)) * shallow * 2, u128::from(before));
        return deep > shallow && more >= needed * (deep - shallow);
    }
    let rises = match (from.mark.memory, to.mark.memory) {
        (Some(before), Some(after)) => after > before,
        (None, _) | (_, None) => false,
    };
    // Less than a turn more is the same turn.
    rises && after >= before + 100
}

#[cfg(test)]
mod tests {
    use super::super::cycle::Step;
    use super::*;

    fn cycle(names: &str, turns: u64) -> Cycle {
        let step = |name: char| Step {
            name: name.to_string(),
            position: None,
            attribute: None,
            frames: Vec::new(),
            sometimes: Vec::new(),
        };
        Cycle { turn: names.chars().map(step).collect(), repetitions: Repetitions::turns(turns), head: 0, tail: 0 }
    }

    fn memory(names: &str, turns: u64, mib: u64) -> Rung {
        let mark = Mark { memory: Some(Bytes(mib << 20)), call_depth: None };
        Rung { cycle: (turns > 0).then(|| cycle(names, turns)), mark }
    }

    fn depth(turns: u64, call_depth: u32) -> Rung {
        let mark = Mark { memory: None, call_depth: Some(call_depth) };
        Rung { cycle: (turns > 0).then(|| cycle("abc", turns)), mark }
    }

    fn kind(rungs: impl IntoIterator<Item = Rung>) -> &'static str {
        let mut growth = Growth::default();
        for rung in rungs {
            growth.push(rung);
        }
        match growth.finding() {
            Finding::Nothing => "nothing",
            Finding::Suspected(_) => "suspected",
            Finding::Confirmed(_) => "confirmed",
        }
    }

    #[test]
    fn a_cycle_is_confirmed_when_it_grows_with_memory() {
        assert_eq!(kind([]), "nothing");
        assert_eq!(kind([memory("abc", 0, 100)]), "nothing");
        assert_eq!(kind([memory("abc", 4, 100), memory("bca", 9, 200)]), "suspected");
        assert_eq!(kind([memory("abc", 4, 100), memory("bca", 9, 200), memory("cab", 12, 300)]), "confirmed");
    }

    #[test]
    fn a_cycle_that_stays_or_needs_no_memory_is_only_suspected() {
        assert_eq!(kind([100, 200, 300, 400].map(|mib| memory("abc", 4, mib))), "suspected");
        assert_eq!(kind([4, 6, 8, 10].map(|turns| memory("abc", turns, 100))), "suspected");
        assert_eq!(kind([4, 6, 8].map(|turns| Rung { mark: Mark::default(), ..memory("abc", turns, 0) })), "suspected");
    }

    #[test]
    fn different_loops_do_not_add_up() {
        assert_eq!(kind([memory("abc", 4, 100), memory("abd", 9, 200), memory("xyz", 12, 300)]), "suspected");
    }

    #[test]
    fn a_stack_that_is_short_for_a_moment_does_not_matter() {
        let rungs = [memory("abc", 4, 100), memory("abc", 0, 150), memory("abc", 3, 180), memory("abc", 9, 200)];
        assert_eq!(kind(rungs.into_iter().chain([memory("abc", 12, 300)])), "confirmed");
    }

    #[test]
    fn a_cycle_is_confirmed_when_it_scales_with_the_call_depth() {
        assert_eq!(kind([depth(10, 300), depth(20, 600), depth(34, 1000)]), "confirmed");
        assert_eq!(kind([depth(0, 300), depth(4, 600), depth(9, 1000), depth(22, 2000)]), "confirmed");
        assert_eq!(kind([depth(10, 300), depth(11, 600), depth(12, 1000)]), "suspected");
        assert_eq!(kind([depth(10, 300), depth(34, 1000)]), "suspected");
    }

    #[test]
    fn what_is_told_is_how_it_grew() {
        let mut growth = Growth::default();
        for (turns, mib) in [(4, 100), (3, 150), (9, 200), (9, 250), (23, 300)] {
            growth.push(memory("abc", turns, mib));
        }
        let Finding::Confirmed(confirmed) = growth.finding() else { panic!("it grew") };
        assert_eq!(confirmed.points.iter().map(|point| point.repetitions.whole()).collect::<Vec<_>>(), [4, 9, 23]);
        assert_eq!(confirmed.cycle.repetitions.whole(), 23);
    }

    #[test]
    fn an_evaluation_that_goes_on_for_long_takes_no_more_memory() {
        let mut growth = Growth::default();
        for at in 0..2000 {
            growth.push(memory("abc", 4, at));
        }
        assert_eq!(growth.loops[0].points.len(), KEPT);
        for at in 0..2000u32 {
            growth.push(memory(&char::from_u32(0x4e00 + at).unwrap().to_string(), 16, 1));
        }
        assert_eq!(growth.loops.len(), LOOPS);
    }
}

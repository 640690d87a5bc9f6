//! Finding the cycle on a stack.
//!
//! Owns what counts as a cycle of derivations, and of calls where there are no derivations, and what lies between
//! two steps. One stack proves nothing: see `growth`.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::cycle::{Cycle, Repetitions, Step};
use super::frame::{Frame, FrameId, Frames, Stack, What};
use super::repeat::{Limits, Repeat, find_repeat, prefix_within};

/// Measured on healthy package sets: at most 2.0 repetitions, and 35 derivations within each other.
const DERIVATIONS: Limits =
    Limits { period: 64, of_one: Repetitions::turns(16), of_more: Repetitions::turns(3), uneven: 4 };
/// Functions call themselves in healthy code, too: nothing but a suspicion can come of it.
const CALLS: Limits =
    Limits { period: 256, of_one: Repetitions::turns(32), of_more: Repetitions::turns(16), uneven: 16 };
/// Only so many calls, the innermost ones, are looked at.
const MOST_CALLS: usize = 1 << 17;

/// So many turns, the innermost ones, are looked at to tell what lies between two steps.
const TURNS: usize = 32;
/// So many frames between two steps are told: the first half and the last half of them.
const MOST_FRAMES: usize = 64;
/// So many derivations that only some turns have are told for each step.
const MOST_SOMETIMES: usize = 8;

/// Finds the cycle of derivations on a stack, if there is one.
#[must_use]
pub fn find_cycle(stack: &Stack, frames: &Frames) -> Option<Cycle> {
    let derivations = stack.derivations(frames);
    let names: Vec<u32> = derivations.iter().map(|(_, name)| name.0).collect();
    let places: Vec<usize> = derivations.iter().map(|(at, _)| *at).collect();
    let repeat = find_repeat(&names, DERIVATIONS)?;
    Some(Told { stack: &stack.0, frames, items: &names, places: &places, repeat: &repeat }.cycle())
}

/// Finds the cycle of calls on a stack, of whatever kind; for an end that has no derivations to tell it by.
#[must_use]
pub fn find_cycle_of_calls(stack: &Stack, frames: &Frames) -> Option<Cycle> {
    let skipped = stack.0.len().saturating_sub(MOST_CALLS);
    let stack = &stack.0[skipped..];
    let items: Vec<u32> = stack.iter().map(|id| id.0).collect();
    let places: Vec<usize> = (0..stack.len()).collect();
    let repeat = find_repeat(&items, CALLS)?;
    let mut cycle = Told { stack, frames, items: &items, places: &places, repeat: &repeat }.cycle();
    cycle.head += skipped;
    Some(cycle)
}

/// A repeat with all that is needed to tell it in words.
struct Told<'a> {
    stack: &'a [FrameId],
    frames: &'a Frames,
    /// What repeats.
    items: &'a [u32],
    /// Where in the stack each item is.
    places: &'a [usize],
    repeat: &'a Repeat,
}

impl Told<'_> {
    fn cycle(&self) -> Cycle {
        let span = self.repeat.span();
        let from = self.repeat.turns.len().saturating_sub(TURNS);
        let turns: Vec<Vec<usize>> = self.repeat.turns[from..].iter().map(|turn| self.steps_of(turn)).collect();
        let turn = (0..self.repeat.turn.len()).map(|step| self.step(step, &turns)).collect();
        let last = span.end + self.begun_items(span.end);
        let (head, tail) = (span.start, self.items.len() - last);
        Cycle { turn, repetitions: self.repeat.repetitions(), head, tail }
    }

    /// Counts the items that the turn that is only begun takes up.
    fn begun_items(&self, start: usize) -> usize {
        let wanted = &self.repeat.turn[..self.repeat.begun];
        (0..=self.items.len() - start)
            .find(|length| prefix_within(wanted, &self.items[start..start + length]) == wanted.len())
            .unwrap_or(0)
    }

    /// Returns where each step of the turn is in one turn, and the end of the turn.
    fn steps_of(&self, turn: &Range<usize>) -> Vec<usize> {
        let mut steps: Vec<usize> = Vec::with_capacity(self.repeat.turn.len() + 1);
        for at in turn.clone() {
            if self.repeat.turn.get(steps.len()) == Some(&self.items[at]) {
                steps.push(at);
            }
        }
        steps.push(turn.end);
        steps
    }

    fn step(&self, step: usize, turns: &[Vec<usize>]) -> Step {
        let mut sometimes = BTreeSet::new();
        let mut ways: HashMap<Vec<FrameId>, usize> = HashMap::new();
        for turn in turns {
            let (Some(&at), Some(&next)) = (turn.get(step), turn.get(step + 1)) else { continue };
            for other in at + 1..next {
                sometimes.insert(self.name(other));
            }
            let end = self.places.get(next).copied().unwrap_or(self.stack.len());
            let between = &self.stack[self.places[at] + 1..end];
            let between = between.iter().copied().filter(|id| self.frames.name(*id).is_none());
            *ways.entry(short(between.collect())).or_default() += 1;
        }
        let way = ways.into_iter().max_by(|(a, many), (b, other)| many.cmp(other).then_with(|| b.cmp(a)));
        let frames: Vec<Frame> =
            way.into_iter().flat_map(|(way, _)| way).map(|id| self.frames.get(id).clone()).collect();
        let attribute = frames.iter().find_map(|frame| match &frame.what {
            What::Attribute(name) => Some(name.clone()),
            What::Derivation(_) | What::Function(_) | What::Primop(_) | What::Functor | What::Other(_) => None,
        });
        let at = turns.last().and_then(|turn| turn.get(step)).copied().unwrap_or(0);
        let position = self.frames.get(self.stack[self.places[at]]).position.clone();
        let sometimes = sometimes.into_iter().take(MOST_SOMETIMES).collect();
        Step { name: self.name(at), position, attribute, frames, sometimes }
    }

    fn name(&self, at: usize) -> String {
        let frame = self.frames.get(self.stack[self.places[at]]);
        match frame.derivation() {
            Some(name) => name.to_owned(),
            None => Frame { position: None, ..frame.clone() }.to_string(),
        }
    }
}

fn short(mut way: Vec<FrameId>) -> Vec<FrameId> {
    if way.len() > MOST_FRAMES {
        way.drain(MOST_FRAMES / 2..way.len() - MOST_FRAMES / 2);
    }
    way
}

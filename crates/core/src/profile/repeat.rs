//! Finding the part of a sequence that repeats.
//!
//! Owns the arithmetic, on plain numbers. Must not know what the numbers stand for.

use std::collections::HashMap;
use std::ops::Range;

use super::cycle::Repetitions;

/// The part of a sequence that repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repeat {
    /// What every turn has, in order.
    pub(super) turn: Vec<u32>,
    /// Where each whole turn is in the sequence, first to last; there is no gap between them.
    pub(super) turns: Vec<Range<usize>>,
    /// How many items of one more turn follow the last whole one.
    pub(super) begun: usize,
}

/// How much repetition is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The longest turn.
    pub(super) period: usize,
    /// The fewest repetitions of a turn of one item.
    pub(super) of_one: Repetitions,
    /// The fewest repetitions of a longer turn.
    pub(super) of_more: Repetitions,
    /// The fewest whole turns where turns are not quite the same.
    pub(super) uneven: usize,
}

/// A period that explains nearly as much as the best one, and is smaller, is taken.
const NEARLY: (usize, usize) = (9, 10);
/// Turns that are not quite the same must explain more than this times what even ones do.
const MORE: (usize, usize) = (5, 4);
/// Only so many items, the innermost ones, are searched for turns that are not quite the same.
const UNEVEN_ITEMS: usize = 1 << 16;
/// So many items are tried as the one that begins each turn.
const ANCHORS: usize = 32;

impl Repeat {
    /// Returns how often the turn is there.
    pub(super) fn repetitions(&self) -> Repetitions {
        let period = self.turn.len();
        Repetitions::of(self.turns.len() * period + self.begun, period)
    }

    /// Returns the repeating part of the sequence, without the turn that is only begun.
    pub(super) fn span(&self) -> Range<usize> {
        match (self.turns.first(), self.turns.last()) {
            (Some(first), Some(last)) => first.start..last.end,
            (None, _) | (_, None) => 0..0,
        }
    }
}

/// Finds the part of a sequence that repeats most, by the smallest turn that explains it.
///
/// Turns can differ in items that only some of them have, as long as what they have in common is at least half of
/// the shortest. Takes time in proportion to the sequence's length times the longest period.
pub(super) fn find_repeat(items: &[u32], limits: Limits) -> Option<Repeat> {
    let even = find_even(items, limits);
    let covered = even.as_ref().map_or(0, |even| even.span().len() + even.begun);
    let uneven = find_uneven(items, limits).filter(|uneven| uneven.span().len() * MORE.1 > covered * MORE.0);
    uneven.or(even)
}

/// The longest stretch in which each item is the same as the one `period` before it, but in which not all are the
/// same. `alike` tells of each item how many like it, with itself, come right before it.
fn longest_run(items: &[u32], period: usize, alike: &[usize]) -> Range<usize> {
    let mut best = 0..0;
    let mut start = period;
    for at in period..items.len() {
        if items[at] != items[at - period] {
            start = at + 1;
        } else if at + 1 - start > best.len() && (period == 1 || alike[start - 1] < period) {
            best = start..at + 1;
        }
    }
    best
}

fn find_even(items: &[u32], limits: Limits) -> Option<Repeat> {
    let mut found: Vec<(usize, Range<usize>)> = Vec::new();
    let mut alike: Vec<usize> = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let before = if at > 0 && items[at - 1] == *item { alike[at - 1] } else { 0 };
        alike.push(before + 1);
    }
    for period in 1..=limits.period.min(items.len() / 2) {
        let run = longest_run(items, period, &alike);
        if run.is_empty() {
            continue;
        }
        let covered = run.start - period..run.end;
        let least = if period == 1 { limits.of_one } else { limits.of_more };
        if Repetitions::of(covered.len(), period) >= least {
            found.push((period, covered));
        }
    }
    let most = found.iter().map(|(_, covered)| covered.len()).max()?;
    let (period, covered) = found.into_iter().find(|(_, covered)| covered.len() * NEARLY.1 >= most * NEARLY.0)?;
    let turn = items[covered.start..covered.start + period].to_vec();
    let whole = covered.len() / period;
    let turns = (0..whole).map(|at| covered.start + at * period..covered.start + (at + 1) * period).collect();
    Some(Repeat { turn, turns, begun: covered.len() % period })
}

fn find_uneven(items: &[u32], limits: Limits) -> Option<Repeat> {
    let skipped = items.len().saturating_sub(UNEVEN_ITEMS);
    let items = &items[skipped..];
    let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, item) in items.iter().enumerate() {
        places.entry(*item).or_default().push(at);
    }
    let mut anchors: Vec<Vec<usize>> = places.into_values().filter(|at| at.len() > limits.uneven).collect();
    anchors.sort_by_key(|at| (std::cmp::Reverse(at.len()), at[0]));
    anchors.truncate(ANCHORS);
    let mut best: Option<Repeat> = None;
    for places in &anchors {
        for found in chains(items, places, limits) {
            let explains = |repeat: &Repeat| repeat.turn.len() * repeat.turns.len();
            if best.as_ref().is_none_or(|best| explains(&found) > explains(best)) {
                best = Some(found);
            }
        }
    }
    let mut best = best?;
    for turn in &mut best.turns {
        *turn = turn.start + skipped..turn.end + skipped;
    }
    Some(best)
}

/// Splits a sequence into turns that begin at the given places, and returns the series of turns that have enough in
/// common.
fn chains(items: &[u32], places: &[usize], limits: Limits) -> Vec<Repeat> {
    let mut found = Vec::new();
    let mut turns: Vec<Range<usize>> = Vec::new();
    let mut core: Vec<u32> = Vec::new();
    let mut shortest = usize::MAX;
    let mut finish = |turns: &mut Vec<Range<usize>>, core: &[u32]| {
        let again = if turns.len() >= limits.uneven { common_to_all(items, turns) } else { Vec::new() };
        let core = if again.len() > core.len() { &again } else { core };
        if turns.len() >= limits.uneven && (2..=limits.period).contains(&core.len()) {
            let end = turns.last().map_or(0, |turn| turn.end);
            let rest = &items[end..items.len().min(end + 2 * limits.period)];
            let mut begun = prefix_within(core, rest);
            if begun == core.len() {
                // Nothing tells where the last turn ends but that it is complete.
                let length = (0..rest.len()).find(|length| prefix_within(core, &rest[..*length]) == core.len());
                turns.push(end..end + length.unwrap_or(rest.len()));
                begun = 0;
            }
            found.push(Repeat { turn: core.to_vec(), turns: std::mem::take(turns), begun });
        }
        turns.clear();
    };
    for pair in places.windows(2) {
        let turn = pair[0]..pair[1];
        let these = &items[turn.clone()];
        if these.len() > 2 * limits.period {
            finish(&mut turns, &core);
            continue;
        }
        if !turns.is_empty() {
            let common = if prefix_within(&core, these) == core.len() { None } else { Some(common(&core, these)) };
            let length = common.as_ref().map_or(core.len(), Vec::len);
            if length >= 2 && length * 2 >= shortest.min(these.len()) {
                core = common.unwrap_or(core);
                shortest = shortest.min(these.len());
                turns.push(turn);
                continue;
            }
            finish(&mut turns, &core);
        }
        core = these.to_vec();
        shortest = these.len();
        turns.push(turn);
    }
    finish(&mut turns, &core);
    found
}

/// Returns what all turns have in common, beginning with the shortest: it has least of what only some have, which could
/// be taken for a part of the turn where two turns have it, at different places.
fn common_to_all(items: &[u32], turns: &[Range<usize>]) -> Vec<u32> {
    let Some(shortest) = turns.iter().min_by_key(|turn| turn.len()) else { return Vec::new() };
    let mut core = items[shortest.clone()].to_vec();
    for turn in turns {
        let these = &items[turn.clone()];
        if prefix_within(&core, these) < core.len() {
            core = common(&core, these);
        }
    }
    core
}

/// Counts how many items of `part`, from the first on, are found in `whole` in this order.
pub(super) fn prefix_within(part: &[u32], whole: &[u32]) -> usize {
    let mut found = 0;
    for item in whole {
        if part.get(found) == Some(item) {
            found += 1;
        }
    }
    found
}

/// Returns the longest common subsequence.
fn common(one: &[u32], other: &[u32]) -> Vec<u32> {
    let width = other.len() + 1;
    let mut lengths = vec![0u32; (one.len() + 1) * width];
    for i in (0..one.len()).rev() {
        for j in (0..other.len()).rev() {
            lengths[i * width + j] = if one[i] == other[j] {
                lengths[(i + 1) * width + j + 1] + 1
            } else {
                lengths[(i + 1) * width + j].max(lengths[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut common) = (0, 0, Vec::new());
    while i < one.len() && j < other.len() {
        if one[i] == other[j] {
            common.push(one[i]);
            (i, j) = (i + 1, j + 1);
        } else if lengths[(i + 1) * width + j] >= lengths[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    common
}

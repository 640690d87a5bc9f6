//! The search for every commit in a line at which a measure jumps.
//!
//! Between two commits whose values differ by more than a step, there is a jump, or a slow growth; between two that do
//! not, none is looked for. What is asked for next follows from the values that are known alone, in whatever order
//! they came.

use std::collections::BTreeMap;

use super::measure::Value;

/// Two neighbours in the line whose values differ by more than the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// The place of the last commit before it.
    pub before: usize,
    /// The place of the commit that made it; where it does not follow `before` at once, nothing could be said of those
    /// between, and one of them or this one made it.
    pub after: usize,
    /// The value before.
    pub from: Value,
    /// The value after.
    pub to: Value,
}

/// What the search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// All jumps that were found, oldest first.
    pub jumps: Vec<Jump>,
    /// By how much the measure grew or fell beside them, added up.
    pub rest: u64,
}

/// The search through the places `0..=last` of a line.
#[derive(Debug, Clone)]
pub struct Jumps {
    last: usize,
    step: Value,
    known: BTreeMap<usize, Option<Value>>,
}

impl Jumps {
    /// Begins with the values of both ends of a line; `last` is the place of the newest commit.
    #[must_use]
    pub fn new(last: usize, ends: (Value, Value), step: Value) -> Self {
        Self { last, step, known: BTreeMap::from([(0, Some(ends.0)), (last, Some(ends.1))]) }
    }

    /// Returns the place whose value tells most, or none when all jumps are known.
    #[must_use]
    pub fn next(&self) -> Option<usize> {
        self.wide().find_map(|(low, high)| {
            let tried = self.known.range(low.0 + 1..high.0).count();
            let between = high.0 - low.0 - 1;
            // A region of which nothing can be said is not gone through one by one.
            let most = 3 + between.next_power_of_two().ilog2() as usize;
            if tried >= most.min(between) {
                return None;
            }
            let middle = low.0.midpoint(high.0);
            let free = |at: &usize| !self.known.contains_key(at);
            let up = (middle..high.0).find(free);
            let down = (low.0 + 1..middle).rev().find(free);
            match (down, up) {
                (Some(down), Some(up)) if middle - down < up - middle => Some(down),
                (_, Some(up)) => Some(up),
                (down, None) => down,
            }
        })
    }

    /// Takes note of the value at a place; none where nothing can be said.
    pub fn record(&mut self, at: usize, value: Option<Value>) {
        if at > 0 && at < self.last {
            self.known.insert(at, value);
        }
    }

    /// Returns about how many places are still to be asked for, if no further jump shows up.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.wide().map(|(low, high)| (high.0 - low.0).next_power_of_two().ilog2() as usize).sum()
    }

    /// Returns the jumps between values that are known.
    #[must_use]
    pub fn found(&self) -> Found {
        let jumps: Vec<Jump> =
            self.wide().map(|(low, high)| Jump { before: low.0, after: high.0, from: low.1, to: high.1 }).collect();
        let moved: u64 = self.pairs().map(|(low, high)| low.1.abs_diff(high.1)).fold(0, u64::saturating_add);
        let jumped = jumps.iter().map(|jump| jump.from.abs_diff(jump.to)).fold(0, u64::saturating_add);
        Found { jumps, rest: moved.saturating_sub(jumped) }
    }

    /// Places with values that follow each other.
    fn pairs(&self) -> impl Iterator<Item = ((usize, Value), (usize, Value))> {
        let values = || self.known.iter().filter_map(|(at, value)| Some((*at, (*value)?)));
        values().zip(values().skip(1))
    }

    /// Those of them that differ by more than the step.
    fn wide(&self) -> impl Iterator<Item = ((usize, Value), (usize, Value))> {
        self.pairs().filter(|(low, high)| low.1.abs_diff(high.1) > self.step)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches a whole line, and returns how many values were asked for.
    fn search(values: &[Option<Value>], step: Value) -> (Found, usize) {
        let last = values.len() - 1;
        let mut jumps = Jumps::new(last, (values[0].unwrap(), values[last].unwrap()), step);
        let mut asked = 0;
        while let Some(at) = jumps.next() {
            assert!(at > 0 && at < last && !jumps.known.contains_key(&at), "{at} is asked for twice");
            jumps.record(at, values[at]);
            asked += 1;
        }
        (jumps.found(), asked)
    }

    /// The slow, obvious way: every neighbour.
    fn scan(values: &[Option<Value>], step: Value) -> Vec<usize> {
        (1..values.len()).filter(|at| values[*at].unwrap().abs_diff(values[at - 1].unwrap()) > step).collect()
    }

    fn at_each(found: &Found) -> Vec<usize> {
        found.jumps.iter().map(|jump| jump.after).collect()
    }

    fn stairs() -> impl Strategy<Value = Vec<Option<Value>>> {
        prop::collection::vec((1..40usize, prop_oneof![3 => 0..8u64, 2 => 20..200u64]), 1..12).prop_map(|runs| {
            let mut value = 1000;
            let mut values = vec![Some(value)];
            for (length, rise) in runs {
                value += rise;
                values.extend(std::iter::repeat_n(Some(value), length));
            }
            values
        })
    }

    proptest! {
        #[test]
        fn where_it_only_grows_every_jump_is_found_as_by_a_full_scan(values in stairs(), step in 8..19u64) {
            prop_assume!(values.len() > 1);
            let (found, asked) = search(&values, step);
            prop_assert_eq!(at_each(&found), scan(&values, step));
            prop_assert!(found.jumps.iter().all(|jump| jump.before + 1 == jump.after));
            let total = values[values.len() - 1].unwrap() - values[0].unwrap();
            let jumped: u64 = found.jumps.iter().map(|jump| jump.to - jump.from).sum();
            prop_assert_eq!(found.rest, total - jumped);
            // Each range that is halved rises by more than a step, and there are not many such side by side.
            let most = usize::try_from(total / step + 1).unwrap() * (values.len().ilog2() as usize + 1);
            prop_assert!(asked <= most, "{} asked, at most {}", asked, most);
        }

        #[test]
        fn whatever_the_values_what_is_found_is_a_jump_and_the_line_from_end_to_end_holds_together(
            values in prop::collection::vec(0..100u64, 2..200), step in 0..60u64,
        ) {
            let values: Vec<_> = values.into_iter().map(Some).collect();
            let (found, _) = search(&values, step);
            let all = scan(&values, step);
            prop_assert!(at_each(&found).iter().all(|at| all.contains(at)));
            let (first, last) = (values[0].unwrap(), values[values.len() - 1].unwrap());
            if first.abs_diff(last) > step && all.is_empty() {
                prop_assert!(found.rest > 0, "it grew slowly");
            }
        }

        #[test]
        fn what_cannot_be_measured_widens_a_jump_and_hides_none(
            values in stairs(), step in 8..19u64, hidden in prop::collection::vec(prop::bool::weighted(0.2), 500),
        ) {
            prop_assume!(values.len() > 1);
            let last = values.len() - 1;
            let holes: Vec<_> = (0..=last).map(|at| values[at].filter(|_| !hidden[at] || at == 0 || at == last)).collect();
            let (found, _) = search(&holes, step);
            for at in scan(&values, step) {
                prop_assert!(found.jumps.iter().any(|jump| jump.before < at && at <= jump.after), "{} is missing", at);
            }
        }

        #[test]
        fn the_order_of_the_values_does_not_matter(values in stairs(), step in 8..19u64, seed in any::<u64>()) {
            prop_assume!(values.len() > 2);
            let last = values.len() - 1;
            let mut jumps = Jumps::new(last, (values[0].unwrap(), values[last].unwrap()), step);
            // Some are known from before, as after an interruption.
            for at in (1..last).filter(|at| (seed >> (at % 64)) & 1 == 1) {
                jumps.record(at, values[at]);
            }
            while let Some(at) = jumps.next() {
                jumps.record(at, values[at]);
            }
            prop_assert_eq!(at_each(&jumps.found()), scan(&values, step));
        }
    }

    #[test]
    fn two_neighbours_need_no_probe() {
        assert_eq!(Jumps::new(1, (5, 50), 10).next(), None);
        assert_eq!(Jumps::new(1, (5, 50), 10).found().jumps.len(), 1);
        assert_eq!(Jumps::new(9, (5, 12), 10).next(), None);
        assert_eq!(Jumps::new(16, (5, 50), 10).remaining(), 4);
    }
}

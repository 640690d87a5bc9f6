//! How much a measure scatters from run to run, told robustly: one outlier changes nothing.

/// Returns the median, the upper of two middle values; none of nothing.
#[must_use]
pub fn median(values: &[u64]) -> Option<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// Three times the standard deviation that runs scatter with, as far as a few of them tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Spread(pub u64);

impl Spread {
    /// Takes it from groups of runs, each of one evaluation: the median of all distances from the group's own median,
    /// times 1.4826 (which makes it the standard deviation where the scatter is normal), times three.
    #[must_use]
    pub fn of(groups: &[&[u64]]) -> Self {
        let mut distances = Vec::new();
        for group in groups {
            if let Some(middle) = median(group) {
                distances.extend(group.iter().map(|value| value.abs_diff(middle)));
            }
        }
        // The middle of each group lies at no distance from itself, and says nothing.
        distances.sort_unstable();
        distances.drain(..distances.len().min(groups.len()));
        let distance = median(&distances).unwrap_or(0);
        Self(u64::try_from(u128::from(distance) * 44_478 / 10_000).unwrap_or(u64::MAX))
    }

    /// Returns how far the median of so many runs may lie from the truth: for one run the whole, for more
    /// 1.25 / √runs of it, as the standard error of a median is.
    #[must_use]
    pub fn of_median(self, runs: usize) -> u64 {
        /// Thousandths, for 1 to 9 runs.
        const SHARES: [u64; 9] = [1000, 884, 722, 625, 559, 510, 472, 442, 417];
        let share = SHARES[runs.clamp(1, SHARES.len()) - 1];
        u64::try_from(u128::from(self.0) * u128::from(share) / 1000).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_outlier_changes_nothing() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[5, 1, 9]), Some(5));
        let calm = Spread::of(&[&[100, 102, 98, 101, 99], &[200, 201, 199, 203, 198]]);
        let wild = Spread::of(&[&[100, 102, 98, 101, 9_999], &[200, 201, 199, 203, 198]]);
        assert!(calm.0 > 0 && wild.0 <= calm.0 * 2, "{calm:?} {wild:?}");
        assert_eq!(Spread::of(&[&[7], &[9]]), Spread(0));
        assert_eq!(Spread::of(&[&[7, 7, 7], &[9, 9, 9]]), Spread(0));
    }

    proptest! {
        #[test]
        fn more_runs_never_make_it_less_certain(spread in any::<u64>(), runs in 1..20usize) {
            prop_assert!(Spread(spread).of_median(runs + 1) <= Spread(spread).of_median(runs));
            prop_assert!(Spread(spread).of_median(1) == spread);
        }
    }
}

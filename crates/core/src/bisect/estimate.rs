//! How many probes are left, and how long they will take.

use std::time::Duration;

use crate::outcome::Verdict;

/// Estimates the probes that are still needed to single out one of several suspects of these weights.
///
/// It is the information that is missing, in bits, rounded: for suspects of equal weight `log2` of
/// their number, which is what `git bisect` shows, too.
#[must_use]
pub fn expected_steps(weights: &[f64]) -> usize {
    let total: f64 = weights.iter().sum();
    if weights.len() < 2 || total <= 0.0 {
        return 0;
    }
    let bits: f64 = weights.iter().map(|weight| weight / total).filter(|p| *p > 0.0).map(|p| -p * p.log2()).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 64")]
    let steps = bits.round().max(1.0) as usize;
    steps
}

/// How long the probes of a search took, by what came of them.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    good: Vec<Duration>,
    bad: Vec<Duration>,
    skipped: Duration,
}

impl Pace {
    /// Takes note of a probe that was run.
    pub fn note(&mut self, verdict: &Verdict, took: Duration) {
        match verdict {
            Verdict::Good => self.good.push(took),
            Verdict::Bad => self.bad.push(took),
            Verdict::Skip(_) => self.skipped = self.skipped.saturating_add(took),
        }
    }

    /// Estimates the time for `steps` more probes; nothing before a good and a bad one were run.
    ///
    /// A runaway takes far longer than a good probe, or far less. As good as half the probes of a search that halves
    /// are bad, whatever the past ones were by chance. What was skipped comes on top of all others.
    #[must_use]
    pub fn left(&self, steps: usize) -> Option<Duration> {
        let count = u32::try_from(self.good.len() + self.bad.len()).ok()?;
        let each = (median(&self.good)? + median(&self.bad)?) / 2 + self.skipped / count;
        each.checked_mul(u32::try_from(steps).ok()?)
    }
}

fn median(durations: &[Duration]) -> Option<Duration> {
    let mut sorted = durations.to_vec();
    sorted.sort();
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_weights_need_the_logarithm_of_their_number() {
        for (suspects, steps) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 2), (6, 3), (1000, 10), (20_000, 14)] {
            assert_eq!(expected_steps(&vec![1.0; suspects]), steps, "{suspects}");
        }
    }

    #[test]
    fn a_strong_hint_makes_the_search_short() {
        let mut weights = vec![1.0; 1000];
        weights[500] = 100_000.0;
        assert_eq!(expected_steps(&weights), 1);
    }

    #[test]
    fn time_left_weighs_runaways_as_often_as_good_ones_whatever_came_first() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::default();
        for took in [2, 60, 2] {
            pace.note(&Verdict::Good, seconds(took));
        }
        assert_eq!(pace.left(4), None, "nothing is known of bad ones");
        pace.note(&Verdict::Bad, seconds(8));
        assert_eq!(pace.left(4), Some(seconds(20)));
        pace.note(&Verdict::Skip("broken".to_owned()), seconds(4));
        assert_eq!(pace.left(4), Some(seconds(24)));
        assert_eq!(pace.left(0), Some(Duration::ZERO));
        assert_eq!(pace.left(usize::MAX), None);
    }
}

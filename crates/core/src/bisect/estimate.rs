//! How many probes are left, and how long they will take.

use std::time::Duration;

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

/// Estimates the time for `steps` more probes from the durations of past ones; `None` without any.
#[must_use]
pub fn time_left(steps: usize, past: &[Duration]) -> Option<Duration> {
    let count = u32::try_from(past.len()).ok().filter(|&count| count > 0)?;
    let mean = past.iter().try_fold(Duration::ZERO, |sum, next| sum.checked_add(*next))? / count;
    mean.checked_mul(u32::try_from(steps).ok()?)
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
    fn time_left_is_the_mean_of_the_past() {
        let past = [Duration::from_secs(2), Duration::from_secs(4)];
        assert_eq!(time_left(5, &past), Some(Duration::from_secs(15)));
        assert_eq!(time_left(5, &[]), None);
    }
}

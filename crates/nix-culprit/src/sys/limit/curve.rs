//! Memory over time in few samples.

use nix_culprit_core::quantity::Bytes;

/// Collects samples at an even pace and never holds more than twice [`Curve::MOST`]: when it is full,
/// neighbours are merged into the larger of the two.
#[derive(Debug)]
pub(super) struct Curve {
    samples: Vec<Bytes>,
    /// How many ticks one sample stands for.
    stride: u32,
    /// Ticks in the sample that is being collected, and their largest value.
    open: (u32, Bytes),
}

impl Curve {
    /// The most samples that are given in the end.
    pub(super) const MOST: usize = 64;

    pub(super) const fn new() -> Self {
        Self { samples: Vec::new(), stride: 1, open: (0, Bytes(0)) }
    }

    /// Takes the largest value seen in the next tick.
    pub(super) fn push(&mut self, value: Bytes) {
        self.open = (self.open.0 + 1, self.open.1.max(value));
        if self.open.0 == self.stride {
            self.samples.push(self.open.1);
            self.open = (0, Bytes(0));
        }
        if self.samples.len() == 2 * Self::MOST {
            self.samples = merge(&self.samples);
            self.stride *= 2;
        }
    }

    /// Returns at most [`Curve::MOST`] samples.
    pub(super) fn finish(mut self) -> Vec<Bytes> {
        if self.open.0 > 0 {
            self.samples.push(self.open.1);
        }
        while self.samples.len() > Self::MOST {
            self.samples = merge(&self.samples);
        }
        self.samples
    }
}

fn merge(samples: &[Bytes]) -> Vec<Bytes> {
    samples.chunks(2).filter_map(|pair| pair.iter().copied().max()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_number_of_ticks_becomes_at_most_64_samples_and_keeps_the_peak(values in prop::collection::vec(0u64..1000, 0..2000)) {
            let mut curve = Curve::new();
            values.iter().for_each(|value| curve.push(Bytes(*value)));
            let samples = curve.finish();
            prop_assert!(samples.len() <= Curve::MOST);
            prop_assert_eq!(samples.iter().max().map(|most| most.0), values.iter().max().copied());
        }
    }

    #[test]
    fn few_ticks_are_kept_as_they_are() {
        let mut curve = Curve::new();
        [3, 1, 2].iter().for_each(|value| curve.push(Bytes(*value)));
        assert_eq!(curve.finish(), [Bytes(3), Bytes(1), Bytes(2)]);
    }
}

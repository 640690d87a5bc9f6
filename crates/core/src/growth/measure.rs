//! What can be measured of an evaluation, and how its values are written.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::counters::{CounterName, NotACounter};
use crate::outcome::Observation;
use crate::quantity::{Bytes, show_duration};

/// A measured value in the unit of its measure: a count, bytes, or microseconds.
pub type Value = u64;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Measure {
    /// The largest resident memory of the process tree.
    Peak,
    /// Wall time.
    Wall,
    /// Processor time of the process tree.
    Cpu,
    /// One of Nix's counters.
    Counter(CounterName),
}

/// How often a measure is taken before it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeats {
    /// At each end, to learn how much it scatters.
    pub ends: usize,
    /// Of one probe, at most, where it lies near the limit.
    pub most: usize,
    /// Of one probe, at least, before it is believed to be above the limit: other work makes an evaluation slower now
    /// and then, but nothing makes it faster.
    pub above: usize,
}

impl Measure {
    /// Returns the value in an observation, if it was measured.
    #[must_use]
    pub fn of(&self, seen: &Observation) -> Option<Value> {
        match self {
            Self::Peak => Some(seen.peak.0),
            Self::Wall => Some(micros(seen.wall)),
            Self::Cpu => seen.cpu.map(micros),
            Self::Counter(name) => seen.counters.as_ref()?.get(name),
        }
    }

    /// Returns how often it is taken: once where it is the same each time.
    #[must_use]
    pub fn repeats(&self) -> Repeats {
        match self {
            Self::Counter(name) if name.is_exact() => Repeats { ends: 1, most: 1, above: 1 },
            Self::Counter(_) | Self::Peak => Repeats { ends: 3, most: 5, above: 1 },
            Self::Wall | Self::Cpu => Repeats { ends: 5, most: 9, above: 3 },
        }
    }

    /// Tells whether it measures time, which another evaluation that looks alike says nothing about.
    #[must_use]
    pub const fn is_time(&self) -> bool {
        match self {
            Self::Wall | Self::Cpu => true,
            Self::Peak | Self::Counter(_) => false,
        }
    }

    /// Returns the least difference from a value that is taken for more than noise.
    ///
    /// Runs at the ends can be quieter than those of a search that goes on for an hour.
    #[must_use]
    pub(super) fn floor(&self, value: Value) -> Value {
        match self {
            Self::Counter(name) if name.is_exact() => 0,
            Self::Counter(_) => value / 10_000,
            Self::Peak => (value / 100).max(Bytes::MIB.0),
            Self::Wall | Self::Cpu => (value / 20).max(20_000),
        }
    }

    /// Writes a value for people.
    #[must_use]
    pub fn show(&self, value: Value) -> String {
        match self {
            Self::Peak => Bytes(value).to_string(),
            Self::Wall | Self::Cpu => show_duration(Duration::from_micros(value)),
            Self::Counter(name) if name.counts_bytes() => Bytes(value).to_string(),
            Self::Counter(_) => grouped(value),
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peak => f.write_str("peak"),
            Self::Wall => f.write_str("wall"),
            Self::Cpu => f.write_str("cpu"),
            Self::Counter(name) => write!(f, "{name}"),
        }
    }
}

impl FromStr for Measure {
    type Err = NotACounter;

    /// Reads `peak` (`memory`), `wall` (`time`), `cpu`, or the name of a counter.
    fn from_str(text: &str) -> Result<Self, NotACounter> {
        Ok(match text {
            "peak" | "memory" => Self::Peak,
            "wall" | "time" => Self::Wall,
            "cpu" => Self::Cpu,
            name => Self::Counter(name.parse()?),
        })
    }
}

impl TryFrom<String> for Measure {
    type Error = NotACounter;

    fn try_from(text: String) -> Result<Self, NotACounter> {
        text.parse()
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> Self {
        measure.to_string()
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Writes `45,037,238`.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_their_unit() {
        let counter = |name: &str| Measure::Counter(name.parse().unwrap());
        assert_eq!(counter("nrThunks").show(45_037_238), "45,037,238");
        assert_eq!(counter("nrThunks").show(137), "137");
        assert_eq!(counter("gc.totalBytes").show(300 << 20), "300 MiB");
        assert_eq!(Measure::Peak.show(300 << 20), "300 MiB");
        assert_eq!(Measure::Cpu.show(2_500_000), "2.5 s");
    }
}

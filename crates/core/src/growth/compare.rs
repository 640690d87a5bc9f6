//! Two evaluations side by side: what of the one is more than of the other.

use super::measure::{Measure, Value};
use super::rule::Rule;
use crate::counters::CounterName;
use crate::outcome::Observation;

/// A measure that differs between a good and a bad evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    /// What was measured.
    pub measure: Measure,
    /// Its value in the good one.
    pub good: Value,
    /// Its value in the bad one.
    pub bad: Value,
}

impl Grown {
    /// Returns how many times as much it became; infinite where there was nothing before.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        ratio(self.good, self.bad)
    }

    /// Returns how much it became for people: `+31 %`, `-4.0 %`, `2.5x`, `new`.
    #[must_use]
    pub fn show_ratio(&self) -> String {
        show_ratio(self.good, self.bad)
    }
}

fn ratio(good: Value, bad: Value) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let (before, after) = (good as f64, bad as f64);
    if good == 0 { f64::INFINITY } else { after / before }
}

/// Says how much something became for people: `+31 %`, `-4.0 %`, `2.5x`, `new`.
pub(crate) fn show_ratio(good: Value, bad: Value) -> String {
    match ratio(good, bad) {
        ratio if ratio.is_infinite() => "new".to_owned(),
        ratio if ratio >= 10.0 => format!("{ratio:.0}x"),
        ratio if ratio >= 2.0 => format!("{ratio:.1}x"),
        ratio if (0.9..1.1).contains(&ratio) => format!("{:+.1} %", (ratio - 1.0) * 100.0),
        ratio => format!("{:+.0} %", (ratio - 1.0) * 100.0),
    }
}

/// Lists what differs, most grown first: memory, times, and the counters that both have.
///
/// Times and memory differ from run to run: what differs by a few hundredths there says nothing.
#[must_use]
pub fn compare(good: &Observation, bad: &Observation) -> Vec<Grown> {
    let names = good.counters.iter().flat_map(|counters| counters.iter().map(|(name, _)| name.clone()));
    // What one value takes is a matter of the version.
    let counters = names.filter(|name| !name.as_str().starts_with("sizes.")).map(Measure::Counter);
    let mut all: Vec<Grown> = [Measure::Peak, Measure::Wall, Measure::Cpu]
        .into_iter()
        .chain(counters)
        .filter_map(|measure| {
            let (good, bad) = (measure.of(good)?, measure.of(bad)?);
            (good != bad).then_some(Grown { measure, good, bad })
        })
        .collect();
    all.sort_by(|a, b| b.ratio().total_cmp(&a.ratio()).then_with(|| a.measure.cmp(&b.measure)));
    all
}

/// Returns the rule by which the commit that made it heavier could be searched for, if it became clearly heavier.
///
/// A counter that is the same each time is preferred; then memory, then time. The rule asks for half of the growth, so
/// that one commit which made most of it is found.
#[must_use]
pub fn suggestion(grown: &[Grown]) -> Option<Rule> {
    /// What says most about an evaluation, and from which growth on it is worth a word.
    const COUNTERS: [&str; 4] = ["nrThunks", "nrFunctionCalls", "values.number", "sets.number"];
    let counters = COUNTERS.iter().filter_map(|name| name.parse::<CounterName>().ok()).map(Measure::Counter);
    let others = [(Measure::Peak, 1.3), (Measure::Cpu, 1.5), (Measure::Wall, 1.5)];
    let worth = counters.map(|measure| (measure, 1.1)).chain(others);
    let find = |(measure, least): (Measure, f64)| {
        let found = grown.iter().find(|grown| grown.measure == measure)?;
        let percent = (found.ratio() - 1.0) * 50.0;
        (found.ratio() >= least && percent.is_finite()).then(|| format!("{measure} > +{percent:.0}%"))
    };
    worth.filter_map(find).find_map(|text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::counters::Counters;
    use crate::outcome::{Class, End, Outcome};
    use crate::quantity::Bytes;

    fn seen(peak: u64, counters: &[(&str, u64)]) -> Observation {
        Observation {
            outcome: Outcome { class: Class::Success, message: None, position: None },
            end: End::Exited(0),
            peak: Bytes(peak),
            wall: Duration::from_secs(1),
            cpu: None,
            counters: Some(counters.iter().map(|(name, count)| (name.parse().unwrap(), *count)).collect::<Counters>()),
            curve: Vec::new(),
            drv_path: None,
        }
    }

    #[test]
    fn what_grew_most_comes_first_and_what_is_equal_is_left_out() {
        let good = seen(100, &[("nrThunks", 1000), ("nrLookups", 50), ("list.concats", 0), ("sizes.Env", 8), ("a", 1)]);
        let bad = seen(130, &[("nrThunks", 2500), ("nrLookups", 45), ("list.concats", 3), ("sizes.Env", 16), ("b", 1)]);
        let grown = compare(&good, &bad);
        let shown: Vec<String> = grown.iter().map(|one| format!("{} {}", one.measure, one.show_ratio())).collect();
        assert_eq!(shown, ["list.concats new", "nrThunks 2.5x", "peak +30 %", "nrLookups -10.0 %"]);
        assert_eq!(suggestion(&grown).unwrap().to_string(), "nrThunks > +75%");
    }

    #[test]
    fn a_search_is_suggested_only_for_what_became_clearly_heavier() {
        let suggested = |good, bad| suggestion(&compare(&good, &bad)).map(|rule| rule.to_string());
        assert_eq!(suggested(seen(100, &[("nrThunks", 1000)]), seen(129, &[("nrThunks", 1050)])), None);
        assert_eq!(suggested(seen(100, &[]), seen(160, &[])), Some("peak > +30%".to_owned()));
        assert_eq!(suggested(seen(100, &[("nrThunks", 0)]), seen(90, &[("nrThunks", 5)])), None);
    }
}

//! A rule with what the good end has: what an evaluation, measured once or several times, means.

use serde::{Deserialize, Serialize};

use super::measure::Value;
use super::noise::{Spread, median};
use super::rule::{Bound, Rule, Side};
use crate::outcome::{Class, Observation, Verdict};

/// What the good end has, and how much runs of one evaluation scatter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// The median of the good end's runs.
    pub good: Value,
    /// What is no more than noise in a single run.
    pub noise: Value,
}

/// A rule that observations can be held against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit<'a> {
    rule: &'a Rule,
    at: Value,
    noise: Value,
}

/// What some runs of one evaluation mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// This.
    Is(Verdict),
    /// They lie too near to the limit: another run may tell.
    RunAgain,
}

impl Scale {
    /// Takes it from the runs of the ends; none where one run was not measured.
    #[must_use]
    pub fn of(rule: &Rule, good: &[&Observation], bad: &[&Observation]) -> Option<Self> {
        let values =
            |runs: &[&Observation]| runs.iter().map(|seen| rule.measure.of(seen)).collect::<Option<Vec<Value>>>();
        let (good, bad) = (values(good)?, values(bad)?);
        let middle = median(&good)?;
        let noise = Spread::of(&[&good, &bad]).0.max(rule.measure.floor(middle));
        Some(Self { good: middle, noise })
    }
}

fn share(value: Value, millionths: u64) -> Value {
    Value::try_from(u128::from(value) * u128::from(millionths) / 1_000_000).unwrap_or(Value::MAX)
}

impl<'a> Limit<'a> {
    /// Holds a rule against a scale; none where the rule is relative and nothing is known of the good end.
    #[must_use]
    pub fn new(rule: &'a Rule, scale: Option<Scale>) -> Option<Self> {
        let at = match (rule.bound, scale) {
            (Bound::Value(value), _) => value,
            (Bound::OfGood(millionths), Some(scale)) => share(scale.good, millionths),
            (Bound::OfGood(_), None) => return None,
        };
        let noise = scale.map_or_else(|| rule.measure.floor(at), |scale| scale.noise);
        Some(Self { rule, at, noise })
    }

    /// Returns the value itself.
    #[must_use]
    pub const fn at(&self) -> Value {
        self.at
    }

    /// Says what some runs of one evaluation mean.
    ///
    /// A failing evaluation is a skip; but one that we ended because it had used more memory than the limit of memory,
    /// or more time than the limit of time, has gone beyond it.
    #[must_use]
    pub fn decide(&self, runs: &[&Observation]) -> Decision {
        let mut values = Vec::new();
        for seen in runs {
            let value = self.rule.measure.of(seen);
            if seen.outcome.class != Class::Success {
                return Decision::Is(match value {
                    Some(value) if self.ran_beyond(seen.outcome.class, value) => Verdict::Bad,
                    Some(_) | None => Verdict::Skip(seen.outcome.to_string()),
                });
            }
            let Some(value) = value else {
                return Decision::Is(Verdict::Skip(format!("{} was not measured", self.rule.measure)));
            };
            values.push(value);
        }
        let Some(middle) = median(&values) else { return Decision::RunAgain };
        let repeats = self.rule.measure.repeats();
        if middle > self.at && values.len() < repeats.above {
            return Decision::RunAgain;
        }
        // A number that is the same each time is decided by one run, also where it is the limit itself.
        if repeats.most > 1 && middle.abs_diff(self.at) <= Spread(self.noise).of_median(values.len()) {
            return if values.len() < repeats.most {
                Decision::RunAgain
            } else {
                let measure = &self.rule.measure;
                Decision::Is(Verdict::Skip(format!("{measure} is too near to the limit to tell it from noise")))
            };
        }
        let bad = match self.rule.side {
            Side::Above => middle > self.at,
            Side::Below => middle < self.at,
        };
        Decision::Is(if bad { Verdict::Bad } else { Verdict::Good })
    }

    fn ran_beyond(&self, class: Class, value: Value) -> bool {
        use super::Measure;
        let ended_for_it = match self.rule.measure {
            Measure::Peak => class == Class::OutOfMemory,
            Measure::Wall | Measure::Cpu => class == Class::TimeOut,
            Measure::Counter(_) => false,
        };
        ended_for_it && self.rule.side == Side::Above && value > self.at.saturating_add(self.noise)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::counters::Counters;
    use crate::outcome::{End, Outcome};
    use crate::quantity::Bytes;

    fn seen(class: Class, thunks: u64, mib: u64) -> Observation {
        Observation {
            outcome: Outcome { class, message: None, position: None },
            end: End::Exited(i32::from(class != Class::Success)),
            peak: Bytes(mib << 20),
            wall: Duration::from_secs(1),
            cpu: None,
            counters: Some(Counters::from_iter([("nrThunks".parse().unwrap(), thunks)])),
            curve: Vec::new(),
            drv_path: None,
        }
    }

    fn rule(text: &str) -> Rule {
        text.parse().unwrap()
    }

    fn decide(text: &str, scale: Option<Scale>, runs: &[Observation]) -> Decision {
        let rule = rule(text);
        Limit::new(&rule, scale).unwrap().decide(&runs.iter().collect::<Vec<_>>())
    }

    #[test]
    fn an_exact_counter_is_decided_by_one_run() {
        let scale = Some(Scale { good: 1000, noise: 0 });
        let one = |text: &str, thunks| decide(text, scale, &[seen(Class::Success, thunks, 1)]);
        for (text, thunks, verdict) in [
            ("nrThunks > +20%", 1200, Verdict::Good),
            ("nrThunks > +20%", 1201, Verdict::Bad),
            ("nrThunks > 1.5x", 1501, Verdict::Bad),
            ("nrThunks < -10%", 900, Verdict::Good),
            ("nrThunks < -10%", 899, Verdict::Bad),
            ("nrThunks > 2k", 2001, Verdict::Bad),
        ] {
            assert_eq!(one(text, thunks), Decision::Is(verdict), "{text} {thunks}");
        }
        let rule = rule("nrThunks > +20%");
        assert_eq!(Limit::new(&rule, None), None, "nothing is known of the good end");
        let unmeasured = decide("sets.number > 5", scale, &[seen(Class::Success, 1, 1)]);
        assert_eq!(unmeasured, Decision::Is(Verdict::Skip("sets.number was not measured".to_owned())));
    }

    #[test]
    fn what_lies_near_the_limit_is_run_again_until_it_is_decided_or_skipped() {
        let scale = Some(Scale { good: 100 << 20, noise: 10 << 20 });
        let runs = |mib: &[u64]| mib.iter().map(|mib| seen(Class::Success, 1, *mib)).collect::<Vec<_>>();
        let text = "peak > +30%";
        assert_eq!(decide(text, scale, &runs(&[119])), Decision::Is(Verdict::Good));
        assert_eq!(decide(text, scale, &runs(&[141])), Decision::Is(Verdict::Bad));
        assert_eq!(decide(text, scale, &runs(&[139])), Decision::RunAgain);
        assert_eq!(decide(text, scale, &runs(&[139, 139])), Decision::Is(Verdict::Bad), "9 MiB are enough for two");
        let near = decide(text, scale, &runs(&[131, 130, 129, 131, 132]));
        let Decision::Is(Verdict::Skip(reason)) = near else { panic!("{near:?}") };
        assert_eq!(reason, "peak is too near to the limit to tell it from noise");
    }

    #[test]
    fn one_slow_run_is_not_believed_and_one_fast_run_is() {
        let wall = |millis| Observation { wall: Duration::from_millis(millis), ..seen(Class::Success, 1, 1) };
        let scale = Some(Scale { good: 1_000_000, noise: 50_000 });
        let runs = |millis: &[u64]| decide("wall > +50%", scale, &millis.iter().map(|m| wall(*m)).collect::<Vec<_>>());
        assert_eq!(runs(&[9000]), Decision::RunAgain);
        assert_eq!(runs(&[9000, 1000, 1010]), Decision::Is(Verdict::Good));
        assert_eq!(runs(&[2000, 2100]), Decision::RunAgain);
        assert_eq!(runs(&[2000, 2100, 1990]), Decision::Is(Verdict::Bad));
        assert_eq!(runs(&[1200]), Decision::Is(Verdict::Good));
    }

    #[test]
    fn a_failure_is_skipped_unless_it_ran_beyond_the_very_limit() {
        let scale = Some(Scale { good: 100 << 20, noise: 1 << 20 });
        let one = |text: &str, class, mib| decide(text, scale, &[seen(class, 9_000, mib)]);
        let skipped = |decision| matches!(decision, Decision::Is(Verdict::Skip(_)));
        assert_eq!(one("peak > 200M", Class::OutOfMemory, 512), Decision::Is(Verdict::Bad));
        assert!(skipped(one("peak > 600M", Class::OutOfMemory, 512)));
        assert!(skipped(one("peak > 200M", Class::EvaluationError, 512)));
        assert!(skipped(one("peak < 600M", Class::OutOfMemory, 512)));
        assert!(skipped(one("nrThunks > +20%", Class::OutOfMemory, 512)));
        let timed_out = decide("wall > 500ms", None, &[seen(Class::TimeOut, 1, 5)]);
        assert_eq!(timed_out, Decision::Is(Verdict::Bad));
    }

    #[test]
    fn the_scale_is_the_good_median_and_the_scatter_of_both_ends() {
        let runs = |mib: &[u64]| mib.iter().map(|mib| seen(Class::Success, 1, *mib)).collect::<Vec<_>>();
        let (good, bad) = (runs(&[100, 101, 99]), runs(&[200, 202, 199]));
        let scale = Scale::of(&rule("peak > +30%"), &good.iter().collect::<Vec<_>>(), &bad.iter().collect::<Vec<_>>());
        let scale = scale.unwrap();
        assert_eq!(scale.good, 100 << 20);
        assert!(scale.noise >= 4 << 20 && scale.noise < 10 << 20, "{scale:?}");
        let exact = Scale::of(&rule("nrThunks > +1%"), &[&good[0]], &[&bad[0]]).unwrap();
        assert_eq!(exact, Scale { good: 1, noise: 0 });
        assert_eq!(Scale::of(&rule("cpu > +1%"), &[&good[0]], &[]), None, "it was not measured");
    }
}

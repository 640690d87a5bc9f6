//! Rules that call a measure bad, as people write them: `nrThunks > +20%`, `peak > 300M`, `cpu < 0.5x`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::measure::{Measure, Value};
use crate::quantity::{Bytes, parse_duration};

/// Says why a text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RuleError {
    /// No measure stands before the sign.
    #[error("`{0}` is nothing that is measured; there are: peak, wall, cpu, and Nix's counters such as nrThunks")]
    Measure(String),
    /// What stands behind the sign is no bound.
    #[error("`{0}` is no bound; write it like +20%, 1.5x, 300M, 2s or 1000000")]
    Bound(String),
}

/// On which side of the bound it is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What is more.
    #[default]
    Above,
    /// What is less.
    Below,
}

/// What a measure is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// This value.
    Value(Value),
    /// So many millionths of what the good end has.
    OfGood(u64),
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule {
    /// What is measured.
    pub measure: Measure,
    /// Which side is bad.
    pub side: Side,
    /// Against what.
    pub bound: Bound,
    /// As the user wrote it, without needless spaces.
    text: String,
}

impl Rule {
    /// Tells whether a text is meant as a rule.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        text.contains(['<', '>'])
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let at = text.find(['<', '>']).ok_or_else(|| RuleError::Bound(text.to_owned()))?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let side = if rest.starts_with('>') { Side::Above } else { Side::Below };
        let bound = rest[1..].trim();
        let measure = name.parse().map_err(|_| RuleError::Measure(name.to_owned()))?;
        let read = read_bound(bound, &measure).ok_or_else(|| RuleError::Bound(bound.to_owned()))?;
        let sign = if side == Side::Above { '>' } else { '<' };
        Ok(Self { text: format!("{measure} {sign} {bound}"), measure, side, bound: read })
    }
}

fn read_bound(text: &str, measure: &Measure) -> Option<Bound> {
    if let Some(percent) = text.strip_suffix('%') {
        let (sign, number) = percent.split_at_checked(1)?;
        let share = millionths(number, 10_000)?;
        return match sign {
            "+" => Some(Bound::OfGood(1_000_000_u64.checked_add(share)?)),
            "-" => Some(Bound::OfGood(1_000_000_u64.checked_sub(share)?)),
            _ => None,
        };
    }
    if let Some(times) = text.strip_suffix('x') {
        return Some(Bound::OfGood(millionths(times, 1_000_000)?));
    }
    let is_bytes = match measure {
        Measure::Peak => true,
        Measure::Counter(name) => name.counts_bytes(),
        Measure::Wall | Measure::Cpu => {
            let time = parse_duration(text).ok()?;
            return Some(Bound::Value(u64::try_from(time.as_micros()).ok()?));
        }
    };
    if is_bytes {
        return Some(Bound::Value(text.parse::<Bytes>().ok()?.0));
    }
    let (number, unit) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1_000),
        b'm' | b'M' => (&text[..text.len() - 1], 1_000_000),
        b'g' | b'G' => (&text[..text.len() - 1], 1_000_000_000),
        _ => (text, 1),
    };
    Some(Bound::Value(millionths(number, unit)?))
}

/// Reads a decimal number, times `unit`; exactly, as far as the unit goes.
fn millionths(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || part.len() > 6 || !digits(whole) || !digits(part) {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(part.len()).ok()?);
    let part = if part.is_empty() { 0 } else { part.parse::<u64>().ok()? };
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(part.checked_mul(unit)? / scale)
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Rule {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_are_read_from_what_people_write() {
        let counter = |name: &str| Measure::Counter(name.parse().unwrap());
        for (text, measure, side, bound) in [
            ("nrThunks > +20%", counter("nrThunks"), Side::Above, Bound::OfGood(1_200_000)),
            ("nrThunks>1.5x", counter("nrThunks"), Side::Above, Bound::OfGood(1_500_000)),
            (" gc.totalBytes  > 300M ", counter("gc.totalBytes"), Side::Above, Bound::Value(300 << 20)),
            ("peak > +30%", Measure::Peak, Side::Above, Bound::OfGood(1_300_000)),
            ("memory > 1.5G", Measure::Peak, Side::Above, Bound::Value(3 << 29)),
            ("wall > +0.5%", Measure::Wall, Side::Above, Bound::OfGood(1_005_000)),
            ("time < -50%", Measure::Wall, Side::Below, Bound::OfGood(500_000)),
            ("cpu > 2s", Measure::Cpu, Side::Above, Bound::Value(2_000_000)),
            ("cpu < 500ms", Measure::Cpu, Side::Below, Bound::Value(500_000)),
            ("nrThunks > 1.5M", counter("nrThunks"), Side::Above, Bound::Value(1_500_000)),
            ("sets.number < 7", counter("sets.number"), Side::Below, Bound::Value(7)),
        ] {
            let rule: Rule = text.parse().unwrap();
            assert_eq!((&rule.measure, rule.side, rule.bound), (&measure, side, bound), "{text}");
            assert_eq!(rule.to_string().parse(), Ok(rule), "{text}");
        }
    }

    #[test]
    fn what_is_no_rule_says_which_part_is_wrong() {
        for text in ["> 5", "nr Thunks > 5", "\u{1b}[31m > 5", ". > 5"] {
            assert!(matches!(text.parse::<Rule>(), Err(RuleError::Measure(_))), "{text}");
        }
        for text in [
            "cpu",
            "cpu >",
            "cpu > 5%",
            "cpu > x",
            "cpu > +x%",
            "cpu > %",
            "cpu > -200%",
            "cpu > +1e3%",
            "peak > 0",
            "peak >= 5",
            "nrThunks > 5s",
            "nrThunks > -5",
            "nrThunks > 99999999999999999999",
            "cpu > ²%",
        ] {
            assert!(matches!(text.parse::<Rule>(), Err(RuleError::Bound(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "[a-z.]{0,8} ?[<>]?[-+]?[0-9.%xMs²\u{1b}]{0,12}") {
            if let Ok(rule) = text.parse::<Rule>() {
                prop_assert_eq!(rule.to_string().parse::<Rule>().unwrap(), rule);
            }
        }
    }
}

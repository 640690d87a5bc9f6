//! What Nix counts while it evaluates (`NIX_SHOW_STATS`): thunks, calls, bytes.
//!
//! Owns the parser of the file that Nix writes. Times in it are left out: the guard measures them for every Nix alike.
//! The file lies where others may write, so that nothing in it is believed to be well-formed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

/// A name longer than this is no counter of Nix; the longest has 22 characters.
const LONGEST: usize = 64;
/// More counters than this are not kept; Nix 2.34 has 28.
const MOST: usize = 256;

/// The name of a counter: Nix's own, with the group in front, such as `nrThunks` or `gc.totalBytes`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CounterName(String);

/// Says that a text is no name of a counter.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no name of a counter")]
pub struct NotACounter(pub String);

impl CounterName {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether it counts bytes.
    #[must_use]
    pub fn counts_bytes(&self) -> bool {
        self.0.ends_with("bytes") || self.0.ends_with("Bytes") || self.0.ends_with("heapSize")
    }

    /// Tells whether the same evaluation by the same Nix always counts the same.
    ///
    /// Measured with Nix 2.3, 2.8, 2.26 and 2.34: all do but those of the garbage collector, which differ by some
    /// millionths from run to run, and by more on a machine with another amount of memory.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.0.starts_with("gc.")
    }
}

impl fmt::Display for CounterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CounterName {
    type Err = NotACounter;

    fn from_str(text: &str) -> Result<Self, NotACounter> {
        let word = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if text.len() <= LONGEST && text.split('.').all(word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotACounter(text.to_owned()))
        }
    }
}

impl TryFrom<String> for CounterName {
    type Error = NotACounter;

    fn try_from(text: String) -> Result<Self, NotACounter> {
        text.parse()
    }
}

impl From<CounterName> for String {
    fn from(name: CounterName) -> Self {
        name.0
    }
}

/// What Nix counted in one evaluation, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counters(BTreeMap<CounterName, u64>);

impl Counters {
    /// Reads what Nix wrote; none where it is cut off, is no JSON object, or holds no counter.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let Ok(Value::Object(groups)) = serde_json::from_slice(text) else { return None };
        let mut counters = BTreeMap::new();
        let mut add = |name: &str, value: &Value| {
            if let (Ok(name), Some(count), true) = (name.parse(), value.as_u64(), counters.len() < MOST) {
                counters.insert(name, count);
            }
        };
        for (group, value) in &groups {
            match value {
                Value::Object(_) if group == "time" => {}
                Value::Object(members) => {
                    members.iter().for_each(|(name, value)| add(&format!("{group}.{name}"), value));
                }
                Value::Number(_) if group != "cpuTime" => add(group, value),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {}
            }
        }
        (!counters.is_empty()).then_some(Self(counters))
    }

    /// Returns a counter, if Nix has it.
    #[must_use]
    pub fn get(&self, name: &CounterName) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// Returns all counters, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&CounterName, u64)> {
        self.0.iter().map(|(name, count)| (name, *count))
    }
}

impl FromIterator<(CounterName, u64)> for Counters {
    fn from_iter<T: IntoIterator<Item = (CounterName, u64)>>(counters: T) -> Self {
        Self(counters.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As Nix 2.3 and 2.34 write it, shortened.
    const OLD: &str = r#"{"cpuTime":6.59599,"envs":{"number":45037238,"bytes":1081021760},"sizes":{"Env":16},
        "nrThunks":52446,"gc":{"heapSize":402915328,"totalBytes":2197613008}}"#;
    const NEW: &str = r#"{"cpuTime":2,"envs":{"number":7},"gc":{"cycles":3,"totalBytes":1096185872},
        "nrThunks":49329,"primops":[{"x":1}],"time":{"cpu":2.7,"gc":0.118,"gcFraction":0}}"#;

    fn name(text: &str) -> CounterName {
        text.parse().unwrap()
    }

    #[test]
    fn counters_are_named_with_their_group_and_times_are_left_out() {
        let old = Counters::parse(OLD.as_bytes()).unwrap();
        assert_eq!(old.get(&name("envs.number")), Some(45_037_238));
        assert_eq!(old.get(&name("gc.totalBytes")), Some(2_197_613_008));
        let new = Counters::parse(NEW.as_bytes()).unwrap();
        let names: Vec<&str> = new.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["envs.number", "gc.cycles", "gc.totalBytes", "nrThunks"]);
        assert!(name("gc.totalBytes").counts_bytes() && !name("gc.totalBytes").is_exact());
        assert!(name("sets.bytes").counts_bytes() && name("nrThunks").is_exact() && !name("nrThunks").counts_bytes());
    }

    #[test]
    fn a_file_that_was_cut_or_holds_something_else_gives_none() {
        let cut = (0..OLD.len()).map(|end| &OLD.as_bytes()[..end]);
        let deep = "[".repeat(100_000) + &"{\"a\":".repeat(100_000);
        let others: [&[u8]; 6] =
            [b"", b"null", b"[1]", b"{}", b"{\"nrThunks\":-1,\"\\u001b[31m\":1,\"a b\":2}", b"\xff"];
        for text in cut.chain(others).chain([deep.as_bytes()]) {
            assert_eq!(Counters::parse(text), None, "{}", String::from_utf8_lossy(&text[..text.len().min(80)]));
        }
    }

    #[test]
    fn there_is_no_room_for_more_than_nix_can_have() {
        let many: Vec<String> = (0..10_000).map(|n| format!("\"n{n}\":{n}")).collect();
        let counters = Counters::parse(format!("{{{}}}", many.join(",")).as_bytes()).unwrap();
        assert_eq!(counters.iter().count(), MOST);
    }

    proptest! {
        #[test]
        fn whatever_is_read_can_be_written_and_shown(text in "\\{(\"[a-z.\u{1b}]{0,5}\":([0-9]{0,25}|\\{\"[a-z]{1,3}\":[0-9.e-]{1,6}\\}),?){0,6}\\}") {
            if let Some(counters) = Counters::parse(text.as_bytes()) {
                prop_assert!(counters.iter().all(|(name, _)| name.as_str().chars().all(|c| c.is_ascii_graphic())));
                let json = serde_json::to_string(&counters).unwrap();
                prop_assert_eq!(serde_json::from_str::<Counters>(&json).unwrap(), counters);
            }
        }
    }
}

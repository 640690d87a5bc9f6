//! Points in time as a report shows them. Must not read a clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Says that a text is no point in time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no time like 2023-08-25T10:00:00Z")]
pub struct TimestampError(String);

/// A point in time in seconds since 1970 (UTC), from year 0 to 9999; `2023-08-25T10:00:00Z` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// 0000-01-01 and 9999-12-30T22:00:00, the last moment that has a day in every time zone.
const RANGE: (i64, i64) = (-62_167_219_200, 253_402_207_200);

impl Timestamp {
    /// Takes seconds since 1970; what lies outside the years 0 to 9999 is moved to the nearest end.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(RANGE.0, RANGE.1))
    }

    /// Returns the seconds since 1970.
    #[must_use]
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// Returns the day, such as `2023-08-25`.
    #[must_use]
    pub fn day(self) -> String {
        self.calendar().strftime("%Y-%m-%d").to_string()
    }

    fn calendar(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.calendar().strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let error = || TimestampError(text.to_owned());
        let time = Self::from_unix(text.parse::<jiff::Timestamp>().map_err(|_| error())?.as_second());
        // Other spellings of the same moment are not ours.
        if time.to_string() == text { Ok(time) } else { Err(error()) }
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_times_are_shown_as_the_calendar_says() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_692_957_600, "2023-08-25T10:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (i64::MAX, "9999-12-30T22:00:00Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(Timestamp::from_unix(seconds).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "2023-02-29T00:00:00Z", "2023-08-25 10:00:00Z", "2023-08-25T24:00:00Z", "2023-08-25", "é"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(seconds in RANGE.0..=RANGE.1) {
            let time = Timestamp::from_unix(seconds);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}

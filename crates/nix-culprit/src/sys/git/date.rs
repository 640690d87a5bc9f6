//! Points in time as git records them and as people write them.

use std::fmt;

use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

use super::error::GitError;

/// A moment and the time zone of the one who recorded it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub offset: i32,
}

impl Timestamp {
    /// Reads git's raw form, `1692403200 +0200`.
    pub(super) fn parse_raw(text: &str) -> Option<Self> {
        let (seconds, zone) = text.split_once(' ')?;
        let (sign, digits) = zone.split_at_checked(1)?;
        let sign = match sign {
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let number = digits.parse::<u16>().ok().filter(|_| digits.len() == 4)?;
        let offset = sign * i32::from(number / 100 * 60 + number % 100);
        Some(Self { seconds: seconds.parse().ok()?, offset })
    }

    /// Reads `2023-08-19` (the start of that day in UTC) or RFC 3339 (`2023-08-19T12:00:00+02:00`).
    ///
    /// # Errors
    /// The text is neither, or the moment is before 1970 or after 9999.
    pub fn parse(text: &str) -> Result<Self, GitError> {
        parse_written(text).ok_or_else(|| GitError::BadDate(nix_culprit_core::text::printable(text)))
    }
}

/// Shows the day in the recorded time zone, `2023-08-19`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.seconds.saturating_add(i64::from(self.offset) * 60);
        match jiff::Timestamp::from_second(local) {
            Ok(day) => write!(f, "{}", day.strftime("%Y-%m-%d")),
            Err(_) => f.write_str("an unknown day"),
        }
    }
}

fn parse_written(text: &str) -> Option<Timestamp> {
    let zoned = text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let (moment, offset) = if text.len() == 10 && zoned {
        (Offset::UTC.to_timestamp(text.parse::<Date>().ok()?.at(0, 0, 0, 0)).ok()?, Offset::UTC)
    } else if zoned {
        let pieces = Pieces::parse(text).ok()?;
        (text.parse::<jiff::Timestamp>().ok()?, pieces.to_numeric_offset().unwrap_or(Offset::UTC))
    } else {
        return None;
    };
    (moment.as_second() >= 0).then(|| Timestamp { seconds: moment.as_second(), offset: offset.seconds() / 60 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_day_begins_at_midnight_of_utc() {
        assert_eq!(Timestamp::parse("2023-08-19").unwrap(), Timestamp { seconds: 1_692_403_200, offset: 0 });
        assert_eq!(Timestamp::parse("1970-01-01").unwrap().seconds, 0);
        assert_eq!(Timestamp::parse("2024-02-29").unwrap().seconds, 1_709_164_800);
    }

    #[test]
    fn a_moment_has_its_time_zone() {
        let noon = Timestamp { seconds: 1_692_446_400, offset: 0 };
        assert_eq!(Timestamp::parse("2023-08-19T12:00:00Z").unwrap(), noon);
        assert_eq!(Timestamp::parse("2023-08-19 12:00:00.123Z").unwrap(), noon);
        assert_eq!(Timestamp::parse("2023-08-19T14:00:00+02:00").unwrap(), Timestamp { offset: 120, ..noon });
        assert_eq!(Timestamp::parse_raw("1692446400 -0330"), Some(Timestamp { offset: -210, ..noon }));
    }

    #[test]
    fn other_texts_are_no_dates() {
        for text in [
            "",
            "yesterday",
            "2023-13-01",
            "2023-02-29",
            "2023-00-10",
            "2023-1-1",
            "1969-12-31",
            "2023-08-19T",
            "2023-08-19T25:00:00Z",
            "2023-08-19T12:00:00",
            "2023-08-19T12:00:00+2",
            "2023-08-19T12:00:00.Z",
            "--all     ",
            "20é3-08-19",
            "+023-08-19",
        ] {
            assert!(matches!(Timestamp::parse(text), Err(GitError::BadDate(_))), "{text}");
        }
        assert_eq!(Timestamp::parse_raw("1692446400 0200"), None);
        assert_eq!(Timestamp::parse_raw("x +0200"), None);
    }

    #[test]
    fn the_day_shown_is_the_recorders_day() {
        assert_eq!(Timestamp { seconds: 1_692_403_200, offset: -60 }.to_string(), "2023-08-18");
        assert_eq!(Timestamp { seconds: i64::MAX, offset: 0 }.to_string(), "an unknown day");
    }

    proptest! {
        #[test]
        fn a_shown_day_reads_back(day in 0i64..2_900_000) {
            let moment = Timestamp { seconds: day * 86_400, offset: 0 };
            prop_assert_eq!(Timestamp::parse(&moment.to_string()).unwrap(), moment);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9]{4}-?[0-9]{2}.{0,16}") {
            let _ = (Timestamp::parse(&text), Timestamp::parse_raw(&text));
        }
    }
}

//! Points in time as git records them and as people write them.

use std::fmt;

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
        let (year, month, day) = civil(local.div_euclid(86_400).clamp(-1_000_000, 10_000_000));
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

fn parse_written(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_at_checked(10)?;
    let (year, month, day) = (field(date, 0, 4)?, field(date, 5, 2)?, field(date, 8, 2)?);
    let dashes = date.as_bytes()[4] == b'-' && date.as_bytes()[7] == b'-';
    if !dashes || year < 1970 || !(1..=12).contains(&month) || !(1..=month_length(year, month)).contains(&day) {
        return None;
    }
    let midnight = days(year, month, day) * 86_400;
    if time.is_empty() {
        return Some(Timestamp { seconds: midnight, offset: 0 });
    }
    let (hour, minute, second) = (field(time, 1, 2)?, field(time, 4, 2)?, field(time, 7, 2)?);
    let marks = (time.as_bytes()[0], time.as_bytes()[3], time.as_bytes()[6]);
    if !matches!(marks, (b'T' | b't' | b' ', b':', b':')) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = time.get(9..)?;
    let zone = match zone.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            (zone.len() < fraction.len()).then_some(zone)?
        }
        None => zone,
    };
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let sign = match zone.as_bytes().first()? {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let (hours, minutes) = (field(zone, 1, 2)?, field(zone, 4, 2)?);
            let shape = zone.len() == 6 && zone.as_bytes()[3] == b':' && hours < 24 && minutes < 60;
            shape.then_some(sign * (hours * 60 + minutes))?
        }
    };
    let seconds = midnight + hour * 3600 + minute * 60 + second - offset * 60;
    Some(Timestamp { seconds, offset: offset.try_into().ok()? }).filter(|moment| moment.seconds >= 0)
}

fn field(text: &str, start: usize, length: usize) -> Option<i64> {
    let digits = text.get(start..start + length)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, by counting in years that begin in March, so that a leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let since_march = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * since_march + 2) / 5 + day - 1 - 719_468
}

/// The day of a number of days since 1970-01-01.
fn civil(number: i64) -> (i64, i64, i64) {
    let mut year = 1970 + number.div_euclid(366);
    while days(year + 1, 1, 1) <= number {
        year += 1;
    }
    let mut month = 1;
    let mut day = number - days(year, 1, 1);
    while day >= month_length(year, month) {
        day -= month_length(year, month);
        month += 1;
    }
    (year, month, day + 1)
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
        assert_eq!(Timestamp { seconds: i64::MAX, offset: 0 }.to_string().len(), 11);
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

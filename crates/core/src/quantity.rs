//! Amounts of memory, of time and of things: how people write them and how they are shown.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Says why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Not a number with an optional unit of memory.
    #[error("`{0}` is no amount of memory; write it like 512M or 5G")]
    Bytes(String),
    /// Not a number with an optional unit of time.
    #[error("`{0}` is no duration; write it like 90s, 10m or 1h30m")]
    Duration(String),
}

/// An amount of memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// One mebibyte.
    pub const MIB: Self = Self(1 << 20);

    /// Returns `percent` hundredths of this amount.
    #[must_use]
    pub const fn percent(self, percent: u64) -> Self {
        Self((self.0 / 100).saturating_mul(percent).saturating_add(self.0 % 100 * percent / 100))
    }
}

impl FromStr for Bytes {
    type Err = QuantityError;

    /// Reads `512M`, `512MiB`, `5G`, `1.5g` or a bare number of bytes; units are powers of 1024.
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let error = || QuantityError::Bytes(text.to_owned());
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let shift = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 10,
            "m" | "mb" | "mib" => 20,
            "g" | "gb" | "gib" => 30,
            "t" | "tb" | "tib" => 40,
            _ => return Err(error()),
        };
        let bytes = number.parse::<f64>().map_err(|_| error())?
            * f64::from(1u32 << (shift % 30))
            * if shift >= 30 { f64::from(1u32 << 30) } else { 1.0 };
        if (1.0..9.0e18).contains(&bytes) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within range")]
            Ok(Self(bytes as u64))
        } else {
            Err(error())
        }
    }
}

impl fmt::Display for Bytes {
    /// Shows `873 KiB`, `512 MiB`, `1.5 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        let value = self.0 as f64;
        match self.0 {
            0..1024 => write!(f, "{} B", self.0),
            1024..0x10_0000 => write!(f, "{:.0} KiB", value / 1024.0),
            0x10_0000..0x4000_0000 => write!(f, "{:.0} MiB", value / 1_048_576.0),
            _ => write!(f, "{:.1} GiB", value / 1_073_741_824.0),
        }
    }
}

/// Reads `90`, `90s`, `500ms`, `10m`, `1h30m`; a bare number counts seconds.
///
/// # Errors
/// When the text is empty, has an unknown unit or is zero.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let error = || QuantityError::Duration(text.to_owned());
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u32 = rest[..digits].parse().map_err(|_| error())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match rest[..letters].trim() {
            "ms" => Duration::from_millis(1),
            "" | "s" => Duration::from_secs(1),
            "m" | "min" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(error()),
        };
        rest = &rest[letters..];
        total = unit.checked_mul(number).and_then(|part| total.checked_add(part)).ok_or_else(error)?;
    }
    if total.is_zero() { Err(error()) } else { Ok(total) }
}

/// Counts things, such as `1 commit` and `3 commits`.
#[must_use]
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Shows a duration in the unit that fits: `340 ms`, `2.5 s`, `3 min 20 s`, `2 h 05 min`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Shows an estimate no finer than it is: `a few seconds`, `about 20 s`, `about 3 min`, `about 2 h`.
#[must_use]
pub fn show_estimate(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        0.0..5.0 => "a few seconds".to_owned(),
        5.0..55.0 => format!("about {:.0} s", (seconds / 5.0).round() * 5.0),
        55.0..3_570.0 => format!("about {:.0} min", (seconds / 60.0).round()),
        _ => format!("about {:.0} h", (seconds / 3600.0).round()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_with_binary_units() {
        for (text, bytes) in
            [("512M", 512 << 20), ("5G", 5 << 30), ("1.5g", 3 << 29), ("100", 100), ("2 GiB", 2 << 30), ("1T", 1 << 40)]
        {
            assert_eq!(text.parse::<Bytes>(), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "G", "-1G", "0", "5X", "1.2.3M", "nan"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    #[test]
    fn memory_is_shown_in_the_unit_that_fits() {
        assert_eq!(Bytes(512 << 20).to_string(), "512 MiB");
        assert_eq!(Bytes(3 << 29).to_string(), "1.5 GiB");
        assert_eq!(Bytes(12).to_string(), "12 B");
        assert_eq!(Bytes(200).percent(105), Bytes(210));
    }

    #[test]
    fn durations_are_read_and_shown() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "0", "5 parsecs", "m", "99999999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(show_duration(Duration::from_millis(2540)), "2.5 s");
        assert_eq!(show_duration(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(show_duration(Duration::from_secs(7500)), "2 h 05 min");
    }

    #[test]
    fn an_estimate_is_no_finer_than_it_is() {
        for (milliseconds, text) in [
            (0, "a few seconds"),
            (4_900, "a few seconds"),
            (7_000, "about 5 s"),
            (18_000, "about 20 s"),
            (54_000, "about 55 s"),
            (57_000, "about 1 min"),
            (170_000, "about 3 min"),
            (3_569_000, "about 59 min"),
            (3_600_000, "about 1 h"),
            (9_100_000, "about 3 h"),
        ] {
            assert_eq!(show_estimate(Duration::from_millis(milliseconds)), text, "{milliseconds}");
        }
    }
}

//! The trace that Nix prints with an error, as JSON (2.4 and newer), in Nix's own words. The stack that it tells of is
//! read by `profile`.

use crate::outcome::{self, Position};

/// An error with its trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The message.
    pub message: String,
    /// Where it was raised, if Nix says so.
    pub position: Option<Position>,
    /// What Nix was doing, inner first.
    pub entries: Vec<Entry>,
}

/// One entry of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What Nix was doing, in its own words, on one line.
    pub what: String,
    /// Where.
    pub position: Option<Position>,
}

/// The most entries that are read.
const MOST: usize = 200_000;

impl Trace {
    /// Reads the error that a run ended with from what it printed.
    #[must_use]
    pub fn read(stderr: &[u8]) -> Option<Self> {
        let error = outcome::Entry::last_error(stderr)?;
        error.told.raw_msg.as_ref()?;
        let entry = |told: &outcome::Told| Entry { what: told.words(), position: told.position() };
        Some(Self {
            message: error.told.words(),
            position: error.told.position(),
            entries: error.trace.iter().take(MOST).map(entry).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(words: &str, line: u32) -> String {
        let words = serde_json::to_string(words).unwrap();
        format!(r#"{{"column":2,"file":"/p/a.nix:{line}:2","line":{line},"raw_msg":{words}}}"#)
    }

    #[test]
    fn the_error_and_what_led_to_it_are_read_from_between_other_lines() {
        let steps = [
            entry("while \u{1b}[35;1mcalling\u{1b}[0m f", 4),
            entry("from call site", 7),
            r#"{"raw_msg":null}"#.to_owned(),
        ];
        let stderr = format!(
            "GC Warning\n@nix {{\"action\":\"start\"}}\nhalf @nix {{\"level\":0,\"raw_msg\":\"no\",\"file\":\"/p/x.nix\",\"line\":3,\"column\":4,\"trace\":[{}]}}\n@nix {{\"action\":\"stop\"}}\n",
            steps.join(",")
        );
        let trace = Trace::read(stderr.as_bytes()).unwrap();
        assert_eq!((trace.message.as_str(), trace.entries.len()), ("no", 3));
        assert_eq!(trace.position.as_ref().unwrap().to_string(), "/p/x.nix:3:4");
        assert_eq!(trace.entries[0].what, "while calling f");
        assert_eq!(trace.entries[1].position.as_ref().unwrap().to_string(), "/p/a.nix:7:2");
        assert_eq!(trace.entries[2], Entry { what: String::new(), position: None });
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Trace::read(&bytes);
            let _ = Trace::read(&[b"@nix {\"level\":0,\"raw_msg\":\"".as_slice(), &bytes, b"\",\"trace\":[{}]}"].concat());
        }
    }
}

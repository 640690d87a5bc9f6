//! The trace that Nix prints with an error, as JSON (2.4 and newer), in Nix's own words. The stack that it tells of is
//! read by `profile`.

use std::borrow::Cow;

use serde::Deserialize;

use crate::outcome::{Position, plain};

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

#[derive(Deserialize)]
struct Line<'a> {
    level: Option<u64>,
    #[serde(borrow)]
    raw_msg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    file: Option<Cow<'a, str>>,
    line: Option<u64>,
    column: Option<u64>,
    #[serde(borrow, default)]
    trace: Vec<Step<'a>>,
}

#[derive(Deserialize)]
struct Step<'a> {
    #[serde(borrow)]
    raw_msg: Option<Cow<'a, str>>,
    #[serde(borrow)]
    file: Option<Cow<'a, str>>,
    line: Option<u64>,
    column: Option<u64>,
}

impl Trace {
    /// Finds the error that a run ended with in what it printed.
    #[must_use]
    pub fn read(stderr: &[u8]) -> Option<Self> {
        let start = b"@nix {\"";
        let lines = stderr.rsplit(|byte| *byte == b'\n');
        let found = lines.filter_map(|line| {
            let at = line.windows(start.len()).rposition(|window| window == start)?;
            let line: Line<'_> = serde_json::from_slice(&line[at + 5..]).ok()?;
            (line.level == Some(0)).then_some(line)
        });
        let line = found.into_iter().find(|line| line.raw_msg.is_some())?;
        let entries = line.trace.iter().take(MOST).map(|step| Entry {
            what: plain(step.raw_msg.as_deref().unwrap_or_default()),
            position: position(step.file.as_deref(), step.line, step.column),
        });
        Some(Self {
            message: plain(line.raw_msg.as_deref()?),
            position: position(line.file.as_deref(), line.line, line.column),
            entries: entries.collect(),
        })
    }
}

fn position(file: Option<&str>, line: Option<u64>, column: Option<u64>) -> Option<Position> {
    let file = plain(file?);
    let number =
        |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    let (line, column) = (number(line)?, number(column)?);
    let file = file.strip_suffix(&format!(":{line}:{column}")).unwrap_or(&file);
    Some(Position { file: file.to_owned(), line, column })
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

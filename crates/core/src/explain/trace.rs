//! The trace that Nix prints with an error, as JSON (2.4 and newer): what it says, and the stack in it.

use std::borrow::Cow;

use serde::Deserialize;

use crate::outcome::{Position, plain};
use crate::profile::{Frame, Frames, Stack, What};

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

    /// Returns the stack, outer first, with its frames put into the table.
    #[must_use]
    pub fn stack(&self, frames: &mut Frames) -> Stack {
        let mut ids = Vec::new();
        for entry in self.entries.iter().rev() {
            let (what, position) = frame(entry);
            ids.push(frames.insert(Frame { what, position }));
        }
        Stack(ids)
    }
}

/// Says what kind of frame an entry is. The words are those of Nix 2.20 to 2.34.
fn frame(entry: &Entry) -> (What, Option<Position>) {
    let words = entry.what.as_str();
    let quoted = |prefix: &str| words.strip_prefix(prefix)?.split('\'').next().map(str::to_owned);
    let position = entry.position.clone();
    if let Some(name) = quoted("while evaluating derivation '") {
        let located = words.rsplit_once(" located at ").and_then(|(_, at)| parse_position(at));
        return (What::Derivation(name), located.or(position));
    }
    let attribute = quoted("while evaluating attribute '").or_else(|| quoted("while evaluating the attribute '"));
    if let Some(name) = attribute {
        return (What::Attribute(name), position);
    }
    if let Some(name) = quoted("while calling the '") {
        return (What::Primop(name), position);
    }
    if let Some(name) = quoted("while calling '") {
        return (What::Function(Some(name)), position);
    }
    (What::Other(words.to_owned()), position)
}

fn position(file: Option<&str>, line: Option<u64>, column: Option<u64>) -> Option<Position> {
    let file = plain(file?);
    let number =
        |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
    let (line, column) = (number(line)?, number(column)?);
    let file = file.strip_suffix(&format!(":{line}:{column}")).unwrap_or(&file);
    Some(Position { file: file.to_owned(), line, column })
}

/// Reads `FILE:LINE:COLUMN`.
fn parse_position(text: &str) -> Option<Position> {
    let mut parts = text.trim().rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    let file = parts.next().filter(|file| !file.is_empty())?;
    Some(Position { file: file.to_owned(), line, column })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::find_cycle;

    fn entry(words: &str, line: u32) -> String {
        let words = serde_json::to_string(words).unwrap();
        format!(r#"{{"column":2,"file":"/p/a.nix:{line}:2","line":{line},"raw_msg":{words}}}"#)
    }

    #[test]
    fn the_stack_is_read_with_its_derivations_and_their_attributes() {
        let mut entries = Vec::new();
        for _ in 0..6 {
            for (name, attribute) in [("b-1", "buildInputs"), ("a-1", "nativeBuildInputs")] {
                entries.push(entry(
                    &format!("while evaluating attribute '\u{1b}[35;1m{attribute}\u{1b}[0m' of derivation '{name}'"),
                    4,
                ));
                entries.push(entry(&format!("while evaluating derivation '\u{1b}[35;1m{name}\u{1b}[0m'\n  whose name attribute is located at /p/b.nix:26:9"), 7));
            }
        }
        let stderr = format!(
            "GC Warning\n@nix {{\"action\":\"start\"}}\nhalf @nix {{\"level\":0,\"raw_msg\":\"stack overflow\",\"file\":\"/p/x.nix\",\"line\":3,\"column\":4,\"trace\":[{}]}}\n@nix {{\"action\":\"stop\"}}\n",
            entries.join(",")
        );
        let trace = Trace::read(stderr.as_bytes()).unwrap();
        assert_eq!((trace.message.as_str(), trace.entries.len()), ("stack overflow", 24));
        assert_eq!(trace.position.as_ref().unwrap().to_string(), "/p/x.nix:3:4");
        let mut frames = Frames::default();
        let stack = trace.stack(&mut frames);
        let cycle = find_cycle(&stack, &frames).unwrap();
        assert_eq!(cycle.names().collect::<Vec<_>>(), ["a-1", "b-1"]);
        assert_eq!(cycle.turn[0].attribute.as_deref(), Some("nativeBuildInputs"));
        assert_eq!(cycle.turn[0].position.as_ref().unwrap().to_string(), "/p/b.nix:26:9");
        assert_eq!(cycle.repetitions.whole(), 6);
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Trace::read(&bytes);
            let _ = Trace::read(&[b"@nix {\"level\":0,\"raw_msg\":\"".as_slice(), &bytes, b"\",\"trace\":[{}]}"].concat());
        }
    }
}

//! Reader of the trace that Nix prints with an error (`--show-trace`).
//!
//! Owns the words by which each version of Nix tells what it was evaluating. The stack is as deep as the evaluation
//! got, so a limit of the call depth makes a trace a look at the stack. Evaluated code can add entries of its own
//! (`addErrorContext`): a trace proves nothing by itself.

use super::cycle::Cycle;
use super::detect::{find_cycle, find_cycle_of_calls};
use super::frame::{Frame, Frames, Stack, What};
use crate::outcome::{Entry, LogFormat, Position, parse_position, plain};

/// A text of a frame that is not understood is kept up to so many characters.
const MOST_CHARS: usize = 200;
/// No more than so many bytes of text, counted from the end, are looked at.
const MOST_TEXT: usize = 64 << 20;

/// The stack that an error ended with.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    /// Its frames.
    pub frames: Frames,
    /// The stack, from outer to inner.
    pub stack: Stack,
}

impl Trace {
    /// Returns the cycle of derivations on the stack, if there is one.
    #[must_use]
    pub fn cycle(&self) -> Option<Cycle> {
        find_cycle(&self.stack, &self.frames)
    }

    /// Returns the cycle of calls on the stack, if there is one.
    #[must_use]
    pub fn cycle_of_calls(&self) -> Option<Cycle> {
        find_cycle_of_calls(&self.stack, &self.frames)
    }

    /// Returns the frames from outer to inner.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = &Frame> + ExactSizeIterator {
        self.stack.0.iter().map(|id| self.frames.get(*id))
    }

    fn push(&mut self, entry: &str, position: Option<Position>) {
        for frame in self.read(entry, position) {
            let id = self.frames.insert(frame);
            self.stack.0.push(id);
        }
    }

    /// Turns an entry into frames: none, one, or a derivation and its attribute.
    fn read(&self, entry: &str, position: Option<Position>) -> Vec<Frame> {
        let entry = plain(entry);
        let frame = |what: What| vec![Frame { what, position: position.clone() }];
        let Some(rest) = entry.strip_prefix("while ") else {
            return match entry.as_str() {
                "" => Vec::new(),
                _ => frame(What::Other(entry.chars().take(MOST_CHARS).collect())),
            };
        };
        if let Some((name, place)) = rest.strip_prefix("evaluating derivation ").and_then(quoted_first) {
            let place = place.trim_start().strip_prefix("whose name attribute is located at ").and_then(parse_position);
            return vec![Frame { what: What::Derivation(name.to_owned()), position: place.or(position) }];
        }
        if let Some((attribute, derivation)) = attribute_of_derivation(rest) {
            let attribute = frame(What::Attribute(attribute.to_owned()));
            let last = self.stack.0.last().and_then(|id| self.frames.get(*id).derivation());
            if last == Some(derivation) {
                return attribute;
            }
            // Before 2.13 nothing else tells of the derivation.
            let derivation = frame(What::Derivation(derivation.to_owned()));
            return [derivation, attribute].concat();
        }
        for verb in ["calling ", "evaluating "] {
            let Some(rest) = rest.strip_prefix(verb) else { continue };
            if let Some(name) = rest.strip_prefix("the '").and_then(|rest| rest.strip_suffix("' builtin")) {
                return frame(What::Primop(name.to_owned()));
            }
            if let Some(name) = rest.strip_prefix("the attribute ").and_then(quoted) {
                return frame(What::Attribute(name.to_owned()));
            }
            if rest.starts_with("a functor") {
                return frame(What::Functor);
            }
            if rest.starts_with("anonymous ") {
                return frame(What::Function(None));
            }
            if let Some(name) = quoted(rest) {
                return frame(What::Function(Some(name.to_owned())));
            }
        }
        frame(What::Other(entry.chars().take(MOST_CHARS).collect()))
    }
}

/// Reads `attribute 'A' of derivation 'D'` in the words of all versions.
fn attribute_of_derivation(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("evaluating ")?;
    let rest = rest.strip_prefix("the ").unwrap_or(rest).strip_prefix("attribute '")?;
    let (attribute, derivation) =
        rest.split_once("' of derivation '").or_else(|| rest.split_once("' of the derivation '"))?;
    Some((attribute, derivation.strip_suffix('\'')?))
}

/// Reads `'NAME'`, and nothing else.
fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.strip_suffix('\'')
}

/// Reads `'NAME'` and returns the rest.
fn quoted_first(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix('\'')?;
    // A name can have a quote in it; what follows it cannot.
    match text.split_once("' whose name attribute is located at ") {
        Some((name, _)) => Some((name, &text[name.len() + 1..])),
        None => text.strip_suffix('\'').map(|name| (name, "")),
    }
}

/// Reads the trace of the error that a run of Nix ended with. Where there is none, the stack is empty.
///
/// As text, Nix from 2.4 on leaves out what repeats: nothing but JSON can show a cycle there.
#[must_use]
pub fn read_trace(stderr: &[u8], log: LogFormat) -> Trace {
    let mut trace = Trace::default();
    match log {
        LogFormat::Text => read_text(&stderr[stderr.len().saturating_sub(MOST_TEXT)..], &mut trace),
        LogFormat::InternalJson | LogFormat::TracedJson => read_json(stderr, &mut trace),
    }
    trace
}

fn read_json(stderr: &[u8], trace: &mut Trace) {
    let Some(error) = Entry::last_error(stderr) else { return };
    // Innermost first.
    for told in error.trace.iter().rev() {
        trace.push(told.raw_msg.as_deref().unwrap_or_default(), told.position());
    }
}

fn read_text(stderr: &[u8], trace: &mut Trace) {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().collect();
    let Some(start) = lines.iter().rposition(|line| line.starts_with("error:")) else { return };
    let lines = &lines[start..];
    if lines[0].starts_with("error: while ") {
        // 2.3: a line for each frame, outermost first.
        for line in lines.iter().map(|line| line.strip_prefix("error: ").unwrap_or(line)) {
            let Some(line) = line.strip_suffix(':').filter(|line| line.starts_with("while ")) else { break };
            let line = line.split_once(", called from ").map_or(line, |(line, _)| line);
            let (entry, place) = line.rsplit_once(" at ").unwrap_or((line, ""));
            trace.push(entry, parse_position(place));
        }
        return;
    }
    let mut entries: Vec<(String, Option<Position>)> = Vec::new();
    for line in &lines[1..] {
        let line = line.trim();
        if let Some(entry) = line.strip_prefix("… ") {
            entries.push((entry.to_owned(), None));
        } else if let Some((entry, position)) = entries.last_mut() {
            if let Some(place) = line.strip_prefix("at ").and_then(|line| line.strip_suffix(':')) {
                *position = position.take().or_else(|| parse_position(place));
            } else if line.starts_with("whose name attribute is located at ") {
                *entry = format!("{entry} {line}");
            } else if line.starts_with("error: ") {
                break;
            }
        }
    }
    // Up to 2.12 the error stands in front, and the innermost frame next to it.
    if lines[0].trim_end() != "error:" {
        entries.reverse();
    }
    for (entry, position) in entries {
        trace.push(&entry, position);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(stderr: &str, log: LogFormat) -> Vec<String> {
        read_trace(stderr.as_bytes(), log).frames().map(Frame::to_string).collect()
    }

    #[test]
    fn the_words_of_every_version_are_read() {
        let json = |words: &str| {
            let entry = serde_json::json!({"raw_msg": words, "file": "/p/a.nix:3:7", "line": 3, "column": 7});
            let line = serde_json::json!({"action": "msg", "level": 0, "raw_msg": "x", "trace": [entry]});
            told(&format!("noise\n@nix {line}\n"), LogFormat::TracedJson)
        };
        for (words, expected) in [
            (
                "while evaluating derivation '\u{1b}[35;1ma-1\u{1b}[0m'\n  whose name attribute is located at \u{1b}[35;1m/p/b.nix:1:2\u{1b}[0m",
                vec!["/p/b.nix:1:2 derivation a-1"],
            ),
            ("while evaluating derivation 'it's'", vec!["/p/a.nix:3:7 derivation it's"]),
            (
                "while evaluating attribute 'buildInputs' of derivation 'a-1'",
                vec!["/p/a.nix:3:7 derivation a-1", "/p/a.nix:3:7 attribute buildInputs"],
            ),
            (
                "while evaluating the attribute 'buildInputs' of the derivation 'a-1'",
                vec!["/p/a.nix:3:7 derivation a-1", "/p/a.nix:3:7 attribute buildInputs"],
            ),
            ("while evaluating the attribute 'x'", vec!["/p/a.nix:3:7 attribute x"]),
            ("while calling 'f'", vec!["/p/a.nix:3:7 f"]),
            ("while evaluating \u{1b}[35;1m'f'\u{1b}[0m", vec!["/p/a.nix:3:7 f"]),
            ("while calling the 'map' builtin", vec!["/p/a.nix:3:7 builtins.map"]),
            ("while calling anonymous lambda", vec!["/p/a.nix:3:7 (function)"]),
            ("while calling a functor (an attribute set with a '__functor' attribute)", vec!["/p/a.nix:3:7 (functor)"]),
            ("from call site", vec!["/p/a.nix:3:7 from call site"]),
            ("", vec![]),
        ] {
            assert_eq!(json(words), expected, "{words}");
        }
    }

    #[test]
    fn an_attribute_belongs_to_the_derivation_that_was_told_of() {
        let entries = [
            "while evaluating attribute 'x' of derivation 'b'",
            "while evaluating derivation 'b'",
            "while evaluating attribute 'x' of derivation 'a'",
            "while evaluating derivation 'a'",
        ]
        .map(|words| serde_json::json!({"raw_msg": words, "file": null, "line": null, "column": null}));
        let line = serde_json::json!({"action": "msg", "level": 0, "raw_msg": "x", "trace": entries});
        let told = told(&format!("@nix {line}"), LogFormat::TracedJson);
        assert_eq!(told, ["derivation a", "attribute x", "derivation b", "attribute x"]);
    }

    #[test]
    fn a_trace_without_an_error_or_cut_off_is_empty() {
        for stderr in [
            "",
            "@nix {\"action\":\"msg\",\"level\":0,\"trace\":[{\"raw_msg\":\"while calling",
            "@nix {\"action\":\"msg\",\"level\":1,\"trace\":[{\"raw_msg\":\"while calling 'f'\"}]}",
            "@nix {\"action\":\"msg\",\"level\":0,\"trace\":7}",
            "error: x",
        ] {
            assert_eq!(told(stderr, LogFormat::TracedJson), Vec::<String>::new(), "{stderr}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_some_trace(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
            words in "(error:|error: while |… | at /a:1:2:|while evaluating the attribute '|' of the derivation '|\n|@nix \\{\"|x){0,20}",
        ) {
            for log in [LogFormat::Text, LogFormat::InternalJson, LogFormat::TracedJson] {
                let _ = read_trace(&[bytes.as_slice(), words.as_bytes()].concat(), log).cycle();
                let _ = read_trace(&[words.as_bytes(), bytes.as_slice()].concat(), log).cycle_of_calls();
            }
        }
    }
}

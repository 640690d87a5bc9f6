//! Reader of what our own tracer prints.
//!
//! Owns the format: a line `trace: NONCE {"enter": NAME, "at": [[FILE, LINE, COLUMN], …]}` where the evaluation of a
//! derivation begins, with the places that say what it is, and `trace: NONCE {"leave": true}` where it ends; by
//! themselves, or as the message of a line `@nix {…}`. The nonce is made anew for each run and evaluated code cannot
//! know it. So a line that it printed can hide one of ours at most, and never pass for one.

use memchr::memmem::Finder;
use serde_json::Value;

use super::cycle::Cycle;
use super::detect::find_cycle;
use super::frame::{Frame, FrameId, Frames, Stack, What};
use super::growth::{Finding, Growth, Mark, Rung};
use super::lines::{Line, Lines};
use crate::outcome::{Entry, Position, plain};

/// A line longer than this is passed over.
const MOST_LINE: usize = 1 << 20;
/// Derivations within more others than this are counted only.
const MOST_DEPTH: usize = 1 << 16;
/// So many places of a derivation are kept.
const MOST_PLACES: usize = 8;

/// Reads standard error of a traced evaluation in chunks, while it is written.
#[derive(Debug, Clone)]
pub struct TracerReader {
    nonce: Finder<'static>,
    frames: Frames,
    cut: Lines<MOST_LINE>,
    stack: Vec<FrameId>,
    /// Where in the stack each derivation that was entered is.
    entered: Vec<usize>,
    /// How many derivations were entered that are too deep to keep.
    beyond: usize,
    /// The stack with the most derivations since the last flush, if it is not the present one.
    deepest: Stack,
    deepest_entered: usize,
    growth: Growth,
    lines: u64,
}

impl TracerReader {
    /// Begins to read lines with this nonce. Without one, none counts.
    #[must_use]
    pub fn new(nonce: &str) -> Self {
        // An empty nonce would be in every line.
        let nonce = if nonce.is_empty() { "\n" } else { nonce };
        Self {
            nonce: Finder::new(nonce).into_owned(),
            frames: Frames::default(),
            cut: Lines::default(),
            stack: Vec::new(),
            entered: Vec::new(),
            beyond: 0,
            deepest: Stack::default(),
            deepest_entered: 0,
            growth: Growth::default(),
            lines: 0,
        }
    }

    /// Takes the next bytes, in chunks of any size.
    pub fn feed(&mut self, chunk: &[u8]) {
        let mut cut = std::mem::take(&mut self.cut);
        cut.feed(chunk, |line| match line {
            Line::Whole(line) => self.line(line),
            Line::TooLong => {}
        });
        self.cut = cut;
    }

    /// Looks at the deepest stack since the last time, at a moment that `mark` tells of.
    pub fn flush(&mut self, mark: Mark) -> Finding {
        let cycle = self.cycle();
        self.deepest = Stack::default();
        self.deepest_entered = 0;
        self.growth.push(Rung { cycle, mark })
    }

    /// Returns the cycle on the deepest stack since the last flush, if there is one.
    #[must_use]
    pub fn cycle(&self) -> Option<Cycle> {
        if self.entered.len() >= self.deepest_entered {
            // It is short, so a copy is cheap next to the search.
            find_cycle(&Stack(self.stack.clone()), &self.frames)
        } else {
            find_cycle(&self.deepest, &self.frames)
        }
    }

    /// Counts the lines of the tracer that were read so far.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// Counts the derivations that are being evaluated now, each within the one before.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.entered.len() + self.beyond
    }

    fn line(&mut self, line: &[u8]) {
        if self.nonce.find(line).is_none() {
            return;
        }
        let told = match Entry::read(line).and_then(|entry| entry.msg) {
            Some(message) => self.told(message.as_bytes()),
            None => self.told(line),
        };
        let Some(told) = told else { return };
        if let Some(name) = told.get("enter").and_then(Value::as_str) {
            self.lines += 1;
            self.enter(name, told.get("at"));
        } else if let Some(left) = told.get("leave") {
            self.lines += 1;
            self.leave(left.as_str());
        }
    }

    /// Reads what follows the nonce.
    fn told(&self, line: &[u8]) -> Option<Value> {
        let at = self.nonce.find(line)? + self.nonce.needle().len();
        // Colours can follow.
        serde_json::Deserializer::from_slice(&line[at..]).into_iter::<Value>().next()?.ok()
    }

    fn enter(&mut self, name: &str, places: Option<&Value>) {
        if self.entered.len() == MOST_DEPTH {
            self.beyond += 1;
            return;
        }
        let mut places = places.and_then(Value::as_array).into_iter().flatten().filter_map(place);
        let derivation = Frame { what: What::Derivation(plain(name)), position: places.next() };
        self.entered.push(self.stack.len());
        self.stack.push(self.frames.insert(derivation));
        for position in places.take(MOST_PLACES) {
            let frame = Frame { what: What::Other("its recipe".to_owned()), position: Some(position) };
            self.stack.push(self.frames.insert(frame));
        }
    }

    /// Leaves the innermost derivation, or the innermost of this name with all within it: where an error was
    /// caught, they were left without a word.
    fn leave(&mut self, name: Option<&str>) {
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        if self.entered.len() > self.deepest_entered {
            self.deepest.0.clone_from(&self.stack);
            self.deepest_entered = self.entered.len();
        }
        if let Some(name) = name.map(plain) {
            let is_it = |at: &usize| self.frames.get(self.stack[*at]).derivation() == Some(name.as_str());
            let Some(at) = self.entered.iter().rposition(is_it) else { return };
            self.entered.truncate(at + 1);
        }
        if let Some(at) = self.entered.pop() {
            self.stack.truncate(at);
        }
    }
}

/// Reads `[FILE, LINE, COLUMN]`.
fn place(value: &Value) -> Option<Position> {
    let at = |index: usize| value.get(index);
    Position::told(at(0)?.as_str(), at(1)?.as_u64(), at(2)?.as_u64())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::quantity::Bytes;

    const NONCE: &str = "n0nce";

    fn enter(name: &str) -> String {
        format!(
            "trace: {NONCE} {}\n",
            serde_json::json!({"enter": name, "at": [["/s/a.nix", 3, 7], ["/p/x.nix", 1, 2]]})
        )
    }

    fn leave() -> String {
        format!("trace: {NONCE} {{\"leave\":true}}\n")
    }

    fn read(text: &str) -> TracerReader {
        let mut reader = TracerReader::new(NONCE);
        reader.feed(text.as_bytes());
        reader
    }

    #[test]
    fn a_cycle_is_read_from_what_is_entered_and_not_left() {
        let turns: String = (0..4)
            .flat_map(|_| ["hook", "x\ny", "wheel"])
            .map(|name| format!("{}{}{}", enter("leaf"), leave(), enter(name)))
            .collect();
        let cycle = read(&(enter("head") + &turns)).cycle().unwrap();
        assert_eq!(cycle.names().collect::<Vec<_>>(), ["hook", "x y", "wheel"]);
        assert_eq!((cycle.repetitions.whole(), cycle.head, cycle.tail), (4, 1, 0));
        assert_eq!(cycle.turn[0].position.as_ref().unwrap().to_string(), "/s/a.nix:3:7");
        assert_eq!(cycle.turn[0].frames[0].position.as_ref().unwrap().to_string(), "/p/x.nix:1:2");
    }

    #[test]
    fn a_cycle_that_was_left_meanwhile_is_seen_at_the_next_flush() {
        let text =
            enter("a") + &enter("b") + &enter("a") + &enter("b") + &enter("a") + &enter("b") + &leave().repeat(6);
        let mut reader = read(&text);
        assert_eq!(reader.depth(), 0);
        assert!(reader.cycle().is_some());
        reader.flush(Mark { memory: Some(Bytes(1)), call_depth: None });
        assert!(reader.cycle().is_none());
    }

    #[test]
    fn what_evaluated_code_prints_is_no_line_of_ours() {
        for forged in [
            "trace: {\"enter\":\"a\"}\n",
            "trace: other {\"enter\":\"a\"}\n",
            "trace: n0nc {\"enter\":\"a\"}\n",
            "trace: n0nce nonsense\n",
            "trace: n0nce {\"enter\":7}\n",
        ] {
            assert_eq!(read(forged).lines(), 0, "{forged}");
        }
        let mut none = TracerReader::new("");
        none.feed(b"trace:  {\"enter\":\"a\"}\n\n");
        assert_eq!(none.lines(), 0);
    }

    #[test]
    fn lines_within_the_log_in_json_are_read_too() {
        let line = serde_json::json!({"action": "msg", "level": 0, "msg": format!("trace: {NONCE} {{\"enter\":\"a\"}}\u{1b}[0m")});
        assert_eq!(read(&format!("@nix {line}\n")).depth(), 1);
    }

    #[test]
    fn what_an_error_left_without_a_word_is_left_with_what_is_around_it() {
        let text = enter("a") + &enter("b") + &enter("c") + &format!("trace: {NONCE} {{\"leave\":\"a\"}}\n");
        assert_eq!(read(&text).depth(), 0);
        assert_eq!(read(&format!("{}trace: {NONCE} {{\"leave\":\"z\"}}\n", enter("a"))).depth(), 1);
        assert_eq!(read(&leave()).depth(), 0);
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference_and_nothing_is_too_strange(
            parts in prop::collection::vec(prop_oneof![
                Just(enter("a")), Just(enter("b")), Just(leave()), Just(enter("\u{1b}[31m\n")),
                Just("@nix {".to_owned()), Just(format!("{NONCE} {{\"enter\":")), any::<String>(),
            ], 0..60),
            size in 1usize..50,
        ) {
            let text = parts.concat();
            let whole = read(&text);
            let mut chunked = TracerReader::new(NONCE);
            for chunk in text.as_bytes().chunks(size) {
                chunked.feed(chunk);
            }
            prop_assert_eq!(chunked.cycle(), whole.cycle());
            prop_assert_eq!((chunked.depth(), chunked.lines()), (whole.depth(), whole.lines()));
        }
    }
}

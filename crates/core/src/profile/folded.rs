//! Reader of folded stacks, as Nix's evaluation profiler writes them.
//!
//! Owns the format: `FRAME;FRAME;… COUNT` a line. A stream of any length is read in bounded memory: distinct frames
//! are kept, for each flush the stack with the most derivations, and sums. What does not look like a line is passed
//! over and counted.

use std::io::{self, BufRead};

use memchr::{memchr, memrchr};

use super::cycle::Cycle;
use super::detect::find_cycle;
use super::frame::{FrameId, Frames, Stack};
use super::growth::{Finding, Growth, Mark, Rung};
use super::lines::{Line, Lines};
use super::samples::Samples;

/// A line longer than this is passed over. At Nix's own limit of the call depth lines have one or two MiB.
const MOST_LINE: usize = 8 << 20;

/// Reads a profile in chunks, while it is written.
#[derive(Debug, Clone, Default)]
pub struct FoldedReader {
    frames: Frames,
    cut: Lines<MOST_LINE>,
    /// The stack of the line before, and where in it each frame ends.
    previous: Vec<u8>,
    ends: Vec<usize>,
    stack: Vec<FrameId>,
    /// How many frames up to and with each one are derivations.
    derivations: Vec<u32>,
    deepest: Deepest,
    samples: Samples,
    growth: Growth,
    lines: u64,
    passed_over: u64,
}

/// The stack with the most derivations since the last flush.
#[derive(Debug, Clone, Default)]
struct Deepest {
    stack: Stack,
    derivations: u32,
}

/// What a profile said, all of it.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its frames.
    pub frames: Frames,
    /// How often each frame was seen, and the stacks for a flame graph.
    pub samples: Samples,
    /// What it says about a cycle.
    pub finding: Finding,
    /// How many lines were read.
    pub lines: u64,
    /// How many lines were no stacks, were too long, or had no end.
    pub passed_over: u64,
}

impl FoldedReader {
    /// Takes the next bytes, in chunks of any size.
    pub fn feed(&mut self, chunk: &[u8]) {
        let mut cut = std::mem::take(&mut self.cut);
        cut.feed(chunk, |line| match line {
            Line::Whole(line) => self.line(line),
            Line::TooLong => self.passed_over += 1,
        });
        self.cut = cut;
    }

    /// Takes all there is to read.
    ///
    /// # Errors
    ///
    /// What reading fails with; what was read before counts.
    pub fn read(&mut self, mut from: impl BufRead) -> io::Result<()> {
        loop {
            let length = match from.fill_buf() {
                Ok([]) => return Ok(()),
                Ok(chunk) => {
                    self.feed(chunk);
                    chunk.len()
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(error),
            };
            from.consume(length);
        }
    }

    /// Ends a flush: what was read since the last one was written in one go, at a moment that `mark` tells of.
    ///
    /// Nothing in the stream says where a flush ends. Nix writes one every two seconds, all at once: the caller
    /// sees that nothing more comes for a while. A flush without a stack does not count.
    pub fn flush(&mut self, mark: Mark) -> Finding {
        if self.deepest.stack.0.is_empty() {
            return self.growth.finding();
        }
        let cycle = self.cycle();
        self.deepest = Deepest::default();
        self.growth.push(Rung { cycle, mark })
    }

    /// Returns the cycle on the deepest stack since the last flush, if there is one.
    #[must_use]
    pub fn cycle(&self) -> Option<Cycle> {
        find_cycle(&self.deepest.stack, &self.frames)
    }

    /// Counts the whole lines that were read so far.
    #[must_use]
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// Ends the profile. A last line without an end does not count: its writer was killed.
    #[must_use]
    pub fn finish(mut self) -> Profile {
        let finding = self.flush(Mark::default());
        let cut = u64::from(self.cut.is_within_a_line());
        let (lines, passed_over) = (self.lines, self.passed_over + cut);
        Profile { frames: self.frames, samples: self.samples, finding, lines, passed_over }
    }

    fn line(&mut self, line: &[u8]) {
        let split = memrchr(b' ', line).and_then(|at| Some((&line[..at], count(&line[at + 1..])?)));
        let Some((stack, count)) = split.filter(|(stack, _)| !stack.is_empty()) else {
            self.passed_over += 1;
            return;
        };
        self.lines += 1;
        self.take(stack);
        self.samples.add(&self.stack, &self.frames, count);
        let derivations = self.derivations.last().copied().unwrap_or(0);
        let deepest = (self.deepest.derivations, self.deepest.stack.0.len());
        if (derivations, self.stack.len()) > deepest {
            self.deepest.derivations = derivations;
            self.deepest.stack.0.clone_from(&self.stack);
        }
    }

    /// Reads a stack. Stacks of one flush are sorted, so that most frames are those of the line before.
    fn take(&mut self, stack: &[u8]) {
        let common = common_prefix(&self.previous, stack);
        // A frame is the same one if what tells its end is common, too.
        let kept = self.ends.partition_point(|end| end + SEPARATOR <= common);
        let mut start = if kept == 0 { 0 } else { self.ends[kept - 1] + 1 };
        self.ends.truncate(kept);
        self.stack.truncate(kept);
        self.derivations.truncate(kept);
        self.previous.truncate(start);
        self.previous.extend_from_slice(&stack[start..]);
        while start <= stack.len() {
            let end = end_of_frame(stack, start);
            let id = self.frames.intern(&stack[start..end]);
            let before = self.derivations.last().copied().unwrap_or(0);
            self.ends.push(end);
            self.stack.push(id);
            self.derivations.push(before + u32::from(self.frames.name(id).is_some()));
            start = end + 1;
        }
    }
}

/// With so many bytes it is told whether a semicolon ends a frame.
const SEPARATOR: usize = 1 + PRIMOP.len();
const PRIMOP: &[u8] = b"primop ";

/// Finds the end of a frame. A semicolon that no frame can begin after is part of a name.
fn end_of_frame(stack: &[u8], start: usize) -> usize {
    let mut from = start;
    while let Some(at) = memchr(b';', &stack[from..]) {
        let end = from + at;
        let next = &stack[end + 1..];
        if next.starts_with(b"/")
            || next.starts_with("«".as_bytes())
            || next.starts_with(b"<")
            || next.starts_with(PRIMOP)
        {
            return end;
        }
        from = end + 1;
    }
    stack.len()
}

/// Counts the bytes that two texts have in common from the start.
fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    const BLOCK: usize = 64;
    let blocks = one.chunks_exact(BLOCK).zip(other.chunks_exact(BLOCK)).take_while(|(a, b)| a == b).count();
    let rest = one[blocks * BLOCK..].iter().zip(&other[blocks * BLOCK..]).take_while(|(a, b)| a == b).count();
    blocks * BLOCK + rest
}

/// Reads a count: digits only.
fn count(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

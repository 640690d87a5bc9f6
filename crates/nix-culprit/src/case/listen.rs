//! Listening to an evaluation that tells where it is: when it hands something over, and what to wish of it.
//!
//! Owns the pace. It is told the time, and knows nothing of processes.

use std::time::Duration;

use nix_culprit_core::profile::{Finding, FoldedReader, Mark, Profile, TracerReader};
use nix_culprit_core::quantity::Bytes;

use crate::sys::limit::{Seen, Wish};

/// How often Nix hands over its profile, and a little more.
const EVERY: Duration = Duration::from_millis(2_080);
/// After so long without a byte a profile is handed over wholly.
const QUIET: Duration = Duration::from_millis(60);
/// The shares of the memory between the good end's and the budget at which the evaluation stands still, in percent.
const STOPS: [u64; 4] = [15, 35, 55, 75];
/// A look at the tracer's lines is due each time that the memory has grown by so much of the budget, in percent.
const LOOKS: u64 = 4;

/// Listens to a profile that Nix hands over every two seconds, and lets the evaluation stand still in between, so that
/// it is heard several times before a small budget is used up.
#[derive(Debug)]
pub struct ProfileListener {
    reader: FoldedReader,
    stops: Vec<Bytes>,
    /// Whether the evaluation stands still.
    paused: bool,
    /// When the last profile was handed over; at first, when the evaluation began.
    last: Duration,
    /// When the last byte came, if not all of a profile has been heard.
    open: Option<Duration>,
    memory: Option<Bytes>,
    ended: bool,
    /// How many parts of the profile were handed over.
    parts: usize,
}

impl ProfileListener {
    /// Prepares to listen to an evaluation that may use `budget`, where the good end needed `needed`.
    #[must_use]
    pub fn new(needed: Bytes, budget: Bytes) -> Self {
        let room = budget.0.saturating_sub(needed.0);
        let stops = STOPS.iter().map(|share| Bytes(needed.0.min(budget.0) + Bytes(room).percent(*share).0)).collect();
        Self {
            reader: FoldedReader::default(),
            stops,
            paused: false,
            last: Duration::ZERO,
            open: None,
            memory: None,
            ended: false,
            parts: 0,
        }
    }

    /// Hears what is seen at a moment, `now` after the beginning, and says what to wish.
    pub fn hear(&mut self, now: Duration, seen: Seen<'_>) -> Wish {
        match seen {
            Seen::Stderr(_) => {}
            Seen::Pipe(bytes) => {
                if self.open.is_none() {
                    self.last = now;
                }
                self.open = Some(now);
                self.reader.feed(bytes);
            }
            Seen::Memory(memory) => {
                if self.open.is_some_and(|since| now.saturating_sub(since) >= QUIET) {
                    self.close();
                }
                if self.open.is_none() {
                    self.memory = Some(memory);
                }
                self.pace(now, memory);
            }
        }
        match () {
            () if self.ended => Wish::End,
            () if self.paused => Wish::Pause,
            () => Wish::GoOn,
        }
    }

    /// Returns the whole profile, and how many parts of it were handed over.
    #[must_use]
    pub fn finish(mut self) -> (Profile, usize) {
        if self.open.is_some() {
            self.close();
        }
        (self.reader.finish(), self.parts)
    }

    fn pace(&mut self, now: Duration, memory: Bytes) {
        let due = now.saturating_sub(self.last) >= EVERY;
        if self.paused {
            self.paused = !due;
        } else if self.open.is_none() && self.stops.first().is_some_and(|stop| memory >= *stop) {
            // All stops that were passed are one.
            self.stops.retain(|stop| *stop > memory);
            self.paused = !due;
        }
    }

    /// Looks at what was handed over.
    fn close(&mut self) {
        self.open = None;
        let before = self.parts;
        self.parts += usize::from(self.reader.lines() > 0);
        let mark = Mark { memory: self.memory, call_depth: None };
        self.ended |= matches!(self.reader.flush(mark), Finding::Confirmed(_)) && self.parts > before;
    }
}

/// Listens to the lines of our tracer.
#[derive(Debug)]
pub struct TracerListener {
    reader: TracerReader,
    /// The memory at which the next look is due, and how much later the one after it.
    next: Bytes,
    step: Bytes,
    memory: Option<Bytes>,
    ended: bool,
}

impl TracerListener {
    /// Prepares to listen to lines with a nonce, of an evaluation that may use `budget`.
    #[must_use]
    pub fn new(nonce: &str, budget: Bytes) -> Self {
        let step = budget.percent(LOOKS);
        Self { reader: TracerReader::new(nonce), next: step, step, memory: None, ended: false }
    }

    /// Hears what is seen, and says what to wish.
    pub fn hear(&mut self, seen: Seen<'_>) -> Wish {
        match seen {
            Seen::Pipe(_) => {}
            Seen::Stderr(bytes) => self.reader.feed(bytes),
            Seen::Memory(memory) => {
                self.memory = Some(memory);
                if memory >= self.next {
                    self.next = Bytes(memory.0.saturating_add(self.step.0));
                    self.look();
                }
            }
        }
        if self.ended { Wish::End } else { Wish::GoOn }
    }

    /// Returns what is known when the evaluation has ended.
    #[must_use]
    pub fn finish(mut self) -> Finding {
        self.reader.flush(Mark { memory: self.memory, call_depth: None })
    }

    fn look(&mut self) {
        let mark = Mark { memory: self.memory, call_depth: None };
        self.ended |= matches!(self.reader.flush(mark), Finding::Confirmed(_));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A stack with so many turns of two derivations.
    fn profile(turns: usize) -> Vec<u8> {
        let turn = "/n:1:1:primop derivationStrict:a;/n:1:1:primop derivationStrict:b;".repeat(turns);
        format!("/x.nix:1:2:f;{turn}/x.nix:57:6:override 3\n/x.nix:1:2:f 9\n").into_bytes()
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// An evaluation that takes a mebibyte a millisecond and hands over every two seconds.
    fn listen_to(turns_at: impl Fn(u64) -> usize, budget: u64) -> (Profile, usize, u64, u64) {
        let mut listener = ProfileListener::new(Bytes(50 * MIB), Bytes(budget * MIB));
        let (mut memory, mut last, mut wish) = (0, 0, Wish::GoOn);
        for now in (0..20_000).step_by(5) {
            if wish == Wish::End || memory >= budget {
                let (profile, parts) = listener.finish();
                return (profile, parts, memory, now);
            }
            if wish == Wish::GoOn {
                memory += 5;
                if now - last >= 2000 {
                    last = now;
                    let bytes = profile(turns_at(memory));
                    let (one, two) = bytes.split_at(bytes.len() / 3);
                    listener.hear(ms(now), Seen::Pipe(one));
                    listener.hear(ms(now), Seen::Pipe(two));
                }
            }
            wish = listener.hear(ms(now), Seen::Memory(Bytes(memory * MIB)));
        }
        let (profile, parts) = listener.finish();
        (profile, parts, memory, 20_000)
    }

    #[test]
    fn a_cycle_is_heard_to_grow_before_the_budget_is_used_up() {
        let (heard, _, memory, now) = listen_to(|memory| usize::try_from(memory / 20).unwrap(), 512);
        let Finding::Confirmed(confirmed) = &heard.finding else { panic!("{:?}", heard.finding) };
        assert_eq!(confirmed.cycle.names().collect::<Vec<_>>(), ["a", "b"]);
        assert!(memory < 400 && now < 9_000, "{memory} MiB, {now} ms");
        assert_eq!(heard.samples.within("b", &heard.frames)[0].0.to_string(), "/x.nix:57:6 override");
    }

    #[test]
    fn what_does_not_grow_is_heard_to_the_end_and_not_confirmed() {
        let (heard, parts, memory, _) = listen_to(|_| 1, 512);
        assert_eq!(heard.finding, Finding::Nothing);
        assert!(memory >= 512 && parts >= 4, "{memory} MiB, {parts} parts");
    }

    #[test]
    fn an_evaluation_that_never_hands_anything_over_does_not_stand_still_for_ever() {
        let mut listener = ProfileListener::new(Bytes(0), Bytes(100));
        assert_eq!(listener.hear(ms(10), Seen::Memory(Bytes(20))), Wish::Pause);
        assert_eq!(listener.hear(ms(1_000), Seen::Memory(Bytes(20))), Wish::Pause);
        assert_eq!(listener.hear(ms(2_100), Seen::Memory(Bytes(20))), Wish::GoOn);
        for memory in [20, 50, 90] {
            assert_eq!(listener.hear(ms(2_200 + memory), Seen::Memory(Bytes(memory))), Wish::GoOn);
        }
        let (profile, parts) = listener.finish();
        assert_eq!((profile.finding, parts), (Finding::Nothing, 0));
    }

    #[test]
    fn the_tracers_lines_are_looked_at_as_the_memory_grows_and_it_is_ended_when_that_is_enough() {
        let mut listener = TracerListener::new("N", Bytes(1000 * MIB));
        let mut ended = None;
        for turn in 0..200u64 {
            for name in ["a-1", "b-1"] {
                let text = format!("trace: M {{\"leave\":\"{name}\"}}\ntrace: N {{\"enter\":\"{name}\",\"at\":[]}}\n");
                listener.hear(Seen::Stderr(text.as_bytes()));
            }
            if listener.hear(Seen::Memory(Bytes(turn * 5 * MIB))) == Wish::End {
                ended = Some(turn);
                break;
            }
        }
        assert!(ended.is_some_and(|turn| turn < 60), "{ended:?}");
        let Finding::Confirmed(confirmed) = listener.finish() else { panic!("it grew") };
        assert_eq!(confirmed.cycle.rotated().names().collect::<Vec<_>>(), ["a-1", "b-1"]);
    }

    #[test]
    fn a_line_that_was_cut_off_is_no_stack() {
        let mut listener = ProfileListener::new(Bytes(0), Bytes(100));
        let whole = profile(9);
        listener.hear(ms(1), Seen::Pipe(&whole[..whole.len() / 2]));
        let (profile, parts) = listener.finish();
        assert_eq!((profile.finding, parts), (Finding::Nothing, 0));
    }
}

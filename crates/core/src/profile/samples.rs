//! How often frames and stacks were seen.
//!
//! Owns the sums over a profile, in bounded memory: for each frame, for what is done within each derivation, and for
//! stacks that are cut so that a flame graph can be drawn of them. Must not draw.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::folded::Profile;
use super::frame::{Frame, FrameId, Frames, NameId};

/// How often a frame was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// How often it was the innermost frame: what it did itself.
    pub own: u64,
    /// How often it was on the stack: with all that it called.
    pub total: u64,
}

/// So many different stacks are told apart; all that come after are one.
const MOST_STACKS: usize = 2048;
/// A derivation that is on a stack more than so often is in a cycle: the turns after that are left out.
const MOST_TURNS: u8 = 2;
/// So many frames of a stack are kept on its outer and on its inner side.
const OUTER: usize = 300;
const INNER: usize = 100;
/// So many pairs of a derivation and a frame within it are kept.
const MOST_PAIRS: usize = 1 << 15;

/// How often each frame, and each stack, was seen.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    frames: Vec<Seen>,
    /// The line in which each frame was counted last.
    counted: Vec<u64>,
    line: u64,
    within: HashMap<(NameId, FrameId), u64>,
    /// By derivation's name: how often no other derivation was further in.
    derivations: Vec<u64>,
    stacks: HashMap<Box<[Part]>, u64>,
    others: u64,
    all: u64,
    /// How often each name was met in the stack that is being cut; kept to be used again.
    turns: Vec<u8>,
    met: Vec<NameId>,
    cut: Vec<Part>,
}

/// A part of a stack that was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Frame(FrameId),
    LeftOut,
}

impl Samples {
    pub(super) fn add(&mut self, stack: &[FrameId], frames: &Frames, count: u64) {
        self.all = self.all.saturating_add(count);
        self.line += 1;
        self.frames.resize(frames.len(), Seen::default());
        self.counted.resize(frames.len(), 0);
        for id in stack {
            if self.counted[id.index()] != self.line {
                self.counted[id.index()] = self.line;
                let total = &mut self.frames[id.index()].total;
                *total = total.saturating_add(count);
            }
        }
        let Some(innermost) = stack.last() else { return };
        let own = &mut self.frames[innermost.index()].own;
        *own = own.saturating_add(count);
        self.add_within(stack, frames, count);
        self.add_stack(stack, frames, count);
    }

    /// Counts what is done within the innermost derivation.
    fn add_within(&mut self, stack: &[FrameId], frames: &Frames, count: u64) {
        let found = stack.iter().enumerate().rev().find_map(|(at, id)| Some((at, frames.name(*id)?)));
        let Some((at, name)) = found else { return };
        if name.index() >= self.derivations.len() {
            self.derivations.resize(name.index() + 1, 0);
        }
        let own = &mut self.derivations[name.index()];
        *own = own.saturating_add(count);
        self.line += 1;
        for id in &stack[at + 1..] {
            if self.counted[id.index()] == self.line {
                continue;
            }
            self.counted[id.index()] = self.line;
            if let Some(seen) = self.within.get_mut(&(name, *id)) {
                *seen = seen.saturating_add(count);
            } else if self.within.len() < MOST_PAIRS {
                self.within.insert((name, *id), count);
            }
        }
    }

    fn add_stack(&mut self, stack: &[FrameId], frames: &Frames, count: u64) {
        let mut cut = std::mem::take(&mut self.cut);
        cut.clear();
        self.cut_stack(stack, frames, &mut cut);
        if let Some(seen) = self.stacks.get_mut(cut.as_slice()) {
            *seen = seen.saturating_add(count);
        } else if self.stacks.len() < MOST_STACKS {
            self.stacks.insert(cut.as_slice().into(), count);
        } else {
            self.others = self.others.saturating_add(count);
        }
        self.cut = cut;
    }

    /// Leaves out the turns of a cycle but the first ones, and the middle of what is still too deep.
    fn cut_stack(&mut self, stack: &[FrameId], frames: &Frames, cut: &mut Vec<Part>) {
        let innermost = stack.iter().rposition(|id| frames.name(*id).is_some()).unwrap_or(0);
        let mut end = innermost;
        for (at, id) in stack[..innermost].iter().enumerate() {
            let Some(name) = frames.name(*id) else { continue };
            let index = name.index();
            if index >= self.turns.len() {
                self.turns.resize(index + 1, 0);
            }
            self.turns[index] += 1;
            self.met.push(name);
            if self.turns[index] > MOST_TURNS {
                end = at;
                break;
            }
        }
        for name in self.met.drain(..) {
            self.turns[name.index()] = 0;
        }
        let (outer, inner) = (&stack[..end], &stack[innermost..]);
        let (from_outer, from_inner) = (outer.len().min(OUTER), inner.len().min(INNER));
        cut.extend(outer[..from_outer].iter().copied().map(Part::Frame));
        if from_outer + from_inner < stack.len() {
            cut.push(Part::LeftOut);
        }
        cut.extend(inner[inner.len() - from_inner..].iter().copied().map(Part::Frame));
    }

    /// Returns how often a frame was seen.
    #[must_use]
    pub fn of(&self, frame: FrameId) -> Seen {
        self.frames.get(frame.index()).copied().unwrap_or_default()
    }

    /// Returns how often any stack was seen.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.all
    }

    /// Returns the frames that were seen within a derivation and within no inner one, most often seen first: what
    /// is done for it. Where a cycle makes values anew in each turn, they are made here.
    #[must_use]
    pub fn within(&self, derivation: &str, frames: &Frames) -> Vec<(Frame, u64)> {
        let Some(name) = frames.name_of(derivation) else { return Vec::new() };
        let pairs = self.within.iter().filter(|((of, _), _)| *of == name);
        let mut found: Vec<(Frame, u64)> = pairs.map(|((_, id), seen)| (frames.get(*id).clone(), *seen)).collect();
        found.sort_by(|(a, seen), (b, other)| other.cmp(seen).then_with(|| a.cmp(b)));
        found
    }

    /// Returns the stacks as folded lines for a flame graph, sorted: `FRAME;FRAME COUNT`. Deep repetitive ones are
    /// cut to a few turns. `label` is what a frame is called; where it holds a semicolon or a line break, others
    /// stand for them.
    pub fn folded(&self, frames: &Frames, label: impl Fn(&Frame) -> String) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Frame(id) => label(frames.get(*id)).replace(';', ",").replace(['\n', '\r'], " "),
            Part::LeftOut => "(more turns)".to_owned(),
        };
        let mut sums: HashMap<String, u64> = HashMap::new();
        for (stack, count) in &self.stacks {
            let names: Vec<String> = stack.iter().map(part).collect();
            *sums.entry(names.join(";")).or_default() += count;
        }
        if self.others > 0 {
            sums.insert("(other stacks)".to_owned(), self.others);
        }
        let mut lines: Vec<String> = sums.into_iter().map(|(stack, count)| format!("{stack} {count}")).collect();
        lines.sort();
        lines
    }
}

/// What was seen more often in one profile than in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Grown {
    /// What it is called.
    pub name: String,
    /// How often the good profile has it.
    pub good: Seen,
    /// How often the bad profile has it.
    pub bad: Seen,
}

/// A profile, and what its frames are called.
#[derive(Clone, Copy)]
pub struct Labelled<'a> {
    /// The profile.
    pub profile: &'a Profile,
    /// Makes frames of two profiles comparable, as places differ between commits. It must keep the frames of one
    /// profile apart: totals of those with the same name add up. It returns nothing for what does not matter.
    pub label: &'a dyn Fn(&Frame) -> Option<String>,
}

/// Returns the frames that two profiles, taken at the same rate, show to have become heavier, by themselves or with
/// what they call: those that grew most by themselves first. What sampling alone can explain (three standard
/// deviations) is not among them.
#[must_use]
pub fn grown(good: Labelled<'_>, bad: Labelled<'_>) -> Vec<Grown> {
    let seen = |side: Labelled<'_>| {
        let Profile { samples, frames, .. } = side.profile;
        let all = frames.ids().map(|id| (id, samples.of(id))).filter(|(_, seen)| seen.total > 0);
        all.filter_map(|(id, seen)| Some(((side.label)(frames.get(id))?, seen))).collect()
    };
    clearly_grown(seen(good), seen(bad))
}

/// Returns the derivations that became heavier, as [`grown`] does of frames. Their own is what is done for them and for
/// no derivation that they need; their total is with that. `label` is what a derivation is called in both.
#[must_use]
pub fn grown_derivations(good: &Profile, bad: &Profile, label: impl Fn(&str) -> String) -> Vec<Grown> {
    let seen = |profile: &Profile| {
        let Profile { samples, frames, .. } = profile;
        let mut all = Vec::new();
        for id in frames.ids() {
            let (Some(derivation), Some(name)) = (frames.get(id).derivation(), frames.name(id)) else { continue };
            all.push((label(derivation), Seen { own: 0, total: samples.of(id).total }));
            // The name can be in several frames.
            if frames.first_with(name) == Some(id) {
                let own = samples.derivations.get(name.index()).copied().unwrap_or(0);
                all.push((label(derivation), Seen { own, total: 0 }));
            }
        }
        all
    };
    clearly_grown(seen(good), seen(bad))
}

fn clearly_grown(good: Vec<(String, Seen)>, bad: Vec<(String, Seen)>) -> Vec<Grown> {
    let mut all: HashMap<String, (Seen, Seen)> = HashMap::new();
    let mut add = |name: String, seen: Seen, pick: fn(&mut (Seen, Seen)) -> &mut Seen| {
        let sum = pick(all.entry(name).or_default());
        sum.own = sum.own.saturating_add(seen.own);
        sum.total = sum.total.saturating_add(seen.total);
    };
    good.into_iter().for_each(|(name, seen)| add(name, seen, |sides| &mut sides.0));
    bad.into_iter().for_each(|(name, seen)| add(name, seen, |sides| &mut sides.1));
    let is_clear = |good: u64, bad: u64| {
        let more = u128::from(bad.saturating_sub(good));
        more * more > 9 * (u128::from(good) + u128::from(bad))
    };
    let mut grown: Vec<Grown> = all
        .into_iter()
        .map(|(name, (good, bad))| Grown { name, good, bad })
        .filter(|one| is_clear(one.good.own, one.bad.own) || is_clear(one.good.total, one.bad.total))
        .collect();
    let by = |one: &Grown| (one.bad.own.saturating_sub(one.good.own), one.bad.total.saturating_sub(one.good.total));
    grown.sort_by(|a, b| by(b).cmp(&by(a)).then_with(|| a.name.cmp(&b.name)));
    grown
}

//! What the bad end does more of than the good one: both are evaluated once more, with a profile.
//!
//! Owns what is counted, and what the frames of both ends are called so that they can be compared.

use std::collections::HashMap;

use nix_culprit_core::explain::{Heavier, More, Place, Unit, Way, Why, without_version};
use nix_culprit_core::growth::Side;
use nix_culprit_core::outcome::{Class, Observation};
use nix_culprit_core::profile::{
    FoldedReader, Frame, FrameId, Grown, Labelled, Profile, What, grown, grown_derivations,
};

use super::super::CaseError;
use super::super::assignment::Assignment;
use super::super::flame;
use super::super::instrumented::{How, Instrumented};
use super::Attempt;
use crate::sys::limit::{Seen, Wish};

/// Up to so many calls, all of them are counted: that takes up to 3 us for each (measured with 100 calls on the stack).
const MOST_CALLS: u64 = 2_000_000;
/// Where they are more, the stack is looked at so often in the time that the good end takes, if that is neither too
/// seldom nor too often a second.
const LOOKS: f64 = 2_000.0;
const HERTZ: (f64, f64) = (20.0, 1_000.0);
/// The most packages, and the most functions, that are told.
const MOST: usize = 40;

/// An evaluation that was heard to its end.
pub(super) struct Heard {
    pub(super) profile: Profile,
    pub(super) seen: Instrumented,
}

impl Attempt<'_, '_> {
    /// Compares an end that succeeds with the good one.
    pub(super) fn heavier(&mut self, bad: &Observation) -> Result<Option<(Why, Way)>, CaseError> {
        if self.failing.by.is_some_and(|way| way != Way::Profile) {
            self.notes.push("What an evaluation that succeeds does more of is learned by a profile only.".to_owned());
            return Ok(None);
        }
        let calls = calls(self.failing.good_observation).zip(calls(bad));
        let (unit, hertz) = match calls {
            Some((good, bad)) if good.max(bad) <= MOST_CALLS => (Unit::Calls, 0),
            Some(_) | None => (Unit::Samples, looks_a_second(self.failing.good_observation)),
        };
        let Some(bad) = self.hear(self.failing.assignment, hertz)? else { return Ok(None) };
        let Some(good) = self.hear(self.failing.good, hertz)? else { return Ok(None) };
        self.draw(&bad.profile, &bad.seen);
        Ok(self.compared(&good, &bad, unit))
    }

    /// Compares what was heard of a failing end, and drawn, with the good one, looked at equally often.
    pub(super) fn runs_on(&mut self, bad: &Heard, hertz: u32) -> Result<Option<(Why, Way)>, CaseError> {
        let Some(good) = self.hear(self.failing.good, hertz)? else { return Ok(None) };
        Ok(self.compared(&good, bad, Unit::Samples))
    }

    /// Draws what the good end does against what the bad end does.
    pub(super) fn difference(&mut self, bad: &Heard, hertz: u32) -> Result<(), CaseError> {
        if let Some(good) = self.hear(self.failing.good, hertz)? {
            self.draw_difference(&good, bad);
        }
        Ok(())
    }

    /// Evaluates once and hears the profile to its end.
    fn hear(&mut self, assignment: &Assignment, hertz: u32) -> Result<Option<Heard>, CaseError> {
        let mut reader = FoldedReader::default();
        let seen = self.run(assignment, How::Profile { hertz }, Way::Profile, &mut |seen| {
            if let Seen::Pipe(bytes) = seen {
                reader.feed(bytes);
            }
            Wish::GoOn
        })?;
        let Some(seen) = seen else {
            let text = "This Nix writes no profile, as 2.30 and newer do; so no functions are told, but counters only.";
            self.note_once(text);
            return Ok(None);
        };
        let profile = reader.finish();
        // Looked at so often a second, an end can be over before it was looked at once.
        let is_over_soon = hertz > 0 && seen.outcome.class == Class::Success;
        if profile.lines == 0 && !is_over_soon {
            self.note_once(&format!("Nix handed over no profile; it ended in: {}.", seen.outcome));
            return Ok(None);
        }
        if seen.outcome.class != Class::Success {
            self.note_once(&format!("With a profile one of both ends ended in: {}.", seen.outcome));
        }
        Ok(Some(Heard { profile, seen }))
    }

    fn note_once(&mut self, text: &str) {
        if self.notes.iter().all(|note| note != text) {
            self.notes.push(text.to_owned());
        }
    }

    fn compared(&mut self, good: &Heard, bad: &Heard, unit: Unit) -> Option<(Why, Way)> {
        self.draw_difference(good, bad);
        let side = self.prober.rule().map_or(Side::Above, |rule| rule.side);
        let heavier = compare(good, bad, unit, side);
        (heavier.bad > 0).then_some((Why::Heavier(heavier), Way::Profile))
    }

    fn draw_difference(&mut self, good: &Heard, bad: &Heard) {
        let drawn = flame::draw_difference((&good.profile, &good.seen.folders), (&bad.profile, &bad.seen.folders));
        self.keep_picture(flame::DIFFERENCE, drawn);
    }
}

/// Returns how many calls an evaluation makes, if that was counted.
fn calls(seen: &Observation) -> Option<u64> {
    let counters = seen.counters.as_ref()?;
    let get = |name: &str| counters.get(&name.parse().ok()?);
    Some(get("nrFunctionCalls")?.saturating_add(get("nrPrimOpCalls")?))
}

/// Returns how often a second the stack is looked at.
fn looks_a_second(good: &Observation) -> u32 {
    let seconds = good.wall.as_secs_f64().max(0.01);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 20 and 1000")]
    let hertz = (LOOKS / seconds).clamp(HERTZ.0, HERTZ.1) as u32;
    hertz
}

fn compare(good: &Heard, bad: &Heard, unit: Unit, side: Side) -> Heavier {
    let (good_names, bad_names) = (Names::of(good), Names::of(bad));
    let (good_label, bad_label) = (|frame: &Frame| good_names.label(frame), |frame: &Frame| bad_names.label(frame));
    let good_labelled = Labelled { profile: &good.profile, label: &good_label };
    let bad_labelled = Labelled { profile: &bad.profile, label: &bad_label };
    let package = |derivation: &str| without_version(derivation).to_owned();
    // What is less is what the good end has more of.
    let (functions, packages) = match side {
        Side::Above => (grown(good_labelled, bad_labelled), grown_derivations(&good.profile, &bad.profile, package)),
        Side::Below => (grown(bad_labelled, good_labelled), grown_derivations(&bad.profile, &good.profile, package)),
    };
    let ends = |one: &Grown| match side {
        Side::Above => (one.good, one.bad),
        Side::Below => (one.bad, one.good),
    };
    let package = |one: Grown| {
        let (good, bad) = ends(&one);
        More { name: one.name, place: None, good, bad }
    };
    let function = |one: Grown| {
        let (good, bad) = ends(&one);
        let frame = bad_names.known.get(&one.name).or_else(|| good_names.known.get(&one.name));
        let (name, place) = frame.cloned().unwrap_or_default();
        More { name, place, good, bad }
    };
    Heavier {
        unit,
        good: good.profile.samples.all(),
        bad: bad.profile.samples.all(),
        side,
        packages: packages.into_iter().take(MOST).map(package).collect(),
        functions: functions.into_iter().take(MOST).map(function).collect(),
    }
}

/// What the frames of one end are called. Lines move between commits, so that what a line says stands for its number.
struct Names {
    labels: HashMap<Frame, String>,
    known: HashMap<String, (String, Option<Place>)>,
}

impl Names {
    fn of(heard: &Heard) -> Self {
        let Heard { profile, seen } = heard;
        let (mut labels, mut known) = (HashMap::new(), HashMap::new());
        let mut ids: Vec<FrameId> = profile.frames.ids().collect();
        // The place that is told is the one with most.
        ids.sort_by_key(|id| std::cmp::Reverse(profile.samples.of(*id).own));
        for id in ids {
            let frame = profile.frames.get(id);
            let Some(name) = called(frame) else { continue };
            let place = frame.position.as_ref().and_then(|position| seen.folders.place(position, &seen.sources));
            if frame.position.is_some() && place.is_none() {
                // It lies within Nix: what calls it is told.
                continue;
            }
            let says = place.as_ref().map(|place| {
                let line = || place.line.to_string();
                let source = place.source.as_ref().map_or_else(line, |source| source.trim().to_owned());
                format!("{}\n{}\n{source}", place.input, place.path)
            });
            let label = format!("{name}\n{}", says.unwrap_or_default());
            known.entry(label.clone()).or_insert((name, place));
            labels.insert(frame.clone(), label);
        }
        Self { labels, known }
    }

    fn label(&self, frame: &Frame) -> Option<String> {
        self.labels.get(frame).cloned()
    }
}

/// Returns what a frame is called; derivations are told as packages.
fn called(frame: &Frame) -> Option<String> {
    match &frame.what {
        What::Function(name) => Some(name.clone().unwrap_or_else(|| "a function".to_owned())),
        What::Primop(name) => Some(format!("builtins.{name}")),
        What::Functor => Some("a functor".to_owned()),
        What::Derivation(_) | What::Attribute(_) | What::Other(_) => None,
    }
}

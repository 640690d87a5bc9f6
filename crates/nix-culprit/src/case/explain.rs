//! Why the bad end fails or is heavier: it is evaluated once more, in a way that tells where it is.
//!
//! Owns which ways are tried and in which order. It bounds its time, and never fails an investigation: what could not
//! be learned is a note.

mod early;
mod heavier;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix_culprit_core::bisect::{Hint, Reason};
use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::event::Event;
use nix_culprit_core::explain::{
    Certainty, Cycle, Edge, Entry, ErrorRoot, Explanation, FrameTold, Fresh, Growth, Guide, Place, Trace, Way, Why,
    files_of_cycle,
};
use nix_culprit_core::ids::{CommitId, InputPath};
use nix_culprit_core::outcome::{Class, LogFormat, Observation, Position};
use nix_culprit_core::profile::{self, Finding, Frame, Mark, Profile, Rung, What, read_trace};
use nix_culprit_core::quantity::Bytes;

use super::CaseError;
use super::ahead::Ending;
use super::assignment::Assignment;
use super::flame;
use super::history::History;
use super::instrumented::{How, Instrumented};
use super::listen::{ProfileListener, TracerListener};
use super::prober::Prober;
use super::settings::Explaining;
use crate::sys::limit::{Budget, Seen, Wish};
pub use early::{Early, explain_early};
use heavier::Heard;

/// How often a second a profile of a failing end looks at the stack: often enough for a few dozen looks between two
/// reports.
const HERTZ: u32 = 20;
/// The limits of the call depth that are tried first, the one between them where the loop is plain by then, the one above
/// them where it is not, and those where memory did not last.
const FIRST_DEPTH: u32 = 300;
const SECOND_DEPTH: u32 = 600;
const BETWEEN: u32 = 450;
const DEEPEST: u32 = 1000;
const SHALLOWER: [u32; 2] = [200, 120];
/// So many repetitions make a loop plain that a healthy evaluation has none of.
const PLAIN: u64 = 8;
/// The least memory that is worth trying it with, if there is so much.
const LEAST: Bytes = Bytes(1 << 30);
/// How long one evaluation may take at least, if the user allows it.
const PATIENCE: Duration = Duration::from_secs(30);
/// The functions that make sets of packages or change them.
const MAKERS: [&str; 8] = [
    "override",
    "overrideScope",
    "overrideScope'",
    "extend",
    "appendOverlays",
    "import",
    "makeScope",
    "makeExtensible",
];
/// The most places that are told to make values anew.
const MOST_FRESH: usize = 8;
/// The most steps that are told on the way to an error.
const MOST_FRAMES: usize = 12;

/// The bad end, the good one, and what they need to be looked at again.
#[derive(Debug)]
pub struct Failing<'a> {
    /// The bad end.
    pub assignment: &'a Assignment,
    /// The good end.
    pub good: &'a Assignment,
    /// What was seen there.
    pub good_observation: &'a Observation,
    /// The longest time that an evaluation may take.
    pub time: Duration,
    /// The folder of the case.
    pub folder: &'a Path,
    /// The only way to try, if the user chose one.
    pub by: Option<Way>,
    /// Whether a flame graph is worth an evaluation of its own.
    pub drawing: Drawing,
}

/// Whether a flame graph is worth an evaluation of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawing {
    /// It is: nothing else is waited for.
    Wanted,
    /// It is drawn only where a profile was needed anyway.
    Incidental,
}

impl Drawing {
    /// Says it of an investigation that explains in this way.
    #[must_use]
    pub const fn of(explanation: Explaining) -> Self {
        match explanation {
            Explaining::Alone => Self::Wanted,
            Explaining::Guides | Explaining::Tells | Explaining::Unwanted => Self::Incidental,
        }
    }
}

/// Explains an end at which this was seen, that it fails or is heavier, or remembers what an earlier run of the case
/// learned. What was learned early is made use of.
///
/// # Errors
/// When the user asked to stop, or the journal cannot be written.
pub fn explain(
    prober: &mut Prober<'_>,
    failing: &Failing<'_>,
    observation: &Observation,
    early: Option<Early>,
) -> Result<Explanation, CaseError> {
    let class = observation.outcome.class;
    let mut key = prober.key_of_explanation(failing.assignment, failing.by);
    if class == Class::Success {
        key = format!("{key}-{}", prober.key_of_explanation(failing.good, None));
    }
    if let Some(known) = prober.explained(&key) {
        return Ok(known);
    }
    let mut attempt = Attempt::begin(prober, failing, observation.wall);
    attempt.early = early;
    let found = match failing.by {
        _ if class == Class::Success => attempt.heavier(observation)?,
        Some(way) => attempt.by(way, class)?,
        None if class.is_runaway() => attempt.growth(class)?,
        None => attempt.error(class)?,
    };
    let (why, way) = found.map_or((Why::Unknown, None), |(why, way)| (why, Some(way)));
    let Attempt { began, before, runs, notes, drawn, .. } = attempt;
    let explanation = Explanation { why, way, runs, wall: before + began.elapsed(), notes, drawn };
    prober.tell(&Event::Explained { key, explanation: Box::new(explanation.clone()) });
    Ok(explanation)
}

/// Tells whether a cycle was seen to grow.
fn is_confirmed((why, _): &(Why, Way)) -> bool {
    matches!(why, Why::Cycle(cycle) if cycle.certainty == Certainty::Confirmed)
}

struct Attempt<'a, 'p> {
    prober: &'a mut Prober<'p>,
    failing: &'a Failing<'a>,
    budget: Budget,
    began: Instant,
    /// How long it took before, to learn early what was made use of.
    before: Duration,
    runs: usize,
    notes: Vec<String>,
    /// The pictures that were drawn.
    drawn: Vec<String>,
    /// The profile of the bad end, if there is one.
    heard: Option<Heard>,
    /// How the bad end ends, where that is not known yet.
    ending: Option<Ending>,
    /// What was learned before that was known, and not made use of yet.
    early: Option<Early>,
    /// Whether the bad end ended otherwise, or another evaluation left too little time for this one.
    in_vain: bool,
}

impl<'a, 'p> Attempt<'a, 'p> {
    /// Begins to explain an end that takes so long to fail.
    fn begin(prober: &'a mut Prober<'p>, failing: &'a Failing<'a>, wall: Duration) -> Self {
        let memory = Bytes(failing.good_observation.peak.0.saturating_mul(4)).max(LEAST).min(prober.full());
        let time = (wall * 4).max(PATIENCE).min(failing.time);
        Self {
            prober,
            failing,
            budget: Budget { memory, time: Some(time) },
            began: Instant::now(),
            before: Duration::ZERO,
            runs: 0,
            notes: Vec::new(),
            drawn: Vec::new(),
            heard: None,
            ending: None,
            early: None,
            in_vain: false,
        }
    }
}

impl Attempt<'_, '_> {
    /// Looks for a cycle, in one way after the other, until one shows it.
    fn growth(&mut self, class: Class) -> Result<Option<(Why, Way)>, CaseError> {
        let ends_by_itself = matches!(class, Class::InfiniteRecursion | Class::CallDepth | Class::StackOverflow);
        if ends_by_itself && let Some(found) = self.error(class)? {
            return Ok(Some(found));
        }
        // The quickest first: depths that are limited use up little memory, and a profile comes every two seconds only.
        let ladder = match self.early.take() {
            Some(early) => self.adopt(early),
            None => self.by(Way::CallDepth, class)?,
        };
        if self.failing.drawing == Drawing::Incidental && ladder.as_ref().is_some_and(is_confirmed) {
            return Ok(ladder);
        }
        let profile = self.by(Way::Profile, class)?;
        let found = match (ladder, profile) {
            (Some(ladder), Some(profile)) if is_confirmed(&ladder) || !is_confirmed(&profile) => Some(ladder),
            (ladder, profile) => profile.or(ladder),
        };
        let found = if found.is_some() { found } else { self.by(Way::Tracer, class)? };
        let Some(bad) = self.heard.take() else { return Ok(found) };
        match &found {
            Some(_) if self.failing.drawing == Drawing::Wanted => self.difference(&bad, HERTZ)?,
            Some(_) => {}
            None => return self.runs_on(&bad, HERTZ),
        }
        Ok(found)
    }

    /// Looks in one way.
    fn by(&mut self, way: Way, class: Class) -> Result<Option<(Why, Way)>, CaseError> {
        let cycle = match way {
            Way::Profile => self.profile()?,
            Way::CallDepth => self.call_depth()?,
            Way::Tracer => self.tracer()?,
            Way::Trace => return self.error(class),
        };
        Ok(cycle.map(|cycle| (Why::Cycle(cycle), way)))
    }

    fn profile(&mut self) -> Result<Option<Cycle>, CaseError> {
        let needed = self.failing.good_observation.peak;
        let mut listener = ProfileListener::new(needed, self.budget.memory);
        let began = Instant::now();
        let seen = self.run(self.failing.assignment, How::Profile { hertz: HERTZ }, Way::Profile, &mut |seen| {
            listener.hear(began.elapsed(), seen)
        })?;
        let Some(seen) = seen else { return Ok(None) };
        let (profile, parts) = listener.finish();
        if profile.lines > 0 {
            self.draw(&profile, &seen);
        }
        let cycle = told(&profile.finding, &within_the_cycle(&profile), &seen);
        if cycle.is_none() {
            self.notes.push(match parts {
                0 => "Nix ended before it handed over a profile, which it does every two seconds.".to_owned(),
                parts => format!("In {parts} parts of a profile no derivations repeat each other."),
            });
        }
        if profile.lines > 0 {
            self.heard = Some(Heard { profile, seen });
        }
        Ok(cycle)
    }

    /// Draws the profile into the case's folder.
    fn draw(&mut self, profile: &Profile, seen: &Instrumented) {
        self.keep_picture(flame::FILE, flame::draw(profile, &seen.folders));
    }

    /// Writes a picture into the case's folder.
    fn keep_picture(&mut self, name: &str, drawn: std::io::Result<Vec<u8>>) {
        match drawn.and_then(|svg| std::fs::write(self.failing.folder.join(name), svg)) {
            Ok(()) => self.drawn.push(name.to_owned()),
            Err(error) => self.notes.push(format!("{name} was not drawn: {error}.")),
        }
    }

    fn call_depth(&mut self) -> Result<Option<Cycle>, CaseError> {
        let mut rungs: Vec<(u32, Trace, Instrumented)> = Vec::new();
        let mut next = vec![FIRST_DEPTH];
        while let Some(depth) = next.pop() {
            let Some(seen) =
                self.run(self.failing.assignment, How::CallDepth(depth), Way::CallDepth, &mut |_| Wish::GoOn)?
            else {
                break;
            };
            let class = seen.outcome.class;
            let trace = Trace::read(&seen.stderr).filter(|_| class == Class::CallDepth);
            let Some(trace) = trace else {
                self.notes.push(format!("With calls no deeper than {depth} it ended in: {class}."));
                // Perhaps less deep; and where it ends so at the first depth, the others tell no more.
                if class == Class::OutOfMemory && depth >= FIRST_DEPTH {
                    next = SHALLOWER.into_iter().rev().collect();
                    continue;
                }
                break;
            };
            rungs.push((depth, trace, seen));
            next.extend(match depth {
                FIRST_DEPTH => Some(SECOND_DEPTH),
                SECOND_DEPTH if is_plain(&grown(&mut rungs)) => Some(BETWEEN),
                SECOND_DEPTH => Some(DEEPEST),
                BETWEEN if !matches!(grown(&mut rungs).finding(), Finding::Confirmed(_)) => Some(DEEPEST),
                _ => None,
            });
        }
        let growth = grown(&mut rungs);
        let Some((.., seen)) = rungs.last() else { return Ok(None) };
        let behind: Vec<Frame> = rungs.iter().flat_map(|(_, trace, _)| calls_behind(trace)).collect();
        let cycle = told(&growth.finding(), &behind, seen);
        if cycle.is_none() {
            self.notes.push("At growing limits of the call depth no derivations repeat each other.".to_owned());
        }
        Ok(cycle)
    }

    fn tracer(&mut self) -> Result<Option<Cycle>, CaseError> {
        let Some(nonce) = nonce() else {
            self.notes.push("The tracer was not tried: there is no source of chance.".to_owned());
            return Ok(None);
        };
        let mut listener = TracerListener::new(&nonce, self.budget.memory);
        let seen =
            self.run(self.failing.assignment, How::Tracer(&nonce), Way::Tracer, &mut |seen| listener.hear(seen))?;
        let Some(seen) = seen else { return Ok(None) };
        let cycle = told(&listener.finish(), &[], &seen);
        if cycle.is_none() {
            self.notes.push("Our tracer saw no derivations that repeat each other.".to_owned());
        }
        Ok(cycle)
    }

    /// Reads the trace of an error: a cycle, if there is one on it, else the way to the root.
    fn error(&mut self, class: Class) -> Result<Option<(Why, Way)>, CaseError> {
        let Some(seen) = self.run(self.failing.assignment, How::Trace, Way::Trace, &mut |_| Wish::GoOn)? else {
            return Ok(None);
        };
        if seen.outcome.class != class {
            self.notes.push(format!("Looked at again, it ended in: {}.", seen.outcome.class));
        }
        let Some(trace) = Trace::read(&seen.stderr) else {
            self.notes.push("Nix printed no trace that can be read.".to_owned());
            return Ok(None);
        };
        let cycle = read_trace(&seen.stderr, LogFormat::TracedJson).cycle();
        let mark = Mark { memory: Some(seen.peak), call_depth: None };
        if class.is_runaway()
            && let Some(cycle) =
                told(&profile::Growth::default().push(Rung { cycle, mark }), &calls_behind(&trace), &seen)
        {
            return Ok(Some((Why::Cycle(cycle), Way::Trace)));
        }
        Ok(Some((Why::Error(root(&trace, &seen)), Way::Trace)))
    }

    /// Makes one evaluation, if this Nix can do it in that way.
    fn run(
        &mut self,
        assignment: &Assignment,
        how: How<'_>,
        way: Way,
        look: &mut dyn FnMut(Seen<'_>) -> Wish,
    ) -> Result<Option<Instrumented>, CaseError> {
        let mut ended = false;
        let ending = self.ending.clone();
        let mut look = |seen: Seen<'_>| {
            let in_vain = ending.as_ref().is_some_and(Ending::is_no_growth);
            let wish = if in_vain { Wish::End } else { look(seen) };
            ended |= wish == Wish::End;
            wish
        };
        if ending.is_none() {
            self.prober.tell(&Event::Explaining { way });
        }
        match self.prober.instrumented(assignment, self.budget, how, &mut look) {
            Ok(Some(seen)) => {
                self.runs += 1;
                let is_over = |ending: &Ending| ending.is_no_growth() || seen.outcome.class == Class::TimeOut;
                self.in_vain |= ending.as_ref().is_some_and(is_over);
                if seen.outcome.class == Class::Interrupted && !ended {
                    return Err(CaseError::Stopped);
                }
                Ok(Some(seen))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                let error = CaseError::from(error);
                if error.is_stop() {
                    return Err(error);
                }
                self.notes.push(format!("{}: {error}.", way.words()));
                Ok(None)
            }
        }
    }
}

/// Says how a loop grew from one limit of the call depth to the next; sorts them.
fn grown(rungs: &mut [(u32, Trace, Instrumented)]) -> profile::Growth {
    rungs.sort_by_key(|(depth, ..)| *depth);
    let mut growth = profile::Growth::default();
    for (depth, _, seen) in rungs {
        let cycle = read_trace(&seen.stderr, LogFormat::TracedJson).cycle();
        growth.push(Rung { cycle, mark: Mark { memory: Some(seen.peak), call_depth: Some(*depth) } });
    }
    growth
}

/// Tells whether two limits show the same loop so often that a third between them tells enough.
fn is_plain(growth: &profile::Growth) -> bool {
    match growth.finding() {
        Finding::Suspected(suspicion) => suspicion.points.len() == 2 && suspicion.cycle.repetitions.whole() >= PLAIN,
        Finding::Nothing | Finding::Confirmed(_) => false,
    }
}

/// Returns a word that nobody can guess.
fn nonce() -> Option<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Returns the calls behind the last derivation of a trace; the place of a call is in the entry after it.
fn calls_behind(trace: &Trace) -> Vec<Frame> {
    let behind = trace.entries.iter().take_while(|entry| !entry.what.starts_with("while evaluating derivation"));
    let behind: Vec<_> = behind.collect();
    let call = |pair: &[&Entry]| {
        let name = pair[0].what.strip_prefix("while calling '")?.split('\'').next()?;
        let position = pair[1].position.clone().filter(|_| pair[1].what == "from call site")?;
        Some(Frame { what: What::Function(Some(name.to_owned())), position: Some(position) })
    };
    behind.windows(2).filter_map(call).collect()
}

/// Returns what is done within the derivations of the cycle and within no inner one, most often seen first.
fn within_the_cycle(profile: &Profile) -> Vec<Frame> {
    let names: Vec<&str> = match &profile.finding {
        Finding::Nothing => return Vec::new(),
        Finding::Suspected(suspicion) => suspicion.cycle.names().collect(),
        Finding::Confirmed(confirmed) => confirmed.cycle.names().collect(),
    };
    let mut all: Vec<(Frame, u64)> =
        names.into_iter().flat_map(|name| profile.samples.within(name, &profile.frames)).collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all.into_iter().map(|(frame, _)| frame).collect()
}

/// Puts what was heard into the user's words.
fn told(finding: &Finding, behind: &[Frame], seen: &Instrumented) -> Option<Cycle> {
    let (cycle, points, certainty) = match finding.clone() {
        Finding::Nothing => return None,
        Finding::Suspected(suspicion) => (suspicion.cycle, suspicion.points, Certainty::Suspected),
        Finding::Confirmed(confirmed) => (confirmed.cycle, confirmed.points, Certainty::Confirmed),
    };
    let cycle = cycle.rotated();
    let place = |position: &Position| seen.folders.place(position, &seen.sources);
    let mut near_files: BTreeSet<(InputPath, String)> = BTreeSet::new();
    let count = cycle.turn.len();
    let mut edges = Vec::with_capacity(count);
    for (at, step) in cycle.turn.iter().enumerate() {
        let next = &cycle.turn[(at + 1) % count];
        let near: Vec<Place> = step.frames.iter().filter_map(|frame| place(frame.position.as_ref()?)).collect();
        near_files.extend(step.frames.iter().filter_map(|frame| seen.folders.split(&frame.position.as_ref()?.file)));
        let named = seen.sources.names(&step.name, &next.name, &near);
        // Without a line that names it, the place where the recipe says what it is.
        let own = || step.position.as_ref().and_then(place);
        edges.push(Edge {
            from: step.name.clone(),
            to: next.name.clone(),
            attribute: step.attribute.clone(),
            place: named.or_else(own),
            added: false,
        });
    }
    let near_files: Vec<(InputPath, String)> = near_files.into_iter().collect();
    let files = files_of_cycle(&edges, &near_files, &seen.sources);
    let growth =
        points.iter().map(|point| Growth { repetitions: point.repetitions.whole(), memory: point.mark.memory });
    let mut fresh = fresh(behind, seen);
    if fresh.is_empty() {
        // Where stacks do not tell: what the code of the cycle's derivations calls.
        let names = edges.iter().map(|edge| edge.from.as_str());
        let called = names.flat_map(|name| seen.sources.calls(name, &MAKERS));
        fresh.extend(called.map(|(place, call)| Fresh { place, call }).take(MOST_FRESH));
    }
    Some(Cycle { edges, certainty, growth: growth.collect(), fresh, files })
}

/// Finds the places behind the last derivation that make values anew.
fn fresh(behind: &[Frame], seen: &Instrumented) -> Vec<Fresh> {
    let mut found: Vec<Fresh> = Vec::new();
    for frame in behind {
        let call = match &frame.what {
            What::Function(Some(name)) => name.clone(),
            What::Primop(name) => name.clone(),
            What::Function(None) | What::Functor | What::Derivation(_) | What::Attribute(_) | What::Other(_) => {
                continue;
            }
        };
        if !MAKERS.contains(&call.as_str()) {
            continue;
        }
        let place = frame.position.as_ref().and_then(|position| seen.folders.place(position, &seen.sources));
        if let Some(place) = place
            && found.len() < MOST_FRESH
            && found.iter().all(|other| other.place != place)
        {
            found.push(Fresh { place, call });
        }
    }
    found
}

/// The root of an error and the way to it: of the steps those in the flake and its inputs, without what lies in
/// libraries, and each place once.
fn root(trace: &Trace, seen: &Instrumented) -> ErrorRoot {
    let place = |position: &Position| seen.folders.place(position, &seen.sources);
    let mut frames: Vec<FrameTold> = Vec::new();
    for entry in &trace.entries {
        let Some(place) = entry.position.as_ref().and_then(place) else { continue };
        let is_library = place.path.split('/').any(|part| part == "lib") && !place.input.0.is_empty();
        let known = frames.iter().any(|frame| (&frame.place.path, frame.place.line) == (&place.path, place.line));
        if is_library || known || entry.what.is_empty() {
            continue;
        }
        frames.push(FrameTold { what: entry.what.clone(), place });
        if frames.len() == MOST_FRAMES {
            break;
        }
    }
    ErrorRoot { message: trace.message.clone(), place: trace.position.as_ref().and_then(place), frames }
}

/// Says which commits are likelier to have made a cycle, from what it goes through and what they change.
///
/// # Errors
/// When the user asked to stop; what cannot be read is no hint.
pub fn hints(guide: &Guide, changed: &ChangedPaths, history: &dyn History) -> Result<Vec<Hint>, CaseError> {
    let mut hints = vec![Hint::all(Reason::Failure, changed.touching(guide.files()))];
    let files = guide.files_of_edges();
    let commits: Vec<CommitId> = changed.touching(&files).into_iter().collect();
    match history.additions(&commits, &files).map_err(CaseError::from) {
        Ok(additions) => hints.push(Hint::all(Reason::Line, guide.naming(&additions))),
        Err(error) if error.is_stop() => return Err(error),
        Err(_) => {}
    }
    Ok(hints)
}

/// Tells what a cycle owns of an input, for the order in which inputs are isolated.
#[must_use]
pub fn owners(why: &Why) -> Vec<InputPath> {
    let Why::Cycle(cycle) = why else { return Vec::new() };
    let mut owners: Vec<(usize, InputPath)> = Vec::new();
    for (input, _) in &cycle.files {
        match owners.iter_mut().find(|(_, other)| other == input) {
            Some((count, _)) => *count += 1,
            None => owners.push((1, input.clone())),
        }
    }
    owners.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    owners.into_iter().map(|(_, input)| input).filter(|input| !input.0.is_empty()).collect()
}

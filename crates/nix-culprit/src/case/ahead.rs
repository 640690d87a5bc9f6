//! Probes made ahead of time, beside the one that is asked for: of commits that a search is likely to ask for next, and
//! such as will be asked for whatever the other comes to.
//!
//! Owns the threads, each with an evaluator of its own. Decides nothing: what was not asked for is only kept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix_culprit_core::event::{Mode, Purpose};
use nix_culprit_core::ids::NodeKey;
use nix_culprit_core::outcome::Class;
use nix_culprit_core::quantity::Bytes;

use super::assignment::Assignment;
use super::evaluator::{Counting, Evaluated, Evaluator, EvaluatorError, Target};
use super::meter::Label;
use super::trees::LookedAt;
use crate::sys::interrupt::{Asked, Interrupt};

/// Makes an evaluator that works beside others, in the place of this number; it ends when the interrupt says so.
pub type Make = dyn Fn(usize, &Interrupt) -> Result<Box<dyn Evaluator>, EvaluatorError> + Send + Sync;

/// How often it is looked whether a probe has ended that is not waited for without end.
const GLANCE: Duration = Duration::from_millis(2);

/// How many may be made ahead of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Of commits that a search may ask for next.
    pub searching: usize,
    /// Of those that will be asked for anyway.
    pub beside: usize,
}

/// How sure it is that a probe will be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A search may ask for it, or end before.
    Perhaps,
    /// It will be asked for whatever a search beside it comes to.
    Anyway,
}

/// What is evaluated ahead of time.
#[derive(Debug, Clone)]
pub struct Order {
    pub(super) need: Need,
    pub(super) key: String,
    pub(super) purpose: Purpose,
    pub(super) assignment: Assignment,
    pub(super) mode: Mode,
    pub(super) target: Target,
    pub(super) memory: Bytes,
    pub(super) time: Option<Duration>,
    pub(super) heap: Option<Bytes>,
    pub(super) counting: Counting,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) order: Order,
    pub(super) evaluated: Evaluated,
    pub(super) looked_at: Option<BTreeMap<NodeKey, LookedAt>>,
}

/// How a probe ends that is being made, for those who do something else meanwhile.
#[derive(Debug, Clone, Default)]
pub struct Ending(Arc<OnceLock<Option<Class>>>);

impl Ending {
    /// Makes that of a probe that has ended, in this way or in none that could be looked at.
    #[cfg(test)]
    pub(super) fn of(class: Option<Class>) -> Self {
        Self(Arc::new(OnceLock::from(class)))
    }

    /// Tells whether it has ended in something else than that it ran away, as far as Nix let it.
    pub(super) fn is_no_growth(&self) -> bool {
        self.0.get().is_some_and(|class| !matches!(class, Some(Class::OutOfMemory | Class::TimeOut)))
    }
}

struct Running {
    key: String,
    need: Need,
    place: usize,
    interrupt: Interrupt,
    ending: Ending,
    thread: JoinHandle<Option<Done>>,
}

/// Those who work ahead.
pub struct Ahead {
    make: Arc<Make>,
    /// How many there may be at the same time.
    most: Places,
    /// What all evaluations together may use of memory.
    memory: Bytes,
    interrupt: Interrupt,
    running: Vec<Running>,
    done: BTreeMap<String, Done>,
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").field("most", &self.most).field("memory", &self.memory).finish_non_exhaustive()
    }
}

impl Ahead {
    /// Lets so many work ahead; all evaluations, the one that is asked for among them, share this memory.
    pub fn new(make: Arc<Make>, most: Places, memory: Bytes, interrupt: &Interrupt) -> Self {
        let (running, done) = (Vec::new(), BTreeMap::new());
        Self { make, most, memory, interrupt: interrupt.clone(), running, done }
    }

    /// Returns how many can work ahead where each may use this much.
    pub(super) fn places(&self, memory: Bytes) -> Places {
        let fit = self.memory.0.checked_div(memory.0).unwrap_or(0);
        let fit = usize::try_from(fit.saturating_sub(1)).unwrap_or(usize::MAX);
        Places { searching: self.most.searching.min(fit), beside: self.most.beside.min(fit) }
    }

    /// Returns how many were asked for to search ahead, whether the memory carries them or not.
    pub(super) const fn wanted(&self) -> usize {
        self.most.searching
    }

    /// Tells whether there is a core for what is done beside the evaluation that is asked for.
    pub(super) const fn has_cores(&self) -> bool {
        self.most.beside > 0
    }

    /// Tells whether somebody is at work.
    pub(super) fn is_busy(&self) -> bool {
        self.running.iter().any(|running| !running.thread.is_finished())
    }

    /// Returns how a probe ends that is being made just now.
    pub(super) fn underway(&self, key: &str) -> Option<Ending> {
        let running = self.running.iter().find(|running| running.key == key && !running.thread.is_finished())?;
        Some(running.ending.clone())
    }

    /// Tells whether a probe is being made, or was.
    pub(super) fn has(&self, key: &str) -> bool {
        self.done.contains_key(key) || self.running.iter().any(|running| running.key == key)
    }

    /// Tells whether so many places are taken.
    pub(super) fn is_full(&mut self, places: usize) -> bool {
        self.reap();
        self.running.len() >= places
    }

    /// Begins a probe if it has one of so many places. One that was stopped keeps its place until it has ended.
    pub(super) fn begin(&mut self, order: Order, places: usize) {
        self.reap();
        if self.running.len() >= places || self.has(&order.key) {
            return;
        }
        let place = (0..).find(|place| self.running.iter().all(|running| running.place != *place)).unwrap_or(0);
        let interrupt = self.interrupt.branch();
        let (make, own, key, need) = (Arc::clone(&self.make), interrupt.clone(), order.key.clone(), order.need);
        let ending = Ending::default();
        let told = ending.clone();
        let evaluate = move |ended: &mut Option<Class>| {
            let mut evaluator = make(place, &own).ok()?;
            evaluator.limit_time(order.time);
            evaluator.begin_with(order.heap);
            evaluator.count(order.counting);
            evaluator.note(&order.assignment);
            evaluator.label(Label { key: order.key.clone(), words: order.purpose.words.clone() });
            let evaluated = evaluator.evaluate(&order.assignment, order.mode, &order.target, order.memory).ok()?;
            *ended = Some(evaluated.observation.outcome.class);
            // What ended for another reason than the code's is asked again, by itself.
            let looked_at = evaluator.looked_at();
            evaluated.repeatable.then_some(Done { order, evaluated, looked_at })
        };
        let work = move || {
            let mut ended = None;
            let done = evaluate(&mut ended);
            // Nobody else tells it.
            let _ = told.0.set(ended);
            done
        };
        // Without a thread the probe is made when it is asked for.
        if let Ok(thread) = std::thread::Builder::new().name("ahead".to_owned()).spawn(work) {
            self.running.push(Running { key, need, place, interrupt, ending, thread });
        }
    }

    /// Stops those that a search may have asked for, but for these.
    pub(super) fn keep_only(&mut self, wanted: &dyn Fn(&str) -> bool) {
        self.reap();
        let superfluous = self.running.iter().filter(|running| running.need == Need::Perhaps && !wanted(&running.key));
        superfluous.for_each(|running| running.interrupt.force());
    }

    /// Stops a probe and forgets what came of it. It keeps its place until it has ended.
    pub(super) fn stop(&mut self, key: &str) {
        self.reap();
        self.done.remove(key);
        self.running.iter().filter(|running| running.key == key).for_each(|running| running.interrupt.force());
    }

    /// Returns what came of a probe, if it was begun and tells something; waits for its end, and stops it after `patience`.
    pub(super) fn take(&mut self, key: &str, patience: Option<Duration>) -> Option<Done> {
        if let Some(at) = self.running.iter().position(|running| running.key == key) {
            let until = patience.and_then(|patience| Instant::now().checked_add(patience));
            let running = &self.running[at];
            while until.is_some() && !running.thread.is_finished() && running.interrupt.asked() == Asked::No {
                if until.is_some_and(|until| Instant::now() > until) {
                    running.interrupt.force();
                }
                std::thread::sleep(GLANCE);
            }
            let done = self.running.swap_remove(at).thread.join().ok().flatten();
            done.map(|done| self.done.insert(key.to_owned(), done));
        }
        self.done.remove(key)
    }

    /// Stops those that a search may have asked for, waits for their end, and returns what was not asked for.
    pub(super) fn end_search(&mut self) -> Vec<Done> {
        self.end_those(|need| need == Need::Perhaps)
    }

    /// Stops all, waits for their end, and returns what was not asked for.
    pub(super) fn end(&mut self) -> Vec<Done> {
        self.end_those(|_| true)
    }

    fn end_those(&mut self, ends: impl Fn(Need) -> bool) -> Vec<Done> {
        self.running.iter().filter(|running| ends(running.need)).for_each(|running| running.interrupt.force());
        let (ended, running): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.running).into_iter().partition(|running| ends(running.need));
        self.running = running;
        self.take_in(ended);
        let (ended, done) = std::mem::take(&mut self.done).into_iter().partition(|(_, done)| ends(done.order.need));
        self.done = done;
        BTreeMap::into_values(ended).collect()
    }

    /// Takes in those that have ended.
    fn reap(&mut self) {
        let (ended, running): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.running).into_iter().partition(|running| running.thread.is_finished());
        self.running = running;
        self.take_in(ended);
    }

    fn take_in(&mut self, ended: Vec<Running>) {
        for ended in ended {
            let done = ended.thread.join().ok().flatten();
            self.done.extend(done.map(|done| (done.order.key.clone(), done)));
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.end();
    }
}

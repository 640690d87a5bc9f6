//! Probes made ahead of time: of commits that a search is likely to ask for next, beside the one that it asks for.
//!
//! Owns the threads, each with an evaluator of its own. Decides nothing: what was not asked for is only kept.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use nix_culprit_core::event::{Mode, Purpose};
use nix_culprit_core::ids::NodeKey;
use nix_culprit_core::quantity::Bytes;

use super::assignment::Assignment;
use super::evaluator::{Counting, Evaluated, Evaluator, EvaluatorError, Target};
use super::trees::LookedAt;
use crate::sys::interrupt::Interrupt;

/// Makes an evaluator that works beside others, in the place of this number; it ends when the interrupt says so.
pub type Make = dyn Fn(usize, &Interrupt) -> Result<Box<dyn Evaluator>, EvaluatorError> + Send + Sync;

/// What is evaluated ahead of time.
#[derive(Debug, Clone)]
pub(super) struct Order {
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

struct Running {
    key: String,
    place: usize,
    interrupt: Interrupt,
    thread: JoinHandle<Option<Done>>,
}

/// Those who work ahead.
pub struct Ahead {
    make: Arc<Make>,
    /// How many there may be at the same time.
    most: usize,
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
    /// Lets up to `most` work ahead; all evaluations, the one that is asked for among them, share this memory.
    pub fn new(make: Arc<Make>, most: usize, memory: Bytes, interrupt: &Interrupt) -> Self {
        let (running, done) = (Vec::new(), BTreeMap::new());
        Self { make, most, memory, interrupt: interrupt.clone(), running, done }
    }

    /// Returns how many can work ahead where each may use this much.
    pub(super) fn places(&self, memory: Bytes) -> usize {
        let fit = self.memory.0.checked_div(memory.0).unwrap_or(0);
        usize::try_from(fit.saturating_sub(1)).unwrap_or(usize::MAX).min(self.most)
    }

    /// Tells whether somebody is at work.
    pub(super) fn is_busy(&self) -> bool {
        self.running.iter().any(|running| !running.thread.is_finished())
    }

    /// Tells whether a probe is being made, or was.
    pub(super) fn has(&self, key: &str) -> bool {
        self.done.contains_key(key) || self.running.iter().any(|running| running.key == key)
    }

    /// Begins a probe if there is a place for it. One that was stopped keeps its place until it has ended.
    pub(super) fn begin(&mut self, order: Order) {
        self.reap();
        if self.running.len() >= self.places(order.memory) || self.has(&order.key) {
            return;
        }
        let place = (0..).find(|place| self.running.iter().all(|running| running.place != *place)).unwrap_or(0);
        let interrupt = self.interrupt.branch();
        let (make, own, key) = (Arc::clone(&self.make), interrupt.clone(), order.key.clone());
        let work = move || {
            let mut evaluator = make(place, &own).ok()?;
            evaluator.limit_time(order.time);
            evaluator.begin_with(order.heap);
            evaluator.count(order.counting);
            evaluator.note(&order.assignment);
            let evaluated = evaluator.evaluate(&order.assignment, order.mode, &order.target, order.memory).ok()?;
            // What ended for another reason than the code's is asked again, by itself.
            let looked_at = evaluator.looked_at();
            evaluated.repeatable.then_some(Done { order, evaluated, looked_at })
        };
        // Without a thread the probe is made when it is asked for.
        if let Ok(thread) = std::thread::Builder::new().name("ahead".to_owned()).spawn(work) {
            self.running.push(Running { key, place, interrupt, thread });
        }
    }

    /// Stops all but these.
    pub(super) fn keep_only(&mut self, wanted: &dyn Fn(&str) -> bool) {
        self.reap();
        self.running.iter().filter(|running| !wanted(&running.key)).for_each(|running| running.interrupt.force());
    }

    /// Returns what came of a probe, if it was begun and tells something; waits for its end.
    pub(super) fn take(&mut self, key: &str) -> Option<Done> {
        if let Some(at) = self.running.iter().position(|running| running.key == key) {
            let done = self.running.swap_remove(at).thread.join().ok().flatten();
            done.map(|done| self.done.insert(key.to_owned(), done));
        }
        self.done.remove(key)
    }

    /// Stops all, waits for their end, and returns what was not asked for.
    pub(super) fn end(&mut self) -> Vec<Done> {
        self.keep_only(&|_| false);
        for running in self.running.drain(..) {
            let done = running.thread.join().ok().flatten();
            self.done.extend(done.map(|done| (done.order.key.clone(), done)));
        }
        std::mem::take(&mut self.done).into_values().collect()
    }

    /// Takes in those that have ended.
    fn reap(&mut self) {
        let (ended, running): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.running).into_iter().partition(|running| running.thread.is_finished());
        self.running = running;
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

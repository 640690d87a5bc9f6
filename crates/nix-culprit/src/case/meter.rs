//! What runs just now: each evaluation tells its meter what it uses, and a thread tells the sink a few times a second.
//!
//! Owns the pace. What is shown of it is the terminal's part; nothing of it is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use nix_culprit_core::event::{Event, EventSink, Run};
use nix_culprit_core::quantity::Bytes;

/// How often the sink is told.
const TICK: Duration = Duration::from_millis(250);
/// How often the memory of an evaluation is looked at for it.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// Knows what runs just now; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<Entries>>);

/// When each run began, and what was told of it last; those that began later have larger numbers.
type Entries = BTreeMap<u64, (Instant, Run)>;

/// Which evaluation it is that runs, for those who look on.
#[derive(Debug, Clone, Default)]
pub struct Label {
    /// The key of its probe.
    pub(super) key: String,
    /// What it is for.
    pub(super) words: String,
}

/// A run that is told as long as this lives.
#[derive(Debug)]
#[must_use = "it is told until this is dropped"]
pub(super) struct Metered<'a> {
    meter: &'a Meter,
    number: u64,
}

impl Meter {
    /// Begins to tell of a run.
    pub(super) fn begin(&self, label: &Label, budget: Bytes) -> Metered<'_> {
        let (key, words) = (label.key.clone(), label.words.clone());
        let run = Run { key, words, memory: Bytes(0), budget, time: Duration::ZERO };
        let mut entries = self.entries();
        let number = entries.last_key_value().map_or(0, |(last, _)| last + 1);
        entries.insert(number, (Instant::now(), run));
        Metered { meter: self, number }
    }

    /// Tells the sink what runs while something is done that tells it other things.
    pub(super) fn tell_while<T>(&self, sink: &mut dyn EventSink, work: impl FnOnce(&mut dyn EventSink) -> T) -> T {
        let shared = Mutex::new(sink);
        std::thread::scope(|scope| {
            let (working, ended) = mpsc::channel::<()>();
            let mut ticking = Shared(&shared);
            let tick = move || {
                while ended.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                    ticking.tell(&Event::Running { runs: self.runs() });
                }
            };
            // Without a thread nothing moves on the terminal, and all else goes on.
            let _thread = std::thread::Builder::new().name("meter".to_owned()).spawn_scoped(scope, tick);
            let result = work(&mut Shared(&shared));
            drop(working);
            result
        })
    }

    fn runs(&self) -> Vec<Run> {
        self.entries().values().map(|(began, run)| Run { time: began.elapsed(), ..run.clone() }).collect()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Metered<'_> {
    /// Takes note of what the run uses now.
    pub(super) fn note(&self, memory: Bytes) {
        if let Some((_, run)) = self.meter.entries().get_mut(&self.number) {
            run.memory = memory;
        }
    }
}

impl Drop for Metered<'_> {
    fn drop(&mut self) {
        self.meter.entries().remove(&self.number);
    }
}

/// A sink that several threads tell.
struct Shared<'a, 's>(&'a Mutex<&'s mut dyn EventSink>);

impl EventSink for Shared<'_, '_> {
    fn tell(&mut self, event: &Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tell(event);
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::Told;
    use super::*;

    fn label(key: &str) -> Label {
        Label { key: key.to_owned(), words: format!("words of {key}") }
    }

    #[test]
    fn runs_are_told_in_their_order_while_they_last_and_with_what_they_use() {
        let meter = Meter::default();
        let first = meter.begin(&label("a"), Bytes(100));
        let second = meter.clone();
        let second = second.begin(&label("b"), Bytes(200));
        first.note(Bytes(40));
        second.note(Bytes(50));
        second.note(Bytes(30));
        let told: Vec<_> =
            meter.runs().into_iter().map(|run| (run.key, run.words, run.memory.0, run.budget.0)).collect();
        let run = |key: &str, memory, budget| (key.to_owned(), format!("words of {key}"), memory, budget);
        assert_eq!(told, [run("a", 40, 100), run("b", 30, 200)]);
        drop(first);
        assert_eq!(meter.runs().len(), 1);
        drop(second);
        assert!(meter.runs().is_empty());
    }

    #[test]
    fn the_sink_is_told_what_runs_beside_all_else_until_the_work_is_done() {
        let (mut told, meter) = (Told::default(), Meter::default());
        let ended = meter.tell_while(&mut told, |sink| {
            let _run = meter.begin(&label("a"), Bytes(100));
            sink.tell(&Event::Warned { text: "hear".to_owned() });
            // Longer than a tick.
            std::thread::sleep(TICK * 3);
            7
        });
        assert_eq!(ended, 7);
        assert_eq!(told.warnings(), ["hear"]);
        let runs = |event: &Event| matches!(event, Event::Running { runs } if runs.len() == 1 && runs[0].key == "a");
        assert!(told.0.iter().any(runs), "{:?}", told.0);
        assert!(told.0.len() <= 5, "no more often than each tick: {}", told.0.len());
    }
}

//! What is begun while the bad end still runs: the search takes it, and what was begun in vain is told to nobody.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix_culprit_core::bisect::Mode as Order;
use nix_culprit_core::event::Event;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::report::model;

use super::super::ahead::{Ahead, Make, Places};
use super::super::evaluator::{Evaluated, Evaluator, EvaluatorError, Target};
use super::super::fake::{
    FakeHistory, FakeNix, Told, Truth, assign, commit, number, out_of_memory, path, revision, run,
};
use super::super::search::ahead_tests::{endless, helpers, wait_for};
use super::super::settings::Confirmation;
use super::tests::{asked, bad_from, culprit, find_after};
use super::*;
use crate::sys::interrupt::{Asked, Interrupt};

const BESIDE: Places = Places { searching: 0, beside: 1 };
const PLENTY: Bytes = Bytes(1 << 40);

/// Begins a commit of a line as it is done beside the bad end, and goes on.
fn after_begun<T>(
    nix: &mut FakeNix<'_>,
    ahead: Ahead,
    at: usize,
    go_on: impl FnOnce(&mut Prober<'_>) -> T,
) -> (T, Told) {
    let folder = tempfile::tempdir().unwrap();
    let (input, history) = (path("pkgs"), FakeHistory::linear(100));
    run(folder.path(), nix, Some(out_of_memory()), |prober| {
        prober.expect(Confirmation::Wanted);
        prober.work_ahead(ahead);
        let range = Range {
            input: &input,
            old: commit(0),
            new: commit(99),
            goal: Goal::FirstBad,
            order: Order::Full,
            mode: Mode::Fast,
            guess: None,
            assign: &assign,
        };
        Decisive::begin(prober, &history, &range, (&commit(at), &[commit(at - 1)])).unwrap();
        go_on(prober)
    })
}

fn wait_until(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(60), "it does not come to that");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_search_takes_what_was_begun_and_only_the_parent_is_left() {
    for first in [3, 90] {
        let folder = tempfile::tempdir().unwrap();
        let also = Arc::new(Mutex::new(Vec::new()));
        let truth = move |at: usize| if at >= first { Truth::Bad } else { Truth::Good };
        let ahead = helpers(truth, &also, BESIDE, PLENTY);
        let mut nix = bad_from(first);
        let (proof, told) = find_after(folder.path(), (100, first), &mut nix, Some(ahead), |prober, history, range| {
            Decisive::begin(prober, history, range, (&commit(first), &[commit(first - 1)])).unwrap();
        });
        let proof = proof.unwrap();
        assert_eq!(culprit(&proof), first);
        assert!(matches!(proof.confirmation, Some(model::Confirmation::Faithful { .. })), "{proof:?}");
        let beside = also.lock().unwrap().clone();
        assert!(beside.contains(&first), "{beside:?}");
        assert_eq!(asked(&nix).len() + beside.len(), 2, "{:?} {beside:?}", asked(&nix));
        for event in ["started", "finished"] {
            let count = told.0.iter().filter(|told| match told {
                Event::ProbeStarted { .. } => event == "started",
                Event::ProbeFinished { .. } => event == "finished",
                _ => false,
            });
            assert_eq!(count.count(), 2, "{event}");
        }
    }
}

/// Never comes to an end of its own at commit 3; all from 60 on is bad.
struct EndlessAtThree {
    nix: FakeNix<'static>,
    interrupt: Interrupt,
    ended: Arc<AtomicUsize>,
}

impl Evaluator for EndlessAtThree {
    fn evaluate(
        &mut self,
        assignment: &Assignment,
        mode: Mode,
        target: &Target,
        memory: Bytes,
    ) -> Result<Evaluated, EvaluatorError> {
        if number(&revision(&assignment.lock, "pkgs")) == 3 {
            wait_until(|| self.interrupt.asked() != Asked::No);
            self.ended.fetch_add(1, Ordering::SeqCst);
        }
        self.nix.evaluate(assignment, mode, target, memory)
    }
}

#[test]
fn a_search_that_singles_out_another_commit_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&ended);
    let make: Arc<Make> = Arc::new(move |_, interrupt: &Interrupt| {
        let (interrupt, ended) = (interrupt.clone(), Arc::clone(&count));
        Ok(Box::new(EndlessAtThree { nix: bad_from(60), interrupt, ended }) as Box<dyn Evaluator>)
    });
    let ahead = Ahead::new(make, BESIDE, PLENTY, &Interrupt::new());
    let ended_before = Cell::new(None);
    let mut nix = FakeNix {
        pure: Some(|_| true),
        ..FakeNix::of_commits(|at| {
            // It is stopped before the first probe of the search ends.
            if ended_before.get().is_none() {
                wait_until(|| ended.load(Ordering::SeqCst) == 1);
                ended_before.set(Some(at));
            }
            if at >= 60 { Truth::Bad } else { Truth::Good }
        })
    };
    let (proof, _) = find_after(folder.path(), (100, 60), &mut nix, Some(ahead), |prober, history, range| {
        Decisive::begin(prober, history, range, (&commit(3), &[commit(2)])).unwrap();
    });
    assert_eq!(culprit(&proof.unwrap()), 60);
    assert!(ended_before.get().is_some_and(|at| at != 3));
}

#[test]
fn what_was_begun_in_vain_is_stopped_and_told_to_nobody() {
    let (ahead, begun, ended) = endless(&Interrupt::new(), PLENTY);
    let (_, told) = after_begun(&mut bad_from(3), ahead, 3, |prober| {
        wait_for(&begun);
        prober.drop_foreseen_but(Some(&commit(3)));
        assert_eq!(ended.load(Ordering::SeqCst), 0, "it is wanted still");
        prober.drop_foreseen_but(None);
        wait_until(|| ended.load(Ordering::SeqCst) == 1);
        prober.end_search().unwrap();
    });
    assert!(told.0.is_empty(), "{told:?}");

    // The same where it has ended.
    let also = Arc::new(Mutex::new(Vec::new()));
    let ahead = helpers(|_| Truth::Bad, &also, BESIDE, PLENTY);
    let (_, told) = after_begun(&mut bad_from(3), ahead, 3, |prober| {
        wait_until(|| !also.lock().unwrap().is_empty() && !prober.is_ahead());
        prober.drop_foreseen_but(None);
        prober.end_search().unwrap();
    });
    assert!(told.0.is_empty(), "{told:?}");
}

#[test]
fn nothing_is_begun_without_a_core_the_memory_or_the_pure_way() {
    let only_good_are_pure: fn(usize) -> bool = |at| at < 3;
    for (most, memory, pure) in [
        (Places { searching: 0, beside: 0 }, PLENTY, (|_| true) as fn(usize) -> bool),
        (BESIDE, Bytes(512 << 20), |_| true),
        (BESIDE, PLENTY, only_good_are_pure),
    ] {
        let begun = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&begun);
        let truth = move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Truth::Bad
        };
        let ahead = helpers(truth, &Arc::default(), most, memory);
        let mut nix = FakeNix { pure: Some(pure), ..bad_from(3) };
        // Whoever works is waited for at the end.
        after_begun(&mut nix, ahead, 3, |prober| prober.end_search().unwrap());
        assert_eq!(begun.load(Ordering::SeqCst), 0);
    }
}

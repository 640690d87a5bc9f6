//! Searches in which others probe ahead: the same answer, nothing lost, and nobody left behind.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::time::Instant;

use nix_culprit_core::outcome::Class;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::report::model;
use proptest::prelude::*;

use super::super::ahead::{Ahead, Make, Need, Order as Ordered, Places};
use super::super::confirm::{Claim, confirm};
use super::super::evaluator::{Counting, Evaluated, Evaluator, EvaluatorError, Target};
use super::super::fake::{
    FakeHistory, FakeNix, Told, Truth, assign, commit, number, out_of_memory, path, revision, run,
};
use super::*;
use crate::sys::interrupt::{Asked, Interrupt};

fn search_with(
    ahead: Option<Ahead>,
    folder: &Path,
    history: &FakeHistory,
    nix: &mut FakeNix<'_>,
) -> (Result<Found, CaseError>, Told) {
    let input = path("pkgs");
    let range = Range {
        input: &input,
        old: commit(0),
        new: commit(history.tip()),
        goal: Goal::FirstBad,
        order: Order::Full,
        mode: Mode::Fast,
        guess: None,
        assign: &assign,
    };
    run(folder, nix, Some(out_of_memory()), |prober| {
        if let Some(ahead) = ahead {
            prober.work_ahead(ahead);
        }
        search(prober, history, &range)
    })
}

/// Who answers ahead as `truth` says, and writes down what was asked.
pub(in crate::case) fn helpers(
    truth: impl Fn(usize) -> Truth + Send + Sync + 'static,
    asked: &Arc<Mutex<Vec<usize>>>,
    most: Places,
    memory: Bytes,
) -> Ahead {
    let (truth, asked) = (Arc::new(truth), Arc::clone(asked));
    let make = move |_: usize, _: &Interrupt| -> Result<Box<dyn Evaluator>, EvaluatorError> {
        let (truth, asked) = (Arc::clone(&truth), Arc::clone(&asked));
        Ok(Box::new(FakeNix::of_commits(move |at| {
            asked.lock().unwrap().push(at);
            truth(at)
        })))
    };
    Ahead::new(Arc::new(make), most, memory, &Interrupt::new())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_probed_ahead_changes_nothing_but_who_runs_it(
        history in tests::histories(),
        pick: prop::sample::Index,
        most in 1..4_usize,
        broken in prop::collection::btree_set(1..40_usize, 0..4),
        outside in any::<bool>(),
    ) {
        let culprit = *pick.get(&history.range(0, history.tip()));
        let known = history.clone();
        let tip = history.tip();
        let truth = move |at: usize| match (broken.contains(&at) && at != tip, known.contains(at, culprit)) {
            (true, _) => Truth::Broken("undefined variable 'lib'"),
            (false, true) => Truth::Bad,
            (false, false) => Truth::Good,
        };
        let folder = tempfile::tempdir().unwrap();
        let mut alone = FakeNix::of_commits(&truth);
        let expected = search_with(None, folder.path(), &history, &mut alone).0.unwrap();

        // Those who work ahead may know the truth, or only run out of time: then nothing is taken from them.
        let folder = tempfile::tempdir().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let most = Places { searching: most, beside: 1 };
        let ahead = match outside {
            true => helpers(|_| Truth::Ends(Class::TimeOut), &asked, most, Bytes(1 << 40)),
            false => helpers(truth.clone(), &asked, most, Bytes(1 << 40)),
        };
        let mut nix = FakeNix::of_commits(&truth);
        let (found, told) = search_with(Some(ahead), folder.path(), &history, &mut nix);
        prop_assert_eq!(&found.unwrap().finding, &expected.finding);
        let ran: BTreeSet<usize> = nix.asked.iter().map(|(_, lock)| number(&revision(lock, "pkgs"))).collect();
        let needed: BTreeSet<usize> = alone.asked.iter().map(|(_, lock)| number(&revision(lock, "pkgs"))).collect();
        prop_assert!(ran.is_subset(&needed));
        if outside {
            prop_assert_eq!(ran, needed);
        } else {
            let asked: BTreeSet<usize> = asked.lock().unwrap().iter().copied().collect();
            prop_assert!(needed.iter().all(|at| ran.contains(at) != asked.contains(at)), "once, by somebody");
            // What nobody asked for is written down, too.
            let finished = told.0.iter().filter(|event| matches!(event, Event::ProbeFinished { .. })).count();
            prop_assert_eq!(finished, ran.len() + asked.len());
        }

        // The journal has it all.
        let mut idle = FakeNix { strength: 0, ..FakeNix::of_commits(&truth) };
        let again = search_with(None, folder.path(), &history, &mut idle).0.unwrap();
        prop_assert_eq!(again.finding, expected.finding);
    }
}

/// Never comes to an end by itself.
struct Endless {
    interrupt: Interrupt,
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Evaluator for Endless {
    fn evaluate(&mut self, _: &Assignment, _: Mode, _: &Target, _: Bytes) -> Result<Evaluated, EvaluatorError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        while self.interrupt.asked() == Asked::No {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.ended.fetch_add(1, Ordering::SeqCst);
        Err(EvaluatorError::machine("evaluate", "it was stopped"))
    }
}

pub(in crate::case) fn endless(interrupt: &Interrupt, memory: Bytes) -> (Ahead, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&begun), Arc::clone(&ended));
    let make: Arc<Make> = Arc::new(move |_, interrupt: &Interrupt| {
        let (begun, ended) = (Arc::clone(&counts.0), Arc::clone(&counts.1));
        Ok(Box::new(Endless { interrupt: interrupt.clone(), begun, ended }) as Box<dyn Evaluator>)
    });
    (Ahead::new(make, Places { searching: 3, beside: 1 }, memory, interrupt), begun, ended)
}

/// Waits until somebody works ahead.
pub(in crate::case) fn wait_for(begun: &AtomicUsize) {
    let start = Instant::now();
    while begun.load(Ordering::SeqCst) == 0 {
        assert!(start.elapsed() < Duration::from_secs(60), "nobody works ahead");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn out_of_time_beside_others_is_asked_again_alone() {
    let folder = tempfile::tempdir().unwrap();
    let history = FakeHistory::linear(16);
    let (ahead, begun, ended) = endless(&Interrupt::new(), Bytes(1 << 40));
    let first = Cell::new(true);
    let mut nix = FakeNix::of_commits(|at| {
        if first.replace(false) {
            wait_for(&begun);
            return Truth::Ends(Class::TimeOut);
        }
        // All who worked beside it were stopped before it was asked again.
        if at == 7 {
            assert_eq!(begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst));
        }
        if at >= 8 { Truth::Bad } else { Truth::Good }
    });
    let verdict = {
        let input = path("pkgs");
        let range = Range {
            input: &input,
            old: commit(0),
            new: commit(15),
            goal: Goal::FirstBad,
            order: Order::Full,
            mode: Mode::Fast,
            guess: None,
            assign: &assign,
        };
        run(folder.path(), &mut nix, Some(out_of_memory()), |prober| {
            prober.work_ahead(ahead);
            let assignments = [7, 3].map(|at| assign(&commit(at)).unwrap());
            let of = |at: usize, assignment| {
                question(&history, &range, &commit(at), assignment, Round::Search, None).unwrap()
            };
            let (now, later) = (of(7, &assignments[0]), of(3, &assignments[1]));
            prober.look_ahead(&now, std::slice::from_ref(&later), 3);
            prober.probe(now).unwrap().1
        })
        .0
    };
    assert_eq!(verdict, Verdict::Good);
    assert_eq!(nix.asked.len(), 2);
    assert_eq!((begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn what_became_superfluous_is_stopped_and_nobody_outlives_the_search() {
    let folder = tempfile::tempdir().unwrap();
    let history = FakeHistory::linear(64);
    let (ahead, begun, ended) = endless(&Interrupt::new(), Bytes(1 << 40));
    let input = path("pkgs");
    let range = Range {
        input: &input,
        old: commit(0),
        new: commit(63),
        goal: Goal::FirstBad,
        order: Order::Full,
        mode: Mode::Fast,
        guess: None,
        assign: &assign,
    };
    let mut nix = FakeNix::of_commits(|_| Truth::Good);
    run(folder.path(), &mut nix, Some(out_of_memory()), |prober| {
        prober.work_ahead(ahead);
        let assignments = [1, 2, 3].map(|at| assign(&commit(at)).unwrap());
        let questions: Vec<_> = (0..3)
            .map(|at| question(&history, &range, &commit(at + 1), &assignments[at], Round::Search, None).unwrap())
            .collect();
        prober.look_ahead(&questions[0], &questions[1..2], 3);
        wait_for(&begun);
        prober.look_ahead(&questions[0], &[], 3);
        let start = Instant::now();
        while ended.load(Ordering::SeqCst) == 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "it goes on");
            std::thread::sleep(Duration::from_millis(1));
        }
        prober.look_ahead(&questions[0], &questions[2..], 3);
    });
    assert_eq!(begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst), "all are gone with the prober");
}

#[test]
fn all_budgets_together_are_within_the_memory() {
    let ahead = |memory: u64| endless(&Interrupt::new(), Bytes(memory)).0;
    for (memory, each, places) in
        [(1000, 1000, 0), (1999, 1000, 0), (2000, 1000, 1), (9000, 1000, 3), (10, 1000, 0), (5, 0, 0)]
    {
        let places = Places { searching: places, beside: places.min(1) };
        assert_eq!(ahead(memory).places(Bytes(each)), places, "{memory}, {each} each");
    }
}

#[test]
fn the_user_is_told_once_where_the_memory_carries_fewer_than_asked_for() {
    for (memory, warned) in [(Bytes(3 << 28), true), (Bytes(9 << 30), false)] {
        let folder = tempfile::tempdir().unwrap();
        let (ahead, ..) = endless(&Interrupt::new(), memory);
        let mut nix = FakeNix::of_commits(|_| Truth::Good);
        let (_, told) = run(folder.path(), &mut nix, Some(out_of_memory()), |prober| {
            prober.work_ahead(ahead);
            prober.tell_places();
            prober.tell_places();
        });
        let text = "of 4 evaluations at the same time as asked for, the memory carries 1: each may use 512 MiB";
        assert_eq!(told.warnings(), if warned { vec![text] } else { Vec::new() });
    }
}

#[test]
fn what_is_needed_anyway_is_probed_beside_and_not_again() {
    let (culprit, parent) = (commit(5), commit(4));
    let claim = Claim { culprit: &culprit, parents: &[parent], goal: Goal::FirstBad, assign: &assign };
    let history = FakeHistory::linear(9);
    let truth = |at: usize| if at >= 5 { Truth::Bad } else { Truth::Good };
    for (fetches, memory, asked_beside) in
        [(false, 1 << 40, vec![4]), (true, 1 << 40, Vec::new()), (false, 1 << 29, Vec::new())]
    {
        let folder = tempfile::tempdir().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let ahead = helpers(truth, &asked, Places { searching: 0, beside: 1 }, Bytes(memory));
        let pure: Option<fn(usize) -> bool> = if fetches { None } else { Some(|_| true) };
        let mut nix = FakeNix { pure, ..FakeNix::of_commits(truth) };
        let (confirmed, told) = run(folder.path(), &mut nix, Some(out_of_memory()), |prober| {
            prober.work_ahead(ahead);
            confirm(prober, &history, &claim).unwrap()
        });
        assert!(matches!(confirmed, model::Confirmation::Faithful { .. }), "{confirmed:?}");
        assert_eq!(*asked.lock().unwrap(), asked_beside);
        let own: Vec<usize> = nix.asked.iter().map(|(_, lock)| number(&revision(lock, "pkgs"))).collect();
        assert_eq!(own, if asked_beside.is_empty() { vec![5, 4] } else { vec![5] });
        let finished = told.0.iter().filter(|event| matches!(event, Event::ProbeFinished { .. }));
        assert_eq!(finished.count(), 2);

        // The journal has both.
        let mut idle = FakeNix { strength: 0, pure, ..FakeNix::of_commits(truth) };
        let again = run(folder.path(), &mut idle, Some(out_of_memory()), |prober| confirm(prober, &history, &claim)).0;
        assert_eq!(again.unwrap(), confirmed);
    }
}

#[test]
fn where_the_first_is_not_as_expected_what_runs_beside_it_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (culprit, parent) = (commit(5), commit(4));
    let claim = Claim { culprit: &culprit, parents: &[parent], goal: Goal::FirstBad, assign: &assign };
    let (ahead, begun, ended) = endless(&Interrupt::new(), Bytes(1 << 40));
    let mut nix = FakeNix {
        pure: Some(|_| true),
        ..FakeNix::of_commits(|_| {
            wait_for(&begun);
            Truth::Good
        })
    };
    let history = FakeHistory::linear(9);
    let (confirmed, _) = run(folder.path(), &mut nix, Some(out_of_memory()), |prober| {
        prober.work_ahead(ahead);
        confirm(prober, &history, &claim).unwrap()
    });
    assert!(matches!(confirmed, model::Confirmation::NotConfirmed { .. }), "{confirmed:?}");
    assert_eq!((begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn what_goes_on_for_too_long_beside_others_is_stopped_and_tells_nothing() {
    let (mut ahead, begun, ended) = endless(&Interrupt::new(), Bytes(1 << 40));
    let order = Ordered {
        need: Need::Perhaps,
        key: "key".to_owned(),
        purpose: Purpose { words: "pkgs".to_owned(), commit: None },
        assignment: assign(&commit(1)).unwrap(),
        mode: Mode::Fast,
        target: Target::Among(Vec::new()),
        memory: Bytes(1 << 29),
        time: None,
        heap: None,
        counting: Counting::Off,
    };
    ahead.begin(order, 1);
    wait_for(&begun);
    assert!(ahead.take("key", Some(Duration::from_millis(5))).is_none());
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[test]
fn what_will_be_asked_for_whatever_a_search_comes_to_outlasts_it() {
    let folder = tempfile::tempdir().unwrap();
    let history = FakeHistory::linear(16);
    let truth = |at: usize| if at >= 8 { Truth::Bad } else { Truth::Good };
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ahead = helpers(truth, &asked, Places { searching: 0, beside: 1 }, Bytes(1 << 40));
    let input = path("pkgs");
    let range = Range {
        input: &input,
        old: commit(0),
        new: commit(15),
        goal: Goal::FirstBad,
        order: Order::Full,
        mode: Mode::Fast,
        guess: None,
        assign: &assign,
    };
    let mut nix = FakeNix::of_commits(truth);
    let (verdicts, told) = run(folder.path(), &mut nix, Some(out_of_memory()), |prober| {
        prober.work_ahead(ahead);
        let assignments = [20, 21, 7].map(|at| assign(&commit(at)).unwrap());
        let ask = |at: usize, assignment| Question {
            purpose: Purpose { words: at.to_string(), commit: None },
            subject: Subject::BadLock,
            assignment,
            mode: Mode::Fast,
            round: Round::Run,
            remaining: None,
        };
        let needed = [20, 21, 7].into_iter().zip(&assignments).map(|(at, assignment)| ask(at, assignment));
        let needed: Vec<_> = needed.collect();
        needed.iter().for_each(|question| prober.need(question, prober.whole()));
        assert!(asked.lock().unwrap().is_empty(), "nothing is begun before something is asked for");
        search(prober, &history, &range).unwrap();
        let verdicts: Vec<_> = needed.into_iter().map(|question| prober.probe(question).unwrap().1).collect();
        prober.end_ahead().unwrap();
        verdicts
    });
    assert_eq!(verdicts, [Verdict::Bad, Verdict::Bad, Verdict::Good]);
    let own: Vec<usize> = nix.asked.iter().map(|(_, lock)| number(&revision(lock, "pkgs"))).collect();
    let beside = asked.lock().unwrap().clone();
    assert_eq!(beside.first(), Some(&20));
    let once: BTreeSet<usize> = own.iter().chain(&beside).copied().collect();
    assert_eq!(once.len(), own.len() + beside.len(), "none was probed twice: {own:?}, {beside:?}");
    // The search's own probes are told when they are asked for, and so are those.
    let finished = told.0.iter().filter(|event| matches!(event, Event::ProbeFinished { .. })).count();
    assert_eq!(finished, once.len());
}

#[test]
fn what_is_known_or_not_wanted_any_more_is_not_probed_beside() {
    let folder = tempfile::tempdir().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ahead = helpers(|_| Truth::Good, &asked, Places { searching: 0, beside: 1 }, Bytes(1 << 40));
    let mut nix = FakeNix::of_commits(|_| Truth::Good);
    run(folder.path(), &mut nix, Some(out_of_memory()), |prober| {
        prober.work_ahead(ahead);
        let assignments = [1, 2].map(|at| assign(&commit(at)).unwrap());
        let [known, other] = assignments.each_ref().map(|assignment| Question {
            purpose: Purpose { words: "pkgs".to_owned(), commit: None },
            subject: Subject::BadLock,
            assignment,
            mode: Mode::Fast,
            round: Round::Run,
            remaining: None,
        });
        prober.probe(known.clone()).unwrap();
        prober.need(&known, prober.whole());
        prober.probe(other.clone()).unwrap();
        // What is not wanted any more is forgotten.
        let third = assign(&commit(3)).unwrap();
        prober.need(&Question { assignment: &third, ..other.clone() }, prober.whole());
        prober.end_ahead().unwrap();
        let fourth = assign(&commit(4)).unwrap();
        prober.probe(Question { assignment: &fourth, ..other }).unwrap();
    });
    assert!(asked.lock().unwrap().is_empty());
}

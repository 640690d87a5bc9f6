//! Tests of the search for what repeats, against planted cycles, healthy stacks, and a slow obvious model.

use proptest::prelude::*;

use super::cycle::Repetitions;
use super::detect::find_cycle;
use super::frame::{Frame, Frames, Stack, What};
use super::repeat::{Limits, find_repeat};

const LIMITS: Limits = Limits { period: 64, of_one: Repetitions::turns(16), of_more: Repetitions::turns(3), uneven: 4 };

/// Makes a stack of derivations, with a call between each two.
fn stack(names: &[u32]) -> (Stack, Frames) {
    let mut frames = Frames::default();
    let call = frames.insert(Frame { what: What::Primop("getAttr".to_owned()), position: None });
    let derivation = |name: &u32| Frame { what: What::Derivation(format!("d{name}")), position: None };
    let ids = names.iter().flat_map(|name| [frames.insert(derivation(name)), call]).collect();
    (Stack(ids), frames)
}

fn rotated(turn: &[u32]) -> Vec<u32> {
    let turned = |at: usize| [&turn[at..], &turn[..at]].concat();
    (0..turn.len()).map(turned).min().unwrap_or_default()
}

/// Whether the turn is not itself a repetition of something shorter.
fn is_primitive(turn: &[u32]) -> bool {
    (1..turn.len())
        .filter(|part| turn.len().is_multiple_of(*part))
        .all(|part| turn.chunks(part).any(|chunk| chunk != &turn[..part]))
}

/// All that repeats evenly: tries every beginning and every period, and goes on while it fits.
fn slow(items: &[u32]) -> Option<(usize, usize)> {
    let mut all = Vec::new();
    for period in 1..=64 {
        for start in 0..items.len().saturating_sub(period) {
            let fits = (start + period..items.len()).take_while(|at| items[*at] == items[at - period]).count();
            let covered = fits + period;
            let same = items[start..start + covered].iter().all(|item| *item == items[start]);
            if same && period > 1 {
                continue;
            }
            if fits > 0 && covered >= if period == 1 { 16 } else { 3 * period } {
                all.push((covered, period));
            }
        }
    }
    let most = all.iter().map(|(covered, _)| *covered).max()?;
    // For each period its own best, as the search has it.
    let best = |period: usize| all.iter().filter(|(_, other)| *other == period).map(|(covered, _)| *covered).max();
    (1..=64).find_map(|period| best(period).filter(|covered| covered * 10 >= most * 9).map(|covered| (covered, period)))
}

#[test]
fn the_loop_of_the_sample_is_found_with_head_and_tail() {
    let (stack, frames) = stack(&[90, 91, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2, 80]);
    let cycle = find_cycle(&stack, &frames).unwrap();
    assert_eq!(cycle.names().collect::<Vec<_>>(), ["d1", "d2", "d3", "d4", "d5"]);
    assert_eq!((cycle.repetitions.whole(), cycle.head, cycle.tail), (3, 2, 1));
    assert!(cycle.turn.iter().all(|step| step.frames.len() == 1 && step.sometimes.is_empty()));
}

#[test]
fn what_is_only_in_some_turns_is_told_beside_the_step_it_follows() {
    let turns: Vec<u32> = [70, 0, 71, 0, 0, 72, 70, 0, 71, 0, 72, 70]
        .iter()
        .flat_map(|other| if *other == 0 { vec![1, 2, 3] } else { vec![1, *other, 2, 3] })
        .collect();
    let (stack, frames) = stack(&turns);
    let cycle = find_cycle(&stack, &frames).unwrap();
    assert_eq!(cycle.names().collect::<Vec<_>>(), ["d1", "d2", "d3"]);
    assert_eq!(cycle.turn[0].sometimes, ["d70", "d71", "d72"]);
    assert_eq!(cycle.repetitions.whole(), 12);
    assert_eq!((cycle.head, cycle.tail), (0, 0));
}

#[test]
fn one_derivation_within_itself_needs_many_turns() {
    let (few, frames) = stack(&[1; 15]);
    assert_eq!(find_cycle(&few, &frames), None);
    let (many, frames) = stack(&[1; 16]);
    assert_eq!(find_cycle(&many, &frames).unwrap().repetitions.whole(), 16);
}

#[test]
fn what_two_turns_have_at_different_places_takes_nothing_from_the_turn() {
    let clean = [0, 1, 2, 3, 4, 5, 6, 7];
    let mut items = vec![0, 1, 2, 3, 4, 500, 5, 6, 7, 0, 1, 2, 3, 500, 4, 5, 6, 7];
    for _ in 0..4 {
        items.extend(clean);
    }
    assert_eq!(rotated(&find_repeat(&items, LIMITS).unwrap().turn), clean);
    items[..18].rotate_left(9);
    assert_eq!(rotated(&find_repeat(&items, LIMITS).unwrap().turn), clean);
}

#[test]
fn a_stack_without_end_is_searched() {
    let items: Vec<u32> = (0..300_000u32).map(|at| if at % 1001 == 0 { 9999 } else { at % 7 }).collect();
    assert!(find_repeat(&items, LIMITS).is_some());
    let distinct: Vec<u32> = (0..300_000).collect();
    assert_eq!(find_repeat(&distinct, LIMITS), None);
    let anchors: Vec<u32> = (0..300_000).map(|at: u32| if at.is_multiple_of(100) { 0 } else { at }).collect();
    assert_eq!(find_repeat(&anchors, LIMITS), None);
}

proptest! {
    #[test]
    fn a_planted_cycle_of_any_period_is_found(
        turn in prop::collection::vec(0u32..40, 2..=64),
        turns in 3usize..12,
        begun in 0usize..64,
        head in prop::collection::vec(1000u32..100_000, 0..40),
        tail in prop::collection::vec(1000u32..100_000, 0..40),
    ) {
        prop_assume!(is_primitive(&turn));
        // What repeats within a turn can be all that there is to find, or more than the turn.
        let begun = begun % turn.len();
        let mut items = head.clone();
        for _ in 0..turns {
            items.extend(&turn);
        }
        items.extend(&turn[..begun]);
        items.extend(&tail);
        let found = find_repeat(&items, LIMITS).unwrap();
        prop_assert_eq!(rotated(&found.turn), rotated(&turn));
        prop_assert_eq!(found.repetitions(), Repetitions::of(turns * turn.len() + begun, turn.len()));
        prop_assert_eq!(found.span().start, head.len());
    }

    #[test]
    fn noise_does_not_hide_a_cycle(
        period in 3usize..=40,
        noise in prop::collection::vec((any::<prop::sample::Index>(), prop::bool::weighted(0.3), 500u32..503), 6..60),
        head in prop::collection::vec(1000u32..100_000, 0..20),
        tail in prop::collection::vec(1000u32..100_000, 0..20),
    ) {
        // In each turn at most one of three others stands somewhere between two steps.
        let turn: Vec<u32> = (0..u32::try_from(period).unwrap()).collect();
        let mut items = head;
        for (at, there, name) in &noise {
            let mut this = turn.clone();
            if *there {
                this.insert(1 + at.index(period), *name);
            }
            items.extend(this);
        }
        items.extend(tail);
        let found = find_repeat(&items, LIMITS).unwrap();
        prop_assert_eq!(rotated(&found.turn), turn);
        // What is left over at the ends is less than a turn each, or noise that makes no difference.
        let (all, seen) = (noise.len(), usize::try_from(found.repetitions().whole()).unwrap());
        prop_assert!(seen <= all && seen * 5 + 10 >= all * 4, "{} of {}", seen, all);
    }

    #[test]
    fn healthy_deep_stacks_are_no_cycles(
        nested in 0usize..200,
        repeated in prop::collection::vec((0u32..50, 1usize..20), 0..4),
    ) {
        // Distinct names, and now and then a stretch that comes twice, one after the other.
        let mut items: Vec<u32> = (1000..).take(nested).collect();
        for (at, (first, length)) in repeated.iter().enumerate() {
            let base = u32::try_from(at).unwrap() * 10_000 + 100_000 + first;
            let stretch: Vec<u32> = (base..).take(*length).collect();
            let place = items.len() / (at + 1);
            items.splice(place..place, stretch.iter().chain(&stretch).copied());
        }
        prop_assert_eq!(find_repeat(&items, LIMITS), None);
    }

    #[test]
    fn what_repeats_evenly_is_what_a_slow_search_finds(items in prop::collection::vec(0u32..3, 0..120)) {
        let uneven_never = Limits { uneven: usize::MAX - 1, ..LIMITS };
        let found = find_repeat(&items, uneven_never);
        let found = found.map(|found| (found.span().len() + found.begun, found.turn.len()));
        prop_assert_eq!(found, slow(&items));
    }

    #[test]
    fn any_stack_can_be_told(items in prop::collection::vec(0u32..4, 0..300)) {
        let (stack, frames) = stack(&items);
        if let Some(cycle) = find_cycle(&stack, &frames) {
            prop_assert!(cycle.head + cycle.tail + cycle.period() <= items.len());
            prop_assert!(cycle.period() >= 1 && cycle.repetitions.whole() >= 3);
        }
    }
}

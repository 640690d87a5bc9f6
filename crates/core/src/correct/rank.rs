//! Which of the corrections that work is best.
//!
//! First by how well it ages, then by how little it changes, then by how new its commit is. Must not try anything.

use std::cmp::Reverse;

use super::model::{Action, Before, Correction, Reach};
use crate::ids::InputPath;
use crate::report::date::Timestamp;

/// How well a correction ages; the better first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ages {
    /// The next update of the inputs keeps it.
    Stays,
    /// It is an edit of the flake that nobody has to take back.
    Edit,
    /// It holds an input back: the next update undoes it, or it has to be taken back some day.
    HoldsBack,
    /// It holds for one user on one machine.
    Here,
    /// It repairs nothing: what is known to be wrong is accepted.
    Accepts,
    /// It is a patch that has to be carried along.
    Patch,
}

/// Sorts what has corrections, best first. `culprit` is the input that the culprit was found in.
pub fn rank<T>(all: &mut [T], correction: impl Fn(&T) -> &Correction, culprit: Option<&InputPath>) {
    all.sort_by_key(|one| key(&correction(one).action, culprit));
}

fn key(action: &Action, culprit: Option<&InputPath>) -> (Ages, u8, usize, Reverse<Option<Timestamp>>) {
    let (ages, change, date) = match action {
        // The input that is being updated anyway goes before another one.
        Action::Forward { input, to, reach } => {
            let other = u8::from(culprit != Some(input));
            let further = match reach {
                Reach::First => 0,
                Reach::Newest => 1,
            };
            (Ages::Stays, 2 * other + further, Some(to.date))
        }
        Action::Follow { .. } => (Ages::Edit, 0, None),
        // Nobody has merged it, and the branch that is followed does not have it.
        Action::PullRequest { to, .. } => (Ages::HoldsBack, 4, Some(to.date)),
        Action::Own { to, .. } => (Ages::HoldsBack, 1, to.as_ref().map(|to| to.date)),
        Action::Allow { .. } => (Ages::Accepts, 0, None),
        // Somebody has to take it out again.
        Action::Apart { to, .. } => (Ages::HoldsBack, 2, Some(to.date)),
        Action::Keep { to, before, .. } => {
            let less_known = match before {
                Before::Culprit | Before::Merge => 0,
                Before::GoodEnd => 3,
            };
            (Ages::HoldsBack, less_known, Some(to.date))
        }
        Action::Nix { .. } => (Ages::Here, 0, None),
        Action::Revert { .. } => (Ages::Patch, 0, None),
    };
    // What is deep in the lock is harder to change.
    (ages, change, action.input().map_or(0, |input| input.0.len()), Reverse(date))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::model::{Point, Proof};
    use super::*;
    use crate::outcome::{Class, End, Observation, Outcome};
    use crate::quantity::Bytes;

    fn point(day: i64) -> Point {
        Point {
            revision: format!("{day:040x}").parse().unwrap(),
            date: Timestamp::from_unix(day * 86_400),
            title: "a title".to_owned(),
        }
    }

    fn path(text: &str) -> InputPath {
        let Ok(path) = text.parse();
        path
    }

    fn correction(action: Action) -> Correction {
        let outcome = Outcome { class: Class::Success, message: None, position: None };
        let observation = Observation {
            outcome,
            end: End::Exited(0),
            peak: Bytes(1),
            wall: Duration::ZERO,
            cpu: None,
            counters: None,
            curve: Vec::new(),
            drv_path: None,
        };
        let proof = Proof::Fast { why: "a test".to_owned() };
        Correction { action, steps: Vec::new(), proof, observation, derivations: None, notes: Vec::new() }
    }

    /// All kinds, best first, where the culprit is in `pkgs`.
    fn in_order() -> Vec<Action> {
        let forward = |input: &str, reach, day| Action::Forward { input: path(input), to: point(day), reach };
        let keep = |before, day| Action::Keep { input: path("pkgs"), to: point(day), before };
        vec![
            forward("pkgs", Reach::First, 50),
            forward("pkgs", Reach::Newest, 60),
            forward("overlay", Reach::First, 30),
            forward("overlay/lib", Reach::First, 40),
            forward("overlay", Reach::Newest, 60),
            Action::Follow { input: path("overlay/pkgs"), target: path("pkgs") },
            keep(Before::Merge, 12),
            keep(Before::Culprit, 10),
            Action::Own { input: path("overlay/pkgs"), to: Some(point(9)) },
            Action::Apart { input: path("overlay/pkgs"), to: point(10), before: Before::Culprit },
            keep(Before::GoodEnd, 5),
            Action::PullRequest { input: path("pkgs"), to: point(70), reference: "refs/pull/7/head".to_owned() },
            Action::Nix { version: "2.34.8".to_owned(), program: "/nix".to_owned() },
            Action::Allow { setting: "NIXPKGS_ALLOW_UNFREE=1".to_owned() },
            Action::Revert { input: path("pkgs"), commit: point(11) },
        ]
    }

    #[test]
    fn a_repair_goes_before_holding_back_and_that_before_a_patch() {
        let expected = in_order();
        let mut corrections: Vec<_> = expected.iter().rev().cloned().map(correction).collect();
        rank(&mut corrections, |one| one, Some(&path("pkgs")));
        let actions: Vec<_> = corrections.into_iter().map(|correction| correction.action).collect();
        assert_eq!(actions, expected);
    }

    proptest! {
        #[test]
        fn the_order_does_not_depend_on_the_order_in_which_they_were_tried(
            shuffled in Just(in_order()).prop_shuffle()
        ) {
            let mut corrections: Vec<_> = shuffled.into_iter().map(correction).collect();
            rank(&mut corrections, |one| one, Some(&path("pkgs")));
            let actions: Vec<_> = corrections.into_iter().map(|correction| correction.action).collect();
            prop_assert_eq!(actions, in_order());
        }
    }
}

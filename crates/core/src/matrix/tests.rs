use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::outcome::{End, Outcome};
use crate::quantity::Bytes;
use crate::report::Redactor;

fn seen(class: Class, message: Option<&str>) -> Seen {
    let outcome = Outcome { class, message: message.map(str::to_owned), position: None };
    let end = if class == Class::Success { End::Exited(0) } else { End::Exited(1) };
    let observation = Observation {
        outcome,
        end,
        peak: Bytes(53 << 20),
        wall: Duration::from_secs(2),
        curve: vec![],
        drv_path: None,
        cpu: None,
        counters: None,
    };
    Seen::Observed { observation: Box::new(observation) }
}

fn axis(name: &str, levels: &[&str]) -> Axis {
    Axis { name: name.to_owned(), levels: levels.iter().map(|level| (*level).to_owned()).collect() }
}

/// The seed's question: two versions of Nix, two inputs, of which one makes the difference.
fn seed() -> Matrix {
    let axes = vec![axis("pkgs", &["good", "bad"]), axis("overlay", &["good", "bad"]), axis(NIX, &["2.8", "2.34"])];
    let spots = combinations(&axes);
    let all = spots.iter().map(|spot| {
        let class = if spot.0[0] == 1 { Class::OutOfMemory } else { Class::Success };
        (spot.clone(), seen(class, None))
    });
    let seen = all.collect();
    Matrix { target: "devShells.x.default".to_owned(), notes: vec!["bad: flake.lock".to_owned()], axes, spots, seen }
}

#[test]
fn the_question_of_the_seed_is_answered_in_one_look() {
    insta::assert_snapshot!(plain(&seed()), @r"
                             2.8                           2.34
    pkgs good, overlay good  ok, 53 MiB, 2.0 s             ok, 53 MiB, 2.0 s
    pkgs good, overlay bad   ok, 53 MiB, 2.0 s             ok, 53 MiB, 2.0 s
    pkgs bad, overlay good   out of memory, 53 MiB, 2.0 s  out of memory, 53 MiB, 2.0 s
    pkgs bad, overlay bad    out of memory, 53 MiB, 2.0 s  out of memory, 53 MiB, 2.0 s

    pkgs: makes the difference, in all of 4 compared
    overlay: makes no difference (4 compared)
    nix: makes no difference (4 compared)
    bad: flake.lock
    ");
}

#[test]
fn what_evaluated_code_said_is_inert_in_every_form() {
    let mut matrix = seed();
    let spot = matrix.spots[0].clone();
    let message = "\u{1b}[31m| x | <b>\u{202e}`#12` @me ```\n| y |";
    matrix.axes[0].name = "a|b<i>`".to_owned();
    matrix.seen.insert(spot, seen(Class::EvaluationError, Some(message)));
    let (markdown, plain) = (markdown(&matrix, &Redactor::default()), plain(&matrix));
    for text in [&markdown, &plain] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
    assert!(
        markdown.lines().filter(|line| line.starts_with('|')).all(|line| line.matches('|').count() == 4),
        "{markdown}"
    );
    assert!(markdown.lines().filter(|line| line.starts_with('|')).all(|line| !line.contains(['<', '`'])), "{markdown}");
}

#[test]
fn a_cell_that_could_not_be_looked_at_is_compared_with_nothing() {
    let mut matrix = seed();
    assert!(matrix.is_whole());
    for spot in matrix.spots.clone().iter().filter(|spot| spot.0[2] == 1) {
        matrix.seen.insert(spot.clone(), Seen::Missed { why: "no such Nix".to_owned() });
    }
    assert!(!matrix.is_whole());
    assert_eq!(matrix.effects()[2], Effect { axis: NIX.to_owned(), pairs: 0, differing: 0 });
    matrix.seen.clear();
    assert!(plain(&matrix).contains("not run"), "{}", plain(&matrix));
    assert!(document(&matrix, &Redactor::default())["cells"][0]["seen"]["kind"] == "not-run");
}

proptest! {
    /// Against every pair, one by one.
    #[test]
    fn effects_count_the_pairs_that_differ_on_one_axis_alone(
        ends in prop::collection::vec(0..4_usize, 12),
    ) {
        let axes = vec![axis("a", &["1", "2"]), axis("b", &["1", "2", "3"]), axis("c", &["1", "2"])];
        let spots = combinations(&axes);
        let mut matrix = Matrix { axes, spots: spots.clone(), ..Matrix::default() };
        let classes = [Class::Success, Class::OutOfMemory, Class::TimeOut, Class::FetchFailure];
        matrix.seen = spots.iter().zip(&ends).map(|(spot, end)| (spot.clone(), seen(classes[*end], None))).collect();
        for (at, effect) in matrix.effects().iter().enumerate() {
            let (mut pairs, mut differing) = (0, 0);
            for (i, one) in spots.iter().enumerate() {
                for (j, two) in spots.iter().enumerate().skip(i + 1) {
                    let apart: Vec<_> = (0..3).filter(|axis| one.0[*axis] != two.0[*axis]).collect();
                    if apart == [at] && ends[i] != 3 && ends[j] != 3 {
                        pairs += 1;
                        differing += usize::from(ends[i] != ends[j]);
                    }
                }
            }
            prop_assert_eq!((effect.pairs, effect.differing), (pairs, differing));
        }
    }
}

//! Why the bad end fails or is heavier, in sentences that the summary and the page share. `quote` makes inert what is not our own.

use std::cmp::Ordering;

use crate::explain::{Certainty, Cycle, ErrorRoot, Explanation, Heavier, More, Place, Why};
use crate::growth::{Side, grouped, show_ratio};
use crate::ids::InputPath;

/// What is told of an explanation.
pub(super) struct Told<'a> {
    pub(super) sentences: Vec<String>,
    /// The loop to be drawn.
    pub(super) cycle: Option<&'a Cycle>,
}

/// Says why the bad end fails; `culprit` is the input that it was found in.
pub(super) fn tell<'a>(
    explanation: &'a Explanation,
    culprit: Option<&InputPath>,
    quote: &dyn Fn(&str) -> String,
) -> Told<'a> {
    let mut told = Told { sentences: Vec::new(), cycle: None };
    match &explanation.why {
        Why::Cycle(cycle) => {
            told.sentences.extend(cycle_in_words(cycle, culprit, quote));
            told.cycle = Some(cycle);
        }
        Why::Error(root) => told.sentences.extend(error_in_words(root, quote)),
        Why::Heavier(heavier) => told.sentences.extend(heavier_in_words(heavier, quote)),
        Why::Unknown => told.sentences.push("The reason was not learned.".to_owned()),
    }
    if let Some(way) = explanation.way {
        let runs = super::words::counted(explanation.runs, "evaluation");
        told.sentences.push(format!("Learned by {}, in {runs}.", way.words()));
    }
    told.sentences.extend(explanation.notes.iter().map(|note| quote(note)));
    if !explanation.drawn.is_empty() {
        told.sentences.push(format!("Drawn beside the report: {}.", quote(&explanation.drawn.join(", "))));
    }
    told
}

fn cycle_in_words(cycle: &Cycle, culprit: Option<&InputPath>, quote: &dyn Fn(&str) -> String) -> Vec<String> {
    let count = super::words::counted(cycle.edges.len(), "derivation");
    let grew = cycle.grew().unwrap_or_else(|| "was on the stack".to_owned());
    let mut sentences = vec![match cycle.certainty {
        Certainty::Confirmed => format!("A loop of {count} {grew}."),
        Certainty::Suspected => format!("A loop of {count} {grew}; it was not watched while it grew."),
    }];
    let added: Vec<String> = cycle
        .edges
        .iter()
        .filter(|edge| edge.added)
        .map(|edge| format!("{} needs {}", quote(&edge.from), quote(&edge.to)))
        .collect();
    if !added.is_empty() {
        sentences.push(format!("The culprit adds the line by which {}.", added.join(", and ")));
    }
    if let Some(fresh) = cycle.repair(culprit) {
        let call = quote(&fresh.call);
        let elsewhere = culprit.is_some_and(|input| fresh.place.input != *input);
        let likely = if elsewhere { "; likely place of the repair" } else { "" };
        sentences.push(format!("Values are made anew at {}, by {call}{likely}.", quote(&fresh.place.to_string())));
    }
    sentences
}

/// The most packages and functions that are told in words.
const MOST_PACKAGES: usize = 4;
const MOST_FUNCTIONS: usize = 5;

fn heavier_in_words(heavier: &Heavier, quote: &dyn Fn(&str) -> String) -> Vec<String> {
    let unit = heavier.unit.words();
    let much = |good: u64, bad: u64| format!("{} -> {} ({})", grouped(good), grouped(bad), show_ratio(good, bad));
    let sum = match heavier.bad.cmp(&heavier.good) {
        Ordering::Greater => "more",
        Ordering::Equal => "as many",
        Ordering::Less => "fewer",
    };
    let mut sentences = vec![format!("It is {sum} {unit}: {}.", much(heavier.good, heavier.bad))];
    let told = |more: &More, with: &str| {
        let (good, bad) = (more.good, more.bad);
        // What it merely hands on is not its own growth.
        if bad.own.abs_diff(good.own) >= bad.total.abs_diff(good.total) / 10 {
            much(good.own, bad.own)
        } else {
            format!("{} with what it {with}", much(good.total, bad.total))
        }
    };
    for more in heavier.packages.iter().take(MOST_PACKAGES) {
        sentences.push(format!("For {}: {}.", quote(&more.name), told(more, "needs")));
    }
    for more in heavier.functions.iter().take(MOST_FUNCTIONS) {
        let place = more.place.as_ref().map(|place| {
            let source = place.source.as_ref().map(|source| format!(" ({})", quote(source.trim()))).unwrap_or_default();
            format!(" at {}{source}", quote(&place.to_string()))
        });
        sentences.push(format!("By {}{}: {}.", quote(&more.name), place.unwrap_or_default(), told(more, "calls")));
    }
    if heavier.packages.is_empty() && heavier.functions.is_empty() {
        let clearly = match heavier.side {
            Side::Above => "more",
            Side::Below => "less",
        };
        sentences.push(format!("Of no package and no function it is clearly {clearly}."));
    }
    sentences
}

fn error_in_words(root: &ErrorRoot, quote: &dyn Fn(&str) -> String) -> Vec<String> {
    let line = |place: &Place| {
        let source = place.source.as_ref().map(|source| format!(": {}", quote(source.trim()))).unwrap_or_default();
        format!("{}{source}", quote(&place.to_string()))
    };
    let mut sentences = vec![quote(&root.message)];
    sentences.extend(root.place.as_ref().map(|place| format!("at {}", line(place))));
    sentences.extend(root.frames.iter().map(|frame| format!("{}, {}", quote(&frame.what), line(&frame.place))));
    sentences
}

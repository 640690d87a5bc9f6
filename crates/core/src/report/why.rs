//! Why the bad end fails, in sentences that the summary and the page share. `quote` makes inert what is not our own.

use crate::explain::{Certainty, Cycle, ErrorRoot, Explanation, Place, Why};
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
        Why::Unknown => told.sentences.push("Why it fails was not learned.".to_owned()),
    }
    if let Some(way) = explanation.way {
        let runs = super::words::counted(explanation.runs, "evaluation");
        told.sentences.push(format!("Learned by {}, in {runs}.", way.words()));
    }
    told.sentences.extend(explanation.notes.iter().map(|note| quote(note)));
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

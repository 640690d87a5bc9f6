//! What was tried to make the target evaluate again, in sentences that the summary and the page share. `quote` makes
//! inert what is not our own.

use super::model::Report;
use super::words;
use crate::correct::{Correction, Corrections, Derivations, Proof, Step};
use crate::quantity::show_duration;

/// Says how it is known that a correction works.
pub(super) fn proof(correction: &Correction, quote: &dyn Fn(&str) -> String) -> String {
    match &correction.proof {
        Proof::Own { command, inputs } => {
            let how = words::inputs(*inputs).map(|words| format!("; {words}")).unwrap_or_default();
            format!("tried with: {}{how}", quote(command))
        }
        Proof::Fast { why } => {
            format!("tried in fast mode only; the user's own command was not run: {}", quote(why))
        }
    }
}

/// Says what was measured, beside both ends.
pub(super) fn measured(correction: &Correction, report: &Report) -> String {
    let seen = &correction.observation;
    let end = |name: &str, end: &Option<super::model::End>| {
        let seen = &end.as_ref()?.observation;
        Some(format!("{name} {}, {}", seen.peak, show_duration(seen.wall)))
    };
    let ends: Vec<String> =
        [end("good end", &report.good), end("bad end", &report.bad)].into_iter().flatten().collect();
    let beside = if ends.is_empty() { String::new() } else { format!(" ({})", ends.join("; ")) };
    format!("{}: {}, {}{beside}", seen.outcome.class, seen.peak, show_duration(seen.wall))
}

/// Says how many derivations differ from those of the good end.
pub(super) fn derivations(derivations: Derivations) -> String {
    let Derivations { all, changed } = derivations;
    match changed {
        0 => "its derivations are those of the good end".to_owned(),
        1 if all == 1 => "its derivation is another one than at the good end".to_owned(),
        1 => format!("1 of its {all} derivations is another one than at the good end"),
        changed if changed == all => format!("all of its {all} derivations are others than at the good end"),
        changed => format!("{changed} of its {all} derivations are others than at the good end"),
    }
}

/// Returns a step as a line to copy, or nothing where it is no such line.
pub(super) fn command(step: &Step) -> Option<&str> {
    match step {
        Step::Command { command } => Some(command),
        Step::Write { .. } | Step::Do { .. } => None,
    }
}

/// Says how much was tried.
pub(super) fn totals(corrections: &Corrections) -> String {
    let evaluations = words::counted(corrections.evaluations, "evaluation");
    format!("{evaluations}, {}", show_duration(corrections.wall))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivations_are_told_as_people_count_them() {
        let told = |all, changed| derivations(Derivations { all, changed });
        assert_eq!(told(5, 0), "its derivations are those of the good end");
        assert_eq!(told(1, 1), "its derivation is another one than at the good end");
        assert_eq!(told(5, 5), "all of its 5 derivations are others than at the good end");
        assert_eq!(told(5, 1), "1 of its 5 derivations is another one than at the good end");
    }
}

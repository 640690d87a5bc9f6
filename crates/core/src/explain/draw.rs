//! A cycle as a loop of lines.

use super::model::{Cycle, Edge, Place};
use crate::text::printable;

/// Which characters a drawing may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strokes {
    /// ASCII only.
    #[default]
    Ascii,
    /// Box drawing.
    Boxes,
}

/// What marks an edge that the culprit adds.
pub const BY_THE_CULPRIT: &str = "<- added by the culprit";

/// The most derivations of a loop that are drawn.
const MOST: usize = 24;

/// Draws the loop, beginning behind the edge that closes it; every line is safe to print.
#[must_use]
pub fn draw(cycle: &Cycle, strokes: Strokes) -> Vec<String> {
    let (top, side, bottom) = match strokes {
        Strokes::Ascii => ("+-> ", "|   ", "+-- "),
        Strokes::Boxes => ("┌─▶ ", "│   ", "└── "),
    };
    let count = cycle.edges.len();
    if count == 0 {
        return Vec::new();
    }
    let start = (cycle.closing() + 1) % count;
    let edges: Vec<&Edge> = cycle.edges[start..].iter().chain(&cycle.edges[..start]).collect();
    let mut lines = Vec::new();
    let left_out = count.saturating_sub(MOST);
    for (at, edge) in edges.iter().enumerate() {
        // What closes the loop stays, and what it begins with.
        if left_out > 0 && (MOST / 2..MOST / 2 + left_out).contains(&at) {
            if at == MOST / 2 {
                lines.push(format!("{side}({left_out} more)"));
            }
            continue;
        }
        lines.push(format!("{}{}", if at == 0 { top } else { side }, cut(&printable(&edge.from), 70)));
        lines.extend(reason(edge).into_iter().map(|line| format!("{side}    {line}")));
    }
    lines.push(format!("{bottom}and again {}, {}", cut(&printable(&edges[0].from), 60), "made anew"));
    lines
}

fn reason(edge: &Edge) -> Vec<String> {
    let attribute = edge.attribute.as_ref().map(|name| format!("{} ", cut(&printable(name), 40)));
    let attribute = attribute.unwrap_or_default();
    let Some(place) = &edge.place else {
        return if attribute.is_empty() { Vec::new() } else { vec![format!("by its {attribute}")] };
    };
    let added = if edge.added { format!("  {BY_THE_CULPRIT}") } else { String::new() };
    let shown = show_place(place);
    let mut lines = if attribute.chars().count() + shown.chars().count() > 68 {
        vec![attribute.trim_end().to_owned(), shown]
    } else {
        vec![format!("{attribute}{shown}")]
    };
    lines.retain(|line| !line.is_empty());
    lines.extend(place.source.as_ref().map(|source| format!("    {} | {}", place.line, cut(&printable(source), 40))));
    if let Some(last) = lines.last_mut() {
        last.push_str(&added);
    }
    lines
}

/// Returns a place as people read it: `poetry2nix: overrides/default.nix:12`.
fn show_place(place: &Place) -> String {
    place.to_string()
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let input = self.input.to_string();
        let input = if self.input.0.is_empty() { "the flake" } else { input.as_str() };
        write!(f, "{}: {}:{}", printable(input), printable(&self.path), self.line)
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::super::model::Certainty;
    use super::*;

    fn cycle(names: &[&str]) -> Cycle {
        let edge = |at: usize| Edge {
            from: names[at].to_owned(),
            to: names[(at + 1) % names.len()].to_owned(),
            attribute: (at == 0).then(|| "buildInputs".to_owned()),
            place: (at < 2).then(|| Place {
                input: "pkgs".parse().unwrap(),
                path: format!("{at}.nix"),
                line: 7,
                source: (at == 0).then(|| "  [ next\u{1b}[31m ]".to_owned()),
            }),
            added: at == 1,
        };
        Cycle {
            edges: (0..names.len()).map(edge).collect(),
            certainty: Certainty::Confirmed,
            growth: Vec::new(),
            fresh: Vec::new(),
            files: Vec::new(),
        }
    }

    #[test]
    fn the_loop_begins_behind_the_edge_that_closes_it() {
        let drawn = draw(&cycle(&["a-1", "b-1", "c-1"]), Strokes::Ascii);
        assert_eq!(
            drawn,
            [
                "+-> c-1",
                "|   a-1",
                "|       buildInputs pkgs: 0.nix:7",
                "|           7 | [ next ]",
                "|   b-1",
                "|       pkgs: 1.nix:7  <- added by the culprit",
                "+-- and again c-1, made anew",
            ]
        );
    }

    #[test]
    fn a_long_loop_is_cut_in_the_middle_and_an_empty_one_is_nothing() {
        let names: Vec<String> = (0..100).map(|at| format!("p{at}-1")).collect();
        let drawn = draw(&cycle(&names.iter().map(String::as_str).collect::<Vec<_>>()), Strokes::Boxes);
        assert!(drawn.len() < 3 * MOST, "{}", drawn.len());
        assert!(drawn.iter().any(|line| line.contains("(76 more)")));
        assert_eq!(draw(&cycle(&[]), Strokes::Boxes), Vec::<String>::new());
    }
}

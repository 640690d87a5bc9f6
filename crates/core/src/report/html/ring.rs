//! Why the bad end fails: the loop of derivations as a ring, with the lines behind it.

use std::f64::consts::TAU;

use maud::{Markup, html};

use super::super::model::Report;
use super::super::why::tell;
use super::super::words;
use super::{Extras, Ink, flames};
use crate::explain::{Cycle, Edge};

/// The most derivations that the ring shows.
const MOST: usize = 24;
const CENTRE: (f64, f64) = (350.0, 190.0);
const RADIUS: f64 = 125.0;

/// Says why it fails, if somebody looked.
pub(super) fn section(report: &Report, ink: &Ink<'_>, extras: Extras<'_>) -> Markup {
    let Some(explanation) = &report.explanation else { return html! {} };
    let input = report.input.as_ref().map(|input| &input.path);
    let told = tell(explanation, input, &|text| ink.line(text, 300));
    html! {
        section #why {
            h2 { (words::why(report)) }
            ul { @for sentence in told.sentences.iter().take(24) { li { (sentence) } } }
            @if let Some(cycle) = told.cycle { (loop_of(cycle, ink)) }
            (flames::figures(extras, ink))
        }
    }
}

fn loop_of(cycle: &Cycle, ink: &Ink<'_>) -> Markup {
    // It begins behind the edge that closes it, as the drawing on the terminal does.
    let count = cycle.edges.len();
    let start = if count == 0 { 0 } else { (cycle.closing() + 1) % count };
    let edges: Vec<&Edge> = cycle.edges[start..].iter().chain(&cycle.edges[..start]).collect();
    let shown = &edges[..count.min(MOST)];
    html! {
        figure {
            div.scroll tabindex="0" role="region" aria-label="Drawing of the loop" { (ring(shown, ink)) }
            figcaption #ring-title {
                "Each derivation needs the next one; the last needs the first again, made anew."
                @if count > MOST { " " (count - MOST) " more are in report.json." }
            }
        }
        ol.edges {
            @for (at, edge) in shown.iter().enumerate() {
                li id=(format!("edge-{}", at + 1)) { (told_edge(edge, ink)) }
            }
        }
    }
}

fn told_edge(edge: &Edge, ink: &Ink<'_>) -> Markup {
    let attribute = edge.attribute.as_ref().map(|name| ink.line(name, 60));
    let head = html! {
        code { (ink.line(&edge.from, 80)) } " needs " code { (ink.line(&edge.to, 80)) }
        @if let Some(attribute) = &attribute { ", by " code { (attribute) } }
        @if edge.added { " " strong.bad { "added by the culprit" } }
    };
    let Some(place) = &edge.place else { return html! { p { (head) } } };
    html! {
        details {
            summary { (head) }
            p { (ink.line(&place.to_string(), 200)) }
            @if let Some(source) = &place.source {
                pre tabindex="0" { (place.line) " │ " (ink.lines(source, 300).trim_end()) }
            }
        }
    }
}

fn ring(edges: &[&Edge], ink: &Ink<'_>) -> Markup {
    let places: Vec<(f64, f64)> = (0..edges.len()).map(|at| place(at, edges.len())).collect();
    html! {
        svg.ring viewBox="0 0 700 380" role="group" aria-labelledby="ring-title" {
            defs {
                marker #tip viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto" {
                    path.tip d="M0 0 8 4 0 8z" {}
                }
            }
            @for (at, edge) in edges.iter().enumerate() {
                path class=(if edge.added { "arc added" } else { "arc" }) marker-end="url(#tip)" d=(arc(at, edges.len())) {}
            }
            @for (at, (edge, (x, y))) in edges.iter().zip(&places).enumerate() {
                @let (anchor, shift) = side(at, edges.len());
                a href=(format!("#edge-{}", at + 1)) {
                    circle.node cx=(number(*x)) cy=(number(*y)) r="13" {}
                    text.number x=(number(*x)) y=(number(y + 5.0)) text-anchor="middle" { (at + 1) }
                    text x=(number(x + shift.0)) y=(number(y + shift.1)) text-anchor=(anchor) { (ink.line(&edge.from, 30)) }
                }
            }
        }
    }
}

/// Returns the angle of a derivation, clockwise from the top.
#[expect(clippy::cast_precision_loss, reason = "there are at most 24")]
fn angle(at: f64, count: usize) -> f64 {
    at * TAU / count.max(1) as f64
}

fn on_ring(angle: f64) -> (f64, f64) {
    (CENTRE.0 + RADIUS * angle.sin(), CENTRE.1 - RADIUS * angle.cos())
}

#[expect(clippy::cast_precision_loss, reason = "there are at most 24")]
fn place(at: usize, count: usize) -> (f64, f64) {
    on_ring(angle(at as f64, count))
}

/// Draws from one derivation to the next, along the ring; both ends stay clear of the circles.
#[expect(clippy::cast_precision_loss, reason = "there are at most 24")]
fn arc(at: usize, count: usize) -> String {
    let gap = (15.0 / RADIUS).min(TAU / count.max(1) as f64 / 3.0);
    let (from, to) = (angle(at as f64, count) + gap, angle(at as f64 + 1.0, count) - gap);
    let (start, end) = (on_ring(from), on_ring(to));
    let large = u8::from(to - from > TAU / 2.0);
    let [x, y, to_x, to_y] = [start.0, start.1, end.0, end.1].map(number);
    format!("M{x} {y}A{RADIUS} {RADIUS} 0 {large} 1 {to_x} {to_y}")
}

/// Says on which side of its circle a name stands.
#[expect(clippy::cast_precision_loss, reason = "there are at most 24")]
fn side(at: usize, count: usize) -> (&'static str, (f64, f64)) {
    let (sin, cos) = angle(at as f64, count).sin_cos();
    if sin.abs() < 0.2 {
        ("middle", (0.0, if cos > 0.0 { -21.0 } else { 32.0 }))
    } else if sin > 0.0 {
        ("start", (20.0, 5.0))
    } else {
        ("end", (-20.0, 5.0))
    }
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}

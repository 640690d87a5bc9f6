//! Memory over time of all probes on one chart.

use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

use super::super::model::{Probe, Report};
use super::labelled;
use crate::outcome::Verdict;
use crate::quantity::Bytes;

const SIZE: (u32, u32) = (900, 360);

// The style sheet knows the lines by these colours and gives them those of the reader's theme.
const GOOD: RGBColor = RGBColor(0x13, 0x73, 0x33);
const BAD: RGBColor = RGBColor(0xb3, 0x26, 0x1e);
const SKIP: RGBColor = RGBColor(0x7a, 0x59, 0x00);
const BUDGET: RGBColor = RGBColor(0x5b, 0x64, 0x73);
const GRID: RGBColor = RGBColor(0xdd, 0xe1, 0xe7);

/// Draws the chart, if any probe was watched.
pub(super) fn section(report: &Report) -> Markup {
    let watched: Vec<&Probe> = report
        .probes
        .iter()
        .filter(|probe| probe.settled_by.is_none() && !probe.remembered && !probe.observation.curve.is_empty())
        .collect();
    let Some(svg) = draw(report, &watched) else { return html! {} };
    let count = |wanted: fn(&Verdict) -> bool| watched.iter().filter(|probe| wanted(&probe.verdict)).count();
    let good = count(|verdict| matches!(verdict, Verdict::Good));
    let bad = count(|verdict| matches!(verdict, Verdict::Bad));
    let skip = watched.len() - good - bad;
    html! {
        section #memory {
            h2 { "Memory over time" }
            figure {
                div.scroll tabindex="0" role="region" aria-label="Chart of memory over time" {
                    (PreEscaped(labelled(&svg, "memory", "memory-title")))
                }
                figcaption #memory-title {
                    "Resident memory of each probe that was run here: "
                    span.good { (good) " good" } ", " span.bad { (bad) " bad" } ", " span.skip { (skip) " skipped" }
                    ". A ring marks where a good one ended, a cross a bad one, a dot a skipped one. Each probe’s peak and time are in the "
                    a href="#evidence" { "evidence" } "."
                }
            }
        }
    }
}

/// Returns the chart; nothing where there is nothing to draw.
fn draw(report: &Report, probes: &[&Probe]) -> Option<String> {
    let longest = probes.iter().map(|probe| probe.observation.wall.as_secs_f64()).fold(0.0, f64::max);
    let most = probes.iter().flat_map(|probe| &probe.observation.curve).max().copied()?;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(10)
            .x_label_area_size(44)
            .y_label_area_size(76)
            .build_cartesian_2d(0.0..longest.max(0.01) * 1.02, 0.0..mebibytes(most).max(1.0) * 1.08)
            .ok()?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(BUDGET)
            .label_style(("sans-serif", 15))
            .x_desc("seconds")
            .x_labels(8)
            .y_labels(6)
            .y_label_formatter(&|value| shown(*value))
            .x_label_formatter(&|value| format!("{value:.1}"))
            .draw()
            .ok()?;
        for budget in [Some(report.environment.limits.memory), report.environment.limits.search_memory] {
            let Some(height) = budget.map(mebibytes).filter(|height| *height <= mebibytes(most) * 1.08) else {
                continue;
            };
            let line = DashedLineSeries::new([(0.0, height), (longest * 1.02, height)], 6, 5, BUDGET.stroke_width(1));
            chart.draw_series(line).ok()?;
        }
        // What matters most is drawn last: bad over good over skipped.
        let mut ordered = probes.to_vec();
        ordered.sort_by_key(|probe| match probe.verdict {
            Verdict::Skip(_) => 0,
            Verdict::Good => 1,
            Verdict::Bad => 2,
        });
        for probe in ordered {
            let points = points(probe);
            let end = points.last().copied()?;
            let colour = match probe.verdict {
                Verdict::Good => GOOD,
                Verdict::Bad => BAD,
                Verdict::Skip(_) => SKIP,
            };
            chart.draw_series(LineSeries::new(points, colour.stroke_width(2))).ok()?;
            match probe.verdict {
                Verdict::Good => chart.draw_series([Circle::new(end, 4, colour.stroke_width(2))]).ok()?,
                Verdict::Bad => chart.draw_series([Cross::new(end, 4, colour.stroke_width(2))]).ok()?,
                Verdict::Skip(_) => chart.draw_series([Circle::new(end, 2, colour.filled())]).ok()?,
            };
        }
        area.present().ok()?;
    }
    Some(svg)
}

/// Returns the samples of a probe, evenly over its time.
#[expect(clippy::cast_precision_loss, reason = "there are at most 64 samples")]
fn points(probe: &Probe) -> Vec<(f64, f64)> {
    let (seen, samples) = (&probe.observation, probe.observation.curve.len() as f64);
    let at = |at: usize| seen.wall.as_secs_f64() * (at as f64 + 1.0) / samples;
    seen.curve.iter().enumerate().map(|(place, bytes)| (at(place), mebibytes(*bytes))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a pixel is far more than what is lost")]
fn mebibytes(bytes: Bytes) -> f64 {
    bytes.0 as f64 / 1_048_576.0
}

fn shown(mebibytes: f64) -> String {
    if mebibytes >= 1024.0 { format!("{:.1} GiB", mebibytes / 1024.0) } else { format!("{mebibytes:.0} MiB") }
}

//! Shows what a report with many probes costs: `cargo run --release -p nix-culprit-core --example large_report JOURNAL`.
//!
//! The journal is that of any finished case; its probes of commits are told again and again, each time as another
//! commit with a long title and all the samples of memory that a probe can have.
#![expect(clippy::print_stdout, reason = "an example that is run by hand")]

use std::error::Error;
use std::time::{Duration, Instant};

use nix_culprit_core::event::Event;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::report::html::{self, Extras};
use nix_culprit_core::report::model::{Probe, Subject};
use nix_culprit_core::report::{Redactor, Report, journal, json, markdown};

/// The probes of the large case.
const PROBES: usize = 500;
/// The samples that a probe has of its memory at most.
const SAMPLES: u64 = 64;
/// The least of so many times is told.
const TIMES: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which journal?")?;
    let mut entries = Vec::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let entry: serde_json::Value = serde_json::from_str(line)?;
        entries.push((entry["at"].as_u64().unwrap_or(0), serde_json::from_value::<Event>(entry)?));
    }
    let entries = entries.iter().map(|(at, event)| (*at, event));
    let report = enlarged(journal::report(entries).ok_or("the case had not begun")?)?;
    let redactor = Redactor::for_home("/home/somebody");
    println!("{} probes", report.probes.len());
    tell("html", || html::render(&report, &redactor, Extras::default()));
    tell("markdown", || markdown::render(&report, &redactor));
    tell("json", || json::render(&report, &redactor).unwrap_or_default());
    Ok(())
}

/// Repeats the probes of commits, until there are enough of them.
fn enlarged(mut report: Report) -> Result<Report, Box<dyn Error>> {
    let is_commit = |probe: &&Probe| matches!(probe.subject, Subject::Commit { .. });
    let found: Vec<Probe> = report.probes.iter().filter(is_commit).cloned().collect();
    let mut probes: Vec<Probe> = report.probes.iter().filter(|probe| !is_commit(probe)).cloned().collect();
    if found.is_empty() {
        return Err("it has no probe of a commit".into());
    }
    for (at, probe) in (0u64..).zip(found.iter().cycle().take(PROBES.saturating_sub(probes.len()))) {
        let mut probe = probe.clone();
        probe.observation.curve = (0..SAMPLES).map(|step| Bytes((step + at) << 22)).collect();
        if let Subject::Commit { revision, title, .. } = &mut probe.subject {
            *revision = format!("{at:040x}").parse()?;
            *title = "a long title ".repeat(20);
        }
        probes.push(probe);
    }
    report.take_probes(probes);
    Ok(report)
}

fn tell(form: &str, render: impl Fn() -> String) {
    let mut least = Duration::MAX;
    let mut size = 0;
    for _ in 0..TIMES {
        let began = Instant::now();
        size = render().len();
        least = least.min(began.elapsed());
    }
    println!("{form}: {size} bytes in {:.1} ms", least.as_secs_f64() * 1000.0);
}

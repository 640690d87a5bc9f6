//! The profile's readers against what real versions of Nix told of the sample case (script/capture-profiles).

use std::fs;
use std::path::PathBuf;

use nix_culprit_core::outcome::LogFormat;
use nix_culprit_core::profile::{Cycle, Finding, FoldedReader, Growth, Mark, Rung, read_trace};
use nix_culprit_core::quantity::Bytes;

/// The sample's loop, from its smallest name on.
const LOOP: [&str; 5] = [
    "python3.11-build-2.2.0",
    "python3.11-pyproject-hooks-8.8.4",
    "python3.11-setuptools-2.1.2",
    "python3.11-wheel-0.7.2",
    "setuptools-build-hook-hook",
];

fn captured(name: &str) -> Vec<u8> {
    fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/profiles").join(name)).expect("captured")
}

fn names(cycle: &Cycle) -> Vec<String> {
    cycle.clone().rotated().names().map(str::to_owned).collect()
}

#[test]
fn the_profile_shows_the_loop_of_the_sample() {
    let mut reader = FoldedReader::default();
    reader.read(captured("2.34.8-bad.folded").as_slice()).unwrap();
    let cycle = reader.cycle().unwrap();
    assert_eq!(names(&cycle), LOOP);
    assert!(cycle.repetitions.whole() >= 3);
    let profile = reader.finish();
    assert_eq!(profile.passed_over, 0);
    // What is done within the loop's derivations; which of it the samples hit is chance.
    let within = LOOP.iter().flat_map(|name| profile.samples.within(name, &profile.frames));
    let files: Vec<String> = within.filter_map(|(frame, _)| Some(frame.position?.file)).collect();
    assert!(files.iter().any(|file| file.contains("/private/sample/")), "{files:#?}");
}

#[test]
fn a_profile_that_is_read_in_flushes_confirms_the_loop() {
    let bytes = captured("2.34.8-bad.folded");
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort_by_key(|line| line.len());
    let mut reader = FoldedReader::default();
    let findings: Vec<Finding> = lines
        .iter()
        .zip(1..)
        .map(|(line, mib)| {
            reader.feed(line);
            reader.flush(Mark { memory: Some(Bytes(mib << 20)), call_depth: None })
        })
        .collect();
    assert!(matches!(findings[0], Finding::Nothing));
    let Some(Finding::Confirmed(confirmed)) = findings.last() else { panic!("{:#?}", findings.last()) };
    assert_eq!(names(&confirmed.cycle), LOOP);
}

#[test]
fn a_profile_of_the_good_end_shows_no_loop() {
    let mut reader = FoldedReader::default();
    reader.read(captured("2.34.8-good.folded").as_slice()).unwrap();
    assert!(reader.lines() > 0);
    assert_eq!(reader.finish().finding, Finding::Nothing);
}

#[test]
fn the_ladder_of_call_depths_confirms_the_loop_and_tells_its_attributes() {
    for version in ["2.26.3", "2.34.8"] {
        let mut growth = Growth::default();
        for depth in [100, 160, 250] {
            let trace = read_trace(&captured(&format!("{version}-bad-{depth}.stderr")), LogFormat::TracedJson);
            growth.push(Rung { cycle: trace.cycle(), mark: Mark { memory: None, call_depth: Some(depth) } });
        }
        let Finding::Confirmed(confirmed) = growth.finding() else { panic!("{version}: {:#?}", growth.finding()) };
        let cycle = confirmed.cycle.rotated();
        assert_eq!(cycle.names().collect::<Vec<_>>(), LOOP, "{version}");
        for step in &cycle.turn {
            assert!(step.attribute.as_ref().is_some_and(|name| name.ends_with("nputs")), "{version}: {step:#?}");
            assert!(
                step.position.as_ref().is_some_and(|position| position.file.contains("/stdenv/")),
                "{version}: {step:#?}"
            );
        }
    }
}

#[test]
fn the_trace_of_an_error_is_read_in_the_words_of_every_version() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/outcomes/long-trace");
    for (file, log) in [
        ("2.3.7-text.stderr", LogFormat::Text),
        ("2.8.0-text.stderr", LogFormat::Text),
        ("2.34.8-text.stderr", LogFormat::Text),
        ("2.26.3-traced.stderr", LogFormat::TracedJson),
        ("2.34.8-traced.stderr", LogFormat::TracedJson),
        ("2.8.0-json.stderr", LogFormat::InternalJson),
    ] {
        let trace = read_trace(&fs::read(folder.join(file)).unwrap(), log);
        let shown: Vec<String> = trace.frames().map(|frame| frame.to_string()).collect();
        assert!(shown.last().is_some_and(|last| last == "/case/lib.nix:1:15 pick"), "{file}: {shown:#?}");
        // From 2.4 on what repeats is left out of the text.
        if !file.contains("text") || file.starts_with("2.3.") {
            let down = shown.iter().filter(|frame| *frame == "/case/input.nix:3:10 down").count();
            assert_eq!(down, 6, "{file}: {shown:#?}");
            let attribute = shown.iter().position(|frame| frame.ends_with(" attribute depth"));
            assert!(attribute.is_some_and(|at| shown[at - 1].ends_with(" derivation x")), "{file}: {shown:#?}");
        }
    }
}

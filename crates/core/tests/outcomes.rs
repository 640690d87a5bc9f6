//! Checks the classifier against real runs of Nix: one folder a case in `outcomes/`, captured by
//! `script/capture-outcomes`, which also says what is expected.

#![expect(clippy::unwrap_used, reason = "a sample that cannot be read fails the test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit_core::outcome::{Class, End, Ending, LogFormat, MemoryUse, Signature, classify};
use nix_culprit_core::quantity::Bytes;

/// One run of one case.
struct Sample {
    name: String,
    format: String,
    end: End,
    memory: Option<MemoryUse>,
    stderr: Vec<u8>,
    expected: Class,
}

impl Sample {
    fn ending(&self) -> Ending<'_> {
        let log = match self.format.as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::InternalJson,
            "traced" => LogFormat::TracedJson,
            other => panic!("{}: unknown format {other}", self.name),
        };
        Ending { end: self.end, kill: None, kernel_oom: false, memory: self.memory, stderr: &self.stderr, log }
    }
}

fn class(name: &str) -> Class {
    serde_json::from_value(name.into()).unwrap()
}

fn samples_of(case: &Path) -> Vec<Sample> {
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
    let expected = read("expected");
    let expected: BTreeMap<&str, &str> = expected.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let sample = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |index: usize| words[index].parse::<i32>().unwrap();
        let format = words[0].rsplit_once('-').unwrap().1;
        let end = match words[1] {
            "exited" => End::Exited(number(2)),
            "signalled" => End::Signalled(number(2)),
            other => panic!("unknown end {other}"),
        };
        let kib = |index: usize| Bytes(u64::try_from(number(index)).unwrap() << 10);
        Sample {
            name: format!("{}/{}", case.file_name().unwrap().display(), words[0]),
            format: format.to_owned(),
            end,
            memory: (words.len() == 7).then(|| MemoryUse { peak: kib(4), budget: kib(6) }),
            stderr: fs::read(case.join(format!("{}.stderr", words[0]))).unwrap(),
            expected: class(expected[format]),
        }
    };
    read("ends").lines().map(sample).collect()
}

fn samples() -> Vec<Sample> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outcomes");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 50, "only {} cases", cases.len());
    cases.iter().flat_map(|case| samples_of(case)).collect()
}

#[test]
fn every_captured_run_is_classified_as_expected() {
    let mut wrong = String::new();
    for sample in samples() {
        let outcome = classify(&sample.ending());
        if outcome.class != sample.expected {
            writeln!(wrong, "{}: expected {}, got {outcome}", sample.name, sample.expected).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_root_cause_of_every_captured_run_is_shown() {
    let mut shown = String::new();
    for sample in samples() {
        writeln!(shown, "{}: {}", sample.name, classify(&sample.ending())).unwrap();
    }
    insta::assert_snapshot!("causes", shown);
}

#[test]
fn less_evidence_never_gives_another_class_than_an_evaluation_error() {
    for sample in samples().iter().filter(|sample| sample.format == "traced") {
        let less = classify(&Ending { log: LogFormat::InternalJson, ..sample.ending() });
        assert!([sample.expected, Class::EvaluationError].contains(&less.class), "{}: {less}", sample.name);
    }
}

/// As seen on 2.34: `git upload-pack`, a grandchild of Nix, wrote its last line after Nix had written its own.
#[test]
fn what_git_says_after_nix_hides_nothing() {
    for sample in samples().iter().filter(|sample| sample.format != "text") {
        let mut stderr = sample.stderr.clone();
        stderr.extend_from_slice(b"fatal: git upload-pack: not our ref 1234567812345678123456781234567812345678\n");
        let outcome = classify(&Ending { stderr: &stderr, ..sample.ending() });
        assert_eq!(outcome, classify(&sample.ending()), "{}", sample.name);
    }
}

#[test]
fn out_of_memory_in_text_is_not_believed_of_a_run_that_used_little() {
    for sample in samples().iter().filter(|s| s.format == "text" && s.expected == Class::OutOfMemory) {
        for memory in [None, Some(MemoryUse { peak: Bytes::MIB, budget: Bytes(512 << 20) })] {
            let doubted = classify(&Ending { memory, ..sample.ending() });
            let crashed = matches!(sample.end, End::Signalled(_));
            let expected = if crashed { Class::Killed } else { Class::EvaluationError };
            assert_eq!(doubted.class, expected, "{}", sample.name);
        }
    }
}

#[test]
fn no_class_but_those_of_evaluated_code_comes_from_cutting_a_run_short() {
    for sample in samples() {
        let ending = sample.ending();
        let cuts = (0..sample.stderr.len()).step_by((sample.stderr.len() / 50).max(1));
        for cut in cuts.filter(|_| sample.name.starts_with("hostile-throw")) {
            for stderr in [&sample.stderr[cut..], &sample.stderr[..cut]] {
                let outcome = classify(&Ending { stderr, ..ending });
                assert_eq!(outcome.class, Class::EvaluationError, "{} cut at {cut}", sample.name);
            }
        }
    }
}

#[test]
fn a_failure_has_the_same_signature_twice_and_no_other_case_has_it() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for sample in samples().iter().filter(|s| s.format == "traced" && s.expected == Class::EvaluationError) {
        let signature = Signature::of(&classify(&sample.ending()), &["/case"]);
        assert!(signature.matches(&signature.clone()));
        let version = sample.name.rsplit_once('/').unwrap().1;
        let key = format!("{version} {:?}", signature.message);
        if let Some(other) = seen.insert(key, sample.name.clone()) {
            let lies = |name: &str| name.starts_with("hostile-");
            assert!(lies(&sample.name) || lies(&other), "{} has the signature of {other}", sample.name);
        }
    }
}

//! What the reports are put together from.

use std::time::Duration;

use super::super::date::Timestamp;
use super::super::model::*;
use crate::ids::{CommitId, DrvPath, InputPath};
use crate::outcome::{Class, End as ProcessEnd, Observation, Outcome, Verdict};
use crate::quantity::Bytes;

pub(in crate::report) fn id(start: &str) -> CommitId {
    format!("{start:0<40}").parse().unwrap()
}

pub(in crate::report) fn path(text: &str) -> InputPath {
    text.parse().unwrap()
}

pub(super) fn day(days: i64) -> Timestamp {
    Timestamp::from_unix(1_692_403_200 + days * 86_400)
}

pub(super) fn success() -> Observation {
    Observation {
        outcome: Outcome { class: Class::Success, message: None, position: None },
        end: ProcessEnd::Exited(0),
        peak: Bytes(183 << 20),
        wall: Duration::from_millis(1_240),
        cpu: Some(Duration::from_millis(1_090)),
        counters: None,
        curve: vec![Bytes(20 << 20), Bytes(183 << 20)],
        drv_path: Some("/nix/store/0c5wbp6cyc2mq2ym5fyyxk7wmmnm8cgn-app-shell.drv".parse::<DrvPath>().unwrap()),
    }
}

pub(super) fn out_of_memory() -> Observation {
    Observation {
        outcome: Outcome { class: Class::OutOfMemory, message: None, position: None },
        end: ProcessEnd::Signalled(9),
        peak: Bytes(512 << 20),
        wall: Duration::from_millis(1_410),
        cpu: Some(Duration::from_millis(1_400)),
        counters: None,
        curve: vec![Bytes(20 << 20), Bytes(260 << 20), Bytes(512 << 20)],
        drv_path: None,
    }
}

pub(super) fn missing() -> Observation {
    let message = Some("attribute 'flit-core' missing".to_owned());
    Observation {
        outcome: Outcome { class: Class::EvaluationError, message, position: None },
        end: ProcessEnd::Exited(1),
        ..success()
    }
}

pub(super) fn commit() -> Commit {
    Commit {
        revision: id("5a9dda28aa00"),
        author: Some("Ada Packager".to_owned()),
        date: day(6),
        title: "python3.pkgs.setuptools: build without bootstrapped-pip".to_owned(),
        files: vec![
            "pkgs/development/python-modules/setuptools/default.nix".to_owned(),
            "pkgs/top-level/python-packages.nix".to_owned(),
        ],
        file_count: 7,
        evaluated: Some(Evaluated {
            files: vec!["pkgs/development/python-modules/setuptools/default.nix".to_owned()],
            count: 1,
        }),
        url: Some("https://github.com/NixOS/nixpkgs/commit/5a9dda28aa00".to_owned()),
        pull_request: Some(PullRequest {
            number: 248_866,
            title: Some("python3.pkgs: bootstrap without pip".to_owned()),
            url: Some("https://github.com/NixOS/nixpkgs/pull/248866".to_owned()),
        }),
        merge: Some(id("33e2a3f1")),
    }
}

/// A set of changes of these inputs, in these words; what it came to without each.
pub(super) fn set(changes: &[(&str, &str, Verdict)]) -> ChangeSet {
    let member = |(input, change, without): &(&str, &str, Verdict)| SetMember {
        input: path(input),
        change: (*change).to_owned(),
        without: Some(without.clone()),
    };
    ChangeSet { changes: changes.iter().map(member).collect(), proven: true }
}

pub(super) fn probe(start: &str, days: i64, mode: Mode, verdict: Verdict, observation: Observation) -> Probe {
    let title = format!("update of {start}");
    Probe {
        subject: Subject::Commit { revision: id(start), date: day(days), title },
        mode,
        verdict,
        observation,
        settled_by: None,
        remembered: false,
    }
}

pub(super) fn lock_input(input: &str, follows: Option<&str>, revision: Option<&str>) -> LockInput {
    let at = LockedAt { revision: revision.map(id), date: None };
    LockInput { input: path(input), follows: follows.map(path), at: follows.is_none().then_some(at) }
}

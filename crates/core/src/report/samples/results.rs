//! Cases that end in something else than one confirmed commit.

use std::time::Duration;

use super::super::model::*;
use super::normal;
use super::pieces::{commit, day, id, out_of_memory, path, set, success};
use crate::outcome::{Observation, Verdict};
use crate::quantity::Bytes;

/// Both ends succeed, and the bad one is heavier.
fn weighing(thunks: u64, mib: u64) -> Observation {
    let counters = [("nrThunks", thunks), ("list.concats", thunks / 100), ("nrAvoided", 5)];
    let counters = counters.into_iter().map(|(name, count)| (name.parse().unwrap(), count)).collect();
    Observation { peak: Bytes(mib << 20), counters: Some(counters), ..success() }
}

pub(in crate::report) fn jumps() -> Report {
    let mut report = normal();
    for (end, thunks, mib) in [(&mut report.good, 2_495, 39), (&mut report.bad, 5_560, 76)] {
        if let Some(end) = end {
            end.observation = weighing(thunks, mib);
        }
    }
    let jump = |skipped, before, after, confirmation| {
        let (commit, parent) = (commit(), id("33e2a3f1"));
        Jump { commit, parent, skipped, before, after, confirmation: Some(confirmation) }
    };
    let (culprit, parent) = (Box::new(success()), Box::new(success()));
    let by_own = Confirmation::Faithful { culprit, parent, inputs: Inputs::Fetched };
    let why = "on the commit `x` it is less".to_owned();
    let jumps = vec![jump(0, 2_495, 4_058, by_own), jump(3, 4_060, 5_560, Confirmation::NotConfirmed { why })];
    let measure = "nrThunks".parse().unwrap();
    report.result = SearchResult::Jumps { measure, step: 498, jumps, rest: 2 };
    report.confirmation = None;
    report.replay = None;
    report
}

pub(in crate::report) fn one_of() -> Report {
    let other = Commit {
        revision: id("a1"),
        title: "python3.pkgs.wheel: 0.40 -> 0.41".to_owned(),
        pull_request: None,
        url: None,
        ..commit()
    };
    Report {
        result: SearchResult::OneOf { commits: vec![other, commit()] },
        confirmation: None,
        replay: None,
        ..normal()
    }
}

pub(in crate::report) fn only_together() -> Report {
    let inputs = vec![path("nixpkgs"), path("poetry2nix")];
    let found = SearchedInput {
        input: path("nixpkgs"),
        result: SearchResult::Culprit { commit: commit() },
        confirmation: normal().confirmation,
    };
    let reason = "poetry2nix comes from git+https://example.org/poetry2nix now; that is no range of commits".to_owned();
    let other = SearchedInput {
        input: path("poetry2nix"),
        result: SearchResult::NotFound { why: NotFound::NoHistory { reason } },
        confirmation: None,
    };
    let pair = set(&[
        ("nixpkgs", "nixpkgs moved from 33cd48c86b25 to b570cc35e4a3", Verdict::Good),
        ("poetry2nix", "poetry2nix comes from git+https://example.org/poetry2nix now", Verdict::Good),
    ]);
    Report {
        input: None,
        matters: Some(Matters { sets: vec![pair], idle: vec![path("systems")], untried: vec![] }),
        result: SearchResult::NotFound { why: NotFound::OnlyTogether { inputs, searched: vec![found, other] } },
        confirmation: None,
        skipped: vec![],
        totals: Totals { probes: 6, settled: 0, remembered: 0, wall: Duration::from_secs(9), range: None },
        replay: None,
        ..normal()
    }
}

pub(in crate::report) fn nix_version() -> Report {
    let (good, bad) = ("nix (Nix) 2.26.3".to_owned(), "nix (Nix) 2.34.8".to_owned());
    Report { matters: None, result: SearchResult::NixVersion { good, bad }, ..only_together() }
}

pub(in crate::report) fn inputs() -> Report {
    let broken = Verdict::Skip("evaluation error: attribute 'flit-core' missing".to_owned());
    let edge = "poetry2nix/nixpkgs follows the input nixpkgs now; it was github:NixOS/nixpkgs/33cd48c86b25";
    let sets = vec![
        set(&[("poetry2nix/nixpkgs", edge, Verdict::Good)]),
        set(&[("a", "a moved from 1 to 2", Verdict::Good), ("b", "b is new: github:o/b/000000000000", broken)]),
        ChangeSet { proven: false, ..set(&[("c", "c moved from 3 to 4", Verdict::Good)]) },
    ];
    Report {
        matters: Some(Matters { sets, idle: vec![path("systems"), path("utils")], untried: vec![path("d")] }),
        result: SearchResult::Inputs,
        ..only_together()
    }
}

pub(in crate::report) fn fast_only() -> Report {
    let source = ReplaySource::Clone { url: "https://example.org/packages.git".to_owned() };
    let replay = normal().replay.map(|replay| ReplayInput { source, ..replay });
    Report {
        confirmation: Some(Confirmation::FastOnly { why: "the input cannot be fetched: no network".to_owned() }),
        contradictions: vec!["0b5e00000000 is good although its ancestor 0aaa00000000 is bad".to_owned()],
        replay,
        ..normal()
    }
}

pub(in crate::report) fn find_fix() -> Report {
    let normal = normal();
    let good =
        End { date: Some(day(60)), revision: Some(id("c0ffee")), verdict: Verdict::Good, observation: success() };
    Report {
        direction: Direction::FindFix,
        good: Some(good),
        confirmation: Some(Confirmation::Faithful {
            culprit: Box::new(success()),
            parent: Box::new(out_of_memory()),
            inputs: Inputs::AtStorePaths,
        }),
        replay: normal.replay.clone().map(|replay| ReplayInput {
            before: ReplayRun { outcome: replay.after.outcome.clone(), ..replay.before },
            after: ReplayRun { outcome: replay.before.outcome.clone(), ..replay.after },
            ..replay
        }),
        ..normal
    }
}

pub(in crate::report) fn unfinished() -> Report {
    let why = "stopped by the user".to_owned();
    let mut report = Report {
        result: SearchResult::Unfinished { suspects: Some(12), why },
        confirmation: None,
        skipped: vec![],
        replay: None,
        ..normal()
    };
    report.probes.truncate(4);
    report.totals.probes = 4;
    report.totals.settled = 0;
    report
}

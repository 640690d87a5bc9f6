//! Reports for the tests: the seed case and its variations.

mod corrected;
mod explained;
mod hostile;
mod pieces;
mod results;

pub(super) use corrected::{corrected, extracted, uncorrected};
pub(super) use explained::{cycle, error, heavier};
pub(super) use hostile::{HOSTILE, hostile, replace};
pub(super) use pieces::{id, path};
pub(super) use results::{fast_only, find_fix, inputs, jumps, nix_version, one_of, only_together, unfinished};

use std::time::Duration;

use super::model::*;
use crate::outcome::Verdict;
use crate::quantity::Bytes;
use pieces::{commit, day, lock_input, missing, out_of_memory, probe, set, success};

pub(super) fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("normal", normal()),
        ("one_of", one_of()),
        ("only_together", only_together()),
        ("inputs", inputs()),
        ("nix_version", nix_version()),
        ("fast_only", fast_only()),
        ("find_fix", find_fix()),
        ("unfinished", unfinished()),
        ("jumps", jumps()),
        ("hostile", hostile()),
        ("cycle", cycle()),
        ("error", error()),
        ("heavier", heavier()),
        ("corrected", corrected()),
        ("uncorrected", uncorrected()),
        ("extracted", extracted()),
    ]
}

pub(super) fn normal() -> Report {
    let skip = Verdict::Skip("evaluation error: attribute 'flit-core' missing".to_owned());
    Report {
        schema: SCHEMA,
        direction: Direction::FindCulprit,
        environment: Environment {
            tool_version: "0.1.0".to_owned(),
            nix_version: "nix (Nix) 2.34.8".to_owned(),
            nix_program: "/home/ada/.nix-profile/bin/nix".to_owned(),
            system: "x86_64-linux".to_owned(),
            limits: Limits {
                memory: Bytes(512 << 20),
                search_memory: None,
                search_time: None,
                time: Duration::from_secs(600),
                layer: "data limit and watching at 20 ms".to_owned(),
            },
        },
        flake: Flake {
            description: Some("An application".to_owned()),
            url: "git+file:///home/ada/src/app".to_owned(),
            revision: Some(id("f1a4e")),
            target: "devShells.x86_64-linux.default".to_owned(),
            command: "nix develop".to_owned(),
        },
        lock_changes: vec![
            LockChange {
                input: path("nixpkgs"),
                kind: LockChangeKind::Updated,
                from: Some(LockedAt { revision: Some(id("33cd48c86b25")), date: Some(day(0)) }),
                to: Some(LockedAt { revision: Some(id("b570cc35e4a3")), date: Some(day(30)) }),
            },
            LockChange {
                input: path("systems"),
                kind: LockChangeKind::Added,
                from: None,
                to: Some(LockedAt { revision: None, date: None }),
            },
        ],
        inputs: vec![
            lock_input("nixpkgs", None, Some("b570cc35e4a3")),
            lock_input("poetry2nix", None, Some("c3d3c4a")),
            lock_input("systems", None, None),
            lock_input("poetry2nix/nixpkgs", Some("nixpkgs"), None),
        ],
        good: Some(End {
            revision: Some(id("33cd48c86b25")),
            date: Some(day(0)),
            verdict: Verdict::Good,
            observation: success(),
        }),
        bad: Some(End {
            revision: Some(id("b570cc35e4a3")),
            date: Some(day(30)),
            verdict: Verdict::Bad,
            observation: out_of_memory(),
        }),
        input: Some(FoundInput {
            path: path("nixpkgs"),
            repository: "https://ada:s3cret@github.com/NixOS/nixpkgs".to_owned(),
            isolation: Isolation::SufficesAndNeeded,
        }),
        matters: Some(Matters {
            sets: vec![set(&[("nixpkgs", "nixpkgs moved from 33cd48c86b25 to b570cc35e4a3", Verdict::Good)])],
            idle: vec![path("systems")],
            untried: vec![],
        }),
        result: SearchResult::Culprit { commit: commit() },
        explanation: None,
        corrections: None,
        extract: None,
        reproducer: None,
        confirmation: Some(Confirmation::Faithful {
            culprit: Box::new(out_of_memory()),
            parent: Box::new(success()),
            inputs: Inputs::Fetched,
        }),
        skipped: vec![Skipped {
            reason: "evaluation error: attribute 'flit-core' missing".to_owned(),
            commits: vec![id("a1"), id("a2")],
        }],
        contradictions: vec![],
        probes: vec![
            Probe {
                subject: Subject::GoodLock,
                mode: Mode::Faithful,
                verdict: Verdict::Good,
                observation: success(),
                settled_by: None,
                remembered: false,
            },
            Probe {
                subject: Subject::BadLock,
                mode: Mode::Faithful,
                verdict: Verdict::Bad,
                observation: out_of_memory(),
                settled_by: None,
                remembered: false,
            },
            Probe {
                subject: Subject::Inputs { updated: vec![path("nixpkgs")] },
                mode: Mode::Fast,
                verdict: Verdict::Bad,
                observation: out_of_memory(),
                settled_by: None,
                remembered: false,
            },
            probe("a1", 15, Mode::Fast, skip.clone(), missing()),
            probe("a2", 14, Mode::Fast, skip, missing()),
            probe("4f11", 5, Mode::Fast, Verdict::Good, success()),
            Probe { settled_by: Some(id("4f11")), ..probe("4f12", 5, Mode::Fast, Verdict::Good, success()) },
            probe("5a9dda28aa00", 6, Mode::Faithful, Verdict::Bad, out_of_memory()),
        ],
        totals: Totals { probes: 7, settled: 1, remembered: 0, wall: Duration::from_secs(42), range: Some(3_000) },
        replay: Some(ReplayInput {
            input: path("nixpkgs"),
            source: ReplaySource::References {
                before: format!("github:NixOS/nixpkgs/{}", id("4f11")),
                after: format!("github:NixOS/nixpkgs/{}", id("5a9dda28aa00")),
            },
            dir: None,
            frozen: vec![],
            attribute: "devShells.x86_64-linux.default.drvPath".to_owned(),
            arguments: vec![],
            lock: "{\n  \"nodes\": {\n    \"root\": {}\n  },\n  \"root\": \"root\",\n  \"version\": 7\n}\n".to_owned(),
            before: ReplayRun { revision: id("4f11"), outcome: success().outcome },
            after: ReplayRun { revision: id("5a9dda28aa00"), outcome: out_of_memory().outcome },
        }),
    }
}

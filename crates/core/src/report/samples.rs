//! Reports for the tests: the seed case and its variations.

use std::time::Duration;

use super::date::Timestamp;
use super::model::*;
use super::reproducer::Reproducer;
use crate::correct::{
    Action, Before, Correction, Corrections, Derivations, Failed, Point, Proof, Reach, Step, Untried,
};
use crate::explain::{
    Certainty, Cycle, Edge, ErrorRoot, Explanation, FrameTold, Fresh, Growth, Heavier, More, Place, Unit, Way, Why,
};
use crate::growth::Side;
use crate::hunks::{self, Amount, Basis, Extract, Hunk};
use crate::ids::{CommitId, DrvPath, InputPath};
use crate::outcome::{Class, End as ProcessEnd, Observation, Outcome, Verdict};
use crate::profile::Seen;
use crate::quantity::Bytes;

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

pub(super) fn id(start: &str) -> CommitId {
    format!("{start:0<40}").parse().unwrap()
}

pub(super) fn path(text: &str) -> InputPath {
    text.parse().unwrap()
}

fn day(days: i64) -> Timestamp {
    Timestamp::from_unix(1_692_403_200 + days * 86_400)
}

fn success() -> Observation {
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

fn out_of_memory() -> Observation {
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

fn missing() -> Observation {
    let message = Some("attribute 'flit-core' missing".to_owned());
    Observation {
        outcome: Outcome { class: Class::EvaluationError, message, position: None },
        end: ProcessEnd::Exited(1),
        ..success()
    }
}

fn commit() -> Commit {
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
fn set(changes: &[(&str, &str, Verdict)]) -> ChangeSet {
    let member = |(input, change, without): &(&str, &str, Verdict)| SetMember {
        input: path(input),
        change: (*change).to_owned(),
        without: Some(without.clone()),
    };
    ChangeSet { changes: changes.iter().map(member).collect(), proven: true }
}

fn probe(start: &str, days: i64, mode: Mode, verdict: Verdict, observation: Observation) -> Probe {
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

fn lock_input(input: &str, follows: Option<&str>, revision: Option<&str>) -> LockInput {
    let at = LockedAt { revision: revision.map(id), date: None };
    LockInput { input: path(input), follows: follows.map(path), at: follows.is_none().then_some(at) }
}

/// A case whose failure was explained by a cycle.
pub(super) fn cycle() -> Report {
    let place = |input: &str, file: &str, line: u32, source: &str| Place {
        input: path(input),
        path: file.to_owned(),
        line,
        source: Some(source.to_owned()),
    };
    let edge = |from: &str, to: &str, place: Place, added: bool| Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        attribute: Some("nativeBuildInputs".to_owned()),
        place: Some(place),
        added,
    };
    let setuptools = "pkgs/development/python-modules/setuptools/default.nix";
    let cycle = Cycle {
        edges: vec![
            edge(
                "python3.10-setuptools-68.0.0",
                "python3.10-wheel-0.41.1",
                place("nixpkgs", setuptools, 12, "    wheel"),
                true,
            ),
            edge(
                "python3.10-wheel-0.41.1",
                "python3.10-setuptools-68.0.0",
                place("poetry2nix", "overrides/default.nix", 2901, "  wheel = ((python.pkgs.override {"),
                false,
            ),
        ],
        certainty: Certainty::Confirmed,
        growth: vec![Growth { repetitions: 23, memory: Some(Bytes(1800 << 20)) }],
        fresh: vec![Fresh {
            place: place("poetry2nix", "overrides/default.nix", 2901, "  wheel = ((python.pkgs.override {"),
            call: "override".to_owned(),
        }],
        files: vec![(path("nixpkgs"), setuptools.to_owned())],
    };
    let notes = vec!["Nix ended before it handed over a profile, which it does every two seconds.".to_owned()];
    let wall = Duration::from_secs(6);
    let explanation =
        Explanation { why: Why::Cycle(cycle), way: Some(Way::CallDepth), runs: 3, wall, notes, drawn: Vec::new() };
    Report { explanation: Some(explanation), ..normal() }
}

/// A case whose failure was explained by an error, with texts of strangers.
pub(super) fn error() -> Report {
    let place = Place {
        input: InputPath(Vec::new()),
        path: "flake.nix".to_owned(),
        line: 7,
        source: Some("  x = \u{1b}[31m`<b>`".to_owned()),
    };
    let frame = FrameTold { what: "while calling 'f'".to_owned(), place: place.clone() };
    let root = ErrorRoot { message: "attribute 'wheel' missing".to_owned(), place: Some(place), frames: vec![frame] };
    let wall = Duration::from_millis(700);
    let (why, notes, drawn) = (Why::Error(root), Vec::new(), Vec::new());
    let explanation = Explanation { why, way: Some(Way::Trace), runs: 1, wall, notes, drawn };
    Report { explanation: Some(explanation), ..fast_only() }
}

/// A case whose bad end succeeds and does more, with texts of strangers.
pub(super) fn heavier() -> Report {
    let seen = |own, total| Seen { own, total };
    let package = |name: &str, good, bad| More { name: name.to_owned(), place: None, good, bad };
    let source = Some("    builtins.foldl' (sum: n: \u{1b}[31m`<b>`".to_owned());
    let place = Place { input: path("nixpkgs"), path: "stdenv/default.nix".to_owned(), line: 10, source };
    let heavier = Heavier {
        unit: Unit::Calls,
        good: 178,
        bad: 6_910,
        side: Side::Above,
        packages: vec![
            package("stdenv", seen(20, 40), seen(6_700, 6_730)),
            package("app-shell", seen(9, 178), seen(9, 6_910)),
        ],
        functions: vec![More {
            name: "foldl'".to_owned(),
            place: Some(place),
            good: seen(0, 0),
            bad: seen(1_500, 6_400),
        }],
    };
    let drawn = vec!["flamegraph.svg".to_owned(), "flamegraph-difference.svg".to_owned()];
    let (why, wall, notes) = (Why::Heavier(heavier), Duration::from_millis(300), Vec::new());
    let explanation = Explanation { why, way: Some(Way::Profile), runs: 2, wall, notes, drawn };
    let verdict = Verdict::Bad;
    let bad = normal().bad.map(|end| End { observation: success(), verdict, ..end });
    Report { explanation: Some(explanation), bad, ..normal() }
}

/// A case with corrections that work, whose titles come from strangers.
pub(super) fn corrected() -> Report {
    let point =
        |start: &str, days: i64, title: &str| Point { revision: id(start), date: day(days), title: title.to_owned() };
    let command = "nix eval --raw .#devShells.x86_64-linux.default.drvPath";
    let proof = Proof::Own { command: command.to_owned(), inputs: Inputs::AtStorePaths };
    let lock = |input: &str, reference: String| Step::Command {
        command: format!("nix flake lock --override-input {input} {reference}"),
    };
    let repaired = Correction {
        action: Action::Forward {
            input: path("poetry2nix"),
            to: point("7acb78166a65", 50, "overrides: leave `bootstrap` packages \u{1b}[31malone <b>"),
            reach: Reach::First,
        },
        steps: vec![lock("poetry2nix", format!("github:nix-community/poetry2nix/{}", id("7acb78166a65")))],
        proof: proof.clone(),
        observation: success(),
        derivations: Some(Derivations { all: 312, changed: 40 }),
        notes: vec!["Its newest commit works, too.".to_owned()],
    };
    let kept = Correction {
        action: Action::Keep {
            input: path("nixpkgs"),
            to: point("4f11", 5, "update of 4f11"),
            before: Before::Culprit,
        },
        steps: vec![
            lock("nixpkgs", format!("github:NixOS/nixpkgs/{}", id("4f11"))),
            Step::Write {
                file: "flake.nix".to_owned(),
                text: format!("inputs.nixpkgs.url = \"github:NixOS/nixpkgs/{}\";", id("4f11")),
            },
            Step::Do { what: "Take it back once it is corrected.".to_owned() },
        ],
        proof: Proof::Fast { why: "Nix 2.3.7 has no flakes".to_owned() },
        observation: success(),
        derivations: Some(Derivations { all: 310, changed: 0 }),
        notes: vec![],
    };
    let corrections = Corrections {
        works: vec![repaired, kept],
        failed: vec![Failed {
            what: "move nixpkgs on to b570cc35e4a3 (2023-09-18), its newest commit".to_owned(),
            why: "out of memory".to_owned(),
            observation: Some(out_of_memory()),
        }],
        untried: vec![Untried { what: "move systems on".to_owned(), why: "it has no history".to_owned() }],
        evaluations: 9,
        wall: Duration::from_secs(13),
    };
    Report { corrections: Some(corrections), reproducer: Some(reproducer()), ..normal() }
}

fn reproducer() -> Reproducer {
    let outcome = Outcome { class: Class::OutOfMemory, message: None, position: None };
    let command = "(ulimit -v 1048576; nix eval --raw --no-write-lock-file 'path:.#devShells.x86_64-linux.default')";
    let mut small =
        Reproducer { outcome, command: command.to_owned(), from: 29_960, size: 310, doubt: None, files: vec![] };
    let text = "{\n  # ``` <b>not bold</b> at /home/ada/x\n  outputs = _: { };\n}\n";
    small.take_files(
        [("flake.nix", text.as_bytes()), ("logo.png", b"\xff")].map(|(path, is)| (path.to_owned(), is.to_vec())),
    );
    small
}

/// A case in which a part of the culprit suffices, with lines from strangers.
pub(super) fn extracted() -> Report {
    let report = normal();
    let line = |text: &str| text.to_owned();
    let parts = vec![
        Hunk {
            file: line("pkgs/development/python-modules/setuptools/default.nix"),
            line: Some(12),
            removed: vec![line("    bootstrapped-pip")],
            added: vec![line("    wheel \u{1b}[31m<b>`x`")],
            whole: None,
        },
        Hunk { file: line("pkgs/new"), line: None, removed: vec![], added: vec![], whole: Some(line("new file")) },
    ];
    let extract = Extract {
        input: path("nixpkgs"),
        commit: id("5a9dda28aa00"),
        parent: id("4f11"),
        of: Amount { files: 3, hunks: 9, lines: 21 },
        hunks: parts,
        basis: Basis::Hunks { why: line("the 5min for it were over") },
        rest: Some(Verdict::Good),
        proof: hunks::Proof::Own { observation: Box::new(out_of_memory()), inputs: Inputs::AtStorePaths },
        evaluations: 7,
        wall: Duration::from_secs(11),
    };
    Report { extract: Some(extract), ..report }
}

/// A case in which nothing helps.
pub(super) fn uncorrected() -> Report {
    let mut report = corrected();
    if let Some(corrections) = &mut report.corrections {
        corrections.works.clear();
    }
    report
}

/// Both ends succeed, and the bad one is heavier.
fn weighing(thunks: u64, mib: u64) -> Observation {
    let counters = [("nrThunks", thunks), ("list.concats", thunks / 100), ("nrAvoided", 5)];
    let counters = counters.into_iter().map(|(name, count)| (name.parse().unwrap(), count)).collect();
    Observation { peak: Bytes(mib << 20), counters: Some(counters), ..success() }
}

pub(super) fn jumps() -> Report {
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

pub(super) fn one_of() -> Report {
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

pub(super) fn only_together() -> Report {
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

pub(super) fn nix_version() -> Report {
    let (good, bad) = ("nix (Nix) 2.26.3".to_owned(), "nix (Nix) 2.34.8".to_owned());
    Report { matters: None, result: SearchResult::NixVersion { good, bad }, ..only_together() }
}

pub(super) fn inputs() -> Report {
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

pub(super) fn fast_only() -> Report {
    let source = ReplaySource::Clone { url: "https://example.org/packages.git".to_owned() };
    let replay = normal().replay.map(|replay| ReplayInput { source, ..replay });
    Report {
        confirmation: Some(Confirmation::FastOnly { why: "the input cannot be fetched: no network".to_owned() }),
        contradictions: vec!["0b5e00000000 is good although its ancestor 0aaa00000000 is bad".to_owned()],
        replay,
        ..normal()
    }
}

pub(super) fn find_fix() -> Report {
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

pub(super) fn unfinished() -> Report {
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

/// What strangers may write into any text.
pub(super) const HOSTILE: &str = "`x` ``` | </details><script>alert(1)</script> <!-- @octocat fixes #123 \
    [a](javascript:b) ![i](https://evil.example/i.png) **b** $(reboot) '; reboot; ' \u{1b}[31m\u{202e}rtl\u{200b}\n\n# head\r\n\
    - item /home/mallory/x https://u:hunter2@evil.example/ \\| |---| &amp; :tada:";

/// The normal case with every text replaced by [`HOSTILE`].
pub(super) fn hostile() -> Report {
    let replaced = replace(serde_json::to_value(corrected()).unwrap(), "", HOSTILE);
    let mut report: Report = serde_json::from_value(replaced).unwrap();
    report.contradictions = vec![HOSTILE.to_owned()];
    report
}

/// Replaces every text that may come from strangers.
pub(super) fn replace(value: serde_json::Value, name: &str, by: &str) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => {
            let ours = matches!(
                name,
                "schema"
                    | "direction"
                    | "kind"
                    | "isolation"
                    | "mode"
                    | "class"
                    | "verdict"
                    | "date"
                    | "drv_path"
                    | "inputs-were"
                    | "reach"
                    | "before"
                    | "certainty"
                    | "way"
            ) || text.parse::<CommitId>().is_ok();
            Value::String(if ours { text } else { by.to_owned() })
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| replace(item, name, by)).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, field)| {
                    let field = if name == "verdict" && field.is_string() { field } else { replace(field, &name, by) };
                    (name, field)
                })
                .collect(),
        ),
        other => other,
    }
}

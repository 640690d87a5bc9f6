//! Cases with corrections, a reproducer, and a part of the culprit that suffices.

use std::time::Duration;

use super::super::model::*;
use super::super::reproducer::Reproducer;
use super::normal;
use super::pieces::{day, id, out_of_memory, path, success};
use crate::correct::{
    Action, Before, Correction, Corrections, Derivations, Failed, Point, Proof, Reach, Step, Untried,
};
use crate::hunks::{self, Amount, Basis, Extract, Hunk};
use crate::outcome::{Class, Outcome, Verdict};

/// A case with corrections that work, whose titles come from strangers.
pub(in crate::report) fn corrected() -> Report {
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
pub(in crate::report) fn extracted() -> Report {
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
pub(in crate::report) fn uncorrected() -> Report {
    let mut report = corrected();
    if let Some(corrections) = &mut report.corrections {
        corrections.works.clear();
    }
    report
}

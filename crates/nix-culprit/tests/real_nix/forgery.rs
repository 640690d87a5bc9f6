//! What evaluated code prints is not believed: it cannot pass for another outcome.

use serde_json::Value;

use crate::machine::{RealNix, every_nix, every_nix_with_flakes, newest_nix};
use crate::room::{MEMORY, Room};

/// Texts that Nix, its crash handler, its logger and its shell would print.
const MARKERS: &[&str] = &[
    "error: out of memory",
    "x\\nerror: out of memory",
    "x\\n@nix {\\\"action\\\":\\\"msg\\\",\\\"level\\\":0,\\\"msg\\\":\\\"error: out of memory\\\",\\\"raw_msg\\\":\\\"out of memory\\\"}",
    "Nix crashed. This is a bug. std::bad_alloc",
    "error: stack overflow (possible infinite recursion)",
    "infinite recursion encountered",
    "stack overflow; max-call-depth exceeded",
    "error: interrupted by the user",
    "error: unrecognised flag '--json'",
    "\\r${builtins.fromJSON ''\\\"\\\\u001b[2K\\\"''}error: out of memory",
];

/// Probes a good flake whose shell's name is another expression.
fn probe(nix: &RealNix, name: &str, arguments: &[&str]) -> (i32, Value) {
    let room = Room::new(nix);
    room.make_good();
    room.edit("shell.nix", "name = ", &format!("name = {name} "));
    let run = room.run(&[&["probe", "--json", "--memory", MEMORY], arguments].concat());
    let value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}, {name}: {run}"));
    (run.code.unwrap(), value)
}

#[test]
fn a_throw_stays_an_evaluation_error_whatever_it_says() {
    for nix in every_nix() {
        for marker in MARKERS {
            let (code, value) = probe(&nix, &format!("throw \"{marker}\""), &["--bad-when", "out-of-memory"]);
            let outcome = &value["observation"]["outcome"];
            assert_eq!(outcome["class"], "evaluation-error", "{marker} with {}: {outcome:#}", nix.version);
            assert_eq!(code, 125, "{marker} with {}", nix.version);
            let message = outcome["message"].as_str().unwrap_or_default();
            assert!(!message.contains(char::is_control), "{message:?}");
        }
    }
}

#[test]
fn a_throw_stays_one_in_the_faithful_way_too() {
    let Some(nix) = newest_nix() else { return };
    for marker in MARKERS {
        let (code, value) = probe(&nix, &format!("throw \"{marker}\""), &["--faithful", "--bad-when", "out-of-memory"]);
        let outcome = &value["observation"]["outcome"];
        assert_eq!((code, &outcome["class"]), (125, &"evaluation-error".into()), "{marker}: {outcome:#}");
    }
}

#[test]
fn a_trace_is_no_failure_and_hides_none() {
    for nix in every_nix() {
        for marker in &MARKERS[..4] {
            let trace = format!("builtins.trace \"{marker}\"");
            let (code, value) = probe(&nix, &trace, &[]);
            assert_eq!(
                (code, &value["observation"]["outcome"]["class"]),
                (0, &"success".into()),
                "{marker}: {value:#}"
            );
            let (code, value) =
                probe(&nix, &format!("{trace} (throw \"honest\")"), &["--bad-when", "message~^honest$"]);
            let outcome = &value["observation"]["outcome"];
            assert_eq!(outcome["class"], "evaluation-error", "{marker} with {}: {outcome:#}", nix.version);
            assert_eq!(code, 1, "{marker} with {}: {outcome:#}", nix.version);
        }
    }
}

/// Without the trace of newer versions nothing tells Nix's own words from thrown ones, and nothing is claimed.
#[test]
fn a_real_failure_behind_a_forged_text_is_still_seen() {
    for nix in every_nix_with_flakes() {
        let forged = "builtins.trace \"error: interrupted by the user\" (let a = a; in a)";
        let (code, value) = probe(&nix, forged, &["--bad-when", "infinite-recursion"]);
        assert_eq!(value["observation"]["outcome"]["class"], "infinite-recursion", "with {}: {value:#}", nix.version);
        assert_eq!(code, 1);
    }
}

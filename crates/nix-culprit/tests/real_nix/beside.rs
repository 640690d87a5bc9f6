//! What is done beside something else: the same report as without.

use nix_culprit_sample::Options;
use serde_json::Value;

use crate::machine::{newest_nix, sample_of};
use crate::room::Room;

/// Takes out of a report what no two runs have in common.
fn without_measures(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // A test machine is too busy for one more or less.
            let measured = ["wall", "cpu", "peak", "curve", "memory", "counters", "repetitions", "took", "case"];
            fields.retain(|name, _| !measured.contains(&name.as_str()));
            fields.values_mut().for_each(without_measures);
        }
        Value::Array(values) => values.iter_mut().for_each(without_measures),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn what_is_looked_for_while_the_bad_end_still_runs_changes_nothing_in_the_report() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::with(&nix, sample_of(&Options { seed: 15, commits: 60, ..Options::default() }));
    let [together, apart] = [None, Some("1")].map(|jobs| {
        let mut arguments = vec!["find", "--json", "--no-cache", "--no-fix", "--memory", "512M"];
        arguments.extend(jobs.map(|jobs| ["--jobs", jobs]).into_iter().flatten());
        let mut report = room.run(&arguments).exits_with(0).json();
        without_measures(&mut report);
        report
    });
    assert_eq!(together["explanation"]["why"]["kind"], "cycle", "{:#}", together["explanation"]);
    for part in ["explanation", "input", "inputs", "probes", "result"] {
        assert_eq!(together[part], apart[part], "{part}");
    }
}

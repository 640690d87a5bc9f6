//! Tests of `report.json` against its schema, by a small validator of the words the schema uses.

use regex::Regex;
use serde_json::json;

use super::super::model::{NotFound, SearchResult};
use super::super::samples;
use super::*;

const SCHEMA: &str = include_str!("../../../../../docs/report.schema.json");

/// Says where the value does not fit the schema. Strict: objects hold no field without a schema.
fn misfits(schema: &Value, root: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    let mut wrong = Vec::new();
    let mut say = |what: &str| wrong.push(format!("{at}: {what}"));
    let fits = |option: &Value| {
        let mut found = Vec::new();
        misfits(option, root, value, at, &mut found);
        found.is_empty()
    };
    for (word, rule) in schema.as_object().expect("a schema is an object") {
        match word.as_str() {
            "$schema" | "title" | "description" | "$defs" => {}
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix('#').unwrap();
                misfits(root.pointer(name).unwrap_or_else(|| panic!("no {name}")), root, value, at, out);
            }
            "type" => {
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    other => panic!("unknown type {other}"),
                };
                if !rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is)) {
                    say(&format!("is not of type {rule}"));
                }
            }
            "const" if value != rule => say(&format!("is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => say(&format!("is none of {rule}")),
            "const" | "enum" => {}
            "minimum" => {
                if value.as_i64().is_some_and(|number| number < rule.as_i64().unwrap()) {
                    say("is too small");
                }
            }
            "pattern" => {
                if value.as_str().is_some_and(|text| !Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)) {
                    say(&format!("does not match {rule}"));
                }
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    if value.as_object().is_some_and(|fields| !fields.contains_key(name.as_str().unwrap())) {
                        say(&format!("has no {name}"));
                    }
                }
            }
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    match rule.get(name) {
                        Some(schema) => misfits(schema, root, field, &format!("{at}/{name}"), out),
                        None => out.push(format!("{at}: {name} is not in the schema")),
                    }
                }
            }
            "additionalProperties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    misfits(rule, root, field, &format!("{at}/{name}"), out);
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    misfits(rule, root, item, &format!("{at}/{index}"), out);
                }
            }
            "anyOf" if !rule.as_array().unwrap().iter().any(fits) => say(&format!("fits no option: {value}")),
            "oneOf" if rule.as_array().unwrap().iter().filter(|option| fits(option)).count() != 1 => {
                say(&format!("does not fit exactly one option: {value}"));
            }
            "anyOf" | "oneOf" => {}
            other => panic!("the schema uses {other}, which this test does not know"),
        }
    }
    out.append(&mut wrong);
}

fn check(value: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut out = Vec::new();
    misfits(&schema, &schema, value, "", &mut out);
    out
}

fn rendered(report: &Report) -> Value {
    serde_json::from_str(&render(report, &Redactor::for_home("/home/ada")).unwrap()).unwrap()
}

#[test]
fn every_sample_fits_the_schema_and_is_read_back() {
    let reasons = [
        NotFound::BothGood,
        NotFound::BothBad,
        NotFound::NothingChanged,
        NotFound::NoHistory { reason: "r".to_owned() },
        NotFound::Other { reason: "r".to_owned() },
    ];
    let others =
        reasons.map(|why| ("not found", Report { result: SearchResult::NotFound { why }, ..samples::normal() }));
    for (name, report) in samples::all().into_iter().chain(others) {
        let value = rendered(&report);
        assert_eq!(check(&value), Vec::<String>::new(), "{name}");
        serde_json::from_value::<Report>(value).unwrap();
    }
}

#[test]
fn what_does_not_fit_the_schema_is_seen() {
    let good = rendered(&samples::normal());
    for (pointer, wrong) in [
        ("/schema", json!(2)),
        ("/environment/limits/memory", json!("512 MiB")),
        ("/result/commit/revision", json!("5a9dda2")),
        ("/probes/0/verdict", json!({ "verdict": "skip" })),
        ("/probes/0/subject/kind", json!("commit")),
        ("/good/date", json!("2023-08-19")),
        ("/totals", json!({ "probes": 1, "wall": { "secs": 1, "nanos": 0 } })),
        ("/flake/more", json!(1)),
    ] {
        let mut bad = good.clone();
        match bad.pointer_mut(pointer) {
            Some(place) => *place = wrong,
            None => drop(bad["flake"].as_object_mut().unwrap().insert("more".to_owned(), wrong)),
        }
        assert_ne!(check(&bad), Vec::<String>::new(), "{pointer}");
    }
}

#[test]
fn secrets_are_not_told() {
    for (name, report) in samples::all() {
        let text = render(&report, &Redactor::for_home("/home/ada")).unwrap();
        for secret in ["/home/", "hunter2", "s3cret", "Ada Packager"] {
            assert!(!text.contains(secret), "{name} tells {secret}");
        }
    }
}

#[test]
fn a_derivation_below_a_home_folder_is_left_out() {
    let mut report = samples::normal();
    report.probes[0].observation.drv_path = Some("/home/ada/store/nix/store/x.drv".parse().unwrap());
    let value = rendered(&report);
    assert!(value["probes"][0]["observation"]["drv_path"].is_null());
    serde_json::from_value::<Report>(value).unwrap();
}

#[test]
fn the_normal_report_as_json() {
    insta::assert_snapshot!("json_normal", render(&samples::normal(), &Redactor::for_home("/home/ada")).unwrap());
}

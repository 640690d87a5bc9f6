use proptest::prelude::*;
use serde_json::Value;

use super::edit::set_string;
use super::*;
use crate::flake::{Change, ChangeKind, Lock, Revision, diff};
use crate::ids::NodeKey;
use crate::store_path::NarHash;

const NPINS_TEXT: &str = r#"{
  "pins": {
    "lib": {
      "type": "Channel",
      "name": "nixos-unstable",
      "url": "https://releases.nixos.org/nixos/unstable/nixos-24.11pre1.abc/nixexprs.tar.xz",
      "hash": "0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    },
    "pkgs": {
      "type": "Git",  "repository": { "type": "GitHub", "owner": "o", "repo": "r" },
      "branch": "main",
      "revision": "1111111111111111111111111111111111111111",
      "url": "https://github.com/o/r/archive/1111111111111111111111111111111111111111.tar.gz",
      "hash": "0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    }
  },
  "version": 3
}
"#;

const NIV_TEXT: &str = r#"{
    "pkgs": {
        "branch": "main", "owner": "o", "repo": "r",
        "rev": "1111111111111111111111111111111111111111",
        "sha256": "0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "type": "tarball",
        "url": "https://github.com/o/r/archive/1111111111111111111111111111111111111111.tar.gz",
        "url_template": "https://github.com/<owner>/<repo>/archive/<rev>.tar.gz"
    },
    "own": { "type": "git", "repo": "https://git.example.org/x.git", "rev": "3333333333333333333333333333333333333333" }
}
"#;

fn lock(format: PinFormat, text: &str) -> Lock {
    lock_of(read(format, text).unwrap())
}

fn moved(lock: &Lock, digit: &str) -> Lock {
    let rev = digit.repeat(40).parse().unwrap();
    lock.with_revision(&NodeKey("pkgs".to_owned()), &Revision::bare(&rev)).unwrap()
}

fn hash() -> NarHash {
    NarHash([7; 32])
}

#[test]
fn pins_are_inputs_that_can_be_searched() {
    for (format, text) in [(PinFormat::Npins, NPINS_TEXT), (PinFormat::Niv, NIV_TEXT)] {
        let lock = lock(format, text);
        assert!(lock.inputs_table().is_ok());
        let locked = lock.locked(&NodeKey("pkgs".to_owned())).unwrap();
        assert_eq!(locked.rev().unwrap().as_str(), "1".repeat(40));
        assert!(locked.to_string().starts_with("github:o/r"), "{locked}");
        let changes = diff(&lock, &moved(&lock, "2"));
        let [Change { kind: ChangeKind::Moved { .. }, .. }] = changes.as_slice() else { panic!("{changes:?}") };
    }
    let own = lock(PinFormat::Niv, NIV_TEXT).locked(&NodeKey("own".to_owned())).unwrap();
    assert_eq!(own.clone_url().unwrap(), "https://git.example.org/x.git");
}

#[test]
fn only_the_revision_and_its_hash_are_edited() {
    for (format, text) in [(PinFormat::Npins, NPINS_TEXT), (PinFormat::Niv, NIV_TEXT)] {
        let lock = lock(format, text);
        assert_eq!(write(format, text, &lock, &|_| Some(hash())).unwrap(), text);
        let edited = write(format, text, &moved(&lock, "2"), &|_| None).unwrap();
        assert_eq!(edited, text.replace(&"1".repeat(40), &"2".repeat(40)));
        let hashed = write(format, text, &moved(&lock, "2"), &|_| Some(hash())).unwrap();
        let changed: Vec<_> = hashed.lines().zip(edited.lines()).filter(|(one, two)| one != two).collect();
        assert_eq!(changed.len(), 1, "{changed:?}");
        assert!(changed[0].0.contains(&hash().to_base32()), "{changed:?}");
        // The other state's pin in this one has another key, and the same name.
        let path = "pkgs".parse().unwrap();
        let grafted = lock.with_input_from(&path, &self::lock(format, &edited)).unwrap();
        assert_eq!(write(format, text, &grafted, &|_| None).unwrap(), edited);
        // And back: it is its own inverse.
        let back = write(format, &edited, &lock, &|_| None).unwrap();
        assert_eq!(back, text);
    }
}

#[test]
fn pins_of_another_state_are_written_whole() {
    let own = lock(PinFormat::Niv, NIV_TEXT);
    let only = r#"{ "new": { "rev": "4444444444444444444444444444444444444444", "type": "git", "repo": "x" } }"#;
    let written = write(PinFormat::Niv, only, &own, &|_| None).unwrap();
    assert_eq!(read(PinFormat::Niv, &written).unwrap().len(), 2);
    assert_eq!(lock(PinFormat::Niv, &written), own);
}

#[test]
fn what_npins_or_niv_never_wrote_is_refused() {
    let error = |format, text: &str| read(format, text).unwrap_err().to_string();
    assert_eq!(
        error(PinFormat::Npins, r#"{"pins":{},"version":99}"#),
        "the version of npins/sources.json is 99; 3 to 7 are known"
    );
    assert!(error(PinFormat::Npins, r#"{"pins":{}}"#).contains("is null"));
    assert!(error(PinFormat::Npins, r#"{"pins":[],"version":3}"#).contains("`pins` should be an object"));
    assert!(error(PinFormat::Niv, r#"{"a":1}"#).contains("the pin `a` should be an object"));
    assert!(error(PinFormat::Niv, "{").contains("not valid JSON"));
    assert!(error(PinFormat::Niv, "[]").contains("the top should be"));
}

#[test]
fn revisions_in_code_are_found_with_their_repository_and_edited_with_their_hash() {
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    let tarball = format!(r#"import (fetchTarball "https://github.com/o/r/archive/{one}.tar.gz") {{ }}"#);
    let github = format!(
        r#"fetchFromGitHub {{ owner = "o"; repo = "r"; rev = "{one}"; sha256 = "{}"; }} // {{ hash = "x"; }}"#,
        "0".repeat(52)
    );
    for code in [&tarball, &github] {
        let pins = find_code_pin(code, "1111");
        assert_eq!(pins.len(), 1);
        assert_eq!(pins[0].github, Some(("o".to_owned(), "r".to_owned())));
        assert!(find_code_pin(code, "2").is_empty());
    }
    let (old, new) = (one.parse().unwrap(), two.parse().unwrap());
    assert_eq!(with_code_revision(&tarball, &old, &new, Some(&hash())), tarball.replace(&one, &two));
    let edited = with_code_revision(&github, &old, &new, Some(&hash()));
    assert_eq!(edited, github.replace(&one, &two).replace(&"0".repeat(52), &hash().to_base32()));
    let before = format!(r#"{{ hash = "sha256-short"; rev = "{one}"; }} {one}"#);
    let edited = with_code_revision(&before, &old, &new, Some(&hash()));
    assert_eq!(edited, before.replace(&one, &two).replace("sha256-short", &hash().to_string()));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((".{0,6}", inner), 0..5).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Every path to a text, the slow way.
fn texts(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    match value {
        Value::String(_) => found.push(path.clone()),
        Value::Object(map) => {
            for (name, value) in map {
                path.push(name.clone());
                texts(value, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_text_is_set_and_nothing_else(value in any_json(), new in ".{0,12}", pretty in any::<bool>()) {
        let document = if pretty { format!("{value:#}") } else { value.to_string() };
        let mut all = Vec::new();
        texts(&value, &mut Vec::new(), &mut all);
        for path in all {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            let edited = set_string(&document, &names, &new).unwrap();
            let mut expected = value.clone();
            let place = names.iter().fold(&mut expected, |place, name| &mut place[*name]);
            *place = Value::String(new.clone());
            prop_assert_eq!(serde_json::from_str::<Value>(&edited).unwrap(), expected);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}", code in "[{}a-f0-9\" =;hashrevown]{0,200}") {
        for format in PinFormat::ALL {
            let _ = read(format, &text);
        }
        let _ = set_string(&text, &["a", "b"], "x");
        for pin in find_code_pin(&code, "") {
            let _ = with_code_revision(&code, &pin.rev, &pin.rev, Some(&hash()));
        }
    }
}

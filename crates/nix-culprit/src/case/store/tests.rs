//! Cases on disk: what is written is read back, and what is not ours to read is refused.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use nix_culprit_core::bisect::{Goal, Mode};
use nix_culprit_core::correct::PullRequests;
use nix_culprit_core::outcome::Criterion;
use nix_culprit_core::quantity::Bytes;
use serde_json::Value;

use super::super::fake::{out_of_memory, path};
use super::super::settings::{Confirmation, Fetching, MemoryFrom, Scope, Wanted};
use super::*;

fn locks() -> Scope {
    Scope::Locks { good: Some("2023-08-19".to_owned()), bad: None, input: Some(path("poetry2nix/nixpkgs")) }
}

fn settings(scope: Scope, criterion: Option<Criterion>) -> Settings {
    Settings {
        flake: PathBuf::from("/home/me/a flake"),
        attr: Some("packages.x86_64-linux.\"a.b\"".to_owned()),
        system: None,
        scope,
        mode: Mode::FirstParent,
        memory: Bytes(5 << 30),
        memory_from: MemoryFrom::Machine,
        search_memory: Some(Bytes(1 << 29)),
        search_time: None,
        time: Duration::from_millis(90_500),
        criterion,
        script: vec!["./check".to_owned(), "--all".to_owned()],
        fetching: Fetching::WhereNeeded,
        jumps: Wanted::One,
        read_sets: crate::case::ReadSets::Used,
        matrix: None,
        jobs: Some(2),
        cache: Some("/cache".into()),
        explanation: crate::case::Explaining::Tells,
        correcting: crate::case::Correcting::Unwanted,
        extract: None,
        explained_by: Some(nix_culprit_core::explain::Way::CallDepth),
        root: crate::case::Root::Flake,
        confirmation: Confirmation::Unwanted,
        repositories: BTreeMap::from([("nixpkgs".to_owned(), PathBuf::from("/src/nixpkgs"))]),
        clones: PathBuf::from("/cache/clones"),
        pin: None,
        pull_requests: PullRequests::Unused,
        nix_good: None,
        other_nix: Vec::new(),
        nix: PathBuf::from("nix"),
        git: PathBuf::from("/usr/bin/git"),
    }
}

#[test]
fn settings_are_read_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let cases = Cases::below(folder.path());
    let input = Scope::Input { input: path("a/b"), good: None, bad: Some("main~3".to_owned()), goal: Goal::FirstGood };
    for (stamp, settings) in [
        ("1", settings(locks(), None)),
        ("2", settings(input, Some(out_of_memory()))),
        ("3", settings(locks(), Some(Criterion::AnyFailure))),
    ] {
        let begun = cases.begin(stamp, &settings).unwrap();
        let (found, read) = cases.find(Some(stamp)).unwrap();
        assert_eq!(read, settings);
        assert_eq!((found.path(), found.id().as_str()), (begun.path(), stamp));
    }
}

#[test]
fn the_newest_case_is_the_one_that_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let cases = Cases::below(folder.path());
    assert!(matches!(cases.find(None), Err(StoreError::NoCases)));
    assert!(cases.list().unwrap().is_empty());
    let begin = |stamp: &str| cases.begin(stamp, &settings(locks(), None)).unwrap().id();
    for stamp in ["20240102-030405", "20240102-030405", "20231231-235959", "20240102-030404"] {
        begin(stamp);
    }
    // A folder that was being made when the power went is no case.
    fs::create_dir(folder.path().join("cases/20990101-000000")).unwrap();
    let names = ["20231231-235959", "20240102-030404", "20240102-030405", "20240102-030405-2"];
    assert_eq!(cases.list().unwrap(), names);
    assert_eq!(cases.find(None).unwrap().0.id(), "20240102-030405-2");
    assert_eq!(cases.find(Some("20231231-235959")).unwrap().0.id(), "20231231-235959");
}

#[test]
fn a_name_leads_nowhere_but_to_a_case() {
    let folder = tempfile::tempdir().unwrap();
    let cases = Cases::below(folder.path());
    let case = cases.begin("1", &settings(locks(), None)).unwrap();
    fs::copy(case.file("case.json"), folder.path().join("case.json")).unwrap();
    for name in ["2", "..", ".", "../cases/1", "/", "", "1/"] {
        let error = cases.find(Some(name)).unwrap_err();
        assert_eq!(error.to_string(), format!("there is no case `{name}`"));
    }
}

#[test]
fn the_case_of_another_version_is_refused_whatever_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let cases = Cases::below(folder.path());
    let case = cases.begin("1", &settings(locks(), None)).unwrap();
    let text = fs::read(case.file("case.json")).unwrap();
    let mut header: Value = serde_json::from_slice(&text).unwrap();
    header["version"] = "99.0.0".into();
    let same_settings = header.clone();
    header["settings"] = serde_json::json!({ "universe": "another" });
    for header in [same_settings, header] {
        fs::write(case.file("case.json"), header.to_string()).unwrap();
        let error = cases.find(None).unwrap_err();
        let text = "the case 1 was begun by nix-culprit 99.0.0; go on with that one, or begin anew";
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn settings_that_are_none_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let cases = Cases::below(folder.path());
    let case = cases.begin("1", &settings(locks(), None)).unwrap();
    let path = case.file("case.json");
    let version = format!("{{\"version\":\"{}\",\"settings\":{{}}}}", env!("CARGO_PKG_VERSION"));
    for text in ["", "{}", "[1]", "{\"version\":1}", &version] {
        fs::write(&path, text).unwrap();
        let error = cases.find(Some("1")).unwrap_err();
        assert_eq!(error.to_string(), format!("{} is not the settings of a case", path.display()), "{text}");
    }
}

#[test]
fn nobody_else_can_look_into_a_case() {
    let folder = tempfile::tempdir().unwrap();
    let cases = Cases::below(folder.path());
    cases.begin("1", &settings(locks(), None)).unwrap();
    let mode = fs::metadata(folder.path().join("cases")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn a_file_is_written_whole_over_the_one_before_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let case = CaseDir::at(folder.path());
    for content in ["a long text", "short"] {
        assert_eq!(fs::read(case.write("file", content.as_bytes()).unwrap()).unwrap(), content.as_bytes());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let absent = CaseDir::at(&folder.path().join("absent"));
    assert!(absent.write("file", b"x").unwrap_err().to_string().ends_with("absent/file"));
}

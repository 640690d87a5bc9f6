//! Keeps the house: imports point down only (see docs/architecture.md), and the pages of the docs in the book.

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of `src`, and what it must not import.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("cli", &["ui", "case", "sys", "commands"]),
    ("ui", &["cli", "case", "sys", "commands"]),
    ("case", &["cli", "ui", "commands"]),
    ("sys", &["cli", "ui", "case", "commands"]),
];

/// What the core must not touch.
const OUTSIDE: &[&str] =
    &["std::process", "std::fs", "std::env", "std::thread", "std::net", "SystemTime", "Instant::now", "println!"];

/// Tests may do what the code may not.
fn is_test(path: &Path) -> bool {
    path.file_stem().and_then(|stem| stem.to_str()).is_some_and(|stem| stem.ends_with("tests") || stem == "fake")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
            files.push(path);
        }
    }
    files
}

#[test]
fn imports_point_down_only() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for (folder, forbidden) in FORBIDDEN {
        for file in rust_files(&src.join(folder)) {
            seen += 1;
            let text = fs::read_to_string(&file).unwrap();
            for above in *forbidden {
                assert!(!text.contains(&format!("crate::{above}")), "{} imports crate::{above}", file.display());
            }
        }
    }
    assert!(seen > 20, "only {seen} files were looked at");
}

#[test]
fn the_core_does_no_input_and_no_output() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    for file in rust_files(&src) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for outside in OUTSIDE {
            assert!(!code.contains(outside), "{} uses {outside}", file.display());
        }
    }
}

#[test]
fn only_one_place_spawns_one_prints_and_one_exits() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for file in rust_files(&src) {
        let name = file.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let spawns = code.contains(".spawn()");
        assert!(!spawns || name.starts_with("sys/child") || name.starts_with("sys/warden"), "{name} spawns a program");
        let exits = code.contains("process::exit");
        assert!(!exits || name == "main.rs", "{name} exits");
    }
}

#[test]
fn every_page_of_the_docs_is_in_the_contents_of_the_book() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let contents = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    for entry in fs::read_dir(&docs).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "SUMMARY.md" {
            assert_eq!(
                contents.matches(&format!("]({name})")).count(),
                1,
                "{name}: a line in docs/SUMMARY.md is wanted"
            );
        }
    }
}

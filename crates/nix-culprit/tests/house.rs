//! Keeps the house: imports point down only, every module is on the map (both in docs/architecture.md), and every page of
//! the docs is in the book.

use std::collections::BTreeSet;
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

/// The modules of a folder, those of the level below as `folder/module`.
fn modules(folder: &Path) -> BTreeSet<String> {
    let own = |folder: &Path| -> BTreeSet<String> {
        let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
        let paths = entries.map(|entry| entry.expect("it can be listed").path()).filter(|path| !is_test(path));
        let paths =
            paths.filter(|path| path.extension().is_some_and(|end| end == "rs") || path.join("mod.rs").exists());
        let names = paths.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
        names.filter(|name| !matches!(name.as_str(), "lib" | "main" | "mod")).collect()
    };
    let names = own(folder);
    let rooms =
        names.iter().flat_map(|name| own(&folder.join(name)).into_iter().map(move |room| format!("{name}/{room}")));
    names.iter().cloned().chain(rooms).collect()
}

/// The modules that a tree of the page names, likewise.
fn mapped(tree: &str) -> BTreeSet<String> {
    let mut above = "";
    let names = tree.lines().map(|line| {
        let (name, clause) = line.trim_start().split_once(' ').expect("a name and a clause");
        assert!(clause.trim().len() > 5, "`{name}` has no clause");
        let name = name.trim_end_matches('/');
        if line.starts_with(' ') {
            format!("{above}/{name}")
        } else {
            above = name;
            name.to_owned()
        }
    });
    names.collect()
}

#[test]
fn the_map_has_the_modules_of_the_first_two_levels() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = fs::read_to_string(crates.join("../docs/architecture.md")).unwrap();
    for name in ["core", "nix-culprit", "sample"] {
        let after = page.split_once(&format!("\n`crates/{name}/src`")).expect("the map of the crate").1;
        let tree = after.split("```text\n").nth(1).unwrap().split("\n```").next().unwrap();
        let (mapped, there) = (mapped(tree), modules(&crates.join(name).join("src")));
        let lacks: Vec<_> = there.difference(&mapped).collect();
        assert!(lacks.is_empty(), "docs/architecture.md wants a line for these modules of crates/{name}: {lacks:?}");
        let gone: Vec<_> = mapped.difference(&there).collect();
        assert!(gone.is_empty(), "docs/architecture.md names modules that crates/{name} does not have: {gone:?}");
    }
}

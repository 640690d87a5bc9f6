//! The documentation: the commands that its pages show can be typed, and its links lead somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;
use nix_culprit::cli::Cli;

use crate::typed::words;

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Returns the pages of the book, and those beside the sources.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(top().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let beside = ["README.md", "CONTRIBUTING.md"].map(|name| top().join(name));
    docs.filter(|path| path.extension().is_some_and(|end| end == "md")).chain(beside).collect()
}

/// A page, taken apart.
#[derive(Default)]
struct Page {
    /// Lines of code blocks.
    code: Vec<String>,
    /// Code within text.
    spans: Vec<String>,
    /// Text without any code.
    text: String,
    /// What links to headings call them.
    anchors: BTreeSet<String>,
}

impl Page {
    /// Reads a page slowly and obviously: blocks are fenced, or indented after an empty line.
    fn of(path: &Path) -> Self {
        let mut page = Self::default();
        let (mut is_fenced, mut was_empty, mut is_indented) = (false, true, false);
        let source = fs::read_to_string(path).unwrap();
        for line in source.lines() {
            is_indented = !is_fenced && line.starts_with("    ") && (was_empty || is_indented);
            was_empty = line.is_empty();
            if line.trim_start().starts_with("```") {
                is_fenced = !is_fenced;
            } else if is_fenced || is_indented {
                page.code.push(line.trim_start().to_owned());
            } else {
                if let Some(heading) = line.strip_prefix('#') {
                    page.anchors.insert(anchor(heading.trim_start_matches('#')));
                }
                for (at, part) in line.split('`').enumerate() {
                    if at % 2 == 0 { page.text.push_str(part) } else { page.spans.push(part.to_owned()) }
                }
                page.text.push('\n');
            }
        }
        assert!(!is_fenced, "a block of {} is not closed", path.display());
        page
    }

    /// Returns where its links lead.
    fn links(&self) -> impl Iterator<Item = &str> {
        self.text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap())
    }
}

/// Returns the name of a heading in links.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Returns our commands in a line of code, such as the one in `git bisect run nix-culprit probe`.
fn commands(line: &str) -> Vec<Vec<String>> {
    let begins = |at: &usize| *at == 0 || line[..*at].ends_with([' ', '(']);
    let starts = line.match_indices("nix-culprit ").map(|(at, _)| at).filter(begins);
    // `cargo test -p nix-culprit --lib` names the crate.
    starts.filter(|at| !line[..*at].ends_with("-p ")).map(|at| words(&line[at..])).collect()
}

#[test]
fn every_command_on_the_pages_can_be_typed() {
    let (mut count, mut wrong) = (0, Vec::new());
    for path in pages() {
        let page = Page::of(&path);
        // What stands for something in a sentence is none: `nix-culprit COMMAND --help`, `fix [CASE]`.
        let whole = |span: &&String| span.starts_with("nix-culprit ") && !span.contains(['[', '…']);
        let named = |span: &&String| !span.contains("nix-culprit COMMAND");
        for line in page.code.iter().chain(page.spans.iter().filter(whole).filter(named)) {
            for words in commands(line) {
                count += 1;
                match Cli::try_parse_from(&words) {
                    Ok(_) => {}
                    Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {}
                    Err(error) => wrong.push(format!("{}: {line}\n{words:?}\n{error}", path.display())),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 60, "only {count} commands were found");
}

#[test]
fn a_command_that_cannot_be_typed_is_found() {
    let told =
        |line: &str| -> Vec<bool> { commands(line).iter().map(|words| Cli::try_parse_from(words).is_ok()).collect() };
    assert_eq!(told("$ nix-culprit find --memory 4G   # more"), [true]);
    assert_eq!(told("git bisect run nix-culprit probe --at 'a=b c' --repo a=."), [true]);
    assert_eq!(told("$ nix-culprit find --no-such-option | less"), [false]);
    assert_eq!(told("run: nix-culprit guard --memory 2G -- nix flake check"), [true]);
    assert_eq!(told("cargo test -p nix-culprit --lib"), [false; 0]);
    assert_eq!(told("nix-culprit: out of memory"), [false; 0]);
}

#[test]
fn every_link_leads_to_a_page_and_a_heading() {
    let (mut count, mut wrong) = (0, Vec::new());
    for path in pages() {
        let page = Page::of(&path);
        for link in page.links().filter(|link| !link.starts_with("https://")) {
            count += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let found = target.canonicalize().is_ok_and(|there| {
                // The book has only what is in its folder.
                let is_in_book = !path.starts_with(top().join("docs")) || there.starts_with(top().join("docs"));
                is_in_book && (heading.is_empty() || Page::of(&there).anchors.contains(heading))
            });
            if !found {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 60, "only {count} links were found");
}

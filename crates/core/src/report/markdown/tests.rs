//! Tests of `report.md`: what it says, that it stays inert, short and without secrets.

use super::super::model::{SearchResult, Subject};
use super::super::{replay, samples};
use super::*;
use crate::correct::Action;
use proptest::prelude::*;

fn redactor() -> Redactor {
    Redactor::for_home("/home/ada")
}

#[test]
fn the_markdown_of_each_sample_reads_well() {
    for (name, report) in samples::all() {
        let mut page = render(&report, &redactor());
        if let Some(script) = replay::render(&report, &redactor()) {
            page = page.replace(&script, "(the script)\n");
        }
        insta::assert_snapshot!(format!("markdown_{name}"), page);
    }
}

/// Returns the page without code spans and code blocks: what a renderer interprets.
///
/// A slow, obvious reading of CommonMark's rule: a run of backticks is closed by the next run of the
/// same length; here within one line, since we write no span over two.
fn interpreted(page: &str) -> String {
    let mut out = String::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        let fence: String = line.chars().take_while(|c| *c == '`').collect();
        match &block {
            Some(open) if line == open => block = None,
            Some(_) => {}
            None if fence.len() >= 3 && line[fence.len()..] == *"text" => block = Some(fence),
            None => {
                let mut rest = line;
                while let Some(start) = rest.find('`') {
                    out.push_str(&rest[..start]);
                    rest = &rest[start..];
                    let run = rest.chars().take_while(|c| *c == '`').count();
                    let mut at = run;
                    let end = loop {
                        let next = rest[at..].find('`').expect("every code span is closed on its line") + at;
                        let length = rest[next..].chars().take_while(|c| *c == '`').count();
                        if length == run {
                            break next + run;
                        }
                        at = next + length;
                    };
                    out.push('§');
                    rest = &rest[end..];
                }
                out.push_str(rest);
                out.push('\n');
            }
        }
    }
    assert!(block.is_none(), "every code block is closed");
    out
}

fn assert_inert(page: &str) {
    let seen = interpreted(page);
    for bad in [
        "@",
        "#1",
        "<script",
        "<!--",
        "javascript",
        "evil",
        "![",
        "**b",
        "reboot",
        "tada",
        "&",
        "$",
        "\u{202e}",
        "\u{1b}",
    ] {
        assert!(!seen.contains(bad), "{bad:?} is interpreted:\n{seen}");
    }
    let tags = |tag: &str| seen.matches(tag).count();
    assert_eq!(tags("<details>"), tags("</details>"));
    assert_eq!(seen.matches('<').count(), 2 * tags("<details>") + 2 * tags("<summary>"));
    for row in seen.lines().filter(|line| line.starts_with('|')) {
        assert!(matches!(row.matches('|').count(), 5 | 9), "a cell was split: {row}");
    }
    assert!(!page.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
}

#[test]
fn hostile_texts_are_inert() {
    assert_inert(&render(&samples::hostile(), &redactor()));
}

#[test]
fn names_home_folders_and_credentials_are_not_told() {
    for (name, report) in samples::all() {
        let page = render(&report, &redactor());
        for secret in ["/home/", "mallory", "hunter2", "s3cret", "Ada Packager"] {
            assert!(!page.contains(secret), "{name} tells {secret}");
        }
    }
}

/// Returns a report in which every list and every text is far too long.
fn huge(text: &str) -> Report {
    let value = samples::replace(serde_json::to_value(samples::corrected()).unwrap(), "", text);
    let mut report: Report = serde_json::from_value(value).unwrap();
    if let Some(corrections) = &mut report.corrections {
        corrections.works = vec![corrections.works[1].clone(); 100];
        corrections.failed = vec![corrections.failed[0].clone(); 100];
        corrections.untried = vec![corrections.untried[0].clone(); 100];
        for correction in &mut corrections.works {
            correction.steps = vec![correction.steps[1].clone(); 40];
            correction.notes = vec![text.to_owned(); 50];
        }
    }
    if let Some(small) = &mut report.reproducer {
        small.files = vec![small.files[0].clone(); 300];
    }
    report.lock_changes = vec![report.lock_changes[0].clone(); 500];
    report.probes = [vec![report.probes[0].clone(); 2], vec![report.probes[6].clone(); 1_500]].concat();
    report.skipped = vec![report.skipped[0].clone(); 300];
    report.skipped[0].commits = vec![samples::id("a1"); 4_000];
    report.contradictions = vec![text.to_owned(); 300];
    let SearchResult::Culprit { commit } = report.result.clone() else { unreachable!("the normal case") };
    report.result = SearchResult::OneOf { commits: vec![commit; 2_000] };
    report
}

#[test]
fn a_page_is_short_enough_for_a_tracker_whatever_it_is_made_of() {
    for part in ["word ", "`", "` ", "\u{1f600}", "\u{202e}", "|", "\n", "https://u:p@h/ ", "\u{e9}"] {
        let text = part.repeat(2_500);
        let page = render(&huge(&text), &redactor());
        assert!(page.chars().count() <= MOST, "{part:?}: {} characters", page.chars().count());
        assert!(page.contains("rows after the second left out"), "{part:?}");
        assert!(page.contains("Made by nix-culprit"), "{part:?}");
        interpreted(&page);
    }
}

#[test]
fn a_reproducer_is_shown_with_whole_files_only() {
    let mut report = samples::corrected();
    let small = report.reproducer.as_mut().unwrap();
    let file = |name: &str, lines: usize| (name.to_owned(), "x = 1;\n".repeat(lines).into_bytes());
    small.take_files([file("a.nix", 1_000), file("b.nix", 1_900), file("c.nix", 10), file("d.nix", 3_000)]);
    let page = render(&report, &redactor());
    assert!(page.contains("`a.nix`:\n\n```text\nx = 1;\n") && page.contains("`c.nix`:\n\n```text\nx = 1;\n"));
    assert!(page.contains("`b.nix` is in report.json") && page.contains("`d.nix` is in report.json"));
    assert_eq!(page.matches("x = 1;\n").count(), 1_010);
}

#[test]
fn the_rows_nearest_to_the_result_are_kept() {
    let mut report = samples::normal();
    let row = report.probes[3].clone();
    report.probes.splice(3..3, vec![row; 2_000]);
    let page = render(&report, &redactor());
    assert!(page.chars().count() <= MOST);
    assert!(page.contains("good end's lock") && page.contains("update of 5a9dda28aa00"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_title_is_inert(title in "[`|<@#!\\\\\\[\\]()$&\n ~*_a1-]{0,60}") {
        let mut report = samples::corrected();
        if let SearchResult::Culprit { commit } = &mut report.result {
            commit.title = title.clone();
        }
        if let Subject::Commit { title: row, .. } = &mut report.probes[3].subject {
            row.clone_from(&title);
        }
        if let Some(Action::Forward { to, .. }) = report.corrections.as_mut().map(|all| &mut all.works[0].action) {
            to.title = title;
        }
        let page = render(&report, &redactor());
        let plain = interpreted(&render(&samples::corrected(), &redactor()));
        // An empty title is told in words; any other is one code span.
        prop_assert_eq!(interpreted(&page).replace("(empty)", "§"), plain);
    }
}

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn project(files: &[(&str, &str)]) -> Project {
    Project::new(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())))
}

/// Reduces, asking `fails` for the answers; returns the result and how many candidates were tried.
fn reduce(project: Project, passes: &[Pass], fails: impl Fn(&Project) -> bool) -> (Project, usize) {
    let (mut reducer, mut count) = (Reducer::new(project, passes), 0);
    while let Step::Try(candidate) = reducer.step() {
        count += 1;
        assert!(count < 100_000, "it ends");
        let tried = if fails(&candidate.project) { Tried::Fails } else { Tried::Otherwise };
        reducer.record(candidate.digest, tried);
    }
    (reducer.smallest().clone(), count)
}

fn text<'a>(project: &'a Project, path: &str) -> &'a str {
    project.text(Path::new(path)).unwrap_or("gone")
}

#[test]
fn all_that_does_not_matter_goes() {
    let before = project(&[
        (
            "flake.nix",
            "{ description = \"x\"; outputs = { self, a, b }: let unused = 1; used = b.fail; in { x = used; y = a; }; }",
        ),
        ("notes.md", "Notes."),
        ("big.nix", "{ }"),
    ]);
    let (after, _) = reduce(before, &Pass::ORDER, |project| text(project, "flake.nix").contains("b.fail"));
    assert_eq!(after.files().count(), 1);
    assert_eq!(text(&after, "flake.nix"), "{ outputs = { b }: let used = b.fail; in {}; }");
}

#[test]
fn files_that_are_not_opened_go_at_once_and_a_wrong_word_about_them_changes_no_result() {
    let names: Vec<String> = (0..40).map(|number| format!("{number}.nix")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "{ }")).collect();
    let needed = [Path::new("7.nix"), Path::new("31.nix")];
    let run = |opened: Option<&[&str]>| {
        let opened = opened.map(|opened| opened.iter().map(PathBuf::from).collect());
        let fails = |project: &Project| needed.iter().all(|path| project.file(path).is_some());
        let (after, count) = reduce(project(&files).with_opened(opened), &[Pass::Files], fails);
        assert_eq!(after.files().map(|(path, _)| path).collect::<Vec<_>>(), [needed[1], needed[0]]);
        count
    };
    let (blind, told, wrong) = (run(None), run(Some(&["7.nix", "31.nix"])), run(Some(&["7.nix", "8.nix"])));
    // All others at once, both of these, each of them; the others are gone then.
    assert_eq!(told, 4);
    assert!(blind > 3 * told && wrong > told, "{blind} {wrong}");
}

#[test]
fn a_candidate_that_fails_otherwise_is_not_taken() {
    let before = project(&[("x.nix", "[ one two three ]")]);
    let (after, _) = reduce(before, &[Pass::Elements], |project| {
        let text = text(project, "x.nix");
        text.contains("one") && text.contains("three")
    });
    assert_eq!(text(&after, "x.nix"), "[ one three ]");
}

#[test]
fn candidates_at_the_same_time_are_those_that_come_next_if_none_fails() {
    let mut reducer = Reducer::new(project(&[("x.nix", "[ a b c d ]")]), &[Pass::Elements]);
    let texts = |candidates: &[Candidate]| -> Vec<String> {
        candidates.iter().map(|candidate| text(&candidate.project, "x.nix").to_owned()).collect()
    };
    assert_eq!(texts(&reducer.candidates(3)), ["[ ]"]);
    let Step::Try(all) = reducer.step() else { panic!("it is not done") };
    reducer.record(all.digest, Tried::Otherwise);
    assert_eq!(texts(&reducer.candidates(3)), ["[ c d ]", "[ a b ]"]);
}

#[test]
fn the_same_answers_lead_to_the_same_place_again() {
    let before = project(&[("x.nix", "{ a = 1; b = [ 1 2 3 ]; c = { d = 4; }; }")]);
    let fails = |project: &Project| text(project, "x.nix").contains('3');
    let mut answers = Vec::new();
    let mut first = Reducer::new(before.clone(), &Pass::ORDER);
    while let Step::Try(candidate) = first.step() {
        let tried = if fails(&candidate.project) { Tried::Fails } else { Tried::Otherwise };
        answers.push((candidate.digest, tried));
        first.record(candidate.digest, tried);
    }
    let mut second = Reducer::new(before, &Pass::ORDER);
    for (digest, tried) in &answers[..answers.len() / 2] {
        second.record(*digest, *tried);
    }
    let mut asked = 0;
    while let Step::Try(candidate) = second.step() {
        asked += 1;
        second.record(candidate.digest, if fails(&candidate.project) { Tried::Fails } else { Tried::Otherwise });
    }
    assert_eq!(first.smallest(), second.smallest());
    assert_eq!(asked, answers.len() - answers.len() / 2);
}

#[test]
fn the_end_stays_the_end() {
    let mut reducer = Reducer::new(project(&[("flake.nix", "1")]), &Pass::ORDER);
    assert_eq!([reducer.step(), reducer.step()], [Step::Done, Step::Done]);
    assert_eq!(Reducer::new(Project::default(), &[]).step(), Step::Done);
}

proptest! {
    /// Whatever is needed: what is left still fails, holds it, and no single element of it can go.
    #[test]
    fn the_result_is_one_minimal(needed in proptest::collection::btree_set(0usize..40, 0..6)) {
        let list: Vec<String> = (0..40).map(|number| format!("e{number}")).collect();
        let before = project(&[("x.nix", &format!("[ {} ]", list.join(" ")))]);
        let holds = |project: &Project, number: &usize| {
            text(project, "x.nix").split_whitespace().any(|word| word == format!("e{number}"))
        };
        let (after, tried) = reduce(before, &[Pass::Elements], |project| needed.iter().all(|n| holds(project, n)));
        for number in 0..40 {
            prop_assert_eq!(holds(&after, &number), needed.contains(&number));
        }
        // Twice the bound of halving for each needed element, and one sweep to see that nothing more can go.
        prop_assert!(tried <= 2 + 2 * 7 * needed.len().max(1) + 2 * needed.len(), "{}", tried);
    }
}

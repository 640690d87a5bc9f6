use super::*;
use crate::flake::sample::lock;

fn words(good: &str, bad: &str) -> String {
    diff(&lock(good), &lock(bad)).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn changes_are_told_in_plain_words_nearest_first() {
    let good = "nixpkgs=1 p=1 p/nixpkgs>nixpkgs p/x=1 old utils=1 c>utils d e>d";
    let bad = "nixpkgs=2 p=1 p/nixpkgs>nixpkgs p/x=2 new utils=1 c>d d>utils e";
    insta::assert_snapshot!(words(good, bad), @r"
    c follows the input d now; it followed the input utils
    d follows the input utils now; it was github:o/d/000000000000
    e follows the input d no longer; it is github:o/e/000000000000
    new is new: github:o/new/000000000000
    nixpkgs moved from 111111111111 to 222222222222 (also as p/nixpkgs)
    old is gone: it was github:o/old/000000000000
    p/x moved from 111111111111 to 222222222222
    ");
}

#[test]
fn an_input_that_comes_from_elsewhere_is_told_apart_from_one_that_moved() {
    let good = lock("a=1");
    let key = NodeKey("a".into());
    let moved = |text: &str| good.with_locked(&key, FlakeRef::parse(text).unwrap().to_attrs()).unwrap();
    let other = moved("git+https://me:secret@example.org/x");
    let found = diff(&good, &other);
    assert!(matches!(found[0].kind, ChangeKind::Moved { place: Place::Other, .. }));
    assert!(!found[0].to_string().contains("secret"));
    let same = moved("git+https://github.com/O/a.git?rev=2222222222222222222222222222222222222222");
    assert!(matches!(diff(&good, &same)[0].kind, ChangeKind::Moved { place: Place::Same, .. }));
}

#[test]
fn keys_of_nodes_do_not_matter() {
    let good = lock("a=1 b b/a=2");
    let text = good.to_json().replace("\"b/a\"", "\"a_2\"");
    assert!(diff(&good, &Lock::parse(&text).unwrap()).is_empty());
}

#[test]
fn the_same_tree_declared_otherwise_is_a_change() {
    let good = lock("a=1");
    let mut bad = good.clone();
    bad.nodes.get_mut(&NodeKey("a".into())).unwrap().flake = false;
    assert_eq!(diff(&good, &bad)[0].kind, ChangeKind::Declared);
}

#[test]
fn a_branch_written_in_another_way_is_no_move() {
    let good = Lock::parse(crate::flake::sample::NIX_2_8).unwrap();
    let bad = Lock::parse(&good.to_json().replace("\"ref\": \"main\"", "\"ref\": \"refs/heads/main\"")).unwrap();
    let changes = diff(&good, &bad);
    assert!(!changes.is_empty() && changes.iter().all(|change| change.kind == ChangeKind::Declared), "{changes:?}");
}

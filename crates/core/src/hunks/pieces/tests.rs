use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn entry(kind: Kind, text: &str) -> Entry {
    Entry { kind, id: format!("id of {text:?}"), content: Some(text.as_bytes().to_vec()) }
}

fn change(path: &str, before: Option<(Kind, &str)>, after: Option<(Kind, &str)>) -> Change {
    let entry = |side: Option<(Kind, &str)>| side.map(|(kind, text)| entry(kind, text));
    Change { path: path.into(), before: entry(before), after: entry(after) }
}

fn text(path: &str, before: &str, after: &str) -> Change {
    change(path, Some((Kind::File, before)), Some((Kind::File, after)))
}

/// A tree: what each path has.
type Tree = BTreeMap<PathBuf, (Kind, Vec<u8>)>;

fn tree<'a>(entries: impl Iterator<Item = (&'a Path, Option<&'a Entry>)>) -> Tree {
    entries
        .filter_map(|(path, entry)| Some((path.to_owned(), (entry?.kind, entry?.content.clone().unwrap_or_default()))))
        .collect()
}

/// What some pieces make of the first tree.
fn applied(changes: &[Change], pieces: &Pieces, chosen: &Parts) -> Tree {
    let mut all = tree(changes.iter().map(|change| (change.path.as_path(), change.before.as_ref())));
    for (path, content) in pieces.with(chosen) {
        match content {
            Content::Gone => _ = all.remove(path),
            Content::Second(entry) => {
                all.insert(path.to_owned(), (entry.kind, entry.content.unwrap_or_default()));
            }
            Content::Text(kind, text) => _ = all.insert(path.to_owned(), (kind, text)),
        }
    }
    all
}

fn numbers(pieces: &Pieces) -> Parts {
    (0..pieces.count()).collect()
}

#[test]
fn a_text_comes_apart_into_hunks_and_these_into_lines() {
    let changes =
        vec![text("a", "1\n2\n3\n4\n5\n", "1\ntwo\n3\n4\nfour and a half\n5\nsix\n"), text("b", "x\ny\n", "y\n")];
    let pieces = Pieces::hunks(changes.clone());
    assert_eq!((pieces.count(), pieces.above()), (4, &[None, Some(0), Some(0), None][..]));
    let hunks = pieces.told(&Parts::from([0, 1, 3]));
    let lines: Vec<_> = hunks.iter().map(|h| (h.file.as_str(), h.line, h.removed.len(), h.added.len())).collect();
    assert_eq!(lines, [("a", Some(2), 1, 1), ("a", Some(5), 0, 1), ("b", Some(1), 1, 0)]);
    let some = applied(&changes, &pieces, &Parts::from([1]));
    assert_eq!(some[Path::new("a")].1, b"1\n2\n3\n4\nfour and a half\n5\n");
    let lines = pieces.lines(&Parts::from([0, 2]));
    assert_eq!(lines.count(), 2);
    assert_eq!(applied(&changes, &lines, &numbers(&lines))[Path::new("a")].1, b"1\ntwo\n3\n4\n5\nsix\n");
}

#[test]
fn lines_of_a_hunk_are_told_as_one_again() {
    let pieces = Pieces::hunks(vec![text("a", "k\n1\n2\nl\n", "k\n1a\n2a\nl\n"), text("b", "x\n", "x\n1\n2\n3\n")]);
    assert_eq!(pieces.count(), 2);
    let lines = pieces.lines(&numbers(&pieces));
    assert_eq!((lines.count(), lines.above()), (5, &[None, Some(0), None, Some(2), Some(2)][..]));
    let told = lines.told(&numbers(&lines));
    assert_eq!(told.len(), 2);
    assert_eq!(
        (&told[0].removed[..], &told[0].added[..]),
        (&["1", "2"].map(String::from)[..], &["1a", "2a"].map(String::from)[..])
    );
    assert_eq!(lines.told(&Parts::from([2, 4]))[0].added, ["1", "3"]);
}

#[test]
fn what_is_no_change_of_a_text_stays_whole() {
    let file = |text| Some((Kind::File, text));
    let changes = vec![
        change("new", None, file("1\n2\n")),
        change("gone", file("1\n2\n"), None),
        change("run", file("1\n"), Some((Kind::Executable, "1\n2\n"))),
        change("binary", file("1\n2\n3\n"), file("1\n\0\n3\n4\n")),
        change("link", Some((Kind::Link, "a")), Some((Kind::Link, "b"))),
        change("mixed", Some((Kind::Link, "a")), file("b")),
    ];
    let pieces = Pieces::hunks(changes.clone());
    assert_eq!(pieces.count(), changes.len());
    let told: Vec<_> = pieces.told(&numbers(&pieces)).into_iter().map(|hunk| hunk.whole.unwrap()).collect();
    let expected = [
        "new file",
        "file removed",
        "file becomes executable",
        "file changed as a whole",
        "link changed as a whole",
        "link becomes a file",
    ];
    assert_eq!(told, expected);
    assert_eq!(pieces.lines(&numbers(&pieces)).count(), changes.len());
}

fn some_text() -> impl Strategy<Value = String> {
    ("[ab\n\0]{0,12}", any::<bool>()).prop_map(|(text, ends)| if ends { text + "\n" } else { text })
}

/// Whether a file is executable, and its text.
type Side = Option<(bool, String)>;

fn some_change() -> impl Strategy<Value = (Side, Side)> {
    let side = || proptest::option::weighted(0.9, (proptest::bool::weighted(0.1), some_text()));
    (side(), side())
}

proptest! {
    /// All pieces are the second tree, none are the first, in hunks as in lines; and each piece matters.
    #[test]
    fn what_was_taken_apart_can_be_put_together_again(
        changes in proptest::collection::vec(some_change(), 0..5),
        chosen in proptest::collection::btree_set(0usize..20, 0..20),
    ) {
        let kind = |executable: bool| if executable { Kind::Executable } else { Kind::File };
        let side = |side: Option<(bool, String)>| side.map(|(executable, text)| entry(kind(executable), &text));
        let changes: Vec<Change> = changes
            .into_iter()
            .enumerate()
            .map(|(number, (before, after))| Change { path: format!("f{number}").into(), before: side(before), after: side(after) })
            .filter(|change| change.before != change.after)
            .collect();
        let first = tree(changes.iter().map(|change| (change.path.as_path(), change.before.as_ref())));
        let second = tree(changes.iter().map(|change| (change.path.as_path(), change.after.as_ref())));
        let hunks = Pieces::hunks(changes.clone());
        let lines = hunks.lines(&numbers(&hunks));
        for pieces in [&hunks, &lines] {
            prop_assert_eq!(&applied(&changes, pieces, &numbers(pieces)), &second);
            prop_assert_eq!(&applied(&changes, pieces, &Parts::new()), &first);
            for piece in 0..pieces.count() {
                prop_assert_ne!(&applied(&changes, pieces, &Parts::from([piece])), &first);
                prop_assert!(pieces.above()[piece].is_none_or(|above| above < piece && pieces.above()[above].is_none()));
            }
        }
        // The lines of some hunks are these hunks.
        let chosen: Parts = chosen.into_iter().filter(|part| *part < hunks.count()).collect();
        let some = hunks.lines(&chosen);
        prop_assert_eq!(applied(&changes, &some, &numbers(&some)), applied(&changes, &hunks, &chosen));
        let count = |hunks: Vec<Hunk>| hunks.iter().map(|hunk| (hunk.removed.len(), hunk.added.len())).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
        prop_assert_eq!(count(some.told(&numbers(&some))), count(hunks.told(&chosen)));
    }
}

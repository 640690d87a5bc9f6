//! Against trees in memory, and evaluations whose next look depends on what they saw before.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use proptest::prelude::*;

use super::*;

/// What is at a path; directories are there where something is below them.
type Tree = BTreeMap<PathBuf, (Kind, u8)>;

/// What a path is, with its content; for a directory the digest of all below.
fn at(tree: &Tree, path: &Path) -> Option<(Kind, u64)> {
    if let Some((kind, content)) = tree.get(path) {
        return Some((*kind, u64::from(*content)));
    }
    let below: Vec<_> = tree.iter().filter(|(name, _)| name.starts_with(path)).collect();
    let mut digest = DefaultHasher::new();
    below.iter().for_each(|(name, (kind, content))| (name, *kind as u8, content).hash(&mut digest));
    (!below.is_empty() || path == Path::new("")).then(|| (Kind::Folder, digest.finish()))
}

fn paths(trees: [&Tree; 2]) -> BTreeSet<PathBuf> {
    let all = trees.into_iter().flat_map(|tree| tree.keys());
    all.flat_map(|path| path.ancestors()).filter(|path| *path != Path::new("")).map(Path::to_owned).collect()
}

/// Compares as git does with `-r -t`: what is replaced by another kind of thing goes and comes.
fn changes(before: &Tree, after: &Tree) -> Vec<Changed> {
    let mut changes = Vec::new();
    for path in paths([before, after]) {
        let (old, new) = (at(before, &path), at(after, &path));
        let change = |before, after| Changed { path: path.clone(), before, after };
        match (old.map(|(kind, _)| kind), new.map(|(kind, _)| kind)) {
            _ if old == new => {}
            (Some(before), Some(after)) if (before == Kind::Folder) != (after == Kind::Folder) => {
                changes.extend([change(Some(before), None), change(None, Some(after))]);
            }
            (before, after) => changes.push(change(before, after)),
        }
    }
    changes
}

fn is_folder(kind: Kind) -> bool {
    matches!(kind, Kind::Folder | Kind::Submodule)
}

/// Looks at a path as the kernel does, one name after the other, and says what was seen.
fn look(tree: &Tree, path: &Path, list: bool, reads: &mut Reads) -> String {
    let mut here = PathBuf::new();
    reads.note(&here, Use::Found);
    for name in path {
        if at(tree, &here).is_none_or(|(kind, _)| !is_folder(kind)) {
            return "not a directory".to_owned();
        }
        here.push(name);
        if at(tree, &here).is_none() {
            reads.note(&here, Use::Missing);
            return format!("{} is missing", here.display());
        }
        reads.note(&here, Use::Found);
    }
    match at(tree, &here) {
        Some((kind, _)) if is_folder(kind) && !list => "a directory".to_owned(),
        Some((kind, _)) if is_folder(kind) => {
            reads.note(&here, Use::Listed);
            let names = paths([tree, tree]).into_iter().filter(|path| path.parent() == Some(&here));
            names.map(|name| format!("{name:?} {:?}, ", at(tree, &name).unwrap().0)).collect()
        }
        Some((kind, content)) if list => {
            reads.note(&here, Use::Read);
            format!("{kind:?} with {content}")
        }
        // The size is as much of the content as a look without reading can tell.
        Some((kind, content)) => format!("{kind:?} of size {}", content % 2),
        None => unreachable!("it was found above"),
    }
}

/// Looks at some of the paths; which comes next depends on what was seen before.
fn evaluate(tree: &Tree, wanted: &[(PathBuf, bool)]) -> (Vec<String>, Reads) {
    let (mut seen, mut reads) = (Vec::new(), Reads::default());
    for _ in wanted {
        let mut digest = DefaultHasher::new();
        seen.hash(&mut digest);
        let (path, list) = &wanted[usize::try_from(digest.finish() % wanted.len() as u64).unwrap()];
        seen.push(look(tree, path, *list, &mut reads));
    }
    (seen, reads)
}

fn some_path() -> impl Strategy<Value = PathBuf> {
    prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("c")], 1..=3).prop_map(|names| names.iter().collect())
}

fn trees() -> impl Strategy<Value = Tree> {
    let kind = prop_oneof![4 => Just(Kind::File), 1 => Just(Kind::Executable), 1 => Just(Kind::Link), 1 => Just(Kind::Submodule)];
    prop::collection::btree_map(some_path(), (kind, 0..3_u8), 0..9).prop_map(|mut tree: Tree| {
        let all: Vec<PathBuf> = tree.keys().cloned().collect();
        tree.retain(|path, _| !all.iter().any(|other| other != path && other.starts_with(path)));
        tree
    })
}

fn change(path: &str, before: Option<Kind>, after: Option<Kind>) -> Changed {
    Changed { path: path.into(), before, after }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn what_holds_after_a_change_is_seen_alike(
        before in trees(),
        edits in prop::collection::vec((some_path(), prop::option::of(0..3_u8)), 0..3),
        wanted in prop::collection::vec((some_path(), any::<bool>()), 1..6),
    ) {
        let mut after = before.clone();
        for (path, content) in edits {
            after.retain(|other, _| !other.starts_with(&path) && !path.starts_with(other));
            if let Some(content) = content {
                after.insert(path, (Kind::File, content));
            }
        }
        let (seen, reads) = evaluate(&before, &wanted);
        let (seen_after, reads_after) = evaluate(&after, &wanted);
        if reads.hold_after(&changes(&before, &after)) {
            prop_assert_eq!(seen, seen_after);
            prop_assert_eq!(&reads, &reads_after);
        }
        // From either side: the conclusion is no weaker one way.
        let back = reads_after.hold_after(&changes(&after, &before));
        prop_assert_eq!(reads.hold_after(&changes(&before, &after)), back);
    }

    #[test]
    fn what_nobody_looked_at_may_change(tree in trees(), wanted in prop::collection::vec(some_path(), 1..6)) {
        let wanted: Vec<_> = wanted.into_iter().map(|path| (Path::new("a").join(path), true)).collect();
        let (_, reads) = evaluate(&tree, &wanted);
        let mut after = tree.clone();
        after.retain(|path, _| path.starts_with("a"));
        prop_assert!(reads.hold_after(&changes(&tree, &after)));
    }
}

#[test]
fn directories_and_links_are_seen_for_what_was_done_with_them() {
    let mut reads = Reads::default();
    for (path, used) in
        [("", Use::Found), ("lib", Use::Listed), ("pkgs", Use::Found), ("pkgs/none", Use::Missing), ("link", Use::Read)]
    {
        reads.note(Path::new(path), used);
    }
    let (file, folder) = (Some(Kind::File), Some(Kind::Folder));
    for (what, unseen, changed) in [
        ("another file beside", true, change("other", None, file)),
        ("another file in a directory that was gone through", true, change("pkgs/new", None, file)),
        ("content of a file that was listed", true, change("lib/a", file, file)),
        ("a file deep in a listed directory", true, change("lib/deep/a", None, file)),
        ("a directory with another content", true, change("pkgs", folder, folder)),
        ("a name that was listed", false, change("lib/a", file, None)),
        ("a kind that was listed", false, change("lib/a", file, Some(Kind::Link))),
        ("a directory that goes", false, change("pkgs", folder, None)),
        ("a directory where there was nothing", false, change("pkgs/none", None, folder)),
        ("another target", false, change("link", Some(Kind::Link), Some(Kind::Link))),
    ] {
        assert_eq!(reads.hold_after(&[changed]), unseen, "{what}");
    }
    reads.unreadable.insert("x".into());
    assert!(!reads.hold_after(&[]));
}

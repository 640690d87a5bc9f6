//! Names, dates, histories, commits; and that nothing is written or run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit::sys::git::{Change, Checkout, GitError, Repository, Snapshot, clone_blobless, read_changed_paths};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::pull_request::pull_request;
use nix_culprit_core::read_set::Kind;

use crate::fixture::{Bench, fingerprint};

const DAY: u64 = 86_400;
const BEGIN: u64 = 1_692_403_200;

/// 1 - 2 - - - 5(2,4) - 6 - 8(6,7), with 1 - 3 - 4 and 6 - 7 beside.
const SHAPE: &[(&str, u64, &str, &[usize])] = &[
    ("main", BEGIN, "one", &[]),
    ("main", BEGIN + DAY, "two", &[1]),
    ("side", BEGIN + DAY, "three", &[1]),
    ("side", BEGIN + 2 * DAY, "four", &[3]),
    ("main", BEGIN + 3 * DAY, "Merge pull request #12 from u/side\n\n\x1b]0;x\x07side: four", &[2, 4]),
    ("main", BEGIN + 4 * DAY, "six", &[5]),
    ("other", BEGIN + 4 * DAY, "\x1b[31mseven\x1b[0m\u{202e} title\n\nbody\n\x1b[2J\nmore", &[6]),
    ("main", BEGIN + 5 * DAY, "eight", &[6, 7]),
];

fn shaped(bench: &Bench) -> (PathBuf, Repository, Vec<CommitId>) {
    let folder = bench.init("repo");
    let ids = bench.import(&folder, SHAPE);
    let repository = bench.open(&folder);
    (folder, repository, ids)
}

#[test]
fn a_range_has_its_commits_with_all_their_parents() {
    let bench = Bench::new();
    let (_, repository, ids) = shaped(&bench);
    let history = repository.history(&[ids[1].clone()], &ids[7]).unwrap();
    let mut found: Vec<(usize, Vec<usize>)> = vec![];
    let number = |id: &CommitId| ids.iter().position(|other| other == id).unwrap() + 1;
    for (id, parents) in &history {
        found.push((number(id), parents.iter().map(number).collect()));
    }
    for (index, (id, _)) in found.iter().enumerate() {
        let earlier = &found[..index];
        assert!(earlier.iter().all(|(other, _)| SHAPE[id - 1].3.iter().all(|parent| parent != other)));
    }
    found.sort();
    let expected: Vec<(usize, Vec<usize>)> = [3, 4, 5, 6, 7, 8].iter().map(|n| (*n, SHAPE[n - 1].3.to_vec())).collect();
    assert_eq!(found, expected);
    assert_eq!(repository.history(&[ids[7].clone()], &ids[1]).unwrap(), []);
    let none: CommitId = "1".repeat(40).parse().unwrap();
    assert!(matches!(repository.history(&[none], &ids[1]), Err(GitError::Failed { .. })));
}

#[test]
fn ancestry_and_merge_bases_are_told() {
    let bench = Bench::new();
    let (_, repository, ids) = shaped(&bench);
    assert!(repository.is_ancestor(&ids[2], &ids[5]).unwrap());
    assert!(repository.is_ancestor(&ids[2], &ids[2]).unwrap());
    assert!(!repository.is_ancestor(&ids[3], &ids[1]).unwrap());
    for _asked_again in 0..2 {
        assert_eq!(repository.merge_bases(&ids[3], &ids[1]).unwrap(), [ids[0].clone()]);
    }
}

#[test]
fn the_merge_that_brought_a_commit_in_names_its_pull_request() {
    let bench = Bench::new();
    let (_, repository, ids) = shaped(&bench);
    let merge = repository.merge_that_brought_in(&ids[2], &ids[7]).unwrap().unwrap();
    assert_eq!(merge.id, ids[4]);
    let request = pull_request(&merge.title, &merge.body).unwrap();
    assert_eq!((request.number, request.title.as_deref()), (12, Some("side: four")));
    for on_the_line in [1, 4, 5, 7, 1] {
        assert_eq!(repository.merge_that_brought_in(&ids[on_the_line], &ids[7]).unwrap(), None);
    }
    assert_eq!(repository.merge_that_brought_in(&ids[2], &ids[7]).unwrap(), Some(merge), "the same when asked again");
    assert_eq!(repository.merge_that_brought_in(&ids[6], &ids[5]).unwrap(), None);
}

#[test]
fn a_commit_has_its_people_dates_text_and_files() {
    let bench = Bench::new();
    let (folder, repository, ids) = shaped(&bench);
    let commit = repository.commit(&ids[6]).unwrap();
    assert_eq!((commit.title.as_str(), commit.body.as_str()), ("seven title", "body\n\nmore"));
    assert_eq!((commit.author.name.as_str(), commit.committed.to_string().as_str()), ("A", "2023-08-23"));
    let merge = repository.commit(&ids[4]).unwrap();
    let files: Vec<_> = merge.files.iter().map(|file| (file.path.to_str().unwrap(), file.change)).collect();
    assert_eq!(files, [("f4", Change::Added)], "against the first parent");
    assert_eq!(repository.commit(&ids[0]).unwrap().files[0].path, Path::new("f0"));
    bench.run(&folder, &["checkout", "--quiet", "main"]);
    fs::remove_file(folder.join("f0")).unwrap();
    fs::write(folder.join("f1"), "other").unwrap();
    let changes = bench.open(&folder).commit(&bench.commit(&folder, "nine")).unwrap().files;
    assert_eq!(changes.iter().map(|file| file.change).collect::<Vec<_>>(), [Change::Deleted, Change::Modified]);
}

#[test]
fn names_of_all_kinds_mean_their_commits() {
    let bench = Bench::new();
    let (folder, repository, ids) = shaped(&bench);
    bench.run(&folder, &["tag", "light", ids[1].as_str()]);
    bench.run(&folder, &["tag", "--annotate", "--message", "x", "heavy", ids[2].as_str()]);
    bench.run(&folder, &["update-ref", "refs/remotes/origin/far", ids[3].as_str()]);
    for (name, number) in [("main", 7), ("light", 1), ("heavy", 2), ("far", 3), ("side", 3), (ids[6].short(), 6)] {
        assert_eq!(repository.resolve(name).unwrap(), ids[number], "{name}");
    }
    assert_eq!(repository.resolve(ids[5].as_str()).unwrap(), ids[5]);
    assert_eq!(repository.head().unwrap(), Some(ids[7].clone()));
}

#[test]
fn a_name_that_fits_no_commit_or_several_is_a_clear_error() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    let repository = bench.open(&folder);
    assert_eq!(repository.head().unwrap(), None);
    let titles: Vec<String> = (0..1500).map(|n| n.to_string()).collect();
    let commits: Vec<(&str, u64, &str, &[usize])> =
        titles.iter().map(|title| ("main", BEGIN, title.as_str(), &[][..])).collect();
    let mut ids = bench.import(&folder, &commits);
    for gone in ["nothing", "1234567890123456789012345678901234567890", "refs/heads/x"] {
        let error = repository.resolve(gone).unwrap_err();
        assert!(matches!(error, GitError::NoCommit { .. }), "{error}");
        assert!(error.hint().unwrap().contains("fetch"));
    }
    for bad in ["", "--all", "a\nb", "\x1b[0m"] {
        assert!(matches!(repository.resolve(bad), Err(GitError::BadName(_))));
    }
    ids.sort();
    let twins = ids.windows(2).find(|pair| pair[0].as_str()[..4] == pair[1].as_str()[..4]).unwrap();
    match repository.resolve(&twins[0].as_str()[..4]) {
        Err(GitError::Ambiguous { candidates, .. }) => {
            assert!(twins.iter().all(|id| candidates.iter().any(|other| other == id.as_str())));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_date_means_the_newest_commit_of_the_first_parent_line_before_it() {
    let bench = Bench::new();
    let (_, repository, ids) = shaped(&bench);
    for (date, number) in [
        ("2023-08-19", 0),
        ("2023-08-20", 1),
        ("2023-08-21", 1),
        ("2023-08-22T00:00:00Z", 4),
        ("2023-08-22T01:59:59+02:00", 1),
        ("2100-01-01", 7),
    ] {
        assert_eq!(repository.at_date("main", date).unwrap(), ids[number], "{date}");
    }
    assert!(matches!(repository.at_date("main", "2023-08-18"), Err(GitError::NothingBefore { .. })));
    assert!(matches!(repository.at_date("main", "yesterday"), Err(GitError::BadDate(_))));
}

#[test]
fn a_file_is_read_from_a_commit_and_followed_back() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    fs::create_dir(folder.join("sub")).unwrap();
    let lock = folder.join("sub/flake.lock");
    fs::write(&lock, "1").unwrap();
    let first = bench.commit(&folder, "first");
    bench.commit(&folder, "nothing");
    fs::write(&lock, "2\r\n").unwrap();
    fs::write(folder.join("*"), "star").unwrap();
    std::os::unix::fs::symlink("sub/flake.lock", folder.join("link")).unwrap();
    let last = bench.commit(&folder, "last");
    let repository = bench.open(&folder.join("sub"));
    let read = |id, path: &str| repository.file_at(id, Path::new(path)).unwrap();
    assert_eq!(read(&first, "sub/flake.lock").as_deref(), Some(&b"1"[..]));
    assert_eq!(read(&last, "./sub/flake.lock").as_deref(), Some(&b"2\r\n"[..]));
    assert_eq!(read(&last, "*").as_deref(), Some(&b"star"[..]));
    assert_eq!((read(&first, "*"), read(&last, "link"), read(&last, "sub")), (None, None, None));
    assert!(matches!(repository.file_at(&last, Path::new("../x")), Err(GitError::BadPath(_))));
    assert_eq!(repository.file_history(&last, Path::new("sub/flake.lock")).unwrap(), [last, first]);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    bench.commit(&folder, "one");
    let plain = bench.path("plain");
    fs::create_dir(&plain).unwrap();
    assert!(matches!(Repository::open(&bench.git(), &plain), Err(GitError::NotARepository(_))));
    assert!(matches!(Repository::open(&bench.git(), &bench.path("gone")), Err(GitError::File { .. })));
    let elsewhere = bench.git_with("GIT_TEST_ASSUME_DIFFERENT_OWNER=1");
    let error = Repository::open(&elsewhere, &folder).unwrap_err();
    assert!(matches!(error, GitError::OtherOwner(_)), "{error}");
    assert!(error.hint().unwrap().contains("safe.directory"));
}

#[test]
fn settings_cannot_move_the_working_tree_to_other_files() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    fs::write(folder.join("secret"), "x").unwrap();
    bench.commit(&folder, "one");
    fs::remove_file(folder.join("secret")).unwrap();
    fs::write(bench.path("secret"), "secret").unwrap();
    bench.run(&folder, &["config", "core.worktree", bench.root.to_str().unwrap()]);
    assert!(matches!(Repository::open(&bench.git(), &folder), Err(GitError::Elsewhere(..))));
    bench.init("home");
    bench.run(&folder, &["config", "core.worktree", bench.path("home").to_str().unwrap()]);
    let taken = Snapshot::take(&bench.git(), &folder, &bench.path("copy"));
    assert!(matches!(taken, Err(GitError::Elsewhere(..) | GitError::NoWorkingTree(_))));
}

#[test]
fn a_shallow_repository_is_refused_where_history_is_needed() {
    let bench = Bench::new();
    let (folder, _, ids) = shaped(&bench);
    let url = format!("file://{}", folder.display());
    bench.run(&bench.root, &["clone", "--quiet", "--depth=2", &url, "shallow"]);
    let shallow = bench.open(&bench.path("shallow"));
    assert!(shallow.is_shallow());
    let error = shallow.history(&[], &ids[7]).unwrap_err();
    assert!(matches!(error, GitError::Shallow(_)));
    assert!(error.hint().unwrap().contains("--unshallow"));
    assert!(matches!(shallow.at_date("main", "2100-01-01"), Err(GitError::Shallow(_))));
}

#[test]
fn a_repository_whose_path_has_a_line_end_is_opened() {
    let bench = Bench::new();
    let folder = bench.init("odd\nname");
    let commit = bench.commit(&folder, "one");
    let repository = bench.open(&folder);
    assert_eq!(repository.toplevel(), Some(folder.as_path()));
    assert_eq!(repository.git_dir(), folder.join(".git"));
    let bare = bench.open(&folder.join(".git"));
    assert_eq!((bare.toplevel(), bare.head().unwrap()), (None, Some(commit)));
}

#[test]
fn a_worktree_and_a_bare_repository_are_opened() {
    let bench = Bench::new();
    let (folder, repository, ids) = shaped(&bench);
    bench.run(&folder, &["worktree", "add", "--quiet", "../tree", "side"]);
    let worktree = bench.open(&bench.path("tree"));
    assert_eq!(worktree.toplevel(), Some(bench.path("tree").as_path()));
    assert_eq!(worktree.head().unwrap(), Some(ids[3].clone()));
    assert_eq!(repository.git_dir(), folder.join(".git"));
    let bare = bench.open(&folder.join(".git"));
    assert_eq!((bare.toplevel(), bare.resolve("main").unwrap()), (None, ids[7].clone()));
}

/// Does everything that may be done with a repository of the user.
fn use_all(bench: &Bench, folder: &Path) {
    let git = bench.git();
    let repository = Repository::open(&git, folder).unwrap();
    let head = repository.head().unwrap().unwrap();
    let parent = repository.commit(&head).unwrap().parents[0].clone();
    repository.history(&[], &head).unwrap();
    repository.is_ancestor(&parent, &head).unwrap();
    repository.merge_bases(&parent, &head).unwrap();
    repository.merge_that_brought_in(&parent, &head).unwrap();
    repository.at_date("main", "2100-01-01").unwrap();
    repository.file_at(&head, Path::new("flake.nix")).unwrap().unwrap();
    repository.file_history(&head, Path::new("flake.nix")).unwrap();
    repository.origin().unwrap();
    assert!(repository.resolve("gone").is_err());
    assert!(repository.fetch_news(&mut |_| ()).is_err());
    assert!(repository.fetch_revision(&"1".repeat(40).parse().unwrap(), &mut |_| ()).is_err());
    let mut checkout = Checkout::new(&repository, &bench.path("case")).unwrap();
    checkout.move_to(&head, &mut |_| ()).unwrap();
    checkout.move_to(&parent, &mut |_| ()).unwrap();
    assert!(Snapshot::take(&git, folder, &bench.path("snapshot")).unwrap().dirty);
    let url = format!("file://{}", folder.display());
    clone_blobless(&git, &url, &bench.path("cache/clone.git"), &mut |_| ()).unwrap();
}

#[test]
fn a_repository_of_the_user_is_not_written_and_what_it_sets_up_is_not_run() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    let attributes = "* filter=evil diff=evil\n*.nix filter=e=v.il\n";
    fs::write(folder.join("flake.nix"), "{ }").unwrap();
    fs::write(folder.join("other"), "x").unwrap();
    fs::write(folder.join(".gitattributes"), attributes).unwrap();
    bench.commit(&folder, "one");
    fs::write(folder.join("more"), "x").unwrap();
    bench.commit(&folder, "two");
    fs::write(folder.join("other"), "y").unwrap();
    // The same content with another time: git would like to refresh the index.
    fs::write(folder.join("flake.nix"), "{ }").unwrap();
    fs::write(folder.join(".git/info/attributes"), attributes).unwrap();
    bench.trap(&folder.join(".git/config"), &folder.join(".git/hooks"));
    bench.trap(&bench.path("home/.gitconfig"), &bench.path("home/hooks"));

    let before = fingerprint(&folder);
    use_all(&bench, &folder);
    let after = fingerprint(&folder);
    let changed: Vec<_> = after.iter().filter(|(path, entry)| before.get(*path) != Some(entry)).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "{changed:?}");
    assert_eq!(bench.sprung(), None);

    // The traps are real ones: a plain git springs them, and writes.
    bench.run(&folder, &["status"]);
    let sprung = bench.sprung().unwrap();
    assert!(sprung.contains("trap") && sprung.contains("post-index-change"), "{sprung}");
    assert_ne!(fingerprint(&folder), before);
}

#[test]
fn what_differs_between_two_commits_names_directories_that_come_go_or_change_kind() {
    let bench = Bench::new();
    let folder = bench.init("changing");
    for name in ["gone/a", "new.d", "kept/a", "to-file/a", "same/a"] {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), "1").unwrap();
    }
    let before = bench.commit(&folder, "before");
    for name in ["gone", "to-file"] {
        fs::remove_dir_all(folder.join(name)).unwrap();
    }
    fs::remove_file(folder.join("new.d")).unwrap();
    fs::create_dir(folder.join("new.d")).unwrap();
    for name in ["new.d/a", "kept/a", "to-file"] {
        fs::write(folder.join(name), "22").unwrap();
    }
    let after = bench.commit(&folder, "after");
    let repository = bench.open(&folder);
    let mut changes: Vec<_> = repository.changed(&before, &after).unwrap();
    changes.sort_by_key(|change| (change.path.clone(), change.after.is_some()));
    let told: Vec<_> = changes.iter().map(|c| (c.path.to_str().unwrap(), c.before, c.after)).collect();
    let (file, dir) = (Some(Kind::File), Some(Kind::Folder));
    let expected = [
        ("gone", dir, None),
        ("gone/a", file, None),
        ("kept", dir, dir),
        ("kept/a", file, file),
        ("new.d", file, None),
        ("new.d", None, dir),
        ("new.d/a", None, file),
        ("to-file", dir, None),
        ("to-file", None, file),
        ("to-file/a", file, None),
    ];
    assert_eq!(told, expected);
    assert_eq!(repository.changed(&after, &after).unwrap(), []);
}

#[test]
fn a_history_says_what_each_commit_changes_and_of_a_merge_what_no_parent_has() {
    let bench = Bench::new();
    let folder = bench.init("merging");
    let write = |name: &str, text: &str| {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), text).unwrap();
    };
    write("a/x", "1");
    let first = bench.commit(&folder, "first");
    write("a/x", "2");
    write("new/folder/y", "1");
    let main = bench.commit(&folder, "main");
    bench.run(&folder, &["checkout", "--quiet", "-b", "side", first.as_str()]);
    write("a/x", "3");
    write("a/z", "1");
    let side = bench.commit(&folder, "side");
    bench.run(&folder, &["checkout", "--quiet", "main"]);
    bench.run(&folder, &["merge", "--quiet", "--no-commit", "--strategy=ours", "side"]);
    write("a/x", "4");
    let merge = bench.commit(&folder, "merge");
    let empty = bench.commit(&folder, "empty");

    let commits = [&empty, &merge, &side, &main, &first].map(Clone::clone);
    let repository = bench.open(&folder);
    let mut copy = vec![];
    let history = repository.changed_paths(&commits, &mut copy).unwrap();
    let (file, dir) = (Some(Kind::File), Some(Kind::Folder));
    for history in [&history, &read_changed_paths(&mut &copy[..]).unwrap()] {
        assert_eq!(history.commits(), commits);
        let of = |commit| -> Vec<_> {
            history.of(commit).map(|c| (c.path.to_str().unwrap().to_owned(), c.before, c.after)).collect()
        };
        let entry = |path: &str, before, after| (path.to_owned(), before, after);
        assert_eq!(of(&empty), []);
        assert_eq!(of(&merge), [entry("a/x", file, file)]);
        assert_eq!(of(&side), [entry("a/x", file, file), entry("a/z", None, file)]);
        let new = [entry("new", None, dir), entry("new/folder", None, dir), entry("new/folder/y", None, file)];
        assert_eq!(of(&main), [&[entry("a/x", file, file)], &new[..]].concat());
        assert_eq!(of(&first), [entry("a", None, dir), entry("a/x", None, file)]);
        assert_eq!(history.touching(&["a/z".into()].into()), [side.clone()].into());
        assert_eq!(
            history.touching(&["a/x".into()].into()),
            [first.clone(), main.clone(), side.clone(), merge.clone()].into()
        );
    }
    let none: CommitId = "1".repeat(40).parse().unwrap();
    assert!(repository.changed_paths(&[none], &mut vec![]).is_err());
}

#[test]
fn of_a_file_that_was_moved_only_what_is_new_is_added_and_of_a_new_one_everything() {
    let bench = Bench::new();
    let folder = bench.init("repo");
    let lines = |more: &[&str]| {
        ["a", "b", "c", "d", "e", "wheel"].iter().chain(more).fold(String::new(), |text, line| text + line + "\n")
    };
    fs::create_dir(folder.join("old")).unwrap();
    fs::write(folder.join("old/same.nix"), lines(&[])).unwrap();
    fs::write(folder.join("old/changed.nix"), lines(&["old"])).unwrap();
    bench.commit(&folder, "before");
    // With settings that would turn it off.
    fs::write(
        folder.join(".git/config"),
        "[core]\nrepositoryformatversion = 0\n[diff]\nrenames = false\nrenameLimit = 1\n",
    )
    .unwrap();
    fs::rename(folder.join("old"), folder.join("by-name")).unwrap();
    fs::write(folder.join("by-name/changed.nix"), lines(&["new"])).unwrap();
    fs::write(folder.join("by-name/made.nix"), "wheel\n").unwrap();
    let moved = bench.commit(&folder, "moved");
    fs::write(folder.join("by-name/made.nix"), "wheel\nmore\n").unwrap();
    let later = bench.commit(&folder, "later");
    let repository = bench.open(&folder);
    let files = ["same.nix", "changed.nix", "made.nix"].map(|name| Path::new("by-name").join(name));
    let added = repository.additions(&[moved.clone(), later.clone()], &BTreeSet::from(files)).unwrap();
    let of = |id: &CommitId| {
        let commit = added.iter().find(|commit| commit.commit == *id).unwrap();
        commit.files.iter().map(|(path, lines)| (path.as_str(), lines.join(" "))).collect::<Vec<_>>()
    };
    let name = |name: &str, added: &str| (format!("by-name/{name}"), added.to_owned());
    let expected = [name("changed.nix", "new"), name("made.nix", "wheel"), name("same.nix", "")];
    assert_eq!(of(&moved), expected.each_ref().map(|(path, lines)| (path.as_str(), lines.clone())));
    assert_eq!(of(&later), [("by-name/made.nix", "more".to_owned())]);
}

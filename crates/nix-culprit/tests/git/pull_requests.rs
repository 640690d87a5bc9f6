//! Heads of pull requests, in a mirror and in a clone of ours.

use std::fs;
use std::path::Path;

use nix_culprit::sys::git::{GitError, Repository, clone_blobless};
use nix_culprit_core::ids::CommitId;

use crate::fixture::{Bench, fingerprint};

/// A repository whose `main` has two commits, with pull requests: 1 is merged, 2 began before the second commit, 3 and
/// the merge request 4 after it.
fn server(bench: &Bench) -> (std::path::PathBuf, [CommitId; 2], [CommitId; 3]) {
    let folder = bench.init("server");
    let commit = |file: &str| {
        fs::write(folder.join(file), "x").unwrap();
        bench.commit(&folder, file)
    };
    let head = |name: &str, commit: &CommitId| bench.run(&folder, &["update-ref", name, commit.as_str()]);
    let first = commit("a");
    bench.run(&folder, &["checkout", "-q", "-b", "early"]);
    let early = commit("early");
    bench.run(&folder, &["checkout", "-q", "main"]);
    let second = commit("b");
    let late = ["c", "d"].map(|name| {
        bench.run(&folder, &["checkout", "-q", "-b", name, "main"]);
        commit(name)
    });
    bench.run(&folder, &["checkout", "-q", "main"]);
    head("refs/pull/1/head", &first);
    head("refs/pull/2/head", &early);
    head("refs/pull/3/head", &late[0]);
    head("refs/pull/30/head", &late[0]);
    head("refs/merge-requests/4/head", &late[1]);
    for branch in ["early", "c", "d"] {
        bench.run(&folder, &["branch", "-q", "-D", branch]);
    }
    let [third, fourth] = late;
    (folder, [first, second], [early, third, fourth])
}

fn names(repository: &Repository, containing: &CommitId, branch: &CommitId) -> Vec<String> {
    let mut found: Vec<String> =
        repository.pull_requests(containing, branch, 10).unwrap().into_iter().map(|one| one.reference).collect();
    found.sort();
    found
}

#[test]
fn those_that_contain_a_commit_and_are_not_merged_are_listed_and_nothing_is_written() {
    let bench = Bench::new();
    let (folder, [first, second], [early, third, fourth]) = server(&bench);
    let repository = Repository::open(&bench.git(), &folder).unwrap();
    let before = fingerprint(&folder);
    let listed = names(&repository, &second, &second);
    assert_eq!(listed.len(), 2, "one of the two names of a commit: {listed:?}");
    assert_eq!(listed[0], "refs/merge-requests/4/head");
    assert!(names(&repository, &first, &second).contains(&"refs/pull/2/head".to_owned()));
    assert!(names(&repository, &fourth, &fourth).is_empty());
    assert_eq!(repository.pull_requests(&second, &second, 1).unwrap().len(), 1);
    let changed = |head: &CommitId| repository.changes_since_parting(&second, head).unwrap();
    assert_eq!(changed(&third), [Path::new("c").to_owned()].into());
    assert_eq!(changed(&early), [Path::new("early").to_owned()].into());
    assert!(matches!(repository.fetch_pull_requests(9, &mut |_| ()), Err(GitError::NotOurs(_))));
    assert_eq!(fingerprint(&folder), before);
}

#[test]
fn a_clone_of_ours_fetches_the_newest_when_asked() {
    let bench = Bench::new();
    let (folder, [_, second], _) = server(&bench);
    bench.run(&folder, &["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", folder.display());
    let clone = clone_blobless(&bench.git(), &url, &bench.path("clone.git"), &mut |_| ()).unwrap();
    assert!(names(&clone, &second, &second).is_empty(), "they are not fetched unasked");
    assert_eq!(clone.fetch_pull_requests(2, &mut |_| ()).unwrap(), 5);
    assert_eq!(names(&clone, &second, &second), ["refs/merge-requests/4/head", "refs/pull/30/head"]);
    let none = bench.init("none");
    bench.commit(&none, "x");
    let clone = clone_blobless(&bench.git(), none.to_str().unwrap(), &bench.path("other.git"), &mut |_| ()).unwrap();
    assert_eq!(clone.fetch_pull_requests(2, &mut |_| ()).unwrap(), 0);
}

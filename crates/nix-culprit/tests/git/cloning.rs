//! Clones of ours, from repositories beside them.

use std::fs;
use std::path::{Path, PathBuf};

use nix_culprit::sys::git::{Checkout, GitError, Phase, Repository, clone_blobless};
use nix_culprit_core::ids::CommitId;

use crate::fixture::{Bench, fingerprint, recorded, tree};

/// A server with three commits; it leaves contents out when asked, if `filter` says so.
fn server(bench: &Bench, filter: &str) -> (PathBuf, String, Vec<CommitId>) {
    let folder = bench.init("server");
    bench.run(&folder, &["config", "uploadpack.allowFilter", filter]);
    bench.run(&folder, &["config", "uploadpack.allowAnySHA1InWant", filter]);
    let mut ids = vec![];
    for round in 0..3 {
        for file in 0..40 {
            fs::write(folder.join(format!("f{file}")), format!("{file} {}", round * (file % 3))).unwrap();
        }
        ids.push(bench.commit(&folder, &format!("round {round}")));
    }
    let url = format!("file://{}", folder.display());
    (folder, url, ids)
}

/// Counts the packs that came in.
fn packs(clone: &Path) -> usize {
    let files = fs::read_dir(clone.join("objects/pack")).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "pack")).count()
}

#[test]
fn a_clone_without_contents_fetches_them_in_one_go() {
    let bench = Bench::new();
    let (folder, url, ids) = server(&bench, "true");
    let into = bench.path("cache/deep/clone.git");
    let mut phases = vec![];
    let clone = clone_blobless(&bench.git(), &url, &into, &mut |step| phases.push(step.phase)).unwrap();
    assert!(phases.contains(&Phase::Receiving), "{phases:?}");
    assert!(clone.is_partial() && !clone.is_shallow());
    assert_eq!(clone.history(&[], &ids[2]).unwrap().len(), 3);
    assert_eq!(clone.commit(&ids[2]).unwrap().files.len(), 26);
    assert!(into.join("objects/info/commit-graph").exists());
    assert_eq!(packs(&into), 1, "histories and lists of files need no contents");

    let mut checkout = Checkout::new(&clone, &bench.path("case")).unwrap();
    for (moves, id) in [(2, &ids[0]), (3, &ids[2])] {
        checkout.move_to(id, &mut |_| ()).unwrap();
        assert_eq!(tree(checkout.path()), recorded(&bench, &folder, id));
        assert_eq!(packs(&into), moves);
    }
    assert_eq!(clone.file_at(&ids[1], Path::new("f1")).unwrap().as_deref(), Some(&b"1 1"[..]));
}

#[test]
fn a_server_that_sends_everything_is_fine_too() {
    let bench = Bench::new();
    let (folder, url, ids) = server(&bench, "false");
    let clone = clone_blobless(&bench.git(), &url, &bench.path("clone.git"), &mut |_| ()).unwrap();
    let mut checkout = Checkout::new(&clone, &bench.path("case")).unwrap();
    checkout.move_to(&ids[1], &mut |_| ()).unwrap();
    assert_eq!(tree(checkout.path()), recorded(&bench, &folder, &ids[1]));
    let path = clone_blobless(&bench.git(), folder.to_str().unwrap(), &bench.path("path.git"), &mut |_| ()).unwrap();
    assert_eq!(path.resolve("main").unwrap(), ids[2]);
}

#[test]
fn a_clone_that_fails_leaves_nothing_and_the_next_clears_what_a_kill_left() {
    let bench = Bench::new();
    let (_, url, ids) = server(&bench, "true");
    let into = bench.path("cache/clone.git");
    let gone = format!("{url}-gone\x1b[31m");
    let error = clone_blobless(&bench.git(), &gone, &into, &mut |_| ()).unwrap_err();
    assert!(matches!(error, GitError::Failed { .. }) && !error.to_string().contains('\x1b'), "{error}");
    let left = || fs::read_dir(bench.path("cache")).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    assert_eq!(left(), ["clone.git.lock"]);
    fs::create_dir(bench.path("cache/clone.git.partial")).unwrap();
    fs::write(bench.path("cache/clone.git.partial/x"), "").unwrap();
    let clone = clone_blobless(&bench.git(), &url, &into, &mut |_| ()).unwrap();
    assert_eq!(clone.resolve("main").unwrap(), ids[2]);
    assert!(!into.join("x").exists() && left().len() == 2);
    // Once it is there it is used: the server is not asked.
    assert!(clone_blobless(&bench.git(), &gone, &into, &mut |_| ()).is_ok());
}

#[test]
fn a_clone_that_is_interrupted_leaves_nothing() {
    let bench = Bench::new();
    let (_, url, _) = server(&bench, "true");
    let git = bench.git_with(r#"sh -c '"$@"; end=$?; [ "$2" = clone ] && sleep 1000; exit $end' sh"#);
    let into = bench.path("cache/clone.git");
    let partial = bench.path("cache/clone.git.partial");
    let error = std::thread::scope(|scope| {
        let cloning = scope.spawn(|| clone_blobless(&git, &url, &into, &mut |_| ()).unwrap_err());
        while !partial.join("objects").exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        bench.interrupt.ask();
        cloning.join().unwrap()
    });
    assert!(matches!(error, GitError::Interrupted { .. }), "{error}");
    assert!(!into.exists() && !partial.exists());
}

#[test]
fn addresses_that_run_programs_or_look_like_options_are_refused() {
    let bench = Bench::new();
    let mark = bench.path("mark");
    for url in [format!("ext::sh -c 'touch {}'", mark.display()), format!("--upload-pack=touch {}", mark.display())] {
        assert!(clone_blobless(&bench.git(), &url, &bench.path("clone.git"), &mut |_| ()).is_err());
    }
    assert!(!mark.exists());
}

#[test]
fn a_revision_that_no_branch_has_is_fetched_and_kept() {
    let bench = Bench::new();
    let (folder, url, ids) = server(&bench, "true");
    let clone = clone_blobless(&bench.git(), &url, &bench.path("clone.git"), &mut |_| ()).unwrap();
    let late = bench.commit(&folder, "late");
    bench.run(&folder, &["reset", "--quiet", "--hard", ids[0].as_str()]);
    assert!(matches!(clone.resolve(late.as_str()), Err(GitError::NoCommit { .. })));
    clone.fetch_revision(&late, &mut |_| ()).unwrap();
    assert_eq!(clone.resolve(late.as_str()).unwrap(), late);
    assert_eq!(clone.history(std::slice::from_ref(&ids[2]), &late).unwrap().len(), 1);
    bench.run(&bench.path("clone.git"), &["gc", "--quiet", "--prune=now"]);
    assert!(clone.has(&late).unwrap());
    assert_eq!(clone.resolve("main").unwrap(), ids[2], "branches stay until news are asked for");
    clone.fetch_news(&mut |_| ()).unwrap();
    assert_eq!(clone.resolve("main").unwrap(), ids[0]);
    let none: CommitId = "1".repeat(40).parse().unwrap();
    assert!(matches!(clone.fetch_revision(&none, &mut |_| ()), Err(GitError::NoCommit { .. })));
}

#[test]
fn a_revision_is_found_by_branch_where_hashes_are_refused() {
    let bench = Bench::new();
    let (folder, url, _) = server(&bench, "true");
    bench.run(&folder, &["config", "uploadpack.allowAnySHA1InWant", "false"]);
    let clone = clone_blobless(&bench.git_with("GIT_PROTOCOL_VERSION=0"), &url, &bench.path("c.git"), &mut |_| ());
    let middle = bench.commit(&folder, "middle");
    bench.commit(&folder, "last");
    bench.run(&bench.path("c.git"), &["config", "protocol.version", "0"]);
    clone.unwrap().fetch_revision(&middle, &mut |_| ()).unwrap();
}

#[test]
fn what_a_partial_repository_of_the_user_lacks_is_not_fetched_into_it() {
    let bench = Bench::new();
    let (folder, url, ids) = server(&bench, "true");
    bench.run(&bench.root, &["clone", "--quiet", "--filter=blob:none", "--no-checkout", &url, "mine"]);
    let mine = bench.path("mine");
    let before = fingerprint(&mine);
    let repository = Repository::open(&bench.git(), &mine).unwrap();
    assert!(repository.is_partial());
    assert!(repository.file_at(&ids[1], Path::new("f1")).is_err());
    let mut checkout = Checkout::new(&repository, &bench.path("case")).unwrap();
    checkout.move_to(&ids[1], &mut |_| ()).unwrap();
    assert_eq!(tree(checkout.path()), recorded(&bench, &folder, &ids[1]));
    assert_eq!(fingerprint(&mine), before);
}

#[test]
fn what_commits_change_is_known_without_contents_but_not_without_directories() {
    let bench = Bench::new();
    let (_, url, ids) = server(&bench, "true");
    let ids = ids.iter().rev().map(Clone::clone).collect::<Vec<_>>();
    for (filter, has_directories) in [("blob:none", true), ("tree:0", false)] {
        let filter_option = format!("--filter={filter}");
        bench.run(&bench.root, &["clone", "--quiet", &filter_option, "--no-checkout", &url, filter]);
        let repository = bench.open(&bench.path(filter));
        let history = repository.changed_paths(&ids, &mut vec![]);
        assert_eq!(history.is_ok_and(|history| history.commits() == ids), has_directories, "{filter}");
    }
}

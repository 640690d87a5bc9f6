//! The sample's shape, seen through git: what the demo, the tests and the benchmarks rely on. No Nix is run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use nix_culprit_sample::{Options, Sample, SampleError, State, generate};
use serde_json::Value;

fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git is on PATH");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the sample is text")
}

/// Each commit that the main branch reaches, with its parents.
fn graph(repository: &Path) -> BTreeMap<String, Vec<String>> {
    let list = git(repository, &["rev-list", "--parents", "main"]);
    list.lines()
        .map(|line| {
            let mut hashes = line.split(' ').map(str::to_owned);
            (hashes.next().unwrap_or_default(), hashes.collect())
        })
        .collect()
}

fn with_ancestors(graph: &BTreeMap<String, Vec<String>>, commit: &str) -> BTreeSet<String> {
    let (mut seen, mut todo) = (BTreeSet::new(), vec![commit.to_owned()]);
    while let Some(commit) = todo.pop() {
        if seen.insert(commit.clone()) {
            todo.extend(graph[&commit].iter().cloned());
        }
    }
    seen
}

/// Checks everything that holds for every sample.
fn check(sample: &Sample, what: &str) {
    let graph = graph(&sample.pkgs);
    let truth: BTreeMap<&str, State> = sample.truth.iter().map(|(commit, state)| (commit.as_str(), *state)).collect();
    assert_eq!(graph.len(), sample.truth.len(), "{what}: every commit is reached from main");
    assert_eq!(git(&sample.pkgs, &["rev-parse", "main"]).trim(), sample.bad, "{what}");
    assert_eq!(graph[&sample.culprit], std::slice::from_ref(&sample.culprit_parent), "{what}: the culprit is no merge");

    let main: BTreeSet<String> =
        git(&sample.pkgs, &["rev-list", "--first-parent", "main"]).lines().map(str::to_owned).collect();
    assert!(main.contains(&sample.good) && main.contains(&sample.merge), "{what}");
    assert!(!main.contains(&sample.culprit), "{what}: the culprit is on a side branch");
    assert!(!main.contains(&sample.culprit_parent), "{what}: the culprit is not the first of its branch");
    let [_, branch_tip] = graph[&sample.merge].as_slice() else { panic!("{what}: not a merge") };
    assert_ne!(*branch_tip, sample.culprit, "{what}: the culprit is not the last of its branch");
    let reached = with_ancestors(&graph, branch_tip);
    assert!(reached.contains(&sample.culprit) && reached.contains(&sample.good), "{what}");
    let title = git(&sample.pkgs, &["log", "-1", "--format=%s", &sample.merge]);
    assert!(title.starts_with(&format!("Merge pull request #{} from ", sample.pull_request)), "{what}: {title}");

    let state = |commit: &String| truth[commit.as_str()];
    assert_eq!(state(&sample.good), State::Good, "{what}");
    assert_eq!(state(&sample.bad), State::Bad, "{what}");
    assert_eq!(state(&sample.culprit), State::Bad, "{what}");
    assert_eq!(state(&sample.culprit_parent), State::Good, "{what}");
    assert_eq!(state(&sample.merge), State::Bad, "{what}");
    let mut has_culprit = BTreeSet::new();
    for (commit, state) in &sample.truth {
        if *commit == sample.culprit || graph[commit].iter().any(|parent| has_culprit.contains(parent)) {
            has_culprit.insert(commit.clone());
        }
        match state {
            State::Bad => assert!(has_culprit.contains(commit), "{what}: {commit} is bad without the culprit"),
            State::Good => assert!(!has_culprit.contains(commit), "{what}: {commit} is good with the culprit"),
            State::Broken => {}
        }
    }
}

#[test]
fn the_same_options_give_the_same_commits_and_another_seed_gives_others() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str, seed| {
        generate(&dir.path().join(name), &Options { seed, commits: 60, ..Options::default() }).unwrap()
    };
    let (one, same, other) = (make("one", 7), make("same", 7), make("other", 8));
    assert_eq!((&one.culprit, &one.overlay_locked, &one.truth), (&same.culprit, &same.overlay_locked, &same.truth));
    assert_ne!(one.culprit, other.culprit);
}

#[test]
fn the_default_sample_has_the_shape_of_the_seed_case() {
    let dir = tempfile::tempdir().unwrap();
    let sample = generate(dir.path(), &Options::default()).unwrap();
    check(&sample, "default");
    assert_eq!(sample.truth.len(), 3000);
    let broken = sample.truth.iter().filter(|(_, state)| *state == State::Broken).count();
    assert!((30..=180).contains(&broken), "{broken} of 3000 are broken");
    let merges: usize = git(&sample.pkgs, &["rev-list", "--count", "--merges", "main"]).trim().parse().unwrap();
    assert!((200..=1200).contains(&merges), "{merges} merges");
    let docs: usize = git(&sample.pkgs, &["rev-list", "--count", "main", "--", "doc", "README.md", "maintainers"])
        .trim()
        .parse()
        .unwrap();
    assert!(docs > 200, "{docs} commits touch nothing that is evaluated");
    let files = git(&sample.pkgs, &["ls-tree", "-r", "--name-only", "main"]).lines().count();
    assert!((380..=800).contains(&files), "{files} files");
    for commit in [&sample.overlay_locked, &sample.overlay_fixed] {
        git(&sample.overlay, &["merge-base", "--is-ancestor", &sample.overlay_locked, commit]);
    }
    let repair = git(&sample.overlay, &["show", "--format=", &sample.overlay_fixed]);
    assert!(repair.contains("-    (pkgs.python3.pkgs.override {"), "{repair}");
}

#[test]
fn small_samples_of_every_seed_and_place_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    for seed in 0..18 {
        let commits = [30, 31, 45, 80, 200, 400][seed as usize % 6];
        let culprit = [None, Some(0.0), Some(0.5), Some(1.0)][seed as usize % 4];
        let options = Options { seed, commits, culprit, ..Options::default() };
        let folder = dir.path().join(seed.to_string());
        let sample = generate(&folder, &options).unwrap();
        check(&sample, &format!("{options:?}"));
        assert_eq!(sample.truth.len(), commits);
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn the_place_moves_the_culprit() {
    let dir = tempfile::tempdir().unwrap();
    let place = |culprit: f64| {
        let options = Options { commits: 600, culprit: Some(culprit), ..Options::default() };
        let sample = generate(&dir.path().join(culprit.to_string()), &options).unwrap();
        sample.truth.iter().position(|(commit, _)| *commit == sample.culprit).unwrap()
    };
    let (early, middle, late) = (place(0.0), place(0.5), place(1.0));
    assert!((30..60).contains(&early), "{early}");
    assert!((280..350).contains(&middle), "{middle}");
    assert!((540..600).contains(&late), "{late}");
}

#[test]
fn widening_adds_files_that_no_commit_changes() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { commits: 40, widen: 2000, ..Options::default() };
    let sample = generate(dir.path(), &options).unwrap();
    check(&sample, "wide");
    let files = git(&sample.pkgs, &["ls-tree", "-r", "--name-only", &sample.good]).lines().count();
    assert!((2000..2050).contains(&files), "{files}");
    assert_eq!(git(&sample.pkgs, &["rev-list", "--count", "main", "--", "attic"]).trim(), "1");
}

#[test]
fn a_closure_is_part_of_what_the_shell_evaluates() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { commits: 40, widen: 700, closure: 5, ..Options::default() };
    let sample = generate(dir.path(), &options).unwrap();
    check(&sample, "closure");
    let closure: Vec<String> = serde_json::from_str(&git(&sample.app, &["show", "HEAD:closure.json"])).unwrap();
    assert_eq!(closure.len(), 5);
    let files = git(&sample.pkgs, &["ls-tree", "-r", "--name-only", &sample.good]);
    assert!(closure.iter().all(|path| files.lines().any(|file| file == path)), "{closure:?}");
    assert!(git(&sample.app, &["show", "HEAD:flake.nix"]).contains("root = pkgs;"));
}

#[test]
fn the_working_tree_differs_from_head_by_the_lock_only_and_the_locks_by_two_inputs() {
    let dir = tempfile::tempdir().unwrap();
    let sample = generate(dir.path(), &Options { commits: 40, ..Options::default() }).unwrap();
    assert_eq!(git(&sample.app, &["status", "--porcelain"]), " M flake.lock\n?? notes.txt\n");
    let committed: Value = serde_json::from_str(&git(&sample.app, &["show", "HEAD:flake.lock"])).unwrap();
    let updated: Value = serde_json::from_slice(&std::fs::read(sample.app.join("flake.lock")).unwrap()).unwrap();
    assert_eq!(committed["nodes"]["pkgs"]["locked"]["rev"], sample.good.as_str());
    assert_eq!(updated["nodes"]["pkgs"]["locked"]["rev"], sample.bad.as_str());
    assert_eq!(updated["nodes"]["pkgs"]["locked"]["revCount"], 40);
    assert_eq!(updated["nodes"]["overlay"]["locked"]["rev"], sample.overlay_locked.as_str());
    let changed: Vec<&str> = ["overlay", "pkgs", "root", "systems", "tools"]
        .into_iter()
        .filter(|name| committed["nodes"][name] != updated["nodes"][name])
        .collect();
    assert_eq!(changed, ["pkgs", "tools"]);
    let time = git(&sample.pkgs, &["log", "-1", "--format=%ct", &sample.bad]);
    assert_eq!(updated["nodes"]["pkgs"]["locked"]["lastModified"].to_string(), time.trim());
}

#[test]
fn a_folder_that_holds_something_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mine"), "").unwrap();
    let error = generate(dir.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, SampleError::NotEmpty { .. }), "{error}");
}

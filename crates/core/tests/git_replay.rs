//! The search against real git: its log replays, and it needs no more steps than `git bisect`.
//!
//! Needs `git` on PATH.
#![expect(clippy::unwrap_used, reason = "a failed step of the set-up fails the test")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use nix_culprit_core::bisect::{Culprit, Ends, Goal, Graph, Search, Settings, Step, bisect_log};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::Verdict;

/// A repository of random shape whose commits are known by number; 0 is the root, the last one the tip.
struct Repository {
    folder: tempfile::TempDir,
    commits: Vec<CommitId>,
    parents: Vec<Vec<usize>>,
}

/// Runs git; its answer holds stdout and stderr, as an error when git failed.
fn git(folder: &Path, arguments: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(said) } else { Err(said) }
}

/// A sequence of numbers that looks random and is the same on every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

impl Repository {
    fn new(dice: &mut Dice, count: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut parents: Vec<Vec<usize>> = vec![vec![]];
        let mut stream = String::new();
        for number in 0..count {
            if number > 0 {
                let wanted = if dice.below(4) == 0 { 2 } else { 1 };
                let mut of: Vec<usize> = (0..wanted).map(|_| number - 1 - dice.below(number.min(6))).collect();
                of.dedup();
                parents.push(of);
            }
            let time = 1_700_000_000 + number;
            let title = format!("change {number}: 'quoted'");
            stream += &format!("commit refs/heads/main\nmark :{}\ncommitter A <a@b> {time} +0000\n", number + 1);
            stream += &format!("data {}\n{title}\n", title.len());
            for (nth, parent) in parents[number].iter().enumerate() {
                stream += &format!("{} :{}\n", if nth == 0 { "from" } else { "merge" }, parent + 1);
            }
            stream += &format!("M 644 inline file\ndata {}\n{number}\n\n", number.to_string().len());
        }
        git(folder.path(), &["init", "-q", "-b", "main"], "").unwrap();
        git(folder.path(), &["fast-import", "--quiet", "--force", "--export-marks=marks"], &stream).unwrap();
        let marks = std::fs::read_to_string(folder.path().join("marks")).unwrap();
        std::fs::remove_file(folder.path().join("marks")).unwrap();
        let mut named: Vec<(usize, CommitId)> = marks
            .lines()
            .map(|line| line[1..].split_once(' ').unwrap())
            .map(|(mark, hash)| (mark.parse().unwrap(), hash.parse().unwrap()))
            .collect();
        named.sort();
        git(folder.path(), &["checkout", "-q", "main"], "").unwrap();
        Self { folder, commits: named.into_iter().map(|entry| entry.1).collect(), parents }
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(self.folder.path(), arguments, "").unwrap()
    }

    fn number(&self, id: &CommitId) -> usize {
        self.commits.iter().position(|other| other == id).unwrap()
    }

    fn title(&self, id: &CommitId) -> String {
        format!("change {}: 'quoted'", self.number(id))
    }

    /// Reads the graph as the case will: what `git rev-list` says lies between the ends, and the old end.
    fn search(&self, settings: Settings) -> Search {
        let (old, new) = (self.commits[0].clone(), self.commits[self.commits.len() - 1].clone());
        let listed = self.git(&["rev-list", "--parents", new.as_str(), &format!("^{old}")]);
        let mut commits: Vec<(CommitId, Vec<CommitId>)> = listed
            .lines()
            .map(|line| {
                let mut ids = line.split(' ').map(|id| id.parse().unwrap());
                (ids.next().unwrap(), ids.collect())
            })
            .collect();
        commits.push((old.clone(), vec![]));
        Search::new(Graph::new(commits).unwrap(), Ends { old: vec![old], new }, settings).unwrap()
    }

    fn is_ancestor(&self, ancestor: usize, of: usize) -> bool {
        ancestor == of
            || self.parents[of].iter().any(|&parent| parent >= ancestor && self.is_ancestor(ancestor, parent))
    }

    /// A random commit between the ends.
    fn culprit(&self, dice: &mut Dice) -> usize {
        loop {
            let culprit = 1 + dice.below(self.commits.len() - 1);
            if self.is_ancestor(culprit, self.commits.len() - 1) {
                return culprit;
            }
        }
    }

    /// Lets git search, without a checkout, and counts its steps.
    fn git_steps(&self, culprit: usize) -> usize {
        let tip = self.commits.len() - 1;
        let (old, new) = (self.commits[0].as_str(), self.commits[tip].as_str());
        self.git(&["bisect", "start", "--no-checkout", new, old]);
        let mut steps = 0;
        loop {
            let asked: CommitId = self.git(&["rev-parse", "BISECT_HEAD"]).trim().parse().unwrap();
            let term = if self.is_ancestor(culprit, self.number(&asked)) { "bad" } else { "good" };
            steps += 1;
            let said = self.git(&["bisect", term, asked.as_str()]);
            if said.contains("is the first bad commit") {
                assert!(said.contains(self.commits[culprit].as_str()), "{said}");
                self.git(&["bisect", "reset"]);
                return steps;
            }
        }
    }
}

/// Runs a search to its end and returns the number of probes.
fn run(search: &mut Search, judge: impl Fn(&CommitId) -> Verdict) -> usize {
    let mut steps = 0;
    while let Step::Probe(id) = search.next() {
        search.record(&id, &judge(&id)).unwrap();
        steps += 1;
    }
    steps
}

#[test]
fn the_search_needs_about_as_many_steps_as_git() {
    let mut dice = Dice(20_230_902);
    let (mut ours, mut gits) = (0, 0);
    for count in [20, 60, 150] {
        let repository = Repository::new(&mut dice, count);
        for _ in 0..5 {
            let culprit = repository.culprit(&mut dice);
            let mut search = repository.search(Settings::default());
            let judge = |id: &CommitId| {
                if repository.is_ancestor(culprit, repository.number(id)) { Verdict::Bad } else { Verdict::Good }
            };
            let steps = run(&mut search, judge);
            let Step::Done(finding) = search.next() else { panic!() };
            let Culprit::Commit { commit, .. } = finding.culprit else { panic!("nothing was skipped") };
            assert_eq!(repository.number(&commit), culprit);
            let git_steps = repository.git_steps(culprit);
            assert!(steps <= git_steps + 2, "{steps} steps, git {git_steps}");
            ours += steps;
            gits += git_steps;
        }
    }
    println!("steps: ours {ours}, git {gits}");
    assert!(ours <= gits + 5, "{ours} steps, git {gits}");
}

#[test]
fn git_replays_the_log_to_the_same_culprit() {
    let mut dice = Dice(17);
    let repository = Repository::new(&mut dice, 80);
    for goal in [Goal::FirstBad, Goal::FirstGood, Goal::FirstBad] {
        let culprit = repository.culprit(&mut dice);
        let changed = |id: &CommitId| repository.is_ancestor(culprit, repository.number(id));
        let judge = |id: &CommitId| match (changed(id), goal) {
            (true, Goal::FirstBad) | (false, Goal::FirstGood) => Verdict::Bad,
            (false, Goal::FirstBad) | (true, Goal::FirstGood) => Verdict::Good,
        };
        let mut search = repository.search(Settings { goal, ..Settings::default() });
        // Verdicts that nobody asked for: git must not be misled by them.
        for at in (30..80).rev().filter(|&at| repository.is_ancestor(at, 79)).step_by(4) {
            search.record(&repository.commits[at], &judge(&repository.commits[at])).unwrap();
        }
        run(&mut search, judge);
        let file = repository.folder.path().join("bisect.log");
        std::fs::write(&file, bisect_log(&search, |id| repository.title(id))).unwrap();
        let said = repository.git(&["bisect", "replay", file.to_str().unwrap()]);
        let term = if goal == Goal::FirstBad { "bad" } else { "fixed" };
        let expected = format!("{} is the first {term} commit", repository.commits[culprit]);
        assert!(said.contains(&expected), "{said}\n{}", std::fs::read_to_string(&file).unwrap());
        repository.git(&["bisect", "reset"]);
    }
}

#[test]
fn git_replays_skips_and_contradictions() {
    let mut dice = Dice(4711);
    let repository = Repository::new(&mut dice, 80);
    let culprit = (40..79).find(|&at| repository.is_ancestor(at, 79)).unwrap();
    let mut search = repository.search(Settings::default());
    let judge = |id: &CommitId| match repository.number(id) {
        at if at % 3 == 1 && at != 79 => Verdict::Skip("no such\nattribute".to_owned()),
        at if repository.is_ancestor(culprit, at) => Verdict::Bad,
        _ => Verdict::Good,
    };
    // A bad commit before a good one: the search trusts the good one.
    let early = (1..culprit).rev().find(|&at| repository.is_ancestor(at, culprit)).unwrap();
    let earlier = (1..early).find(|&at| repository.is_ancestor(at, early)).unwrap();
    search.record(&repository.commits[earlier], &Verdict::Bad).unwrap();
    search.record(&repository.commits[early], &Verdict::Good).unwrap();
    run(&mut search, judge);
    let file = repository.folder.path().join("bisect.log");
    std::fs::write(&file, bisect_log(&search, |id| repository.title(id))).unwrap();
    // git fails at the end, as only skipped commits are left.
    let said = git(repository.folder.path(), &["bisect", "replay", file.to_str().unwrap()], "").unwrap_err();
    assert!(said.contains("only 'skip'ped commits left to test"), "{said}");
    let left = repository.git(&["rev-list", "refs/bisect/bad", "--not", "--glob=refs/bisect/good-*"]);
    let mut left: Vec<CommitId> = left.lines().map(|id| id.parse().unwrap()).collect();
    let mut suspects: Vec<CommitId> = search.suspects().cloned().collect();
    assert!(!search.contradictions().is_empty());
    left.sort();
    suspects.sort();
    assert_eq!(left, suspects);
}

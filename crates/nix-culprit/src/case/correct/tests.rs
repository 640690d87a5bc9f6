//! Corrections over the sample's real histories, with a Nix that knows what helps.

use std::collections::BTreeMap;

use nix_culprit_core::bisect::{Goal, Mode as Order};
use nix_culprit_core::correct::{Action, Before, Keeping, Proof, Reach, Step};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::Class;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_sample::{Options, Sample, State as Does, generate};

use super::super::fake::{FakeNix, Truth, out_of_memory, path, revision, run};
use super::super::settings::{Confirmation, Explaining, Fetching, MemoryFrom, ReadSets, Root, Scope, Wanted};
use super::*;
use crate::sys::git::{Git, Repository};
use crate::sys::interrupt::Interrupt;

/// The sample, and what is true of it.
struct World {
    folder: tempfile::TempDir,
    sample: Sample,
    truth: BTreeMap<CommitId, Does>,
    /// The commits of the overlay, newest first.
    overlay: Vec<CommitId>,
    git: Git,
    failing: Failing,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { commits: 60, ..Options::default() };
        let sample = generate(&folder.path().join("sample"), &options).unwrap();
        let truth = sample.truth.iter().map(|(commit, does)| (commit.parse().unwrap(), *does)).collect();
        let git = Git::new("git", &Interrupt::new()).unwrap();
        let overlay = Repository::open(&git, &sample.overlay).unwrap();
        let tip = overlay.head().unwrap().unwrap();
        let overlay = overlay.history(&[], &tip).unwrap().into_iter().map(|(commit, _)| commit).collect();
        let lock = Lock::parse(&std::fs::read_to_string(sample.app.join("flake.lock")).unwrap()).unwrap();
        let failing = Failing { lock, good: None, mode: Mode::Fast };
        Self { folder, sample, truth, overlay, git, failing }
    }

    fn is_repaired(&self, lock: &Lock) -> bool {
        let position = |wanted: &str| self.overlay.iter().position(|commit| commit.as_str() == wanted).unwrap();
        position(revision(lock, "overlay").as_str()) <= position(&self.sample.overlay_fixed)
    }

    /// What the sample really does.
    fn truth(&self, lock: &Lock) -> Truth {
        match self.truth.get(&revision(lock, "pkgs")) {
            Some(Does::Good) => Truth::Good,
            Some(Does::Bad) if self.is_repaired(lock) => Truth::Good,
            Some(Does::Bad) => Truth::Bad,
            Some(Does::Broken) => Truth::Broken("undefined variable 'maintainers'"),
            // The only commit that was not made with the sample is the one without the culprit.
            None => Truth::Good,
        }
    }

    fn settings(&self, correcting: Correcting) -> Settings {
        Settings {
            flake: self.sample.app.clone(),
            root: Root::Flake,
            attr: None,
            system: None,
            scope: Scope::Input { input: path("pkgs"), good: None, bad: None, goal: Goal::FirstBad },
            mode: Order::Full,
            memory: Bytes(512 << 20),
            memory_from: MemoryFrom::User,
            search_memory: None,
            time: Duration::from_secs(600),
            search_time: None,
            criterion: None,
            script: Vec::new(),
            confirmation: Confirmation::Wanted,
            fetching: Fetching::WhereNeeded,
            read_sets: ReadSets::Used,
            jumps: Wanted::One,
            matrix: None,
            jobs: None,
            cache: None,
            explanation: Explaining::Unwanted,
            explained_by: None,
            correcting,
            extract: None,
            repositories: BTreeMap::new(),
            clones: "/nowhere".into(),
            nix: "nix".into(),
            nix_good: None,
            git: "git".into(),
        }
    }

    fn facts(&self) -> Facts {
        let commit = self.sample.culprit_parent.parse().unwrap();
        Facts {
            keep: vec![Keeping { input: path("pkgs"), commit, before: Before::Culprit }],
            culprits: vec![(path("pkgs"), self.sample.culprit.parse().unwrap())],
            owners: vec![path("overlay"), path("pkgs")],
            inputs: self.failing.inputs(),
        }
    }

    fn correct(&self, nix: &mut FakeNix<'_>, correcting: Correcting, limit: Option<Duration>) -> Tried {
        let settings = self.settings(correcting);
        let mut clones = Clones::new(self.git.clone(), BTreeMap::new(), "/nowhere".into());
        let case = tempfile::tempdir_in(self.folder.path()).unwrap();
        let work = |prober: &mut Prober<'_>| {
            let mut work = Work {
                settings: &settings,
                clones: &mut clones,
                git: self.git.clone(),
                folder: case.path(),
                failing: &self.failing,
                allowed: Allowance { memory: Bytes(400 << 20), time: None, heap: None },
                fails_after: Duration::from_secs(7),
                until: limit.map(|limit| (Instant::now() + limit, limit)),
            };
            correct(prober, &mut work, &self.facts())
        };
        run(case.path(), nix, Some(out_of_memory()), work).0
    }
}

#[test]
fn the_repair_of_another_input_goes_before_staying_at_the_culprits_parent() {
    let world = World::new();
    let mut nix = FakeNix::new(|lock, _| world.truth(lock));
    let Tried { corrections, ended, .. } = world.correct(&mut nix, Correcting::All, None);
    assert!(ended.is_none());
    let [repair, keep, revert] = corrections.works.as_slice() else { panic!("{corrections:#?}") };
    let Action::Forward { input, to, reach: Reach::First } = &repair.action else { panic!("{repair:#?}") };
    assert_eq!((input, to.revision.as_str()), (&path("overlay"), world.sample.overlay_fixed.as_str()));
    assert_eq!(to.title, "overrides: leave the bootstrap packages alone");
    let url = format!("file://{}", world.sample.overlay.display());
    let command = format!("nix flake lock --override-input overlay 'git+{url}?ref=main&rev={}'", to.revision);
    assert_eq!(repair.steps, [Step::Command { command }]);
    assert!(matches!(&repair.proof, Proof::Own { command, .. } if command.starts_with("nix eval --raw .#")));
    let Action::Keep { to, .. } = &keep.action else { panic!("{keep:#?}") };
    assert_eq!(to.revision.as_str(), world.sample.culprit_parent);
    assert!(matches!(revert.action, Action::Revert { .. }), "{revert:#?}");
    // What does not help and what could not be tried is told.
    let failed: Vec<_> = corrections.failed.iter().map(|failed| failed.what.as_str()).collect();
    assert!(failed.len() == 1 && failed[0].starts_with("move tools on") || failed.is_empty(), "{failed:?}");
    let untried: Vec<_> = corrections.untried.iter().map(|untried| untried.what.as_str()).collect();
    assert!(untried.contains(&"move systems on"), "{untried:?}");
    assert_eq!(corrections.evaluations, nix.asked.len());
}

#[test]
fn where_nothing_helps_it_says_what_was_tried() {
    let world = World::new();
    let mut nix = FakeNix::new(|_, _| Truth::Bad);
    let Tried { corrections, ended, .. } = world.correct(&mut nix, Correcting::All, None);
    assert!(ended.is_none() && corrections.works.is_empty(), "{corrections:#?}");
    let failed: Vec<_> = corrections.failed.iter().map(|failed| (failed.what.clone(), failed.why.clone())).collect();
    assert!(failed[0].0.starts_with("keep pkgs at"), "{failed:?}");
    assert_eq!(failed[0].1, "by the user's own command it ends in: out of memory");
    assert!(failed[1].0.starts_with("move overlay on to"), "{failed:?}");
    assert_eq!(failed[1].1, "out of memory, at 512 MiB");
}

#[test]
fn the_users_own_command_has_the_last_word() {
    let world = World::new();
    let rule = |lock: &Lock, mode| match mode {
        Mode::Fast => world.truth(lock),
        Mode::Pure | Mode::Faithful => Truth::Broken("not so"),
    };
    let Tried { corrections, .. } = world.correct(&mut FakeNix::new(rule), Correcting::All, None);
    assert!(corrections.works.is_empty(), "{corrections:#?}");
    // That the network is down says nothing, and the fast probe stands.
    let offline = |lock: &Lock, mode| match mode {
        Mode::Fast => world.truth(lock),
        Mode::Pure | Mode::Faithful => Truth::Ends(Class::FetchFailure),
    };
    let Tried { corrections, .. } = world.correct(&mut FakeNix::new(offline), Correcting::All, None);
    assert_eq!(corrections.works.len(), 3, "{corrections:#?}");
    assert!(corrections.works.iter().all(|correction| matches!(correction.proof, Proof::Fast { .. })));
}

#[test]
fn when_the_time_is_over_nothing_new_is_begun() {
    let world = World::new();
    let mut nix = FakeNix::new(|lock, _| world.truth(lock));
    let Tried { corrections, ended, .. } = world.correct(&mut nix, Correcting::Quick, Some(Duration::ZERO));
    assert!(ended.is_none() && nix.asked.is_empty() && corrections.works.is_empty());
    assert!(corrections.untried.iter().all(|untried| untried.why.contains("were over")), "{corrections:#?}");
    // Where a search does not fit in, the newest commit stands.
    let Tried { corrections, .. } = world.correct(&mut nix, Correcting::Quick, Some(Duration::from_secs(10)));
    let Action::Forward { reach: Reach::Newest, to, .. } = &corrections.works[0].action else {
        panic!("{corrections:#?}")
    };
    assert_eq!(to.revision, world.overlay[0]);
}

#[test]
fn what_breaks_down_ends_the_rest_and_keeps_what_is_known() {
    let world = World::new();
    let mut nix = FakeNix { strength: 1, ..FakeNix::new(|lock, _| world.truth(lock)) };
    let Tried { corrections, ended, .. } = world.correct(&mut nix, Correcting::All, None);
    assert_eq!(corrections.works.len(), 1, "{corrections:#?}");
    assert!(ended.is_none());
    assert!(corrections.untried.iter().any(|untried| untried.why.contains("the machine broke down")));
}

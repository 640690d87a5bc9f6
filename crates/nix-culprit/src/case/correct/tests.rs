//! Corrections over the sample's real histories, with a Nix that knows what helps.

use std::collections::BTreeMap;

use nix_culprit_core::bisect::{Goal, Mode as Order};
use nix_culprit_core::correct::{
    Action, Before, Keeping, NixAtHand, Permission, Proof, PullRequests, Reach, Refusal, Step,
};
use nix_culprit_core::event::{Mode, Purpose};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::Class;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::report::model::Subject;
use nix_culprit_sample::{Options, Sample, State as Does, generate};

use super::super::fake::{FakeNix, Truth, assign, commit, out_of_memory, path, revision, run};
use super::super::journal::Journal;
use super::super::other_nix::{Other, OtherNix};
use super::super::prober::{Question, Round};
use super::super::settings::{Confirmation, Explaining, Fetching, MemoryFrom, ReadSets, Root, Scope, Wanted};
use super::proof::{Own, by_own_command};
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
            pin: None,
            pull_requests: PullRequests::Unused,
            nix_good: None,
            other_nix: Vec::new(),
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
            ..Facts::default()
        }
    }

    fn correct(&self, nix: &mut FakeNix<'_>, correcting: Correcting, limit: Option<Duration>) -> Tried {
        self.correct_with(nix, correcting, limit, (&self.facts(), &|_| panic!("nobody else is to be asked")))
    }

    /// As [`World::correct`], with facts, and evaluators that are not the case's own.
    fn correct_with(
        &self,
        nix: &mut FakeNix<'_>,
        correcting: Correcting,
        limit: Option<Duration>,
        (facts, others): (&Facts, &MakeOther<'_>),
    ) -> Tried {
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
                flake: None,
                allowed: Allowance { memory: Bytes(400 << 20), time: None, heap: None },
                others,
                elsewhere: 0,
                fails_after: Duration::from_secs(7),
                until: limit.map(|limit| (Instant::now() + limit, limit)),
            };
            correct(prober, &mut work, facts)
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
fn what_fails_at_its_store_paths_is_fetched_only_if_that_may_matter() {
    let world = World::new();
    let settings = world.settings(Correcting::All);
    let asked = |truth: Truth| {
        let (folder, assignment) = (tempfile::tempdir().unwrap(), assign(&commit(1)).unwrap());
        let rule = move |_: &Lock, mode| if mode == Mode::Pure { truth.clone() } else { Truth::Good };
        let mut nix = FakeNix { pure: Some(|_| true), ..FakeNix::new(rule) };
        let question = Question {
            purpose: Purpose { words: "a correction".to_owned(), commit: None },
            subject: Subject::BadLock,
            assignment: &assignment,
            mode: Mode::Pure,
            round: Round::Run,
            remaining: None,
        };
        let ask = |prober: &mut Prober<'_>| by_own_command(prober, &settings, &question).unwrap();
        let (own, _) = run(folder.path(), &mut nix, Some(out_of_memory()), ask);
        (matches!(own, Own::Good(..)), nix.asked.into_iter().map(|(mode, _)| mode).collect::<Vec<_>>())
    };
    assert_eq!(asked(Truth::Bad), (false, vec![Mode::Pure]));
    assert_eq!(asked(Truth::Broken("not so")), (false, vec![Mode::Pure]));
    assert_eq!(asked(Truth::Good), (true, vec![Mode::Pure]));
    assert_eq!(asked(Truth::Ends(Class::FetchFailure)), (true, vec![Mode::Pure, Mode::Faithful]));
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

/// Makes evaluators by a rule on who is asked, each with a journal of its own.
fn others<'a>(folder: &'a Path, rule: impl Fn(&Other) -> Truth + 'a) -> Box<MakeOther<'a>> {
    Box::new(move |other| {
        let journal = Journal::open(&tempfile::NamedTempFile::new_in(folder).unwrap().into_temp_path()).unwrap();
        let truth = rule(other);
        Ok(OtherNix::new("Nix 2.0.0", FakeNix::new(move |_, _| truth.clone()), journal))
    })
}

#[test]
fn another_nix_helps_only_if_it_was_seen_to() {
    let world = World::new();
    let at_hand =
        |version: &str| NixAtHand { version: format!("Nix {version}"), program: format!("/{version}/bin/nix").into() };
    let facts = Facts { nix: ["2.8.0", "2.34.8"].map(at_hand).to_vec(), ..Facts::default() };
    let rule = |other: &Other| match other {
        Other::Program(program) if program.starts_with("/2.34.8") => Truth::Good,
        Other::Program(_) => Truth::Bad,
        Other::Allowing(_) => panic!("nothing is refused"),
    };
    let others = others(world.folder.path(), rule);
    let mut nix = FakeNix::new(|_, _| Truth::Bad);
    let Tried { corrections, locks, .. } = world.correct_with(&mut nix, Correcting::All, None, (&facts, &*others));
    let [works] = corrections.works.as_slice() else { panic!("{corrections:#?}") };
    let action = Action::Nix { version: "Nix 2.34.8".to_owned(), program: "/2.34.8/bin/nix".to_owned() };
    assert_eq!((&works.action, locks[0].as_ref()), (&action, None));
    assert!(
        matches!(&works.proof, Proof::Own { command, .. } if command.starts_with("/2.34.8/bin/nix eval --raw .#")),
        "{works:#?}"
    );
    assert_eq!(corrections.failed[0].what, "use Nix 2.8.0 (/2.8.0/bin/nix)");
    assert!(nix.asked.is_empty(), "the user's own Nix is not asked: {:?}", nix.asked);
    assert_eq!(corrections.evaluations, 2);
}

#[test]
fn what_is_refused_behind_a_refusal_is_allowed_too_and_told() {
    let world = World::new();
    let unfree = "Package ‘steam-1.0’ in /x.nix:1 has an unfree license (‘unfree’), refusing to evaluate.";
    let insecure = "Refusing to evaluate package 'ssl-1.1' in /x.nix:1 because it is marked as insecure";
    let facts = Facts { refusal: Refusal::of(&Truth::Refused(unfree).observation().outcome), ..Facts::default() };
    let rule = |other: &Other| match other {
        Other::Allowing(given) if given == &[Permission::Unfree] => Truth::Refused(insecure),
        Other::Allowing(given) if given == &[Permission::Unfree, Permission::Insecure] => Truth::Good,
        Other::Allowing(_) | Other::Program(_) => panic!("{other:?} was not asked for"),
    };
    let make = others(world.folder.path(), rule);
    let mut nix = FakeNix::new(|_, _| Truth::Refused(unfree));
    let Tried { corrections, .. } = world.correct_with(&mut nix, Correcting::All, None, (&facts, &*make));
    let [works] = corrections.works.as_slice() else { panic!("{corrections:#?}") };
    let setting = "NIXPKGS_ALLOW_UNFREE=1 NIXPKGS_ALLOW_INSECURE=1".to_owned();
    assert_eq!(works.action, Action::Allow { setting: setting.clone() });
    let Proof::Own { command, .. } = &works.proof else { panic!("{works:#?}") };
    assert!(command.starts_with(&format!("{setting} nix eval --impure --raw .#")), "{command}");
    let steps: Vec<_> =
        works.steps.iter().filter_map(|step| if let Step::Do { what } = step { Some(what) } else { None }).collect();
    assert!(steps[0].ends_with("in the environment, and with --impure."), "{steps:?}");
    assert!(steps[1].contains("allowUnfreePredicate") && steps[1].contains("[ \"steam\" ]"), "{steps:?}");
    assert!(steps[2].contains("permittedInsecurePackages = [ \"ssl-1.1\" ]"), "{steps:?}");
    assert!(works.notes.iter().any(|note| note.contains("known vulnerabilities; they stay")), "{works:#?}");

    // Where it is refused in spite of the variable, that is no help, and not asked again.
    let make = others(world.folder.path(), |_| Truth::Refused(unfree));
    let Tried { corrections, .. } = world.correct_with(&mut nix, Correcting::All, None, (&facts, &*make));
    assert!(corrections.works.is_empty() && corrections.evaluations == 1, "{corrections:#?}");
    assert_eq!(corrections.failed[0].what, "allow it: NIXPKGS_ALLOW_UNFREE=1");
}

#[test]
fn what_takes_code_to_allow_is_told_and_not_tried() {
    let world = World::new();
    let refuses = |message: &'static str| {
        let facts = Facts { refusal: Refusal::of(&Truth::Refused(message).observation().outcome), ..Facts::default() };
        let mut nix = FakeNix::new(|_, _| Truth::Refused(message));
        let others = |_: &Other| panic!("nobody else is to be asked");
        let Tried { corrections, .. } = world.correct_with(&mut nix, Correcting::All, None, (&facts, &others));
        assert!(corrections.works.is_empty() && corrections.failed.is_empty(), "{corrections:#?}");
        corrections.untried.into_iter().map(|untried| (untried.what, untried.why)).collect::<Vec<_>>()
    };
    let said = refuses(
        "Refusing to evaluate package 'x-1' in /x.nix:1 because it has problems: - old (kind \"removal\"): Gone. See also y",
    );
    let code = "that takes code, where nixpkgs is imported: config.problems.handlers.\"x\".\"old\" = \"warn\";";
    assert_eq!(said, [("allow x-1".to_owned(), code.to_owned())]);
    let said = refuses("Package ‘x-1’ in /x.nix:1 has a blocklisted license (‘y’), refusing to evaluate.");
    assert_eq!(said, [("allow x-1".to_owned(), "nixpkgs names no setting that allows it".to_owned())]);
}

#[test]
fn an_input_without_history_is_left_out_with_the_reason() {
    let mut world = World::new();
    let mut lock: serde_json::Value = serde_json::from_str(&world.failing.lock.to_json()).unwrap();
    lock["nodes"]["tools"]["locked"] = serde_json::json!({
        "type": "tarball", "url": "https://example.org/tools.tar.gz", "narHash": format!("sha256-{}=", "A".repeat(43)),
    });
    world.failing.lock = Lock::parse(&lock.to_string()).unwrap();
    let facts = Facts { inputs: vec![path("tools")], pull_requests: PullRequests::Used, ..Facts::default() };
    let mut nix = FakeNix::new(|_, _| Truth::Bad);
    let others = |_: &Other| panic!("nobody else is to be asked");
    let Tried { corrections, ended, .. } = world.correct_with(&mut nix, Correcting::All, None, (&facts, &others));
    assert!(ended.is_none() && nix.asked.is_empty(), "{corrections:#?}");
    let untried: Vec<_> = corrections.untried.iter().map(|one| (one.what.as_str(), one.why.as_str())).collect();
    let [(forward, why), (requests, same)] = untried[..] else { panic!("{untried:?}") };
    assert_eq!((forward, requests), ("move tools on", "pull requests of tools"));
    assert!(why.ends_with("which has no revision") && same == why, "{why}");
}

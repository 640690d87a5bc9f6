//! The way from two locks to a confirmed culprit, over the sample's real history, with a Nix that knows its truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nix_culprit_core::bisect::{Culprit, Goal};
use nix_culprit_core::event::Mode;
use nix_culprit_core::flake::{ChangeKind, Place, Revision};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::isolate::{Difference, Extent};
use nix_culprit_core::report::model::{self, Isolation};
use nix_culprit_sample::{Options, Sample, State as Does, generate};

use super::super::Assignment;
use super::super::ends::{Candidates, verify};
use super::super::evaluator::EvaluatorError;
use super::super::fake::{FakeNix, Truth, path, revision, run};
use super::super::isolate::Culprit as Guilty;
use super::super::isolate::isolate;
use super::super::proof::{Proof, prove};
use super::super::search::Found;
use super::super::search::Range;
use super::super::settings::{Confirmation, MemoryFrom};
use super::*;
use crate::sys::interrupt::Interrupt;

/// The sample, and what is true of it.
struct World {
    sample: Sample,
    truth: BTreeMap<CommitId, Does>,
    git: Git,
    good: Lock,
    bad: Lock,
}

impl World {
    fn new(folder: &Path, options: &Options) -> Self {
        let sample = generate(&folder.join("sample"), options).unwrap();
        let truth = sample.truth.iter().map(|(commit, does)| (commit.parse().unwrap(), *does)).collect();
        let git = Git::new(Path::new("git"), &Interrupt::new()).unwrap();
        let app = Repository::open(&git, &sample.app).unwrap();
        let head = app.head().unwrap().unwrap();
        let committed = app.file_at(&head, "flake.lock".as_ref()).unwrap().unwrap();
        let good = Lock::parse(&String::from_utf8(committed).unwrap()).unwrap();
        let bad = Lock::parse(&fs::read_to_string(sample.app.join("flake.lock")).unwrap()).unwrap();
        Self { sample, truth, git, good, bad }
    }

    fn nix(&self) -> FakeNix<'_> {
        FakeNix::new(|lock, _| match self.truth[&revision(lock, "pkgs")] {
            Does::Good => Truth::Good,
            Does::Bad => Truth::Bad,
            Does::Broken => Truth::Broken("undefined variable 'maintainers'"),
        })
    }

    /// Does what an investigation does, in one run of the program.
    fn find(&self, case: &Path, nix: &mut FakeNix<'_>) -> Result<(Found, model::Confirmation), CaseError> {
        let clones = Clones::new(self.git.clone(), BTreeMap::new(), "/nowhere".into());
        let state = |label: &str, lock: &Lock| State { label: label.to_owned(), lock: lock.clone() };
        let (good, bad) = (state("committed", &self.good), state("updated", &self.bad));
        let candidates = Candidates { count: 1, load: &|_| Ok(Some(good.clone())) };
        let work = |prober: &mut Prober<'_>| {
            let ends =
                verify(prober, &clones, &candidates, &bad, Mode::Fast, MemoryFrom::User, &mut |_, _, _, _, _| Ok(()))?;
            let difference = Difference::between(&self.good, &self.bad);
            let isolated = isolate(prober, &clones, &ends, &difference, &[], Extent::One)?;
            let [Guilty { change, how: Isolation::SufficesAndNeeded, base, .. }] = isolated.culprits.as_slice() else {
                panic!("{isolated:?}")
            };
            assert_eq!(change.path(), &path("pkgs"));
            let ChangeKind::Moved { from, to, place: Place::Same } = &change.kind else { panic!("{change}") };
            let repository = Repository::open(&self.git, &self.sample.pkgs)?;
            let history = CloneHistory { repository: &repository, folder: case, early: None };
            let node = base.resolve(change.path())?;
            let assign = |commit: &CommitId| -> Result<Assignment, CaseError> {
                Ok(clones.assignment(base.with_revision(&node, &Revision::bare(commit))?))
            };
            let range = Range {
                input: change.path(),
                old: from.rev().unwrap(),
                new: to.rev().unwrap(),
                goal: Goal::FirstBad,
                order: nix_culprit_core::bisect::Mode::Full,
                mode: ends.mode,
                guess: None,
                assign: &assign,
            };
            let whole = prober.whole();
            let Proof { found, confirmation, .. } = prove(prober, &history, range, whole, Confirmation::Wanted)?;
            let confirmation = confirmation.unwrap_or_else(|| panic!("{found:?}"));
            Ok((found, confirmation))
        };
        run(case, nix, None, work).0
    }
}

#[test]
fn the_samples_culprit_is_found_wherever_it_lies() {
    let mut culprits = BTreeSet::new();
    for place in 0..24_u32 {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            seed: u64::from(place) + 100,
            commits: 150,
            culprit: Some(f64::from(place) / 24.0),
            ..Options::default()
        };
        let world = World::new(folder.path(), &options);
        let mut nix = world.nix();
        let (found, confirmation) = world.find(folder.path(), &mut nix).unwrap();
        let Culprit::Commit { commit, parents, .. } = &found.finding.culprit else { panic!("{found:?}") };
        assert_eq!(commit.as_str(), world.sample.culprit, "{place}");
        assert_eq!(parents.len(), 1);
        assert_eq!(parents[0].commit.as_str(), world.sample.culprit_parent, "{place}");
        assert!(found.finding.contradictions.is_empty());
        assert!(matches!(confirmation, model::Confirmation::Faithful { .. }), "{place}: {confirmation:?}");
        assert_eq!(nix.distinct(), nix.asked.len(), "{place}: something was evaluated twice");
        culprits.insert(commit.clone());
    }
    assert!(culprits.len() > 20, "the places differ");
}

#[test]
fn an_investigation_that_breaks_down_comes_to_the_same_end() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::new(folder.path(), &Options { commits: 150, ..Options::default() });
    let case = |name: &str| {
        let case = folder.path().join(name);
        fs::create_dir(&case).unwrap();
        case
    };
    let mut at_once = world.nix();
    let expected = world.find(&case("at once"), &mut at_once).unwrap();
    for cut in (0..at_once.asked.len()).step_by(3) {
        let case = case(&format!("cut {cut}"));
        let mut weak = FakeNix { strength: cut, ..world.nix() };
        let error = world.find(&case, &mut weak).unwrap_err();
        assert!(matches!(error, CaseError::Evaluator(EvaluatorError::Machine { .. })), "{error}");
        // A crash in the middle of writing is no worse.
        let journal = case.join("journal.jsonl");
        let mut text = fs::read(&journal).unwrap();
        text.extend(b"{\"at\":17,\"event\":\"probe-fin");
        fs::write(&journal, text).unwrap();
        let mut strong = world.nix();
        let (found, confirmation) = world.find(&case, &mut strong).unwrap();
        assert_eq!((found.finding, &confirmation), (expected.0.finding.clone(), &expected.1));
        let evaluations: Vec<_> = weak.asked.into_iter().chain(strong.asked).collect();
        assert_eq!(evaluations, at_once.asked, "after {cut} evaluations");
    }
}

//! The search that settles probes and weighs commits by what evaluations looked at, against running every commit:
//! over random histories of small trees, and an evaluation that finds its way through them by what it reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nix_culprit_core::bisect::Culprit;
use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::flake::Revision;
use nix_culprit_core::ids::NodeKey;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::read_set::{Changed, Kind, Reads, Use};
use nix_culprit_core::report::Timestamp;
use proptest::prelude::*;

use super::super::evaluator::{Evaluated, Evaluator, EvaluatorError, Settled, Target};
use super::super::fake::{FakeHistory, Told, Truth, commit, lock, number, out_of_memory, path, revision};
use super::super::history::{Ancestry, HistoryError};
use super::super::journal::Journal;
use super::super::kept::{AllKept, Asked, Kept};
use super::super::settings::ReadSets;
use super::super::trees::LookedAt;
use super::*;

const FILES: usize = 6;

/// A number in each file, or no file.
type Tree = [Option<usize>; FILES];

/// The change that a commit makes: which files get what; and, of a merge, from which parent each file comes.
type Edit = (Vec<(usize, Option<usize>)>, Vec<bool>);

#[derive(Debug, Clone)]
struct World {
    history: FakeHistory,
    trees: Vec<Tree>,
}

fn file(at: usize) -> PathBuf {
    PathBuf::from(format!("f{at}"))
}

/// Goes from file to file by the numbers in them; the last number says how it ends.
fn evaluate(tree: &Tree) -> (Truth, Reads) {
    let mut reads = Reads::default();
    let mut at = 0;
    for _ in 0..3 {
        reads.note(&file(at), if tree[at].is_some() { Use::Read } else { Use::Missing });
        at = tree[at].map_or(5, |number| (at + 1 + number) % FILES);
    }
    reads.note(&file(at), if tree[at].is_some() { Use::Found } else { Use::Missing });
    (if tree[at].is_some() { Truth::Good } else { Truth::Bad }, reads)
}

impl World {
    fn new(history: FakeHistory, first: Tree, edits: &[Edit]) -> Self {
        let mut trees = vec![first];
        for (at, (edit, sides)) in (1..history.parents.len()).zip(edits.iter().cycle()) {
            let parents = &history.parents[at];
            let mut tree: Tree = std::array::from_fn(|file| {
                let side = parents[usize::from(sides[file]).min(parents.len() - 1)];
                trees[side][file]
            });
            for (file, number) in edit {
                tree[*file] = *number;
            }
            trees.push(tree);
        }
        Self { history, trees }
    }

    fn is_bad(&self, at: usize) -> bool {
        evaluate(&self.trees[at]).0 == Truth::Bad
    }

    fn changes(&self, before: usize, after: usize) -> Vec<Changed> {
        let (before, after) = (&self.trees[before], &self.trees[after]);
        let differing = (0..FILES).filter(|at| before[*at] != after[*at]);
        let kind = |number: Option<usize>| number.map(|_| Kind::File);
        differing.map(|at| Changed { path: file(at), before: kind(before[at]), after: kind(after[at]) }).collect()
    }

    /// The commits that are bad and have no bad parent, by running every commit.
    fn first_bad(&self, old: usize, new: usize) -> Vec<usize> {
        let range = self.history.range(old, new);
        range
            .into_iter()
            .filter(|&at| self.is_bad(at) && self.history.parents[at].iter().all(|parent| !self.is_bad(*parent)))
            .collect()
    }
}

impl History for World {
    fn between(&self, good: &CommitId, bad: &CommitId) -> Result<Vec<Ancestry>, HistoryError> {
        self.history.between(good, bad)
    }

    fn merge_base(&self, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>, HistoryError> {
        self.history.merge_base(one, other)
    }

    fn date(&self, commit: &CommitId) -> Result<Timestamp, HistoryError> {
        self.history.date(commit)
    }

    fn title(&self, commit: &CommitId) -> Result<String, HistoryError> {
        self.history.title(commit)
    }

    fn changed_paths(&self, commits: &[CommitId]) -> Result<Option<ChangedPaths>, HistoryError> {
        let mut changed = ChangedPaths::default();
        for id in commits {
            let at = number(id);
            let of_each: Vec<Vec<Changed>> =
                self.history.parents[at].iter().map(|parent| self.changes(*parent, at)).collect();
            let (first, others) = of_each.split_first().unwrap();
            let in_all = |change: &&Changed| others.iter().all(|other| other.iter().any(|o| o.path == change.path));
            changed.push(id.clone(), first.iter().filter(in_all).cloned());
        }
        Ok(Some(changed))
    }
}

fn assign(commit: &CommitId) -> Result<Assignment, CaseError> {
    let key = NodeKey("pkgs".to_owned());
    let lock = lock("pkgs other=7").with_revision(&key, &Revision::bare(commit))?;
    Ok(Assignment { lock, clones: BTreeMap::from([(key, PathBuf::from("/clone"))]), flake: None })
}

/// Evaluates the trees of a world, and keeps what it looked at.
struct Pure<'a> {
    world: &'a World,
    kept: AllKept,
    ran: Vec<usize>,
}

impl Evaluator for Pure<'_> {
    fn evaluate(
        &mut self,
        assignment: &Assignment,
        mode: Mode,
        target: &Target,
        memory: Bytes,
    ) -> Result<Evaluated, EvaluatorError> {
        let commit = revision(&assignment.lock, "pkgs");
        self.ran.push(number(&commit));
        let (truth, reads) = evaluate(&self.world.trees[number(&commit)]);
        let observation = truth.observation();
        let looked_at = BTreeMap::from([(NodeKey("pkgs".to_owned()), LookedAt { commit, reads })]);
        let (asked, _) = Asked::of(assignment, target).unwrap();
        self.kept.keep(Kept { asked, memory, looked_at, observation: observation.clone(), mode });
        Ok(Evaluated { observation, attr: None, repeatable: true })
    }

    fn settled(&mut self, assignment: &Assignment, _: Mode, target: &Target, memory: Bytes) -> Option<Settled> {
        let asked = Asked::of(assignment, target)?;
        self.kept.settle(&asked, memory, |_, seen, commit| {
            seen.reads.hold_after(&self.world.changes(number(&seen.commit), number(commit)))
        })
    }

    fn reads(&self, clone: &Path, commit: &CommitId) -> Option<Reads> {
        self.kept.reads(clone, commit).cloned()
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    prop::array::uniform6(prop::option::weighted(0.8, 0..4_usize))
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop::collection::vec((0..FILES, prop::option::weighted(0.7, 0..4_usize)), 0..2);
    prop::collection::vec((edit, prop::collection::vec(any::<bool>(), FILES)), 1..40)
}

/// Searches as an investigation does, after the ends were probed; returns what was found, told and run.
fn find(world: &World, old: usize, new: usize, read_sets: ReadSets) -> (Found, Told, Vec<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
    let mut told = Told::default();
    let mut pure = Pure { world, kept: AllKept::default(), ran: Vec::new() };
    let target = Target::Attr("x".parse().unwrap(), super::super::evaluator::Yields::Derivation);
    let memory = Bytes(1 << 30);
    let mut prober = Prober::new(&mut pure, &mut journal, &mut told, target, Some(out_of_memory()), memory);
    prober.use_read_sets(read_sets);
    let input = path("pkgs");
    let range = Range {
        input: &input,
        old: commit(old),
        new: commit(new),
        goal: Goal::FirstBad,
        order: Order::Full,
        mode: Mode::Fast,
        guess: None,
        assign: &assign,
    };
    for end in [&range.old, &range.new] {
        probe_commit(&mut prober, world, &range, end, Round::Run, None).unwrap();
    }
    let found = search(&mut prober, world, &range).unwrap();
    drop(prober);
    (found, told, pure.ran)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn read_sets_lead_to_what_running_every_commit_finds(
        history in tests::histories(),
        first in trees(),
        edits in edits(),
        is_line in any::<bool>(),
    ) {
        let history = if is_line { FakeHistory::linear(history.parents.len()) } else { history };
        let world = World::new(history, first, &edits);
        let bad = (1..world.trees.len()).rev().find(|&at| world.is_bad(at) && world.history.contains(at, 0));
        prop_assume!(!world.is_bad(0) && bad.is_some());
        let new = bad.unwrap();
        let (found, told, ran) = find(&world, 0, new, ReadSets::Used);

        // Whatever was not run was told right.
        let mut purpose = None;
        for event in &told.0 {
            if let Event::Judged { purpose: Purpose { commit: Some(commit), .. }, verdict } = event {
                purpose = Some(commit);
                prop_assert_eq!(*verdict == Verdict::Bad, world.is_bad(number(commit)));
            }
        }
        prop_assert!(purpose.is_some());
        let Culprit::Commit { commit: culprit, parents, .. } = &found.finding.culprit else { panic!("{found:?}") };
        let culprit = number(culprit);
        prop_assert!(world.is_bad(culprit));
        for parent in parents {
            let parent = number(&parent.commit);
            let later_good = (0..=new).any(|at| world.history.contains(at, parent) && !world.is_bad(at));
            prop_assert!(later_good, "{culprit} has the bad parent {parent}");
        }

        // With one change in the range, it is that one, and wrong guesses cost what they may.
        let range = world.history.range(0, new);
        let firsts = world.first_bad(0, new);
        let lasting = |at: &usize| world.is_bad(*at) == world.history.contains(*at, firsts[0]);
        if firsts.len() == 1 && range.iter().all(lasting) {
            prop_assert_eq!(culprit, firsts[0]);
            let probes = ran.len() - 2;
            let plain = range.len().next_power_of_two().ilog2() as usize;
            prop_assert!(!is_line || probes <= plain + 3, "{probes} probes, plain halving at most {plain}");
        }
    }
}

#[test]
fn of_a_thousand_commits_only_those_that_matter_are_run() {
    // All but four commits change a file that the evaluation never reads.
    let mut tree: Tree = [Some(1), Some(0), Some(0), Some(1), None, Some(0)];
    let mut trees = vec![tree];
    for at in 1..1000 {
        match at {
            // The number in f0 leads to f2, that to f3, and that to the file that has to be there.
            150 => tree[3] = Some(2),
            400 => tree[3] = Some(1),
            650 => tree[3] = Some(0),
            900 => tree[5] = None,
            _ => tree[1] = Some(at),
        }
        trees.push(tree);
    }
    let world = World { history: FakeHistory::linear(1000), trees };
    assert_eq!(world.first_bad(0, 999), [650]);
    let (found, _, ran) = find(&world, 0, 999, ReadSets::Used);
    let Culprit::Commit { commit, .. } = &found.finding.culprit else { panic!("{found:?}") };
    assert_eq!(number(commit), 650);
    assert!(ran.len() - 2 <= 4, "{ran:?}");
    assert!(find(&world, 0, 999, ReadSets::Unused).2.len() - 2 >= 9);
}

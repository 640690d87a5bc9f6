//! Stand-ins for the tests of the loops: a Nix that knows the truth, a history in memory, locks in a few words.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::counters::Counters;
use nix_culprit_core::event::{Event, EventSink, Mode};
use nix_culprit_core::flake::{Lock, Revision};
use nix_culprit_core::ids::{CommitId, InputPath, NodeKey};
use nix_culprit_core::outcome::{Class, Criterion, End, Kill, Observation, Outcome, Signature};
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::report::Timestamp;
use serde_json::{Map, json};

use super::clones::Clones;
use super::evaluator::{Evaluated, Evaluator, EvaluatorError, OwnWay, Settled, Target, Yields};
use super::history::{Ancestry, History, HistoryError};
use super::journal::Journal;
use super::kept::is_repeatable;
use super::prober::Prober;
use super::{Assignment, CaseError};
use crate::sys::git::Git;
use crate::sys::interrupt::Interrupt;

/// What an evaluation comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Truth {
    /// It succeeds.
    Good,
    /// It runs out of memory.
    Bad,
    /// It fails with this message, which has nothing to do with what is searched for.
    Broken(&'static str),
    /// It ends in this way.
    Ends(Class),
    /// Nixpkgs refuses a package in these words.
    Refused(&'static str),
    /// It exits with this status, as a script does.
    Exits(i32),
    /// It succeeds with so many thunks, and so many MiB.
    Weighs(u64, u64),
}

impl Truth {
    pub(super) fn observation(&self) -> Observation {
        let (class, message, peak, wall) = match self {
            Self::Good => (Class::Success, None, 300, 2),
            Self::Bad => (Class::OutOfMemory, None, 512, 7),
            Self::Broken(message) => (Class::EvaluationError, Some((*message).to_owned()), 80, 1),
            Self::Ends(class) => (*class, Some(format!("it ended in {class}")), 50, 1),
            Self::Refused(message) => (Class::Refused, Some((*message).to_owned()), 50, 1),
            Self::Exits(_) => (Class::EvaluationError, None, 50, 1),
            Self::Weighs(_, mib) => (Class::Success, None, *mib, 2),
        };
        let failed = match self {
            Self::Exits(status) => *status,
            Self::Good | Self::Bad | Self::Broken(_) | Self::Ends(_) | Self::Refused(_) | Self::Weighs(..) => 1,
        };
        Observation {
            outcome: Outcome { class, message, position: None },
            end: if class == Class::Success { End::Exited(0) } else { End::Exited(failed) },
            peak: Bytes(peak << 20),
            wall: Duration::from_secs(wall),
            cpu: Some(Duration::from_secs(wall)),
            counters: match self {
                Self::Weighs(thunks, _) => Some(Counters::from_iter([("nrThunks".parse().unwrap(), *thunks)])),
                Self::Good | Self::Bad | Self::Broken(_) | Self::Ends(_) | Self::Refused(_) | Self::Exits(_) => None,
            },
            curve: vec![Bytes(1 << 20), Bytes(peak << 20)],
            drv_path: (class == Class::Success).then(|| "/nix/store/x-shell.drv".parse().unwrap()),
        }
    }
}

/// The criterion that a bad end in [`Truth::Bad`] settles.
pub(super) fn out_of_memory() -> Criterion {
    Criterion::SameSignature(Signature::of(&Truth::Bad.observation().outcome, &[]))
}

/// Tells which two commits of `pkgs` look alike to an evaluation.
type Alike<'a> = Box<dyn Fn(usize, usize) -> bool + 'a>;

type Rule<'a> = Box<dyn Fn(&Lock, Mode) -> Truth + 'a>;

/// Evaluates by a rule, and remembers what it was asked.
pub(super) struct FakeNix<'a> {
    pub(super) rule: Rule<'a>,
    pub(super) asked: Vec<(Mode, Lock)>,
    /// What each evaluation might use of memory.
    pub(super) budgets: Vec<Bytes>,
    /// What each evaluation might use of time, if less than the whole.
    pub(super) times: Vec<Option<Duration>>,
    pub(super) time: Option<Duration>,
    /// Which commits of `pkgs` seem bad in less than the whole time, if any do.
    pub(super) slow: Option<Box<dyn Fn(usize) -> bool + 'a>>,
    /// Which commits of `pkgs` run out of so much memory whatever the rule says, if any do.
    pub(super) heavy: Option<Box<dyn Fn(usize, Bytes) -> bool + 'a>>,
    /// After how many evaluations the machine breaks down.
    pub(super) strength: usize,
    /// Why the user's own command cannot be run, if it cannot.
    pub(super) lacks: Option<&'static str>,
    /// Whether the inputs of a commit of `pkgs` can be shown at their store paths; none can by default.
    pub(super) pure: Option<fn(usize) -> bool>,
    /// Which commits look alike; none do by default.
    pub(super) alike: Option<Alike<'a>>,
}

impl<'a> FakeNix<'a> {
    pub(super) fn new(rule: impl Fn(&Lock, Mode) -> Truth + 'a) -> Self {
        Self {
            rule: Box::new(rule),
            asked: Vec::new(),
            budgets: Vec::new(),
            times: Vec::new(),
            time: None,
            slow: None,
            heavy: None,
            strength: usize::MAX,
            lacks: None,
            pure: None,
            alike: None,
        }
    }

    /// Evaluates by the revision of the input `pkgs`.
    pub(super) fn of_commits(rule: impl Fn(usize) -> Truth + 'a) -> Self {
        Self::new(move |lock, _| rule(number(&revision(lock, "pkgs"))))
    }

    /// Returns how many different evaluations were asked for.
    pub(super) fn distinct(&self) -> usize {
        let asked: BTreeSet<_> = self.asked.iter().map(|(mode, lock)| (*mode, lock.to_json())).collect();
        asked.len()
    }
}

impl Evaluator for FakeNix<'_> {
    fn evaluate(
        &mut self,
        assignment: &Assignment,
        mode: Mode,
        _: &Target,
        memory: Bytes,
    ) -> Result<Evaluated, EvaluatorError> {
        if self.asked.len() >= self.strength {
            return Err(EvaluatorError::machine("evaluate", "the machine broke down"));
        }
        self.asked.push((mode, assignment.lock.clone()));
        self.budgets.push(memory);
        self.times.push(self.time);
        let at = || number(&revision(&assignment.lock, "pkgs"));
        let is_slow = self.time.is_some() && self.slow.as_ref().is_some_and(|slow| slow(at()));
        let is_heavy = self.heavy.as_ref().is_some_and(|heavy| heavy(at(), memory));
        let truth = if is_slow || is_heavy { Truth::Bad } else { (self.rule)(&assignment.lock, mode) };
        let observation = truth.observation();
        let class = observation.outcome.class;
        let repeatable = is_repeatable(class, (class == Class::OutOfMemory).then_some(Kill::Memory));
        Ok(Evaluated { observation, attr: None, repeatable })
    }

    fn settled(&mut self, assignment: &Assignment, mode: Mode, _: &Target, _: Bytes) -> Option<Settled> {
        let alike = self.alike.as_ref()?;
        let wanted = number(&revision(&assignment.lock, "pkgs"));
        let asked = self.asked.iter().filter(|(ran, _)| mode == Mode::Fast && *ran == mode);
        let mut seen = asked.map(|(_, lock)| (lock, revision(lock, "pkgs")));
        let (lock, by) = seen.find(|(_, commit)| alike(number(commit), wanted))?;
        Some(Settled { by, observation: (self.rule)(lock, mode).observation() })
    }

    fn own_way(&mut self, assignment: &Assignment) -> OwnWay {
        let Some(pure) = self.pure else { return OwnWay::Faithful { why: None } };
        match pure(number(&revision(&assignment.lock, "pkgs"))) {
            true => OwnWay::Pure,
            false => OwnWay::Faithful { why: Some("it is not known".to_owned()) },
        }
    }

    fn limit_time(&mut self, time: Option<Duration>) {
        self.time = time;
    }

    fn lacks(&self, mode: Mode) -> Option<String> {
        self.lacks.filter(|_| mode == Mode::Faithful).map(str::to_owned)
    }
}

/// A history by numbers; parents have lower numbers than their children.
#[derive(Debug, Clone)]
pub(super) struct FakeHistory {
    pub(super) parents: Vec<Vec<usize>>,
    /// By commit: itself and all its ancestors.
    before: Vec<BTreeSet<usize>>,
}

impl FakeHistory {
    pub(super) fn new(parents: Vec<Vec<usize>>) -> Self {
        let mut before: Vec<BTreeSet<usize>> = Vec::new();
        for (at, above) in parents.iter().enumerate() {
            let own = above.iter().flat_map(|parent| before[*parent].iter().copied()).chain([at]).collect();
            before.push(own);
        }
        Self { parents, before }
    }

    pub(super) fn linear(count: usize) -> Self {
        Self::new((0..count).map(|at| at.checked_sub(1).into_iter().collect()).collect())
    }

    /// Tells whether `later` is or contains `earlier`.
    pub(super) fn contains(&self, later: usize, earlier: usize) -> bool {
        self.before[later].contains(&earlier)
    }

    pub(super) fn tip(&self) -> usize {
        self.parents.len() - 1
    }

    /// Returns what `new` has and `old` has not.
    pub(super) fn range(&self, old: usize, new: usize) -> Vec<usize> {
        self.before[new].difference(&self.before[old]).copied().collect()
    }

    pub(super) fn bases(&self, one: usize, other: usize) -> Vec<usize> {
        let common: BTreeSet<usize> = self.before[one].intersection(&self.before[other]).copied().collect();
        let best = |at: &usize| common.iter().all(|other| other == at || !self.contains(*other, *at));
        common.iter().copied().filter(best).collect()
    }
}

impl History for FakeHistory {
    fn between(&self, good: &CommitId, bad: &CommitId) -> Result<Vec<Ancestry>, HistoryError> {
        let named = |at: &usize| (commit(*at), self.parents[*at].iter().map(|parent| commit(*parent)).collect());
        Ok(self.range(number(good), number(bad)).iter().rev().map(named).collect())
    }

    fn merge_base(&self, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>, HistoryError> {
        Ok(self.bases(number(one), number(other)).first().map(|at| commit(*at)))
    }

    fn date(&self, commit: &CommitId) -> Result<Timestamp, HistoryError> {
        Ok(Timestamp::from_unix(i64::try_from(number(commit)).unwrap() * 3600))
    }

    fn title(&self, commit: &CommitId) -> Result<String, HistoryError> {
        Ok(format!("change {}", number(commit)))
    }
}

/// The commit of this number; the hashes are in no order.
pub(super) fn commit(number: usize) -> CommitId {
    let number = u32::try_from(number).unwrap();
    format!("{:08x}{number:032x}", number.wrapping_mul(0x9e37_79b9)).parse().unwrap()
}

pub(super) fn number(id: &CommitId) -> usize {
    usize::from_str_radix(&id.as_str()[8..], 16).unwrap()
}

pub(super) fn path(text: &str) -> InputPath {
    let Ok(path) = text.parse();
    path
}

/// A lock of GitHub inputs: `a b=1 b/c=2 b/a>a` has the inputs `a` at commit 0, `b` at 1, and below it `b/c` at 2 and
/// `b/a`, which follows `a`.
pub(super) fn lock(words: &str) -> Lock {
    let mut nodes = Map::from_iter([("root".to_owned(), json!({ "inputs": {} }))]);
    for word in words.split_whitespace() {
        if let Some((name, followed)) = word.split_once('>') {
            let (above, last) = name.rsplit_once('/').unwrap_or(("root", name));
            nodes[above]["inputs"][last] = json!(followed.split('/').collect::<Vec<_>>());
            continue;
        }
        let (name, rev) = word.split_once('=').unwrap_or((word, "0"));
        let (above, last) = name.rsplit_once('/').unwrap_or(("root", name));
        nodes[above]["inputs"][last] = json!(name);
        let rev = commit(rev.parse().unwrap());
        let locked = json!({ "type": "github", "owner": "o", "repo": last, "rev": rev });
        nodes.insert(name.to_owned(), json!({ "inputs": {}, "locked": locked }));
    }
    Lock::parse(&json!({ "version": 7, "root": "root", "nodes": nodes }).to_string()).unwrap()
}

/// The commit that an input is locked to.
pub(super) fn revision(lock: &Lock, input: &str) -> CommitId {
    lock.locked(&lock.resolve(&path(input)).unwrap()).unwrap().rev().unwrap()
}

/// The assignment with the input `pkgs` at a commit.
pub(super) fn assign(commit: &CommitId) -> Result<Assignment, CaseError> {
    let lock = lock("pkgs other=7").with_revision(&NodeKey("pkgs".to_owned()), &Revision::bare(commit))?;
    Ok(Assignment { lock, clones: BTreeMap::new(), flake: None })
}

/// Clones of nothing.
pub(super) fn no_clones() -> Clones {
    let git = Git::new(Path::new("git"), &Interrupt::new()).unwrap();
    Clones::new(git, BTreeMap::new(), PathBuf::from("/nowhere"))
}

/// Keeps what it is told.
#[derive(Debug, Default)]
pub(super) struct Told(pub(super) Vec<Event>);

impl Told {
    pub(super) fn warnings(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter_map(|event| if let Event::Warned { text } = event { Some(text.as_str()) } else { None })
            .collect()
    }
}

impl EventSink for Told {
    fn tell(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

/// Opens the case in a folder as one run of the program does, and works on it.
pub(super) fn run<T>(
    folder: &Path,
    nix: &mut FakeNix<'_>,
    criterion: Option<Criterion>,
    work: impl FnOnce(&mut Prober<'_>) -> T,
) -> (T, Told) {
    run_within(Bytes(512 << 20), folder, nix, criterion, work)
}

/// As [`run`], with this budget.
pub(super) fn run_within<T>(
    memory: Bytes,
    folder: &Path,
    nix: &mut FakeNix<'_>,
    criterion: Option<Criterion>,
    work: impl FnOnce(&mut Prober<'_>) -> T,
) -> (T, Told) {
    let mut journal = Journal::open(&folder.join("journal.jsonl")).unwrap();
    let mut told = Told::default();
    let target = Target::Attr("devShells.x86_64-linux.default".parse().unwrap(), Yields::Derivation);
    let result = work(&mut Prober::new(nix, &mut journal, &mut told, target, criterion, memory));
    (result, told)
}

//! Corrections that put an input at another revision: before the culprit, or on to where it is repaired.

use std::path::Path;
use std::time::Duration;

use nix_culprit_core::bisect::{Culprit, Goal};
use nix_culprit_core::correct::{Action, Correction, Failed, Keeping, Point, Reach, Step, Untried, lock_command};
use nix_culprit_core::event::Purpose;
use nix_culprit_core::flake::{FlakeRef, Lock, Revision, Source};
use nix_culprit_core::ids::{CommitId, InputPath};
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::report::model::Subject;
use nix_culprit_core::text::with_causes;

use super::super::clones::{CloneHistory, Clones, revision};
use super::super::error::outcome_words;
use super::super::history::History as _;
use super::super::prober::{Prober, Question, Round};
use super::super::search::{Range, probe_commit, search};
use super::super::settings::Root;
use super::super::{Assignment, CaseError};
use super::proof::{Proven, prove};
use super::{Attempt, Corrected, Failing, Work, Works};
use crate::sys::git::Repository;

/// An input that may be put at other revisions.
pub(super) struct Place<'a> {
    pub(super) failing: &'a Failing,
    pub(super) input: &'a InputPath,
    pub(super) repository: &'a Repository,
    /// The folder of the input's flake in its repository.
    pub(super) dir: Option<&'a str>,
    /// The reference that has the commits, if it is not what the lock says.
    pub(super) branch: Option<&'a str>,
}

impl Place<'_> {
    /// Returns the failing lock with the input at a commit, as Nix would lock it.
    pub(super) fn lock(&self, commit: &CommitId) -> Result<Lock, CaseError> {
        let theirs = theirs(self.repository, commit, self.dir)?;
        let revision = revision(self.repository, commit)?;
        self.on_branch(self.failing.lock.with_flake_at(self.input, &revision, theirs.as_ref())?)
    }

    /// Has a lock say which reference has the commit: git fetches no other.
    fn on_branch(&self, lock: Lock) -> Result<Lock, CaseError> {
        let key = lock.resolve(self.input)?;
        let locked = lock.locked(&key)?;
        match (self.branch, &locked.source) {
            (Some(branch), Source::Git { .. }) => {
                let mut attrs = locked.to_attrs();
                attrs.set("ref", Some(branch));
                Ok(lock.with_locked(&key, attrs)?)
            }
            _ => Ok(lock),
        }
    }

    pub(super) fn point(&self, commit: &CommitId) -> Result<Point, CaseError> {
        point(self.repository, commit)
    }

    /// Makes the question about the failing lock with the input at a commit, which is this assignment.
    pub(super) fn question<'q>(&self, assignment: &'q Assignment, point: &Point) -> Question<'q> {
        let words = format!("{} at {}", self.input, point.revision.short());
        let (revision, date, title) = (point.revision.clone(), point.date, point.title.clone());
        Question {
            purpose: Purpose { words, commit: Some(revision.clone()) },
            subject: Subject::Commit { revision, date, title },
            assignment,
            mode: self.failing.mode,
            round: Round::Run,
            remaining: None,
        }
    }

    /// Runs the failing lock with the input at a commit by the user's own command.
    pub(super) fn prove(&self, prober: &mut Prober<'_>, work: &Work<'_>, point: &Point) -> Result<Proven, CaseError> {
        let assignment = work.clones.assignment(self.lock(&point.revision)?);
        prove(prober, work.settings, &self.question(&assignment, point))
    }

    /// Makes the result of putting the input at a commit from what the user's own command came to.
    pub(super) fn attempt(
        &self,
        prober: &mut Prober<'_>,
        work: &Work<'_>,
        (action, to): (Action, &Point),
        proven: Proven,
        notes: Vec<String>,
    ) -> Result<Attempt, CaseError> {
        let (observation, proof) = match proven {
            Proven::Good(observation, proof) => (observation, proof),
            Proven::Not(observation, why) => {
                let what = action.words(&str::to_owned);
                return Ok(Attempt::Fails(Failed { what, why, observation: Some(observation) }));
            }
        };
        let lock = prober.as_locked(&work.clones.assignment(self.lock(&to.revision)?));
        let steps = self.steps(&to.revision, &action, &work.settings.root)?;
        let correction = Correction { action, steps, proof, observation, derivations: None, notes };
        Ok(Attempt::Works(Box::new(Works { correction, lock: Some(Corrected { lock, flake: None }) })))
    }

    /// Says how the user puts the input at a commit.
    fn steps(&self, commit: &CommitId, action: &Action, root: &Root) -> Result<Vec<Step>, CaseError> {
        let input = self.input;
        let mut steps = match root {
            Root::Flake => {
                let key = self.failing.lock.resolve(input)?;
                let lock = self.on_branch(self.failing.lock.with_revision(&key, &Revision::bare(commit))?)?;
                vec![Step::Command { command: lock_command(input, &lock.locked(&key)?.to_url()) }]
            }
            Root::File { .. } => {
                let what = format!("set the pin `{input}` to the revision {commit}, with the hash that goes with it");
                vec![Step::Do { what }]
            }
        };
        if let Action::Keep { .. } = action {
            let what = "The next update of the inputs undoes it: check then whether it is corrected.".to_owned();
            steps.push(Step::Do { what });
        }
        Ok(steps)
    }
}

impl Work<'_> {
    /// Tries to keep an input before the culprit.
    pub(super) fn keep(&mut self, prober: &mut Prober<'_>, keeping: &Keeping) -> Result<Attempt, CaseError> {
        let Keeping { input, commit, before } = keeping;
        let failing = self.failing;
        let reference = failing.lock.locked(&failing.lock.resolve(input)?)?;
        let repository = self.clones.with_commits(input, &reference, &[commit], prober.sink())?;
        let place = Place { failing, input, repository: &repository, dir: reference.dir.as_deref(), branch: None };
        let to = place.point(commit)?;
        let action = Action::Keep { input: input.clone(), to: to.clone(), before: *before };
        let proven = place.prove(prober, self, &to)?;
        place.attempt(prober, self, (action, &to), proven, Vec::new())
    }

    /// Tries to move an input on: to its newest commit and, if that helps, to the first that does.
    pub(super) fn forward(
        &mut self,
        prober: &mut Prober<'_>,
        input: &InputPath,
        is_owner: bool,
    ) -> Result<Attempt, CaseError> {
        let failing = self.failing;
        let key = failing.lock.resolve(input)?;
        let reference = failing.lock.locked(&key)?;
        let what = format!("move {input} on");
        let untried = |why: String| Ok(Attempt::Untried(Untried { what: what.clone(), why }));
        let Some(old) = reference.rev() else {
            return untried(format!("it is locked to {reference}, which has no revision"));
        };
        let repository = if self.is_thorough() || is_owner {
            Some(self.clones.obtain(input, &reference, prober.sink())?)
        } else {
            self.clones.at_hand(input, &reference)?
        };
        let Some(repository) = repository else {
            return untried("no clone of it is at hand; `nix-culprit fix` makes one".to_owned());
        };
        repository.require_history()?;
        self.clones.refresh(input, &repository, prober.sink());
        let tip = self.branch(input, &repository)?;
        if !repository.has(&old)? {
            self.clones.with_commits(input, &reference, &[&old], prober.sink())?;
        }
        let history = CloneHistory { repository: &repository, folder: self.folder, early: None };
        let base = history.merge_base(&old, &tip)?;
        if base.as_ref() == Some(&tip) {
            return untried(format!("{} is the newest commit of it that is known here", old.short()));
        }
        let place = Place { failing, input, repository: &repository, dir: reference.dir.as_deref(), branch: None };
        let clones: &Clones = self.clones;
        let assign =
            |commit: &CommitId| -> Result<Assignment, CaseError> { Ok(clones.assignment(place.lock(commit)?)) };
        let range = self.forward_range(input, (old.clone(), tip.clone()), &assign);
        let newest = place.point(&tip)?;
        prober.allow(self.allowed_for_failures(prober));
        let (seen, verdict) = probe_commit(prober, &history, &range, &tip, Round::Search, None)?;
        prober.allow(prober.whole());
        if verdict != Verdict::Good {
            let what = format!("{what} to {}, its newest commit", newest.brief());
            return Ok(Attempt::Fails(Failed { what, why: ended(&seen, &verdict), observation: Some(seen) }));
        }
        let (first, mut notes) = match self.first(prober, &history, &range, (base.as_ref() == Some(&old), seen.wall)) {
            Ok(Ok(first)) => (Some(first), Vec::new()),
            Ok(Err(why)) => (None, vec![format!("It was not searched for an older commit that works: {why}.")]),
            Err(error) if super::ends_all(&error) => return Err(error),
            Err(error) => {
                let why = with_causes(&error);
                (None, vec![format!("It was not searched for an older commit that works: {why}.")])
            }
        };
        prober.allow(prober.whole());
        if let Some(first) = first {
            let to = place.point(&first)?;
            let proven = place.prove(prober, self, &to)?;
            if let Proven::Good(..) = proven {
                let action = Action::Forward { input: input.clone(), to: to.clone(), reach: Reach::First };
                let works = "Its newest commit works, too: an update of this input keeps it corrected.";
                let notes = if first == tip { Vec::new() } else { vec![works.to_owned()] };
                return place.attempt(prober, self, (action, &to), proven, notes);
            }
            notes.push(format!("{} works in the fast way and not by the user's own command.", to.brief()));
        }
        let proven = place.prove(prober, self, &newest)?;
        let action = Action::Forward { input: input.clone(), to: newest.clone(), reach: Reach::Newest };
        place.attempt(prober, self, (action, &newest), proven, notes)
    }

    /// Returns what is searched for the first commit that repairs an input, between these two.
    pub(super) fn forward_range<'r>(
        &self,
        input: &'r InputPath,
        (old, new): (CommitId, CommitId),
        assign: &'r dyn Fn(&CommitId) -> Result<Assignment, CaseError>,
    ) -> Range<'r> {
        let (goal, order, mode) = (Goal::FirstGood, self.settings.mode, self.failing.mode);
        Range { input, old, new, goal, order, mode, guess: None, assign }
    }

    /// Finds the newest commit of the branch that an input follows.
    pub(super) fn branch(&self, input: &InputPath, repository: &Repository) -> Result<CommitId, CaseError> {
        let lock = &self.failing.lock;
        let original = lock.node(&lock.resolve(input)?)?.original.as_ref();
        let branch = original.and_then(|original| FlakeRef::from_attrs(original).ok());
        Ok(repository.resolve(branch.as_ref().and_then(FlakeRef::git_ref).unwrap_or("HEAD"))?)
    }

    /// Searches for the first commit that works; `Err` says to people why it was not searched for.
    fn first(
        &self,
        prober: &mut Prober<'_>,
        history: &CloneHistory<'_>,
        range: &Range<'_>,
        (is_ahead, wall): (bool, Duration),
    ) -> Result<Result<CommitId, String>, CaseError> {
        if !is_ahead {
            return Ok(Err("the two are on different branches".to_owned()));
        }
        let commits = history.between(&range.old, &range.new)?.len();
        let steps = usize::BITS - commits.leading_zeros();
        if let Some(left) = self.left()
            && left < wall.max(self.fails_after).saturating_mul(steps)
        {
            return Ok(Err("it would take too long here, and `nix-culprit fix` does".to_owned()));
        }
        prober.allow(self.allowed);
        let found = search(prober, history, range)?;
        Ok(match found.finding.culprit {
            Culprit::Commit { commit, .. } => Ok(commit),
            // The newest of them was seen to work, or is the newest of all.
            Culprit::OneOf { mut commits, .. } => Ok(commits.pop().unwrap_or_else(|| range.new.clone())),
        })
    }
}

/// Returns what people know a commit by.
pub(super) fn point(repository: &Repository, commit: &CommitId) -> Result<Point, CaseError> {
    let history = CloneHistory { repository, folder: Path::new(""), early: None };
    Ok(Point { revision: commit.clone(), date: history.date(commit)?, title: history.title(commit)? })
}

/// Returns the lock file that a flake has at a commit; one that cannot be read says nothing.
pub(super) fn theirs(repository: &Repository, commit: &CommitId, dir: Option<&str>) -> Result<Option<Lock>, CaseError> {
    let text = repository.file_at(commit, &Path::new(dir.unwrap_or_default()).join("flake.lock"))?;
    Ok(text.and_then(|text| Lock::parse(&String::from_utf8_lossy(&text)).ok()))
}

/// Says what an end came to that is not good.
pub(super) fn ended(seen: &Observation, verdict: &Verdict) -> String {
    match verdict {
        Verdict::Skip(reason) => reason.clone(),
        Verdict::Good | Verdict::Bad => format!("{}, at {}", outcome_words(&seen.outcome), seen.peak),
    }
}

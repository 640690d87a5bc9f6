//! The history of one input that the user named, with all others as they are.

use nix_culprit_core::bisect::Goal;
use nix_culprit_core::flake::{FlakeRef, Lock, diff};
use nix_culprit_core::ids::{CommitId, InputPath};
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::report::model::{Isolation, NotFound, SearchResult};

use super::ends::{Next, verify_ends};
use super::searching::Searching;
use super::{Investigation, node_of};
use crate::case::CaseError;
use crate::case::clones::{place_name, revision};
use crate::case::correct::Failing;
use crate::case::early::Stretch;
use crate::case::ends::{Candidates, State};
use crate::case::foresight::{Inputs, Place, will_search};
use crate::case::isolate::OldEnd;
use crate::case::prober::Prober;
use crate::case::search::refuse_backwards;
use crate::case::states::looks_like_a_date;

impl Investigation<'_> {
    /// Investigates the history of one input.
    pub(super) fn input(
        &mut self,
        prober: &mut Prober<'_>,
        working: State,
        input: &InputPath,
        (good, bad): (Option<&str>, Option<&str>),
        goal: Goal,
    ) -> Result<SearchResult, CaseError> {
        let base = working.lock;
        let node = node_of(&base, input)?;
        let reference = base.locked(&node)?;
        let repository = self.clones.obtain(input, &reference, prober.sink())?;
        // Both ends are revisions only; what Nix found out by fetching is in the lock as it lies there.
        prober.note(&self.clones.assignment(base.clone()));
        let branch = base.node(&node)?.original.as_ref().and_then(|original| FlakeRef::from_attrs(original).ok());
        let branch = branch.as_ref().and_then(FlakeRef::git_ref).unwrap_or("HEAD").to_owned();
        let no_revision = || CaseError::NoRevision { input: input.to_string(), reference: reference.to_string() };
        let find = |name: &str| match name {
            date if looks_like_a_date(date) => repository.at_date(&branch, date),
            name => repository.resolve(name),
        };
        let bad = match bad {
            Some(name) => find(name)?,
            None => reference.rev().ok_or_else(no_revision)?,
        };
        let good = match (good, goal) {
            (Some(name), _) => find(name)?,
            (None, Goal::FirstGood) => {
                self.clones.refresh(input, &repository, prober.sink());
                repository.resolve(&branch)?
            }
            (None, Goal::FirstBad) => self.committed_revision(&base, input)?.ok_or_else(|| {
                let why = format!("no committed flake.lock has {input} at another revision");
                CaseError::NoGoodState { why }
            })?,
        };
        self.clones.with_commits(input, &reference, &[&good, &bad], prober.sink())?;
        let (old, new) = match goal {
            Goal::FirstBad => (&good, &bad),
            Goal::FirstGood => (&bad, &good),
        };
        refuse_backwards(&self.history(&repository), old, new)?;
        let state = |commit: &CommitId| -> Result<State, CaseError> {
            let lock = base.with_revision(&node, &revision(&repository, commit)?)?;
            Ok(State { label: format!("{input} at {}", commit.short()), lock })
        };
        let good_state = state(&good)?;
        let candidates = Candidates { count: 1, load: &|_| Ok(Some(good_state.clone())) };
        if will_search(self.settings) && prober.has_cores_beside() {
            self.early.begin(vec![Stretch::new(&repository, old, new)], self.folder);
        }
        let bad_state = state(&bad)?;
        let (old, new) = (old.clone(), new.clone());
        let place = Place { input: input.clone(), base: base.clone(), repository: repository.clone(), old, new };
        let place = Some(&place).filter(|_| goal == Goal::FirstBad);
        let mut foresight = self.foresight(&bad_state.lock, Inputs::One(place));
        let ends = verify_ends(&mut foresight, &mut self.clones, self.mode, prober, &candidates, &bad_state)?;
        self.explained_early = foresight.learned;
        self.draft.changes(&diff(&ends.good.state.lock, &ends.bad.state.lock));
        self.draft.ends(&ends);
        self.draft.input(input, place_name(&reference), Isolation::Named);
        if ends.bad.verdict != Verdict::Bad {
            return Ok(SearchResult::NotFound { why: NotFound::BothGood });
        }
        self.failing = Some(Failing::of(&ends));
        if self.explain(prober, &ends)? == Next::Done {
            return Ok(SearchResult::NotFound { why: NotFound::NotSearched });
        }
        let (old, new) = match goal {
            Goal::FirstBad => (good, bad),
            Goal::FirstGood => (bad, good),
        };
        let (input, mode) = (input.clone(), ends.mode);
        let (reference, base, old_end) = (reference.clone(), base.clone(), OldEnd::Seen);
        let place = Searching { input, reference, base, node, repository, mode, old_end };
        self.search(prober, &place, old, new, goal)
    }

    pub(super) fn committed_revision(&self, base: &Lock, input: &InputPath) -> Result<Option<CommitId>, CaseError> {
        for commit in self.states.committed(base)? {
            let Some(state) = self.states.at(&commit)? else { continue };
            let locked = state.lock.resolve(input).and_then(|node| state.lock.locked(&node));
            let own = base.resolve(input).and_then(|node| base.locked(&node))?;
            if let Ok(locked) = locked
                && locked.same_place(&own)
                && locked.rev() != own.rev()
            {
                return Ok(locked.rev());
            }
        }
        Ok(None)
    }
}

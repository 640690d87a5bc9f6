//! The difference between two locks: which input makes it, and the search of its history.

use nix_culprit_core::bisect::Goal;
use nix_culprit_core::event::{Event, Mode};
use nix_culprit_core::flake::{Change, ChangeKind, Place};
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::isolate::{Difference, Extent};
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::report::model::{NotFound, SearchResult, SearchedInput};

use super::ends::{Next, verify_ends};
use super::searching::Searching;
use super::{Investigation, node_of};
use crate::case::CaseError;
use crate::case::clones::{CloneError, place_name};
use crate::case::correct::Failing;
use crate::case::edge::{Move, as_move};
use crate::case::ends::{Candidates, State};
use crate::case::explain::owners;
use crate::case::foresight::Inputs;
use crate::case::isolate::{Culprit, Isolated, OldEnd, isolate, named};
use crate::case::prober::Prober;
use crate::case::search::refuse_backwards;
use crate::case::settings::{Explaining, Scope};

impl Investigation<'_> {
    /// Investigates the difference between two locks.
    pub(super) fn locks(
        &mut self,
        prober: &mut Prober<'_>,
        working: State,
        (good, bad): (Option<&str>, Option<&str>),
        input: Option<&InputPath>,
    ) -> Result<SearchResult, CaseError> {
        let bad = bad.map_or(Ok(working), |name| self.states.named(name))?;
        if let Some(input) = input {
            node_of(&bad.lock, input)?;
        }
        let inputs = input.map_or(Inputs::All, Inputs::Named);
        let mut foresight = self.foresight(&bad.lock, inputs);
        let ends = if let Some(name) = good {
            let state = self.states.named(name)?;
            let candidates = Candidates { count: 1, load: &|_| Ok(Some(state.clone())) };
            verify_ends(&mut foresight, &mut self.clones, self.mode, prober, &candidates, &bad)?
        } else {
            let commits = self.states.committed(&bad.lock)?;
            let states = &self.states;
            let load = |at: usize| match states.at(&commits[at]) {
                // A merge once left its marks in it, perhaps; the next one may do.
                Err(CaseError::Lock { .. }) => Ok(None),
                other => other,
            };
            let candidates = Candidates { count: commits.len(), load: &load };
            match verify_ends(&mut foresight, &mut self.clones, self.mode, prober, &candidates, &bad) {
                Err(error @ (CaseError::GoodEnd { .. } | CaseError::NoGoodState { .. })) => {
                    states.require_history()?;
                    return Err(error);
                }
                ends => ends?,
            }
        };
        self.explained_early = foresight.learned;
        let difference = Difference::between(&ends.good.state.lock, &ends.bad.state.lock);
        let changes: Vec<Change> = difference.changes().cloned().collect();
        self.draft.changes(&changes);
        self.draft.ends(&ends);
        prober.tell(&Event::Ends {
            good: ends.good.state.label.clone(),
            bad: ends.bad.state.label.clone(),
            changes: changes.len(),
        });
        self.learned(prober);
        if ends.bad.verdict != Verdict::Bad {
            // It may be heavier all the same.
            if self.settings.explanation == Explaining::Alone && self.explain(prober, &ends)? == Next::Done {
                return Ok(SearchResult::NotFound { why: NotFound::NotSearched });
            }
            return Ok(SearchResult::NotFound { why: NotFound::BothGood });
        }
        self.failing = Some(Failing::of(&ends));
        if changes.is_empty() {
            return Ok(SearchResult::NotFound { why: NotFound::NothingChanged });
        }
        if self.explain(prober, &ends)? == Next::Done {
            return Ok(SearchResult::NotFound { why: NotFound::NotSearched });
        }
        let owners = self.draft.why().map(|explanation| owners(&explanation.why)).unwrap_or_default();
        let Isolated { culprits, matters } = match (input, &self.settings.scope) {
            (Some(input), _) => named(prober, &self.clones, &ends, &difference, input)?,
            (None, Scope::Inputs { likely, .. }) => {
                for input in likely {
                    ends.good.state.lock.resolve(input).or_else(|_| node_of(&ends.bad.state.lock, input))?;
                }
                isolate(prober, &self.clones, &ends, &difference, likely, Extent::All)?
            }
            (None, Scope::Locks { .. } | Scope::Input { .. }) => {
                isolate(prober, &self.clones, &ends, &difference, &owners, Extent::Enough)?
            }
        };
        let together = matters.sets.first().map(|set| set.changes.iter().map(|member| member.input.clone()).collect());
        self.draft.matters(matters);
        self.learned(prober);
        if let Scope::Inputs { .. } = self.settings.scope {
            return Ok(SearchResult::Inputs);
        }
        if culprits.len() != 1 {
            prober.drop_foreseen_but(None);
        }
        match culprits.as_slice() {
            [] if input.is_some() => {
                let reason = "the input that you named does not fail in that way alone, and without its change it \
                              fails all the same"
                    .to_owned();
                Ok(SearchResult::NotFound { why: NotFound::Other { reason } })
            }
            [only] => self.search_for(prober, ends.mode, only),
            several => {
                let mut searched = Vec::new();
                for culprit in several {
                    let result = self.search_for(prober, ends.mode, culprit)?;
                    let confirmation = self.draft.begin_again();
                    searched.push(SearchedInput { input: culprit.change.path().clone(), result, confirmation });
                }
                let inputs = together.unwrap_or_default();
                Ok(SearchResult::NotFound { why: NotFound::OnlyTogether { inputs, searched } })
            }
        }
    }

    /// Searches the history of an input that makes the difference, with all others as in its base.
    pub(super) fn search_for(
        &mut self,
        prober: &mut Prober<'_>,
        mode: Mode,
        culprit: &Culprit,
    ) -> Result<SearchResult, CaseError> {
        let Culprit { change, how, base, old_end, .. } = culprit;
        let input = change.path().clone();
        let no_history = |reason| Ok(SearchResult::NotFound { why: NotFound::NoHistory { reason } });
        let ChangeKind::Moved { from, to, place } = &change.kind else {
            self.draft.input(&input, change.to_string(), *how);
            if let ChangeKind::Follows { .. } = change.kind {
                return self.search_edge(prober, mode, culprit);
            }
            return no_history(format!("{change}; that is no range of commits"));
        };
        self.draft.input(&input, place_name(to), *how);
        let node = base.resolve(&input)?;
        let (Some(old), Some(new)) = (from.rev(), to.rev()) else {
            return no_history(format!("it is locked to {to}, which has no revision"));
        };
        // Another place can have the same history: a fork, a mirror, an address that moved.
        let repository = match self.clones.with_commits(&input, to, &[&old, &new], prober.sink()) {
            Err(CloneError::Lacks { .. } | CloneError::NoRepository { .. }) if *place == Place::Other => {
                return no_history(format!("{change}; that is no range of commits"));
            }
            repository => repository?,
        };
        if old == new {
            return no_history(format!("{change}, but not to another commit"));
        }
        let (reference, base, old_end) = (to.clone(), base.clone(), *old_end);
        let place = Searching { input, reference, base, node, repository, mode, old_end };
        self.search(prober, &place, old, new, Goal::FirstBad)
    }

    /// Searches the history between the revisions that an edge leads to, if that is what matters.
    pub(super) fn search_edge(
        &mut self,
        prober: &mut Prober<'_>,
        mode: Mode,
        culprit: &Culprit,
    ) -> Result<SearchResult, CaseError> {
        let edge = || SearchResult::NotFound { why: NotFound::Follows { change: culprit.change.to_string() } };
        let Some(Move { reference, old, new, base }) = as_move(prober, &self.clones, mode, culprit)? else {
            return Ok(edge());
        };
        let input = culprit.change.path().clone();
        let repository = match self.clones.with_commits(&input, &reference, &[&old, &new], prober.sink()) {
            Ok(repository) => repository,
            Err(error) => {
                let text = format!("the history behind the edge was not searched: {error}");
                prober.tell(&Event::Warned { text });
                return Ok(edge());
            }
        };
        // A follows can lead to another branch, or back.
        if refuse_backwards(&self.history(&repository), &old, &new).is_err() {
            return Ok(edge());
        }
        self.draft.input(&input, place_name(&reference), culprit.how);
        let node = base.resolve(&input)?;
        let place = Searching { input, reference, base, node, repository, mode, old_end: OldEnd::Seen };
        self.search(prober, &place, old, new, Goal::FirstBad)
    }
}

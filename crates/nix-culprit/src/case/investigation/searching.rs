//! The search of one history, its proof, and what follows from the culprit for the report and for corrections.

use nix_culprit_core::bisect::{Culprit as FoundCulprit, Goal};
use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::correct::{Before, Keeping};
use nix_culprit_core::event::Mode;
use nix_culprit_core::explain::{Guide, Why};
use nix_culprit_core::flake::{FlakeRef, Lock};
use nix_culprit_core::ids::{CommitId, InputPath, NodeKey};
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::report::model::{NotFound, SearchResult};

use super::Investigation;
use crate::case::clones::{CloneHistory, revision};
use crate::case::conclusion::{Searched, Source, Touches, unconfirmed};
use crate::case::confirm::confirm_jump;
use crate::case::explain::hints;
use crate::case::extract;
use crate::case::history::History as _;
use crate::case::isolate::OldEnd;
use crate::case::jumps::all_jumps;
use crate::case::prober::{Allowance, Prober, Round};
use crate::case::proof::{Proof, prove};
use crate::case::search::{Guess, Range, probe_commit};
use crate::case::settings::{Confirmation, Explaining, Wanted};
use crate::case::{Assignment, CaseError};
use crate::sys::git::Repository;

/// Where a search takes place.
pub(super) struct Searching {
    pub(super) input: InputPath,
    pub(super) reference: FlakeRef,
    pub(super) base: Lock,
    pub(super) node: NodeKey,
    pub(super) repository: Repository,
    pub(super) mode: Mode,
    pub(super) old_end: OldEnd,
}

impl Investigation<'_> {
    /// Searches the history of an input, and confirms what was found.
    pub(super) fn search(
        &mut self,
        prober: &mut Prober<'_>,
        place: &Searching,
        old: CommitId,
        new: CommitId,
        goal: Goal,
    ) -> Result<SearchResult, CaseError> {
        self.learned(prober);
        let history = self.history(&place.repository);
        let clones = &self.clones;
        let assign = |commit: &CommitId| -> Result<Assignment, CaseError> {
            Ok(clones.assignment(place.base.with_revision(&place.node, &revision(&place.repository, commit)?)?))
        };
        let guide = self.guide(&place.input, goal);
        let guess = guide.as_ref().map(|guide| |changed: &ChangedPaths| hints(guide, changed, &history));
        let range = Range {
            input: &place.input,
            old,
            new: new.clone(),
            goal,
            order: self.settings.mode,
            mode: place.mode,
            guess: guess.as_ref().map(|guess| guess as &Guess<'_>),
            assign: &assign,
        };
        if place.old_end == OldEnd::Assumed
            && probe_commit(prober, &history, &range, &range.old, Round::Run, None)?.1 == Verdict::Bad
        {
            let (input, old) = (&place.input, range.old.short());
            let reason = format!("{input} alone is not the cause: with only {input} back at {old} it fails as before");
            return Ok(SearchResult::NotFound { why: NotFound::Other { reason } });
        }
        if self.settings.jumps == Wanted::All {
            let found = all_jumps(prober, &history, &range)?;
            let confirm = |jump| match self.settings.confirmation {
                Confirmation::Wanted => confirm_jump(prober, &history, &found, jump, range.assign),
                Confirmation::Unwanted => Ok(unconfirmed("you asked to leave it out")),
            };
            let confirmations = found.jumps.iter().map(confirm).collect::<Result<Vec<_>, CaseError>>()?;
            let source = Source { repository: &place.repository, reference: &place.reference, tip: &new };
            return self.draft.jumps(source, &found, confirmations, prober);
        }
        let full = prober.full();
        let allowed = self.allowed(prober);
        let Proof { found, confirmation, allowed } =
            prove(prober, &history, range, allowed, self.settings.confirmation)?;
        self.draft.search_limits((allowed.memory < full).then_some(allowed.memory), allowed.time);
        self.log = Some(found.log.clone());
        let searched = Searched {
            repository: &place.repository,
            reference: &place.reference,
            base: &place.base,
            node: &place.node,
            tip: &new,
            found: &found,
            confirmation,
        };
        match &found.finding.culprit {
            FoundCulprit::Commit { commit, parents, .. } => {
                self.culprit = Some(extract::Culprit {
                    input: place.input.clone(),
                    repository: place.repository.clone(),
                    base: place.base.clone(),
                    node: place.node.clone(),
                    mode: place.mode,
                    goal,
                    commit: commit.clone(),
                });
                if goal == Goal::FirstBad {
                    self.compare_with_cycle(&place.input, &history, commit)?;
                    let merge = place.repository.merge_that_brought_in(commit, &new)?;
                    let merged = merge.and_then(|merge| merge.parents.into_iter().next());
                    merged.into_iter().for_each(|onto| self.may_stay(&place.input, onto, Before::Merge));
                    let parent = parents.first().map(|parent| parent.commit.clone());
                    parent.into_iter().for_each(|parent| self.may_stay(&place.input, parent, Before::Culprit));
                    self.facts.culprits.push((place.input.clone(), commit.clone()));
                }
            }
            FoundCulprit::OneOf { .. } if goal == Goal::FirstBad => {
                self.may_stay(&place.input, found.old.clone(), Before::GoodEnd);
            }
            FoundCulprit::OneOf { .. } => {}
        }
        self.draft.searched(&searched, prober)
    }

    /// Returns what the failure goes through in an input, where the search is to begin with that.
    pub(super) fn guide(&self, input: &InputPath, goal: Goal) -> Option<Guide> {
        let guides = self.settings.explanation == Explaining::Guides;
        let guide = match (self.draft.why().filter(|_| guides).map(|explanation| &explanation.why), goal) {
            (Some(Why::Cycle(cycle)), Goal::FirstBad) => Guide::new(cycle, input),
            (Some(Why::Cycle(cycle)), Goal::FirstGood) => Guide::of_repair(cycle, input),
            (Some(Why::Heavier(heavier)), Goal::FirstBad | Goal::FirstGood) => Guide::of_heavier(heavier, input),
            (Some(Why::Error(_) | Why::Unknown) | None, Goal::FirstBad | Goal::FirstGood) => return None,
        };
        Some(guide).filter(|guide| !guide.files().is_empty())
    }

    /// Returns what the probes between the ends may use.
    pub(super) fn allowed(&self, prober: &Prober<'_>) -> Allowance {
        let (memory, heap) = self.draft.thrift(self.settings.search_memory, prober.full(), prober.criterion());
        let time = self.draft.patience(self.settings.search_time, self.settings.time, prober.criterion());
        Allowance { memory, time, heap }
    }

    /// Takes note of a commit that an input could be kept at.
    pub(super) fn may_stay(&mut self, input: &InputPath, commit: CommitId, before: Before) {
        self.facts.keep.push(Keeping { input: input.clone(), commit, before });
    }

    /// Says which edges of the cycle the culprit adds.
    pub(super) fn compare_with_cycle(
        &mut self,
        input: &InputPath,
        history: &CloneHistory<'_>,
        culprit: &CommitId,
    ) -> Result<(), CaseError> {
        let Some(Why::Cycle(cycle)) = self.draft.why().map(|explanation| &explanation.why) else { return Ok(()) };
        let guide = Guide::new(cycle, input);
        let commits = [culprit.clone()];
        let changed = history.changed_paths(&commits).map_err(CaseError::from);
        let touches = match changed {
            Err(error) if error.is_stop() => return Err(error),
            Ok(Some(changed)) if changed.touching(guide.files()).is_empty() => Touches::Nothing,
            Ok(_) | Err(_) => Touches::Some,
        };
        // What cannot be read, as from a clone without contents, is not told.
        let additions = history.additions(&commits, guide.files()).unwrap_or_default();
        self.draft.culprit_adds(input, &additions, touches);
        Ok(())
    }
}

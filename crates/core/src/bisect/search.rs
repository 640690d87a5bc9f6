//! The search: asked for the next step, told the verdict.
//!
//! Owns the evidence and turns it into steps; the same verdicts give the same result, in whatever
//! order they came, so that a search is rebuilt by recording them again.

mod finding;

use std::cell::OnceCell;

use thiserror::Error;

use super::choose::{Choice, Situation};
use super::culprit::Finding;
use super::estimate::expected_steps;
use super::evidence::{Evidence, Mark, Narrowed, narrow};
use super::graph::Graph;
use super::hints::{Hint, most, weights};
use super::range::{Ends, Field, RangeError};
use super::settings::{Goal, Mode, Settings};
use crate::ids::CommitId;
use crate::outcome::Verdict;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Probe this commit.
    Probe(CommitId),
    /// Nothing: no probe can tell more.
    Done(Finding),
}

/// What a verdict did to the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changed the suspects; so many are left.
    Narrowed {
        /// The number of suspects that are left.
        suspects: usize,
    },
    /// The commit was skipped.
    Skipped,
    /// Nothing new: it followed from what was known, or says nothing about the range.
    NoNews,
    /// It does not fit what was known; see [`Search::contradictions`].
    Contradicts,
}

/// How much is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// The number of commits that can have made the change.
    pub suspects: usize,
    /// About so many probes are needed; 0 when the search is done.
    pub steps: usize,
}

/// A verdict came for a commit that is not in the graph.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("commit {0} is not in the history that is searched")]
pub struct UnknownCommit(pub CommitId);

/// The search for the commit that made the change.
#[derive(Debug, Clone)]
pub struct Search {
    graph: Graph,
    ends: Ends,
    settings: Settings,
    field: Field,
    prior: Option<Vec<f64>>,
    /// How many commits could have made the change at first.
    range: usize,
    /// How many verdicts narrowed the suspects.
    narrowings: u32,
    /// By index, with [`Mode::FirstParent`]: whether the commit is on the chain.
    preferred: Vec<bool>,
    evidence: Evidence,
    recorded: Vec<(u32, Verdict)>,
    unstable: Vec<u32>,
    narrowed: Narrowed,
    choice: OnceCell<Option<Choice>>,
}

impl Search {
    /// Starts a search between two ends whose verdicts are known.
    ///
    /// The graph must hold the ends and the commits between them (`git rev-list --parents new ^old`, and
    /// the old ends without parents).
    ///
    /// # Errors
    /// When an end is not in the graph, or an old end is not an ancestor of the new one.
    pub fn new(graph: Graph, ends: Ends, settings: Settings) -> Result<Self, RangeError> {
        let field = Field::new(&graph, &ends)?;
        let mut preferred = Vec::new();
        if settings.mode == Mode::FirstParent {
            preferred = vec![false; graph.len()];
            for at in graph.first_parents(field.new) {
                preferred[at as usize] = true;
            }
        }
        let evidence = Evidence::new();
        let narrowed = narrow(&graph, &field, &evidence);
        let (recorded, unstable, choice) = (Vec::new(), Vec::new(), OnceCell::new());
        Ok(Self {
            graph,
            ends,
            settings,
            field,
            prior: None,
            range: narrowed.members.len(),
            narrowings: 0,
            preferred,
            evidence,
            recorded,
            unstable,
            narrowed,
            choice,
        })
    }

    /// Takes hints about which suspects are likelier, in place of earlier ones.
    ///
    /// More than a fourth of the probability stays spread evenly, and new hints get no more than the verdicts so far
    /// have left: so wrong ones, also ever new ones, cost at most three probes in a line of commits.
    pub fn set_hints(&mut self, hints: &[Hint]) {
        let most = most(self.range, self.narrowings);
        self.prior = weights(&self.graph, &self.narrowed.members, hints, most);
        self.choice = OnceCell::new();
    }

    /// Returns the ends.
    #[must_use]
    pub const fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Returns the settings.
    #[must_use]
    pub const fn settings(&self) -> Settings {
        self.settings
    }

    /// Returns the graph.
    #[must_use]
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Returns the verdicts in the order in which they were recorded.
    pub fn recorded(&self) -> impl Iterator<Item = (&CommitId, &Verdict)> {
        self.recorded.iter().map(|(at, verdict)| (self.graph.id(*at), verdict))
    }

    /// Returns the commits that can have made the change, oldest first.
    pub fn suspects(&self) -> impl Iterator<Item = &CommitId> {
        self.narrowed.members.iter().map(|&at| self.graph.id(at))
    }

    /// Returns the next step: the most informative probe, or the end.
    #[must_use]
    pub fn next(&self) -> Step {
        match self.choice() {
            Some(choice) => Step::Probe(self.graph.id(choice.at).clone()),
            None => Step::Done(self.finding()),
        }
    }

    /// Returns up to `count` commits worth probing at the same time, in the order of their use.
    ///
    /// First comes the one that [`Search::next`] names, then those that will be next after either
    /// verdict, by the probability that it comes to that. Empty when the search is done.
    #[must_use]
    pub fn candidates(&self, count: usize) -> Vec<CommitId> {
        let mut found = Vec::new();
        let mut futures = vec![(1.0f64, self.evidence.clone(), self.choice())];
        while found.len() < count {
            let likeliest = (0..futures.len()).max_by(|&a, &b| futures[a].0.total_cmp(&futures[b].0));
            let Some((chance, evidence, choice)) = likeliest.map(|at| futures.swap_remove(at)) else { break };
            let Some(choice) = choice else { continue };
            if !found.contains(&choice.at) {
                found.push(choice.at);
            }
            if found.len() == count {
                break;
            }
            for (mark, chance) in [(Mark::Old, chance * (1.0 - choice.new)), (Mark::New, chance * choice.new)] {
                let mut evidence = evidence.clone();
                evidence.insert(choice.at, mark);
                let next = self.choose(&evidence, &narrow(&self.graph, &self.field, &evidence));
                futures.push((chance, evidence, next));
            }
        }
        found.into_iter().map(|at| self.graph.id(at).clone()).collect()
    }

    /// Takes note of a verdict, whether it was asked for or not.
    ///
    /// A later verdict about the same commit replaces the earlier, but a skip does not replace good or bad.
    /// Skips with the very same reason form regions, so a reason should name the cause (`no such attribute
    /// 'wheel'`) and nothing that differs from commit to commit.
    ///
    /// # Errors
    /// When the commit is not in the graph.
    pub fn record(&mut self, commit: &CommitId, verdict: &Verdict) -> Result<Effect, UnknownCommit> {
        let at = self.graph.index(commit).ok_or_else(|| UnknownCommit(commit.clone()))?;
        self.recorded.push((at, verdict.clone()));
        let mark = self.mark(verdict);
        let skip = matches!(mark, Mark::Skip(_));
        let known = match self.evidence.get(&at) {
            _ if at == self.field.new => Some(&Mark::New),
            _ if self.field.old.contains(&at) => Some(&Mark::Old),
            known => known,
        };
        match known {
            Some(Mark::Old | Mark::New) if skip => return Ok(Effect::NoNews),
            Some(known) if *known == mark => return Ok(Effect::NoNews),
            Some(Mark::Old | Mark::New) if !self.unstable.contains(&at) => self.unstable.push(at),
            Some(_) | None => {}
        }
        let before = (self.narrowed.members.len(), self.contradictions().len());
        if at != self.field.new && !self.field.old.contains(&at) {
            self.evidence.insert(at, mark);
        }
        self.choice = OnceCell::new();
        if skip {
            return Ok(Effect::Skipped);
        }
        self.narrowed = narrow(&self.graph, &self.field, &self.evidence);
        let suspects = self.narrowed.members.len();
        Ok(match () {
            () if self.contradictions().len() > before.1 || self.unstable.contains(&at) => Effect::Contradicts,
            () if suspects != before.0 => {
                self.narrowings += 1;
                Effect::Narrowed { suspects }
            }
            () => Effect::NoNews,
        })
    }

    /// Tells how much is left to do.
    #[must_use]
    pub fn remaining(&self) -> Remaining {
        let suspects = self.narrowed.members.len();
        let steps = match self.choice() {
            Some(_) => expected_steps(&self.situation(&self.evidence, &self.narrowed).weights()).max(1),
            None => 0,
        };
        Remaining { suspects, steps }
    }

    fn mark(&self, verdict: &Verdict) -> Mark {
        match (verdict, self.settings.goal) {
            (Verdict::Good, Goal::FirstBad) | (Verdict::Bad, Goal::FirstGood) => Mark::Old,
            (Verdict::Bad, Goal::FirstBad) | (Verdict::Good, Goal::FirstGood) => Mark::New,
            (Verdict::Skip(reason), _) => Mark::Skip(reason.clone()),
        }
    }

    fn situation<'a>(&'a self, evidence: &'a Evidence, narrowed: &'a Narrowed) -> Situation<'a> {
        Situation {
            graph: &self.graph,
            field: &self.field,
            evidence,
            narrowed,
            prior: self.prior.as_deref(),
            preferred: &self.preferred,
            skips: self.settings.skips,
        }
    }

    fn choose(&self, evidence: &Evidence, narrowed: &Narrowed) -> Option<Choice> {
        self.situation(evidence, narrowed).choose()
    }

    fn choice(&self) -> Option<Choice> {
        *self.choice.get_or_init(|| self.choose(&self.evidence, &self.narrowed))
    }

    /// Tells whether `ancestor` is a proper ancestor of `descendant`, both in the graph.
    pub(super) fn is_before(&self, ancestor: &CommitId, descendant: &CommitId) -> bool {
        match (self.graph.index(ancestor), self.graph.index(descendant)) {
            (Some(a), Some(d)) => a < d && self.graph.ancestors([d])[a as usize],
            (Some(_) | None, _) => false,
        }
    }

    /// Tells whether this verdict on a commit still stands, and says something about the range.
    pub(super) fn counts(&self, commit: &CommitId, verdict: &Verdict) -> bool {
        let Some(at) = self.graph.index(commit) else { return false };
        let mark = self.mark(verdict);
        let overruled = mark == Mark::New && self.narrowed.cleared[at as usize];
        self.field.inside[at as usize] && self.evidence.get(&at) == Some(&mark) && !overruled
    }
}

//! What a search says: the culprit, what it rests on, and what does not fit together.

use super::super::culprit::{Basis, Contradiction, Culprit, Finding, Parent, Skipped};
use super::super::evidence::{Mark, is_new, new_commits, witness};
use super::Search;
use crate::ids::CommitId;

impl Search {
    /// Returns the verdicts that do not fit together.
    #[must_use]
    pub fn contradictions(&self) -> Vec<Contradiction> {
        let name = |at: u32| self.graph.id(at).clone();
        let reverted = new_commits(&self.field, &self.evidence)
            .filter(|&at| self.narrowed.cleared[at as usize])
            .filter_map(|at| Some((at, witness(&self.graph, &self.field, &self.evidence, at)?)))
            .map(|(at, old)| Contradiction::Reverted { changed: name(at), unchanged: name(old) });
        let apart = self.narrowed.apart.iter().map(|&at| Contradiction::Apart { changed: name(at) });
        let unstable = self.unstable.iter().map(|&at| Contradiction::Unstable { commit: name(at) });
        reverted.chain(apart).chain(unstable).collect()
    }

    pub(super) fn finding(&self) -> Finding {
        Finding {
            goal: self.settings.goal,
            culprit: self.culprit(),
            contradictions: self.contradictions(),
            judged: self.evidence.len(),
        }
    }

    fn culprit(&self) -> Culprit {
        let members = &self.narrowed.members;
        let arrived_by = self.arrived_by().map(|at| self.graph.id(at).clone());
        if let Some(&only) =
            members.first().filter(|&&at| members.len() == 1 && is_new(&self.field, &self.evidence, at))
        {
            let parents = self.graph.parent_ids(only);
            let parents = parents.map(|id| Parent { commit: id.clone(), basis: self.basis(id) }).collect();
            return Culprit::Commit { commit: self.graph.id(only).clone(), parents, arrived_by };
        }
        let named = |at: &u32| self.graph.id(*at).clone();
        let skipped = members.iter().filter_map(|at| match self.evidence.get(at) {
            Some(Mark::Skip(reason)) => Some(Skipped { commit: named(at), reason: reason.clone() }),
            Some(Mark::Old | Mark::New) | None => None,
        });
        let untested = self.situation(&self.evidence, &self.narrowed).assumed_skipped();
        Culprit::OneOf {
            commits: members.iter().map(named).collect(),
            skipped: skipped.collect(),
            untested: untested.iter().filter(|at| !self.evidence.contains_key(at)).map(named).collect(),
            arrived_by,
        }
    }

    fn basis(&self, parent: &CommitId) -> Basis {
        let Some(at) = self.graph.index(parent) else { return Basis::OutsideRange };
        match witness(&self.graph, &self.field, &self.evidence, at) {
            Some(old) if old == at => Basis::Seen,
            Some(old) => Basis::AncestorOf(self.graph.id(old).clone()),
            None => Basis::OutsideRange,
        }
    }

    /// The first commit on the chain of first parents that has a suspect in its history, if it has them all.
    fn arrived_by(&self) -> Option<u32> {
        let members = &self.narrowed.members;
        let after = self.graph.descendants(members.iter().copied());
        let first = self.graph.first_parents(self.field.new).take_while(|&at| after[at as usize]).last()?;
        let before = self.graph.ancestors([first]);
        members.iter().all(|&at| before[at as usize]).then_some(first)
    }
}

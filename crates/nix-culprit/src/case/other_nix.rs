//! Whether the Nix version makes the difference: the bad lock once more, by a Nix with which it is said to work.

use std::path::Path;

use nix_culprit_core::event::{Event, Mode, Purpose};
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::report::model::{SearchResult, Subject};

use super::CaseError;
use super::clones::Clones;
use super::conclusion::Draft;
use super::ends::{Ends, State, Verified, bad_end};
use super::evaluator::Evaluator as _;
use super::journal::Journal;
use super::nix_evaluator::NixEvaluator;
use super::prober::{Prober, Question, Round};

/// Another Nix, with what it knows of this case from before.
pub struct OtherNix {
    version: String,
    evaluator: NixEvaluator,
    journal: Journal,
}

impl OtherNix {
    /// Prepares to ask a Nix of this version, whose probes are written down in `folder`: their keys do not name it.
    ///
    /// # Errors
    /// When the journal cannot be used.
    pub fn new(version: String, evaluator: NixEvaluator, folder: &Path) -> Result<Self, CaseError> {
        Ok(Self { version, evaluator, journal: Journal::open(&folder.join("journal.jsonl"))? })
    }

    /// Probes a lock by the user's Nix, `own`, and if it is bad by this one; says so if that makes the difference.
    ///
    /// # Errors
    /// When a probe could not be made.
    pub fn compare(
        mut self,
        prober: &mut Prober<'_>,
        clones: &Clones,
        state: &State,
        (own, mode): (String, Mode),
        draft: &mut Draft,
    ) -> Result<Option<SearchResult>, CaseError> {
        let (bad, mode) = bad_end(prober, clones, state, mode, &[])?;
        if bad.verdict != Verdict::Bad {
            return Ok(None);
        }
        let version = self.version.clone();
        if let Some(why) = self.evaluator.lacks(mode) {
            prober.tell(&Event::Warned { text: format!("whether the Nix version matters was not tried: {why}") });
            return Ok(None);
        }
        let (criterion, target, memory) = (prober.criterion().cloned(), prober.target().clone(), prober.full());
        let purpose = Purpose { words: format!("the same lock with {version}"), commit: None };
        let question = Question {
            purpose: purpose.clone(),
            subject: Subject::GoodLock,
            assignment: &clones.assignment(state.lock.clone()),
            mode,
            round: Round::Search,
            remaining: None,
        };
        let sink = prober.sink();
        let mut other = Prober::new(&mut self.evaluator, &mut self.journal, sink, target, criterion, memory);
        let first = other.observe(&question)?;
        let (runs, verdict) = other.decide(&question, vec![first])?;
        let observation = prober.note_runs(purpose, &Subject::GoodLock, mode, runs, &verdict);
        let text = match &verdict {
            Verdict::Good => {
                let good = Verified { state: state.clone(), observation, verdict };
                draft.ends(&Ends { good, bad, mode });
                return Ok(Some(SearchResult::NixVersion { good: version, bad: own }));
            }
            Verdict::Bad => format!("with {version} it ends in the same way: the Nix version makes no difference"),
            Verdict::Skip(reason) => format!("with {version} it ends in another way, which says nothing: {reason}"),
        };
        prober.tell(&Event::Warned { text });
        Ok(None)
    }
}

//! Which commits of a range are likelier to be the culprit, from what evaluations looked at and what commits change.
//!
//! Owns what is asked for that, and when. Nothing here decides anything: a wrong hint costs probes.

use nix_culprit_core::bisect::{Goal, Hint, Reason, Search};
use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::event::Event;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::read_set::Reads;

use super::CaseError;
use super::history::History;
use super::prober::Prober;
use super::search::{Guess, Range};

/// With fewer suspects there is nothing to be gained.
const FEWEST: usize = 4;

/// With more suspects halving costs less than reading what they all change: a second and a half for 20,000 commits
/// of nixpkgs.
const MOST: usize = 40_000;

/// Tells whether what so many suspects change is read.
pub(super) fn is_worth_reading(suspects: usize) -> bool {
    (FEWEST..=MOST).contains(&suspects)
}

/// Returns the commit that is far likelier than all others by the line that it adds, if it is one alone.
pub(super) fn only_one(guess: &[Hint]) -> Option<&CommitId> {
    guess.iter().filter(|hint| hint.reason() == Reason::Line).find_map(Hint::only)
}

/// Weighs the suspects of a search anew after each verdict.
pub(super) struct Likely<'a> {
    /// From what the failure goes through.
    guess: Option<&'a Guess<'a>>,
    /// What was looked at in the nearest commit without the change, and in the nearest one with it.
    old: Option<Reads>,
    new: Option<Reads>,
    changed: Changes,
}

enum Changes {
    NotRead,
    Known(Box<ChangedPaths>, Vec<Hint>),
    Unknown,
}

impl<'a> Likely<'a> {
    /// Begins with what was looked at in both ends.
    pub(super) fn new(prober: &Prober<'_>, range: &Range<'a>, old: &CommitId) -> Result<Self, CaseError> {
        Ok(Self {
            guess: range.guess,
            old: reads(prober, range, old)?,
            new: reads(prober, range, &range.new)?,
            changed: Changes::NotRead,
        })
    }

    /// Tells whether one commit or two are far likelier than all others, by the lines that they add.
    pub(super) fn singles_out(&self) -> bool {
        let Changes::Known(_, guess) = &self.changed else { return false };
        guess.iter().any(|hint| hint.reason() == Reason::Line && (1..=2).contains(&hint.commits()))
    }

    /// Returns the commit that is far likelier than all others by the line that it adds, if it is one alone.
    pub(super) fn singled_out(&self) -> Option<CommitId> {
        let Changes::Known(_, guess) = &self.changed else { return None };
        only_one(guess).cloned()
    }

    /// Takes note of a verdict that narrowed the suspects.
    pub(super) fn note(
        &mut self,
        prober: &Prober<'_>,
        range: &Range<'_>,
        commit: &CommitId,
        verdict: &Verdict,
    ) -> Result<(), CaseError> {
        // What settled a probe looked at the same.
        let settled_by = prober.records().last().and_then(|record| record.settled_by.as_ref());
        let Some(reads) = reads(prober, range, settled_by.unwrap_or(commit))? else { return Ok(()) };
        match (verdict, range.goal) {
            (Verdict::Good, Goal::FirstBad) | (Verdict::Bad, Goal::FirstGood) => self.old = Some(reads),
            (Verdict::Bad, Goal::FirstBad) | (Verdict::Good, Goal::FirstGood) => self.new = Some(reads),
            (Verdict::Skip(_), Goal::FirstBad | Goal::FirstGood) => {}
        }
        Ok(())
    }

    /// Tells the search which suspects are likelier.
    pub(super) fn weigh(
        &mut self,
        prober: &mut Prober<'_>,
        history: &dyn History,
        search: &mut Search,
    ) -> Result<(), CaseError> {
        let reads: Vec<&Reads> = self.old.iter().chain(&self.new).collect();
        let suspects = search.remaining().suspects;
        if !is_worth_reading(suspects) || (reads.is_empty() && self.guess.is_none()) {
            return Ok(());
        }
        if let Changes::NotRead = self.changed {
            let commits: Vec<CommitId> = search.suspects().cloned().collect();
            self.changed = match history.changed_paths(&commits).map_err(CaseError::from) {
                Ok(Some(changed)) => {
                    let guess = self.guess.map(|guess| guess(&changed)).transpose()?.unwrap_or_default();
                    Changes::Known(Box::new(changed), guess)
                }
                Ok(None) => Changes::Unknown,
                Err(error) if error.is_stop() => return Err(error),
                Err(error) => {
                    let text = format!("the search does without what the commits change: {error}");
                    prober.tell(&Event::Warned { text });
                    Changes::Unknown
                }
            };
        }
        if let Changes::Known(changed, guess) = &self.changed {
            let evaluated = Hint::all(Reason::Evaluated, changed.seen_by(&reads));
            let hints: Vec<Hint> = std::iter::once(evaluated).chain(guess.clone()).collect();
            search.set_hints(&hints);
        }
        Ok(())
    }
}

/// Returns what a probe looked at in a commit of the searched input, if that is known.
fn reads(prober: &Prober<'_>, range: &Range<'_>, commit: &CommitId) -> Result<Option<Reads>, CaseError> {
    let assignment = (range.assign)(commit)?;
    let node = assignment.lock.resolve(range.input)?;
    Ok(assignment.clones.get(&node).and_then(|clone| prober.reads(clone, commit)))
}

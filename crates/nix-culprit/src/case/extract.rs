//! Which part of the culprit suffices: its hunks, then their lines, put on its parent and probed.
//!
//! Owns the loop and when it ends. What the next part is says the core's search.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use nix_culprit_core::bisect::Goal;
use nix_culprit_core::event::{Mode, Purpose};
use nix_culprit_core::flake::Lock;
use nix_culprit_core::hunks::{Amount, Basis, Entry, Extract, PATCH, Pieces, Proof};
use nix_culprit_core::ids::{CommitId, InputPath, NodeKey};
use nix_culprit_core::isolate::{Extent, Finding, Parts, Search, Step};
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::quantity::show_duration;
use nix_culprit_core::read_set::Changed;
use nix_culprit_core::report::Timestamp;
use nix_culprit_core::report::model::{Inputs, Subject};

use super::clones::Clones;
use super::error::outcome_words;
use super::ours::Ours;
use super::prober::{Allowance, Prober, Question, Round, is_from_outside};
use super::settings::Confirmation;
use super::{Assignment, CaseDir, CaseError};
use crate::sys::git::{Git, Partial, Repository};

/// A culprit, and where it was found.
#[derive(Debug)]
pub struct Culprit {
    /// The input.
    pub input: InputPath,
    /// The clone.
    pub repository: Repository,
    /// The lock whose other inputs were held.
    pub base: Lock,
    /// The input's node in it.
    pub node: NodeKey,
    /// How was probed.
    pub mode: Mode,
    /// Which change it makes.
    pub goal: Goal,
    /// The commit.
    pub commit: CommitId,
}

/// What it is looked for with.
pub struct Work<'a> {
    /// The user's git.
    pub git: &'a Git,
    /// Where the other inputs are.
    pub clones: &'a Clones,
    /// The folder of the case.
    pub folder: &'a Path,
    /// What a probe may use.
    pub allowed: Allowance,
    /// How long parts are tried.
    pub time: Duration,
    /// Whether the user's own command has the last word.
    pub confirmation: Confirmation,
}

/// Finds the part of a culprit that suffices, and writes it into the folder as a patch.
///
/// # Errors
/// When the commit cannot be taken apart, or a probe could not be made.
pub fn extract(prober: &mut Prober<'_>, work: &Work<'_>, culprit: &Culprit) -> Result<Extract, CaseError> {
    let (began, before) = (Instant::now(), prober.records().len());
    let folder = work.folder.join("parts");
    let parts = culprit.repository.in_parts(&culprit.commit, &folder)?;
    let (partial, hunks) = parts.ok_or_else(|| CaseError::NoParts { commit: culprit.commit.clone() })?;
    let ours = Ours::new(work.git, partial.git_dir(), work.clones, &culprit.base, &culprit.node)?;
    ours.vouch(prober)?;
    let seconds = culprit.repository.committed(&culprit.commit)?.seconds;
    let trial = Trial { culprit, partial: &partial, ours: &ours, date: Timestamp::from_unix(seconds) };
    let all: Parts = (0..hunks.count()).collect();
    let lines = hunks.lines(&all).count();
    let files: BTreeSet<_> = all.iter().filter_map(|part| Some(&hunks.change_of(*part)?.path)).collect();
    let of = Amount { files: files.len(), hunks: hunks.count(), lines };

    let until = began.checked_add(work.time);
    prober.allow(work.allowed);
    let likely = trial.looked_at(prober, &hunks);
    let first = trial.smallest(prober, (&hunks, "hunks"), likely, until)?;
    let (pieces, chosen, basis) = match first.open {
        Some(open) => (hunks, first.parts, Basis::Found { why: open.words(work.time) }),
        None => {
            let lines = hunks.lines(&first.parts);
            let second = trial.smallest(prober, (&lines, "lines"), Parts::new(), until)?;
            let basis = second.open.map(|open| Basis::Hunks { why: open.words(work.time) });
            (lines, second.parts, basis.unwrap_or(Basis::Lines))
        }
    };
    prober.allow(prober.whole());
    let part = partial.make(&pieces, &chosen)?;
    let proof = trial.prove(prober, &part, work.confirmation)?;
    CaseDir::at(work.folder).write(PATCH, &partial.patch(&part)?)?;
    let ran = prober.records()[before..].iter().filter(|record| record.settled_by.is_none() && !record.remembered);
    Ok(Extract {
        input: culprit.input.clone(),
        commit: culprit.commit.clone(),
        parent: partial.parent().clone(),
        of,
        hunks: pieces.told(&chosen),
        basis,
        rest: first.rest,
        proof,
        evaluations: ran.count(),
        wall: began.elapsed(),
    })
}

/// What is tried: parts of one commit, on its parent.
struct Trial<'a> {
    culprit: &'a Culprit,
    partial: &'a Partial,
    ours: &'a Ours<'a>,
    date: Timestamp,
}

/// What a search among pieces came to.
struct Smallest {
    /// The smallest part that was seen to make the change.
    parts: Parts,
    /// Why it is not known that none of them can be left out.
    open: Option<Open>,
    /// What all other pieces came to.
    rest: Option<Verdict>,
}

/// Why a smaller part may do.
#[derive(Debug, Clone, Copy)]
enum Open {
    Time,
    Skips,
}

impl Open {
    fn words(self, time: Duration) -> String {
        match self {
            Self::Time => format!("the {} for it were over", show_duration(time)),
            Self::Skips => "too many parts ended in another way".to_owned(),
        }
    }
}

impl Trial<'_> {
    /// Searches for the smallest part.
    fn smallest(
        &self,
        prober: &mut Prober<'_>,
        (pieces, words): (&Pieces, &str),
        likely: Parts,
        until: Option<Instant>,
    ) -> Result<Smallest, CaseError> {
        let mut search = Search::new(pieces.above().to_vec(), likely, Extent::One);
        let mut best: Parts = (0..pieces.count()).collect();
        loop {
            let set = match search.next() {
                Step::Done(Finding::Needed(part)) => {
                    return Ok(Smallest { parts: Parts::from([part]), open: Some(Open::Skips), rest: None });
                }
                Step::Done(Finding::Sets { sets, without }) => {
                    let Some(first) = sets.first() else {
                        return Ok(Smallest { parts: best, open: Some(Open::Skips), rest: None });
                    };
                    let open = (!first.is_proven()).then_some(Open::Skips);
                    let rest = without.map(|verdict| self.as_asked(verdict));
                    return Ok(Smallest { parts: first.parts(), open, rest });
                }
                Step::Probe(set) => set,
            };
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(Smallest { parts: best, open: Some(Open::Time), rest: None });
            }
            let commit = self.partial.make(pieces, &set)?;
            let what = format!("{} of {} {words}", set.len(), pieces.count());
            let verdict = self.as_asked(self.probe(prober, &commit, what, (self.culprit.mode, Round::Search))?.1);
            if verdict == Verdict::Bad && set.len() < best.len() {
                best = set.clone();
            }
            search.record(set, verdict);
        }
    }

    /// Turns a verdict into one of the search, to which bad is what the culprit is; and back.
    fn as_asked(&self, verdict: Verdict) -> Verdict {
        match (self.culprit.goal, verdict) {
            (Goal::FirstGood, Verdict::Good) => Verdict::Bad,
            (Goal::FirstGood, Verdict::Bad) => Verdict::Good,
            (Goal::FirstBad | Goal::FirstGood, verdict) => verdict,
        }
    }

    fn probe(
        &self,
        prober: &mut Prober<'_>,
        commit: &CommitId,
        words: String,
        (mode, round): (Mode, Round),
    ) -> Result<(Observation, Verdict), CaseError> {
        let assignment = self.ours.at(commit)?;
        prober.probe(self.question(&assignment, commit, words, (mode, round)))
    }

    fn question<'q>(
        &self,
        assignment: &'q Assignment,
        commit: &CommitId,
        words: String,
        (mode, round): (Mode, Round),
    ) -> Question<'q> {
        let title = format!("{words} of {}", self.culprit.commit.short());
        Question {
            purpose: Purpose { words: title.clone(), commit: Some(commit.clone()) },
            subject: Subject::Commit { revision: commit.clone(), date: self.date, title },
            assignment,
            mode,
            round,
            remaining: None,
        }
    }

    /// Lists the pieces of files that the evaluations of the culprit or its parent looked at.
    fn looked_at(&self, prober: &Prober<'_>, pieces: &Pieces) -> Parts {
        let clone = self.culprit.repository.git_dir();
        let both = [&self.culprit.commit, self.partial.parent()];
        let reads: Vec<_> = both.into_iter().filter_map(|commit| prober.reads(clone, commit)).collect();
        let is_seen = |part: &usize| {
            pieces.change_of(*part).is_some_and(|change| {
                let kind = |entry: &Option<Entry>| entry.as_ref().map(|entry| entry.kind);
                let (before, after) = (kind(&change.before), kind(&change.after));
                let changed = Changed { path: change.path.clone(), before, after };
                reads.iter().any(|reads| reads.saw(&changed))
            })
        };
        (0..pieces.count()).filter(is_seen).collect()
    }

    /// Runs the part by the user's own command, if that can be had; else once more in the fast way, with all of the
    /// budget.
    fn prove(&self, prober: &mut Prober<'_>, part: &CommitId, confirmation: Confirmation) -> Result<Proof, CaseError> {
        let expected = self.as_asked(Verdict::Bad);
        let words = "what suffices".to_owned();
        let mut why = match (prober.lacks(Mode::Faithful), confirmation) {
            (Some(why), _) => why,
            (None, Confirmation::Unwanted) => "you asked to leave it out".to_owned(),
            (None, Confirmation::Wanted) => String::new(),
        };
        if why.is_empty() {
            let assignment = self.ours.at(part)?;
            let question = self.question(&assignment, part, words.clone(), (Mode::Faithful, Round::Confirmation));
            let (seen, verdict, mode) = prober.probe_own(question)?;
            if verdict == expected {
                let inputs = if mode == Mode::Pure { Inputs::AtStorePaths } else { Inputs::Fetched };
                return Ok(Proof::Own { observation: Box::new(seen), inputs });
            }
            why = format!("it ended in: {}", outcome_words(&seen.outcome));
            if !is_from_outside(seen.outcome.class) && !seen.outcome.may_come_from_outside() {
                return Ok(Proof::Refuted { why });
            }
        }
        let (seen, verdict) = self.probe(prober, part, words, (self.culprit.mode, Round::Run))?;
        Ok(match verdict == expected {
            true => Proof::Fast { why },
            false => {
                Proof::Refuted { why: format!("with the whole budget it ends in: {}", outcome_words(&seen.outcome)) }
            }
        })
    }
}

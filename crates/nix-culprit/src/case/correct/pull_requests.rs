//! Heads of pull requests as corrections: what somebody has written and nobody has merged yet.
//!
//! Owns which of them are tried: those that contain what fails, and of these first those that touch its files.

use nix_culprit_core::correct::{Action, Candidate, Facts, Failed, Head, Untried};
use nix_culprit_core::event::Purpose;
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::report::model::Subject;

use super::super::CaseError;
use super::super::clones::progress;
use super::super::prober::{Prober, Question, Round};
use super::revision::{Place, ended};
use super::{Attempt, Work};
use crate::sys::git::PullRequest;

/// How many of the newest pull requests are fetched into a clone of ours.
const FETCHED: usize = 200;
/// How many of the newest that contain what fails are looked at.
const LOOKED_AT: usize = 200;
/// How many of an input are tried.
const TRIED: usize = 20;

impl Work<'_> {
    /// Finds the pull requests of an input that may help, the most promising first; and says which are left out.
    pub(super) fn pull_requests(
        &mut self,
        prober: &mut Prober<'_>,
        input: &InputPath,
        facts: &Facts,
    ) -> Result<(Vec<Candidate>, Option<Untried>), CaseError> {
        let what = format!("pull requests of {input}");
        let none = |why: String| Ok((Vec::new(), Some(Untried { what: what.clone(), why })));
        let lock = &self.failing.lock;
        let key = lock.resolve(input)?;
        let reference = lock.locked(&key)?;
        let Some(old) = reference.rev() else {
            return none(format!("it is locked to {reference}, which has no revision"));
        };
        let repository = if self.is_thorough() || facts.owners.contains(input) {
            Some(self.clones.obtain(input, &reference, prober.sink())?)
        } else {
            self.clones.at_hand(input, &reference)?
        };
        let Some(repository) = repository else {
            return none("no clone of it is at hand; `nix-culprit fix` makes one".to_owned());
        };
        if repository.is_ours()
            && repository.fetch_pull_requests(FETCHED, &mut progress(prober.sink(), what.clone()))? == 0
        {
            return none("its server gives none".to_owned());
        }
        // One that lacks the culprit would work because it is old.
        let culprit = facts.culprits.iter().find(|(of, _)| of == input).map(|(_, commit)| commit);
        let containing = culprit.unwrap_or(&old);
        if !repository.has(containing)? {
            self.clones.with_commits(input, &reference, &[containing], prober.sink())?;
        }
        let branch = self.branch(input, &repository)?;
        let heads = repository.pull_requests(containing, &branch, LOOKED_AT)?;
        if heads.is_empty() {
            return none(format!("the clone has none that contain {} and are not merged", containing.short()));
        }
        let (mut touching, mut others) = (Vec::new(), Vec::new());
        for PullRequest { reference, head } in heads {
            let is_near = match facts.files.get(input) {
                Some(files) => !repository.changes_since_parting(&branch, &head)?.is_disjoint(files),
                None => false,
            };
            let head = Head { input: input.clone(), reference, commit: head };
            if is_near { touching.push(head) } else { others.push(head) }
        }
        let mut all: Vec<Candidate> = touching.into_iter().chain(others).map(Candidate::PullRequest).collect();
        let left = all.split_off(all.len().min(TRIED)).len();
        let why = format!("{left} more, which are older or touch other files; {TRIED} are tried");
        Ok((all, (left > 0).then_some(Untried { what, why })))
    }

    /// Tries the head of a pull request.
    pub(super) fn pull_request(&mut self, prober: &mut Prober<'_>, head: &Head) -> Result<Attempt, CaseError> {
        let Head { input, reference: name, commit } = head;
        let failing = self.failing;
        let reference = failing.lock.locked(&failing.lock.resolve(input)?)?;
        let repository = self.clones.with_commits(input, &reference, &[commit], prober.sink())?;
        let place =
            Place { failing, input, repository: &repository, dir: reference.dir.as_deref(), branch: Some(name) };
        let to = place.point(commit)?;
        let subject = Subject::Commit { revision: commit.clone(), date: to.date, title: to.title.clone() };
        let assignment = self.clones.assignment(place.lock(commit)?);
        let question = Question {
            purpose: Purpose { words: format!("{input} at {}", commit.short()), commit: Some(commit.clone()) },
            subject,
            assignment: &assignment,
            mode: failing.mode,
            round: Round::Search,
            remaining: None,
        };
        if !self.is_thorough() {
            prober.allow(self.allowed);
        }
        let (seen, verdict) = prober.probe(question)?;
        prober.allow(prober.whole());
        let action = Action::PullRequest { input: input.clone(), to: to.clone(), reference: name.clone() };
        if verdict != Verdict::Good {
            let (what, why) = (action.words(&str::to_owned), ended(&seen, &verdict));
            return Ok(Attempt::Fails(Failed { what, why, observation: Some(seen) }));
        }
        let proven = place.prove(prober, self, &to)?;
        let notes = vec![
            "It is not part of the branch that the input follows: look at what it changes before you use it."
                .to_owned(),
        ];
        place.attempt(prober, self, (action, &to), proven, notes)
    }
}

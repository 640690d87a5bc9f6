//! Corrections by what an input of an input follows: nothing, another input, or nothing and an older commit of its own.
//!
//! They are edits of flake.nix beside the lock: what the user's own command proves is both, as they would be written.

use nix_culprit_core::correct::edit::{FlakeEdit, apply};
use nix_culprit_core::correct::{Action, Correction, Edge, Failed, Keeping, Proof, Step, Untried, lock_command};
use nix_culprit_core::event::{Mode, Purpose};
use nix_culprit_core::flake::{FlakeRef, Lock, Revision};
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::outcome::{Observation, Verdict};
use nix_culprit_core::report::model::Subject;

use super::super::clones::revision;
use super::super::follows::with_own;
use super::super::prober::{Prober, Question, Round};
use super::super::{Assignment, CaseError};
use super::proof::{Proven, prove};
use super::revision::{ended, point, theirs};
use super::{Attempt, Corrected, Work, Works};

/// A change of an edge, not tried yet.
struct Variant {
    action: Action,
    edit: FlakeEdit,
    lock: Lock,
    /// What is to be done once the edit is made.
    then: Vec<Step>,
}

impl Work<'_> {
    /// Tries to let an input of an input be what the flake that has it was made with.
    pub(super) fn own(&mut self, prober: &mut Prober<'_>, input: &InputPath) -> Result<Attempt, CaseError> {
        let failing = self.failing;
        let (_, parent) = parted(input);
        let reference = failing.lock.locked(&failing.lock.resolve(&parent)?)?;
        if self.is_thorough()
            && let Some(rev) = reference.rev()
        {
            self.clones.with_commits(&parent, &reference, &[&rev], prober.sink())?;
        }
        let lock = match with_own(&failing.lock, input, self.clones) {
            Ok(lock) => lock,
            Err(CaseError::NoOwnNode { why, .. }) => {
                return Ok(Attempt::Untried(Untried { what: format!("let {input} follow nothing"), why }));
            }
            Err(error) => return Err(error),
        };
        let own = lock.locked(&lock.resolve(input)?)?;
        let to = match (own.rev(), self.clones.at_hand(input, &own)?) {
            (Some(rev), Some(repository)) if repository.has(&rev)? => Some(point(&repository, &rev)?),
            _ => None,
        };
        let then = vec![Step::Command { command: lock_command(input, &address(&lock, input)?) }];
        let action = Action::Own { input: input.clone(), to };
        self.vary(prober, Variant { action, edit: FlakeEdit::DropFollows { input: input.clone() }, lock, then })
    }

    /// Tries to let an input of an input follow another one.
    pub(super) fn follow(&mut self, prober: &mut Prober<'_>, edge: &Edge) -> Result<Attempt, CaseError> {
        let Edge { input, target } = edge.clone();
        let lock = self.failing.lock.with_follows(&input, &target)?;
        let action = Action::Follow { input: input.clone(), target: target.clone() };
        let then = vec![Step::Command { command: "nix flake lock".to_owned() }];
        self.vary(prober, Variant { action, edit: FlakeEdit::SetFollows { input, target }, lock, then })
    }

    /// Tries to keep an input of an input before the culprit, apart from the input that it follows.
    pub(super) fn apart(
        &mut self,
        prober: &mut Prober<'_>,
        keeping: &Keeping,
        from: &InputPath,
    ) -> Result<Attempt, CaseError> {
        let variant = self.kept_apart(prober, keeping, from)?;
        self.vary(prober, variant)
    }

    fn kept_apart(
        &mut self,
        prober: &mut Prober<'_>,
        keeping: &Keeping,
        from: &InputPath,
    ) -> Result<Variant, CaseError> {
        let Keeping { input, commit, before } = keeping;
        let failing = &self.failing.lock;
        let reference = failing.locked(&failing.resolve(from)?)?;
        let repository = self.clones.with_commits(from, &reference, &[commit], prober.sink())?;
        let theirs = theirs(&repository, commit, reference.dir.as_deref())?;
        let (name, parent) = parted(input);
        let beside = failing.with_copy_of(&parent, &name, from)?;
        let lock = beside.with_flake_at(input, &revision(&repository, commit)?, theirs.as_ref())?;
        let url = address(&lock, input)?;
        let asked = FlakeRef::parse(&url).map(|reference| reference.to_attrs());
        let lock = match asked {
            Ok(asked) => lock.with_original(&lock.resolve(input)?, asked)?,
            // What we wrote can be read; if not, Nix will ask for a new lock, and nothing is proven.
            Err(_) => lock,
        };
        let to = point(&repository, commit)?;
        let action = Action::Apart { input: input.clone(), to, before: *before };
        let what = format!("{input} stays at that commit until you take this out again: check now and then.");
        let then = vec![Step::Command { command: "nix flake lock".to_owned() }, Step::Do { what }];
        Ok(Variant { action, edit: FlakeEdit::SetUrl { input: input.clone(), url }, lock, then })
    }

    /// Takes note of what will be asked for to try to keep an input apart, where nothing has to be fetched for it.
    pub(super) fn foresee_apart(
        &mut self,
        prober: &mut Prober<'_>,
        keeping: &Keeping,
        from: &InputPath,
    ) -> Result<(), CaseError> {
        if self.failing.mode != Mode::Fast || !self.is_at_hand(from, &keeping.commit)? {
            return Ok(());
        }
        let Variant { action, lock, .. } = self.kept_apart(prober, keeping, from)?;
        let assignment = self.clones.assignment(lock);
        prober.need(&self.varied(&action.words(&str::to_owned), &assignment), self.allowed_for_failures(prober));
        Ok(())
    }

    /// Makes the question about a change of an edge, which is this assignment.
    fn varied<'q>(&self, what: &str, assignment: &'q Assignment) -> Question<'q> {
        Question {
            purpose: Purpose { words: what.to_owned(), commit: None },
            subject: Subject::Corrected { change: what.to_owned() },
            assignment,
            mode: self.failing.mode,
            round: Round::Run,
            remaining: None,
        }
    }

    /// Tries a change in the fast way and, if that works, as it would be written by the user's own command.
    fn vary(&mut self, prober: &mut Prober<'_>, variant: Variant) -> Result<Attempt, CaseError> {
        let Variant { action, edit, lock, then } = variant;
        let what = action.words(&str::to_owned);
        let flake = self.flake.map_or_else(
            || Err("it could not be read".to_owned()),
            |flake| {
                apply(flake, &edit).map(|edited| (edited != flake).then_some(edited)).map_err(|why| why.to_string())
            },
        );
        let flake = match flake {
            Ok(None) => {
                let why = match edit {
                    FlakeEdit::DropFollows { .. } => "flake.nix does not say that it follows",
                    FlakeEdit::SetFollows { .. } | FlakeEdit::SetUrl { .. } => "flake.nix says so already",
                };
                return Ok(Attempt::Untried(Untried { what, why: why.to_owned() }));
            }
            Ok(Some(edited)) => Ok(edited),
            Err(why) => Err(why),
        };
        let assignment = self.clones.assignment(lock);
        let mut question = self.varied(&what, &assignment);
        // Whatever reads flake.nix itself has to find the edit there.
        let seen = match question.mode {
            Mode::Fast => {
                prober.allow(self.allowed_for_failures(prober));
                let (seen, verdict) = prober.probe(question.clone())?;
                prober.allow(prober.whole());
                if verdict != Verdict::Good {
                    return Ok(Attempt::Fails(Failed { what, why: ended(&seen, &verdict), observation: Some(seen) }));
                }
                Some(seen)
            }
            Mode::Pure | Mode::Faithful => None,
        };
        let mut steps = vec![Step::Write { file: "flake.nix".to_owned(), text: edit.by_hand() }];
        steps.extend(then);
        let (proven, written) = match flake {
            Ok(flake) => {
                let edited = assignment.clone().with_flake(flake.clone());
                question.assignment = &edited;
                let proven = match (prove(prober, self.settings, &question)?, seen) {
                    (Proven::Not(refused, _), Some(seen)) if asks_for_another_lock(&refused) => {
                        let why = "this Nix locks it anew, which was not tried".to_owned();
                        Proven::Good(seen, Proof::Fast { why })
                    }
                    (proven, _) => proven,
                };
                let lock = prober.as_locked(&edited);
                (proven, Some(Corrected { lock, flake: Some(flake) }))
            }
            Err(why) => {
                let why = format!("flake.nix has to be written by hand: {why}");
                let Some(seen) = seen else { return Ok(Attempt::Untried(Untried { what, why })) };
                (Proven::Good(seen, Proof::Fast { why }), None)
            }
        };
        Ok(match proven {
            Proven::Good(observation, proof) => {
                // What only a fast probe has seen does not tell what Nix says to the two files.
                let lock = written.filter(|_| matches!(proof, Proof::Own { .. }));
                let correction = Correction { action, steps, proof, observation, derivations: None, notes: Vec::new() };
                Attempt::Works(Box::new(Works { correction, lock }))
            }
            Proven::Not(observation, why) => Attempt::Fails(Failed { what, why, observation: Some(observation) }),
        })
    }
}

/// Tells whether Nix would not take the lock as it is: one whose hashes nobody knows yet, as Nix 2.8 for one does.
fn asks_for_another_lock(seen: &Observation) -> bool {
    seen.outcome.message.as_deref().is_some_and(|message| message.contains("requires lock file changes"))
}

/// Returns the name of an input, and the input that has it.
fn parted(input: &InputPath) -> (String, InputPath) {
    let (name, parent) = input.0.split_last().map(|(name, parent)| (name.clone(), parent.to_vec())).unwrap_or_default();
    (name, InputPath(parent))
}

/// Returns the words by which a flake asks for the very commit that an input is locked to.
pub(super) fn address(lock: &Lock, input: &InputPath) -> Result<String, CaseError> {
    let key = lock.resolve(input)?;
    let Some(commit) = lock.locked(&key)?.rev() else { return Ok(lock.locked(&key)?.to_url()) };
    Ok(lock.with_revision(&key, &Revision::bare(&commit))?.locked(&key)?.to_url())
}

//! Which input makes the difference: each changed one alone, then everything but it.

use nix_culprit_core::event::{Event, Purpose};
use nix_culprit_core::flake::{Change, ChangeKind, Lock, Place};
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::report::model::{Isolation, Subject};

use super::CaseError;
use super::clones::Clones;
use super::ends::Ends;
use super::prober::{Prober, Question, Round};

/// What came of it.
#[derive(Debug, Clone)]
pub enum Isolated {
    /// One input makes the difference.
    One {
        /// The change of that input.
        change: Box<Change>,
        /// How it was told from the others.
        how: Isolation,
        /// The lock whose other inputs are held while its history is searched.
        base: Lock,
    },
    /// No input fails alone; these are all needed.
    Together {
        /// The inputs that are each needed.
        inputs: Vec<InputPath>,
    },
    /// The input that the user named makes no difference.
    Innocent,
}

/// Finds the locks between which an input that the user named makes the difference.
///
/// # Errors
/// When the input did not change, or a probe could not be made.
pub fn named(
    prober: &mut Prober<'_>,
    clones: &Clones,
    ends: &Ends,
    changes: &[Change],
    input: &InputPath,
) -> Result<Isolated, CaseError> {
    let change = changes.iter().find(|change| change.paths.contains(input)).ok_or_else(|| CaseError::Unchanged {
        input: input.to_string(),
        changed: changes.iter().map(|change| change.path().to_string()).collect(),
    })?;
    let mut attempts = Attempts { prober, clones, ends };
    let one = |base| Ok(Isolated::One { change: Box::new(change.clone()), how: Isolation::Named, base });
    if changes.len() == 1 || attempts.without(&topmost(changes.iter()), change.path())? == Verdict::Good {
        return one(ends.bad.state.lock.clone());
    }
    // Another change fails as well, so it must not be there.
    match attempts.alone(change.path())? {
        (alone, Verdict::Bad) => one(alone),
        (_, Verdict::Good | Verdict::Skip(_)) => Ok(Isolated::Innocent),
    }
}

/// Finds the input among the changes that makes the difference.
///
/// Asks at most twice for each change.
///
/// # Errors
/// When a probe could not be made.
pub fn isolate(
    prober: &mut Prober<'_>,
    clones: &Clones,
    ends: &Ends,
    changes: &[Change],
) -> Result<Isolated, CaseError> {
    let mut attempts = Attempts { prober, clones, ends };
    let bad = &ends.bad.state.lock;
    let top = topmost(changes.iter());
    if let [only] = top.as_slice() {
        let how = if changes.len() == 1 { Isolation::OnlyChange } else { Isolation::SufficesAndNeeded };
        return attempts.descend(changes, only, how, bad.clone());
    }
    for change in &top {
        let (alone, verdict) = attempts.alone(change.path())?;
        if verdict != Verdict::Bad {
            continue;
        }
        let (how, base) = match attempts.without(&top, change.path())? {
            Verdict::Good => (Isolation::SufficesAndNeeded, bad.clone()),
            Verdict::Bad => {
                let text = format!("without {} it fails too: another input fails by itself", change.path());
                attempts.prober.tell(&Event::Warned { text });
                (Isolation::Suffices, alone)
            }
            Verdict::Skip(_) => (Isolation::Suffices, alone),
        };
        return attempts.descend(changes, change, how, base);
    }
    let mut needed = Vec::new();
    for change in &top {
        match attempts.without(&top, change.path())? {
            Verdict::Bad => {}
            verdict @ (Verdict::Good | Verdict::Skip(_)) => needed.push((*change, verdict)),
        }
    }
    if let [(only, Verdict::Good)] = needed.as_slice() {
        return attempts.descend(changes, only, Isolation::WithOthers, bad.clone());
    }
    let needed: Vec<&Change> = needed.into_iter().map(|(change, _)| change).collect();
    let inputs = if attempts.are_enough(&top, &needed)? { paths(&needed) } else { paths(&top) };
    Ok(Isolated::Together { inputs })
}

/// Probes mixtures of the two locks.
struct Attempts<'a, 'p> {
    prober: &'a mut Prober<'p>,
    clones: &'a Clones,
    ends: &'a Ends,
}

impl Attempts<'_, '_> {
    /// Probes the good lock with one input, and all below it, from the bad one.
    fn alone(&mut self, path: &InputPath) -> Result<(Lock, Verdict), CaseError> {
        let lock = self.ends.good.state.lock.with_input_from(path, &self.ends.bad.state.lock)?;
        let verdict = self.probe(&lock, format!("only {path} as in the bad lock"), vec![path.clone()])?;
        Ok((lock, verdict))
    }

    /// Probes the bad lock with one input, and all below it, from the good one.
    fn without(&mut self, top: &[&Change], path: &InputPath) -> Result<Verdict, CaseError> {
        let lock = self.ends.bad.state.lock.with_input_from(path, &self.ends.good.state.lock)?;
        let others = paths(top).into_iter().filter(|other| other != path).collect();
        self.probe(&lock, format!("all but {path} as in the bad lock"), others)
    }

    /// Tells whether some of the changes are enough, or whether others have to join them.
    fn are_enough(&mut self, top: &[&Change], some: &[&Change]) -> Result<bool, CaseError> {
        if some.len() < 2 || some.len() == top.len() {
            return Ok(some.len() == top.len());
        }
        let some = paths(some);
        let lock = self.ends.good.state.lock.with_inputs_from(&some, &self.ends.bad.state.lock)?;
        let names: Vec<String> = some.iter().map(ToString::to_string).collect();
        Ok(self.probe(&lock, format!("only {} as in the bad lock", names.join(", ")), some)? == Verdict::Bad)
    }

    /// Goes on in the inputs below the found one: does one of them make the difference?
    fn descend(
        &mut self,
        changes: &[Change],
        found: &Change,
        how: Isolation,
        base: Lock,
    ) -> Result<Isolated, CaseError> {
        let below = changes.iter().filter(|other| other.path() != found.path() && other.path().is_below(found.path()));
        for change in topmost(below) {
            let Ok(without) = base.with_input_from(change.path(), &self.ends.good.state.lock) else { continue };
            let words = format!("{} as in the bad lock, but not {}", found.path(), change.path());
            if self.probe(&without, words, vec![found.path().clone()])? != Verdict::Good {
                continue;
            }
            let how = match self.ends.good.state.lock.with_input_from(change.path(), &self.ends.bad.state.lock) {
                Ok(alone) => {
                    let words = format!("only {} as in the bad lock", change.path());
                    match self.probe(&alone, words, vec![change.path().clone()])? {
                        Verdict::Bad if how == Isolation::Suffices => Isolation::Suffices,
                        Verdict::Bad => Isolation::SufficesAndNeeded,
                        Verdict::Good | Verdict::Skip(_) => Isolation::WithOthers,
                    }
                }
                Err(_) => Isolation::WithOthers,
            };
            return self.descend(changes, change, how, base);
        }
        let words = match how {
            Isolation::Named => "named by you",
            Isolation::OnlyChange => "no other input changed",
            Isolation::Suffices => "it fails with this one alone",
            Isolation::SufficesAndNeeded => "it fails with this one alone, and not without it",
            Isolation::WithOthers => "it fails with this one and others, but not with this one alone",
        };
        self.prober.tell(&Event::Isolated { input: found.path().clone(), how: words.to_owned() });
        Ok(Isolated::One { change: Box::new(found.clone()), how, base })
    }

    fn probe(&mut self, lock: &Lock, words: String, updated: Vec<InputPath>) -> Result<Verdict, CaseError> {
        let assignment = self.clones.assignment(lock.clone());
        let question = Question {
            purpose: Purpose { words, commit: None },
            subject: Subject::Inputs { updated },
            assignment: &assignment,
            mode: self.ends.mode,
            round: Round::Search,
            remaining: None,
        };
        Ok(self.prober.probe(question)?.1)
    }
}

/// Leaves out changes below others; those whose history can be searched come first.
fn topmost<'c>(changes: impl Iterator<Item = &'c Change> + Clone) -> Vec<&'c Change> {
    let is_below =
        |change: &Change, other: &Change| change.path() != other.path() && change.path().is_below(other.path());
    let mut top: Vec<&Change> =
        changes.clone().filter(|change| !changes.clone().any(|other| is_below(change, other))).collect();
    top.sort_by_key(|change| !matches!(change.kind, ChangeKind::Moved { place: Place::Same, .. }));
    top
}

fn paths(changes: &[&Change]) -> Vec<InputPath> {
    changes.iter().map(|change| change.path().clone()).collect()
}

#[cfg(test)]
mod tests;

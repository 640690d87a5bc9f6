//! Which input makes the difference: each changed one alone, then everything but it.

use nix_culprit_core::event::{Event, Mode, Purpose};
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
}

/// Finds the input among the changes that makes the difference.
///
/// # Errors
/// When a probe could not be made.
pub fn isolate(
    prober: &mut Prober<'_>,
    clones: &Clones,
    ends: &Ends,
    changes: &[Change],
) -> Result<Isolated, CaseError> {
    let (good, bad) = (&ends.good.state.lock, &ends.bad.state.lock);
    let top: Vec<&Change> = topmost(changes);
    if let [only] = top.as_slice() {
        let how = if changes.len() == 1 { Isolation::OnlyChange } else { Isolation::SufficesAndNeeded };
        return descend(prober, clones, ends, changes, only, how, bad.clone());
    }
    for change in &top {
        let alone = good.with_input_from(change.path(), bad)?;
        let words = format!("only {} as in the bad lock", change.path());
        let updated = vec![change.path().clone()];
        if probe(prober, clones, alone.clone(), words, updated, ends.mode)? != Verdict::Bad {
            continue;
        }
        let without = bad.with_input_from(change.path(), good)?;
        let words = format!("all but {} as in the bad lock", change.path());
        let others = top.iter().filter(|other| other.path() != change.path()).map(|other| other.path().clone());
        let (how, base) = match probe(prober, clones, without, words, others.collect(), ends.mode)? {
            Verdict::Good => (Isolation::SufficesAndNeeded, bad.clone()),
            Verdict::Bad => {
                let text = format!("without {} it fails too: another input fails by itself", change.path());
                prober.tell(&Event::Warned { text });
                (Isolation::Suffices, alone)
            }
            Verdict::Skip(_) => (Isolation::Suffices, alone),
        };
        return descend(prober, clones, ends, changes, change, how, base);
    }
    let mut needed = Vec::new();
    for change in &top {
        let without = bad.with_input_from(change.path(), good)?;
        let words = format!("all but {} as in the bad lock", change.path());
        let others = top.iter().filter(|other| other.path() != change.path()).map(|other| other.path().clone());
        if probe(prober, clones, without, words, others.collect(), ends.mode)? != Verdict::Bad {
            needed.push(change.path().clone());
        }
    }
    Ok(Isolated::Together { inputs: needed })
}

/// Goes on in the inputs below the found one: does one of them make the difference?
fn descend(
    prober: &mut Prober<'_>,
    clones: &Clones,
    ends: &Ends,
    changes: &[Change],
    found: &Change,
    how: Isolation,
    base: Lock,
) -> Result<Isolated, CaseError> {
    let below = changes.iter().filter(|change| change.path() != found.path() && change.path().is_below(found.path()));
    for change in topmost_of(below.collect()) {
        let Ok(without) = base.with_input_from(change.path(), &ends.good.state.lock) else { continue };
        let words = format!("all but {} as in the bad lock", change.path());
        if probe(prober, clones, without, words, vec![found.path().clone()], ends.mode)? == Verdict::Good {
            return descend(prober, clones, ends, changes, change, Isolation::SufficesAndNeeded, base);
        }
    }
    let words = match how {
        Isolation::Named => "named by you",
        Isolation::OnlyChange => "no other input changed",
        Isolation::Suffices => "it fails with this one alone",
        Isolation::SufficesAndNeeded => "it fails with this one alone, and not without it",
    };
    prober.tell(&Event::Isolated { input: found.path().clone(), how: words.to_owned() });
    Ok(Isolated::One { change: Box::new(found.clone()), how, base })
}

fn topmost(changes: &[Change]) -> Vec<&Change> {
    topmost_of(changes.iter().collect())
}

/// Leaves out changes below others; those that can be searched come first.
fn topmost_of(changes: Vec<&Change>) -> Vec<&Change> {
    let mut top: Vec<&Change> = changes
        .iter()
        .filter(|change| {
            !changes.iter().any(|other| other.path() != change.path() && change.path().is_below(other.path()))
        })
        .copied()
        .collect();
    top.sort_by_key(|change| !matches!(change.kind, ChangeKind::Moved { place: Place::Same, .. }));
    top
}

fn probe(
    prober: &mut Prober<'_>,
    clones: &Clones,
    lock: Lock,
    words: String,
    updated: Vec<InputPath>,
    mode: Mode,
) -> Result<Verdict, CaseError> {
    let assignment = clones.assignment(lock);
    let question = Question {
        purpose: Purpose { words, commit: None },
        subject: Subject::Inputs { updated },
        assignment: &assignment,
        mode,
        round: Round::Search,
        remaining: None,
    };
    Ok(prober.probe(question)?.1)
}

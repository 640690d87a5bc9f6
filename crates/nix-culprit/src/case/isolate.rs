//! Which of the changed inputs make the difference: asks the core for a mixture of the locks, and probes it.

use nix_culprit_core::event::{Event, Mode, Purpose};
use nix_culprit_core::flake::{Change, Lock};
use nix_culprit_core::ids::InputPath;
use nix_culprit_core::isolate::{Difference, Extent, Finding, Parts, Search, Smallest, Step};
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::report::model::{ChangeSet, Isolation, Matters, SetMember, Subject};

use super::CaseError;
use super::assignment::Assignment;
use super::clones::Clones;
use super::ends::Ends;
use super::prober::{Prober, Question, Round};

/// A change that makes the difference.
#[derive(Debug, Clone)]
pub struct Culprit {
    /// The change.
    pub change: Change,
    /// How it was told from the others.
    pub how: Isolation,
    /// A bad lock with the change, whose other inputs are held while its history is searched.
    pub base: Lock,
    /// The same lock without the change.
    pub without: Lock,
    /// What is known of that lock.
    pub old_end: OldEnd,
}

/// What is known of the old end of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldEnd {
    /// It was probed, with all else as in the search.
    Seen,
    /// What was probed had other inputs as in the good lock, too.
    Assumed,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Isolated {
    /// The changes that make the difference: one by itself, or several that do so together. None where the input
    /// that the user named is innocent, or no change could be told from the others.
    pub culprits: Vec<Culprit>,
    /// What is told of all changes.
    pub matters: Matters,
}

/// Finds the locks between which an input that the user named makes the difference.
///
/// # Errors
/// When the input did not change, or a probe could not be made.
pub fn named(
    prober: &mut Prober<'_>,
    clones: &Clones,
    ends: &Ends,
    difference: &Difference,
    input: &InputPath,
) -> Result<Isolated, CaseError> {
    let parts = difference.of(std::slice::from_ref(input));
    let part = parts.first().filter(|at| difference.parts()[**at].change().paths.contains(input));
    let part = part.map(|at| &difference.parts()[*at]).ok_or_else(|| CaseError::Unchanged {
        input: input.to_string(),
        changed: difference.changes().map(|change| change.path().to_string()).collect(),
    })?;
    let own = below(difference, part.path());
    let all: Parts = (0..difference.parts().len()).collect();
    let attempts = Attempts { clones, mode: ends.mode, difference };
    let others = &all - &own;
    let mut base = None;
    if others.is_empty() || attempts.probe(prober, &others)? == Verdict::Good {
        base = Some((ends.bad.state.lock.clone(), others.clone()));
    } else if attempts.probe(prober, &own)? == Verdict::Bad {
        // Another change fails as well, so it must not be there.
        base = Some((attempts.lock(&own)?, Parts::new()));
    }
    let old_end = if own.len() == 1 && part.changes().len() == 1 { OldEnd::Seen } else { OldEnd::Assumed };
    let mut culprits = Vec::new();
    if let Some((base, without)) = base {
        let (change, without) = (part.change().clone(), attempts.lock(&without)?);
        culprits.push(Culprit { change, how: Isolation::Named, base, without, old_end });
    }
    let untried = paths(difference, &others);
    tell(prober, &culprits);
    Ok(Isolated { culprits, matters: Matters { untried, ..Matters::default() } })
}

/// Finds the changes that make the difference.
///
/// `likely` names inputs that are suspected for another reason: they are tried first, and with
/// [`Extent::Enough`] it is enough that all is good without the right one. How many probes it takes at most is
/// said in docs/inputs.md.
///
/// # Errors
/// When a probe could not be made.
pub fn isolate(
    prober: &mut Prober<'_>,
    clones: &Clones,
    ends: &Ends,
    difference: &Difference,
    likely: &[InputPath],
    extent: Extent,
) -> Result<Isolated, CaseError> {
    let attempts = Attempts { clones, mode: ends.mode, difference };
    let mut search = search(difference, likely, extent);
    let finding = loop {
        match search.next() {
            Step::Done(finding) => break finding,
            Step::Probe(set) => {
                let verdict = attempts.probe(prober, &set)?;
                search.record(set, verdict);
            }
        }
    };
    let isolated = attempts.isolated(&finding)?;
    tell(prober, &isolated.culprits);
    if let Finding::Sets { without: Some(Verdict::Bad), .. } = finding
        && let [only] = isolated.culprits.as_slice()
    {
        let path = only.change.path();
        let text = format!("without {path} it fails too: another input fails by itself");
        prober.tell(&Event::Warned { text });
    }
    Ok(isolated)
}

/// What is asked for first of the changed inputs.
#[derive(Debug, Clone, Copy)]
pub enum First<'a> {
    /// Whether one that the user named makes the difference.
    Named(&'a InputPath),
    /// Which make it, where these are likely.
    Likely(&'a [InputPath], Extent),
}

/// Has what will be asked for first probed while another probe is waited for.
pub fn begin(prober: &mut Prober<'_>, clones: &Clones, mode: Mode, difference: &Difference, first: First<'_>) {
    let all: Parts = (0..difference.parts().len()).collect();
    let set = match first {
        _ if all.is_empty() => return,
        First::Named(input) => &all - &below(difference, input),
        First::Likely(likely, extent) => match search(difference, likely, extent).next() {
            Step::Probe(set) => set,
            Step::Done(_) => return,
        },
    };
    if let Ok(lock) = difference.lock(&set)
        && !set.is_empty()
        && set != all
    {
        let assignment = clones.assignment(lock);
        prober.beside_waiting(&Attempts { clones, mode, difference }.question(&set, &assignment));
    }
}

fn search(difference: &Difference, likely: &[InputPath], extent: Extent) -> Search {
    let above = difference.parts().iter().map(|part| part.above()).collect();
    Search::new(above, difference.of(likely), extent)
}

/// Returns the changes of an input and of what is below it.
fn below(difference: &Difference, path: &InputPath) -> Parts {
    let parts = difference.parts().iter().enumerate();
    parts.filter(|(_, other)| other.path().is_below(path)).map(|(at, _)| at).collect()
}

/// Probes mixtures of the two locks, and says what they mean.
struct Attempts<'a> {
    clones: &'a Clones,
    mode: Mode,
    difference: &'a Difference,
}

impl Attempts<'_> {
    fn lock(&self, set: &Parts) -> Result<Lock, CaseError> {
        Ok(self.difference.lock(set)?)
    }

    fn probe(&self, prober: &mut Prober<'_>, set: &Parts) -> Result<Verdict, CaseError> {
        let lock = match self.difference.lock(set) {
            Ok(lock) => lock,
            // Only where a lock is broken by itself; the other mixtures may still tell.
            Err(error) => return Ok(Verdict::Skip(format!("the locks cannot be mixed so: {error}"))),
        };
        let assignment = self.clones.assignment(lock);
        Ok(prober.probe(self.question(set, &assignment))?.1)
    }

    fn question<'q>(&self, set: &Parts, assignment: &'q Assignment) -> Question<'q> {
        Question {
            purpose: Purpose { words: self.words(set), commit: None },
            subject: Subject::Inputs { updated: paths(self.difference, set) },
            assignment,
            mode: self.mode,
            round: Round::Search,
            remaining: None,
        }
    }

    /// Says what a set is, by the shorter list.
    fn words(&self, set: &Parts) -> String {
        const MOST: usize = 4;
        let all: Parts = (0..self.difference.parts().len()).collect();
        let rest = &all - set;
        let (word, named) = if set.len() <= rest.len() { ("only", set) } else { ("all but", &rest) };
        let mut names: Vec<String> = paths(self.difference, named).iter().map(ToString::to_string).collect();
        if names.len() > MOST {
            let more = names.len() - MOST;
            names.truncate(MOST);
            names.push(format!("{more} more"));
        }
        format!("{word} {} as in the bad lock", names.join(", "))
    }

    /// Says what a finding means for the search of histories.
    fn isolated(&self, finding: &Finding) -> Result<Isolated, CaseError> {
        let parts = self.difference.parts();
        let all: Parts = (0..parts.len()).collect();
        let culprit = |at: usize, how, within: &Parts| -> Result<Culprit, CaseError> {
            let part = &parts[at];
            let (base, without) = (self.lock(within)?, self.lock(&(within - &Parts::from([at])))?);
            // What came and went with the change was taken back with it, but stays in a search of the history.
            let old_end = if part.changes().len() == 1 { OldEnd::Seen } else { OldEnd::Assumed };
            Ok(Culprit { change: part.change().clone(), how, base, without, old_end })
        };
        let (sets, without) = match finding {
            Finding::Needed(at) => {
                let untried = paths(self.difference, &(&all - &Parts::from([*at])));
                let culprits = vec![culprit(*at, Isolation::Needed, &all)?];
                return Ok(Isolated { culprits, matters: Matters { untried, ..Matters::default() } });
            }
            Finding::Sets { sets, without } => (sets, without),
        };
        let first = &sets[0];
        let guilty: Vec<usize> = first.culprits().collect();
        let without_is_good = *without == Some(Verdict::Good);
        let within = if guilty.len() == 1 && without_is_good { all.clone() } else { first.parts() };
        let how = match (first.members.len(), without_is_good) {
            (1, _) if parts.len() == 1 => Isolation::OnlyChange,
            (1, true) => Isolation::SufficesAndNeeded,
            (1, false) => Isolation::Suffices,
            _ => Isolation::WithOthers,
        };
        let culprits = guilty.into_iter().map(|at| culprit(at, how, &within)).collect::<Result<_, _>>()?;
        let named: Parts = sets.iter().flat_map(Smallest::parts).collect();
        let idle = &all - &named;
        let sets = sets.iter().map(|set| self.told(set)).collect();
        Ok(Isolated { culprits, matters: Matters { sets, idle: paths(self.difference, &idle), untried: Vec::new() } })
    }

    fn told(&self, set: &Smallest) -> ChangeSet {
        let member = |member: &nix_culprit_core::isolate::Member| {
            let change = self.difference.parts()[member.part].change();
            SetMember { input: change.path().clone(), change: change.to_string(), without: member.without.clone() }
        };
        ChangeSet { changes: set.members.iter().map(member).collect(), proven: set.is_proven() }
    }
}

fn tell(prober: &mut Prober<'_>, culprits: &[Culprit]) {
    for culprit in culprits {
        let words = match culprit.how {
            Isolation::Named => "named by you",
            Isolation::OnlyChange => "no other input changed",
            Isolation::Suffices => "it fails with this one alone",
            Isolation::SufficesAndNeeded => "it fails with this one alone, and not without it",
            Isolation::WithOthers => "it fails with this one and others, but not with this one alone",
            Isolation::Needed => "it does not fail without this one",
        };
        prober.tell(&Event::Isolated { input: culprit.change.path().clone(), how: words.to_owned() });
    }
}

fn paths(difference: &Difference, set: &Parts) -> Vec<InputPath> {
    set.iter().map(|at| difference.parts()[*at].path().clone()).collect()
}

#[cfg(test)]
mod tests;

//! A `follows` that makes the difference, taken for what it leads to: an input that is at another revision.

use nix_culprit_core::event::{Mode, Purpose};
use nix_culprit_core::flake::{ChangeKind, FlakeRef, Link, Lock, Revision};
use nix_culprit_core::ids::{CommitId, InputPath};
use nix_culprit_core::outcome::Verdict;
use nix_culprit_core::report::model::Subject;

use super::CaseError;
use super::clones::Clones;
use super::isolate::Culprit;
use super::prober::{Prober, Question, Round};

/// An edge as a move.
#[derive(Debug, Clone)]
pub struct Move {
    /// Where the input comes from.
    pub reference: FlakeRef,
    /// The commit that is good.
    pub old: CommitId,
    /// The commit that is bad.
    pub new: CommitId,
    /// A lock in which the input is a node of its own, at the bad commit.
    pub base: Lock,
}

/// Tells whether an edge matters only because of the revision that it leads to; if so, its history can be searched.
///
/// One of the two locks has the input as a node of its own, which is put to the revision of the other lock: one probe.
///
/// # Errors
/// When a probe could not be made.
pub fn as_move(
    prober: &mut Prober<'_>,
    clones: &Clones,
    mode: Mode,
    culprit: &Culprit,
) -> Result<Option<Move>, CaseError> {
    let input = culprit.change.path();
    let locked = |lock: &Lock| lock.resolve(input).and_then(|node| lock.locked(&node)).ok();
    let (Some(from), Some(to)) = (locked(&culprit.without), locked(&culprit.base)) else { return Ok(None) };
    let (Some(old), Some(new)) = (from.rev(), to.rev()) else { return Ok(None) };
    if !from.same_place(&to) || old == new {
        return Ok(None);
    }
    let (own, other, expected) = match &culprit.change.kind {
        ChangeKind::Follows { from: Link::Own(_), .. } => (&culprit.without, &new, Verdict::Bad),
        ChangeKind::Follows { to: Link::Own(_), .. } => (&culprit.base, &old, Verdict::Good),
        ChangeKind::Follows { .. }
        | ChangeKind::Added { .. }
        | ChangeKind::Removed { .. }
        | ChangeKind::Moved { .. }
        | ChangeKind::Declared => return Ok(None),
    };
    let node = own.resolve(input)?;
    let put = own.with_revision(&node, &Revision::bare(other))?;
    if verdict(prober, clones, mode, input, other, &put)? != expected {
        return Ok(None);
    }
    let base = if expected == Verdict::Bad { put } else { culprit.base.clone() };
    Ok(Some(Move { reference: to, old, new, base }))
}

fn verdict(
    prober: &mut Prober<'_>,
    clones: &Clones,
    mode: Mode,
    input: &InputPath,
    commit: &CommitId,
    lock: &Lock,
) -> Result<Verdict, CaseError> {
    let words = format!("{input} by itself at {}, where the other lock has it", commit.short());
    let question = Question {
        purpose: Purpose { words, commit: None },
        subject: Subject::Inputs { updated: vec![input.clone()] },
        assignment: &clones.assignment(lock.clone()),
        mode,
        round: Round::Search,
        remaining: None,
    };
    Ok(prober.probe(question)?.1)
}

#[cfg(test)]
mod tests {
    use nix_culprit_core::flake::diff;
    use nix_culprit_core::report::model::Isolation;

    use super::super::fake::{FakeNix, Truth, commit, lock, no_clones, number, out_of_memory, path, revision, run};
    use super::super::isolate::OldEnd;
    use super::*;

    /// Takes the edge `c/a` between two locks for a move, with a Nix that is bad by a rule.
    fn taken(without: &str, base: &str, is_bad: &dyn Fn(&Lock) -> bool) -> (Option<Move>, usize) {
        let (without, base) = (lock(without), lock(base));
        let change = diff(&without, &base).into_iter().find(|change| *change.path() == path("c/a")).unwrap();
        let culprit = Culprit { change, how: Isolation::Suffices, base, without, old_end: OldEnd::Seen };
        let folder = tempfile::tempdir().unwrap();
        let mut nix = FakeNix::new(|lock, _| if is_bad(lock) { Truth::Bad } else { Truth::Good });
        let clones = no_clones();
        let work = |prober: &mut Prober<'_>| as_move(prober, &clones, Mode::Fast, &culprit).unwrap();
        let found = run(folder.path(), &mut nix, Some(out_of_memory()), work).0;
        (found, nix.asked.len())
    }

    #[test]
    fn an_edge_that_only_brings_another_revision_is_a_move() {
        let is_new = |lock: &Lock| number(&revision(lock, "c/a")) == 1;
        for (without, base) in [("a=1 c c/a", "a=1 c c/a>a"), ("a c c/a>a", "a c c/a=1")] {
            let (found, asked) = taken(without, base, &is_new);
            let Move { old, new, base, .. } = found.unwrap();
            assert_eq!((old, new, asked), (commit(0), commit(1), 1));
            let own = base.resolve(&path("c/a")).unwrap();
            assert_ne!(own, base.resolve(&path("a")).unwrap(), "it is a node of its own");
            assert_eq!(revision(&base, "c/a"), commit(1));
        }
    }

    #[test]
    fn an_edge_that_matters_as_such_is_none() {
        let together = |lock: &Lock| lock.resolve(&path("c/a")) == lock.resolve(&path("a"));
        assert!(taken("a=1 c c/a", "a=1 c c/a>a", &together).0.is_none());
        // The same revision on both sides, or another input: there is no range, and nothing is asked.
        assert!(matches!(taken("a c c/a", "a c c/a>a", &together), (None, 0)));
        assert!(matches!(taken("b=1 c c/a", "b=1 c c/a>b", &together), (None, 0)));
        assert!(matches!(taken("a b=1 c c/a>a", "a b=1 c c/a>b", &together), (None, 0)));
    }
}

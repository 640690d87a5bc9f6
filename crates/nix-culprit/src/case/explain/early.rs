//! The explanation of an end that still runs: if that runs away, as most do that take longer than the good end, its loop
//! is known by the time it has.
//!
//! Owns what is learned early, and when that is given up. What was learned in vain is told to nobody.

use std::time::{Duration, Instant};

use nix_culprit_core::explain::{Explanation, Way, Why};
use nix_culprit_core::outcome::Class;

use super::{Attempt, CaseError, Ending, Failing, is_confirmed};
use crate::case::prober::Prober;

/// What growing limits of the call depth told before it was known how the bad end ends.
#[derive(Debug, Clone)]
pub struct Early {
    found: Option<(Why, Way)>,
    runs: usize,
    notes: Vec<String>,
    wall: Duration,
}

impl Early {
    /// Returns why the end fails, if nothing else will be looked at: a loop that was seen to grow.
    #[must_use]
    pub fn settled(&self) -> Option<&Why> {
        self.found.as_ref().filter(|found| is_confirmed(found)).map(|(why, _)| why)
    }
}

/// Looks why an end fails while it is being probed; nothing where that is known, cannot be learned in this way, or
/// proved to be in vain.
///
/// # Errors
/// When the user asked to stop, or the journal cannot be written.
pub fn explain_early(
    prober: &mut Prober<'_>,
    failing: &Failing<'_>,
    ending: &Ending,
) -> Result<Option<Early>, CaseError> {
    let known: Option<Explanation> = prober.explained(&prober.key_of_explanation(failing.assignment, failing.by));
    if known.is_some() || failing.by.is_some() {
        return Ok(None);
    }
    let began = Instant::now();
    let mut attempt = Attempt::begin(prober, failing, Duration::ZERO);
    attempt.ending = Some(ending.clone());
    let found = attempt.by(Way::CallDepth, Class::OutOfMemory)?;
    let Attempt { runs, notes, in_vain, .. } = attempt;
    Ok((runs > 0 && !in_vain).then(|| Early { found, runs, notes, wall: began.elapsed() }))
}

impl Attempt<'_, '_> {
    /// Makes use of what was learned early.
    pub(super) fn adopt(&mut self, early: Early) -> Option<(Why, Way)> {
        let Early { found, runs, notes, wall } = early;
        self.runs += runs;
        self.notes.extend(notes);
        self.before += wall;
        found
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use nix_culprit_core::event::{Event, Mode};
    use nix_culprit_core::explain::Sources;
    use nix_culprit_core::outcome::Outcome;
    use nix_culprit_core::quantity::Bytes;

    use super::*;
    use crate::case::explain::{Drawing, explain};
    use crate::case::fake::{Told, Truth, assign, commit};
    use crate::case::instrumented::{Folders, How, Instrumented};
    use crate::case::journal::Journal;
    use crate::case::{Assignment, Evaluated, Evaluator, EvaluatorError, Target};
    use crate::sys::limit::{Budget, Seen, Wish};

    /// Ends without a trace, unless somebody wants it to end before.
    #[derive(Default)]
    struct Mute {
        asked: Vec<&'static str>,
        stopped: usize,
    }

    impl Evaluator for Mute {
        fn evaluate(&mut self, _: &Assignment, _: Mode, _: &Target, _: Bytes) -> Result<Evaluated, EvaluatorError> {
            Err(EvaluatorError::Lacks("it only tells where it is".to_owned()))
        }

        fn instrumented(
            &mut self,
            _: &Assignment,
            _: &Target,
            _: Budget,
            how: How<'_>,
            look: &mut dyn FnMut(Seen<'_>) -> Wish,
        ) -> Result<Option<Instrumented>, EvaluatorError> {
            self.asked.push(match how {
                How::Profile { .. } => "profile",
                How::CallDepth(_) => "call depth",
                How::Tracer(_) => "tracer",
                How::Trace => "trace",
            });
            self.stopped += usize::from(look(Seen::Memory(Bytes(1 << 20))) == Wish::End);
            Ok(Some(Instrumented {
                outcome: Outcome { class: Class::EvaluationError, message: None, position: None },
                peak: Bytes(1 << 20),
                wall: Duration::from_secs(1),
                stderr: Vec::new(),
                folders: Folders::default(),
                sources: Sources::new(Vec::new()),
            }))
        }
    }

    fn with_both_ends<T>(nix: &mut Mute, work: impl FnOnce(&mut Prober<'_>, &Failing<'_>) -> T) -> (T, Told) {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
        let mut told = Told::default();
        let target = Target::Among(Vec::new());
        let (good, bad) = (assign(&commit(0)).unwrap(), assign(&commit(1)).unwrap());
        let failing = Failing {
            assignment: &bad,
            good: &good,
            good_observation: &Truth::Good.observation(),
            time: Duration::from_secs(60),
            folder: Path::new("/nowhere"),
            by: None,
            drawing: Drawing::Incidental,
        };
        let mut prober = Prober::new(nix, &mut journal, &mut told, target, None, Bytes(1 << 30));
        let worked = work(&mut prober, &failing);
        drop(prober);
        (worked, told)
    }

    #[test]
    fn what_was_learned_early_is_not_asked_again_and_counts() {
        let mut nix = Mute::default();
        let bad = Truth::Bad.observation();
        let (explained, told) = with_both_ends(&mut nix, |prober, failing| {
            let early = explain_early(prober, failing, &Ending::of(Some(Class::OutOfMemory))).unwrap().unwrap();
            explain(prober, failing, &bad, Some(early)).unwrap()
        });
        assert_eq!(nix.asked, ["call depth", "profile", "tracer"]);
        assert_eq!((explained.runs, nix.stopped), (3, 0));
        assert!(explained.notes.iter().any(|note| note.starts_with("With calls no deeper than 300")), "{explained:?}");
        // Of what is done beside the bad end only its result is told.
        let looking = told.0.iter().filter(|event| matches!(event, Event::Explaining { .. })).count();
        assert_eq!(looking, 2);
    }

    #[test]
    fn an_end_that_does_not_run_away_stops_what_was_looked_for_in_it() {
        let mut nix = Mute::default();
        let (early, told) = with_both_ends(&mut nix, |prober, failing| {
            [Some(Class::Success), Some(Class::EvaluationError), Some(Class::InfiniteRecursion), None]
                .map(|class| explain_early(prober, failing, &Ending::of(class)).unwrap())
        });
        assert!(early.iter().all(Option::is_none));
        assert_eq!(nix.stopped, 4);
        assert!(told.0.is_empty());
    }
}

//! Why an assignment fails: what is remembered of it, and evaluations that tell where they are.

use nix_culprit_core::event::Mode;
use nix_culprit_core::explain::{Explanation, Way};

use super::{Prober, Round};
use crate::case::assignment::Assignment;
use crate::case::evaluator::EvaluatorError;
use crate::case::instrumented::{How, Instrumented};
use crate::case::meter::Label;
use crate::sys::limit::{Budget, Seen, Wish};

impl Prober<'_> {
    /// Returns the digest of all that determines why an assignment fails.
    #[must_use]
    pub fn key_of_explanation(&self, assignment: &Assignment, by: Option<Way>) -> String {
        let by = by.map(|way| format!("{way:?}-").to_lowercase()).unwrap_or_default();
        format!("why-{by}{}", assignment.key(Mode::Fast, Round::Run, self.full, &self.asked))
    }

    /// Returns what an earlier run of the case learned about a failure.
    #[must_use]
    pub fn explained(&self, key: &str) -> Option<Explanation> {
        self.journal.explained(key).cloned()
    }

    /// Evaluates the target once in a way that tells where it is; nothing where that cannot be had.
    ///
    /// # Errors
    /// When Nix could not be asked.
    pub fn instrumented(
        &mut self,
        assignment: &Assignment,
        budget: Budget,
        how: How<'_>,
        look: &mut dyn FnMut(Seen<'_>) -> Wish,
    ) -> Result<Option<Instrumented>, EvaluatorError> {
        self.evaluator.label(Label { key: "explanation".to_owned(), words: "why it fails".to_owned() });
        self.evaluator.instrumented(assignment, &self.target, budget, how, look)
    }
}

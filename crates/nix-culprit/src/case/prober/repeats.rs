//! Rules about growth: how often a probe is repeated, and what the good end has to be compared with.
//!
//! Owns the runs; what they mean is told by the core's limit.

use nix_culprit_core::event::{Event, Mode, Purpose};
use nix_culprit_core::growth::{Bound, Decision, Limit, Measure, Rule, Scale, Value, median};
use nix_culprit_core::outcome::{Class, Criterion, Observation, Verdict};
use nix_culprit_core::report::model::Subject;

use super::{Prober, Question, Record};
use crate::case::CaseError;
use crate::case::assignment::Assignment;
use crate::case::evaluator::Counting;

/// The good end, and what runs of it have in each way of asking.
#[derive(Debug, Default)]
pub(super) struct Base {
    good: Option<Assignment>,
    scales: Vec<(Mode, Option<Scale>)>,
}

impl Prober<'_> {
    /// Returns the rule about growth, if what counts as bad is one.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.criterion.as_ref()?.rule()
    }

    /// Says whether a probe asks what Nix counted.
    pub(super) const fn counting(&self, subject: &Subject) -> Counting {
        match (&self.criterion, subject) {
            (Some(Criterion::Growth(Rule { measure: Measure::Counter(_), .. })), _) => Counting::On,
            // It would be measured, too.
            (Some(Criterion::Growth(Rule { measure: Measure::Wall | Measure::Cpu, .. })), _) => Counting::Off,
            (_, Subject::GoodLock | Subject::BadLock) => Counting::On,
            (_, Subject::Inputs { .. } | Subject::Commit { .. } | Subject::Corrected { .. }) => Counting::Off,
        }
    }

    /// Runs an end as often as its measure needs, beginning with a run that was made.
    ///
    /// # Errors
    /// As [`Prober::probe`]; also when Nix does not count what the rule names.
    pub fn end_runs(&mut self, question: &Question<'_>, first: Observation) -> Result<Vec<Observation>, CaseError> {
        let Some(rule) = self.rule().cloned() else { return Ok(vec![first]) };
        let mut runs = vec![first];
        while runs.len() < rule.measure.repeats().ends && runs.iter().all(succeeded) {
            runs.push(self.observe_run(question, runs.len())?);
        }
        if let (Measure::Counter(name), [seen, ..]) = (&rule.measure, runs.as_slice())
            && succeeded(seen)
            && rule.measure.of(seen).is_none()
        {
            let known = seen.counters.iter().flat_map(|counters| counters.iter().map(|(name, _)| name.to_string()));
            return Err(CaseError::NoCounter { name: name.to_string(), known: known.collect() });
        }
        Ok(runs)
    }

    /// Takes the good end, which others are compared with.
    pub fn compare_with(&mut self, good: &Assignment) {
        self.base = Base { good: Some(good.clone()), scales: Vec::new() };
    }

    /// Takes what the ends have in one way of asking.
    ///
    /// # Errors
    /// When they differ by no more than noise.
    pub fn calibrate(&mut self, mode: Mode, good: &[Observation], bad: &[Observation]) -> Result<(), CaseError> {
        let Some(rule) = self.rule() else { return Ok(()) };
        let scale = if bad.iter().all(succeeded) { bad } else { &[] };
        let scale = Scale::of(rule, &refs(good), &refs(scale));
        if let (Some(scale), Some(middle), true) = (scale, middle(rule, bad), rule.measure.repeats().ends > 1)
            && middle.abs_diff(scale.good) <= scale.noise
        {
            return Err(CaseError::Noise {
                measure: rule.measure.to_string(),
                good: rule.measure.show(scale.good),
                bad: rule.measure.show(middle),
                noise: rule.measure.show(scale.noise),
            });
        }
        self.base.scales.retain(|(other, _)| *other != mode);
        self.base.scales.push((mode, scale));
        Ok(())
    }

    /// Runs the good end in a way of asking in which it was not run yet, if a rule is about what it has.
    pub(super) fn calibrate_for(&mut self, question: &Question<'_>) -> Result<(), CaseError> {
        let Some(Rule { bound: Bound::OfGood(_), .. }) = self.rule() else { return Ok(()) };
        let Some(good) = self.base.good.clone() else { return Ok(()) };
        if self.base.scales.iter().any(|(mode, _)| *mode == question.mode) {
            return Ok(());
        }
        let same = Question {
            purpose: Purpose { words: "good end, to compare with".to_owned(), commit: None },
            subject: Subject::GoodLock,
            assignment: &good,
            mode: question.mode,
            round: question.round,
            remaining: None,
        };
        let first = self.observe(&same)?;
        let runs = self.end_runs(&same, first)?;
        let verdict = match runs.iter().find(|run| !succeeded(run)) {
            Some(failed) => Verdict::Skip(failed.outcome.to_string()),
            None => Verdict::Good,
        };
        self.base.scales.push((question.mode, None));
        if verdict == Verdict::Good {
            self.calibrate(question.mode, &runs, &[])?;
        }
        self.note_runs(same.purpose, &same.subject, same.mode, runs, &verdict);
        Ok(())
    }

    /// Says what runs of one evaluation mean; see [`Criterion::decide`].
    ///
    /// # Errors
    /// When the user's own check asked to stop.
    pub(super) fn decision(&self, runs: &[Observation], mode: Mode) -> Result<Decision, CaseError> {
        let criterion = self.criterion.as_ref().unwrap_or(&Criterion::AnyFailure);
        let scale = self.base.scales.iter().find(|(other, _)| *other == mode).and_then(|(_, scale)| *scale);
        let is_relative = matches!(criterion.rule(), Some(Rule { bound: Bound::OfGood(_), .. }));
        if is_relative && self.base.good.is_some() && scale.is_none() && runs.iter().all(succeeded) {
            return Ok(Decision::Is(Verdict::Skip("the good end could not be measured in this way".to_owned())));
        }
        criterion.decide(&refs(runs), scale, &[]).map_err(CaseError::Script)
    }

    /// Repeats a probe until it is decided; returns its runs.
    ///
    /// # Errors
    /// As [`Prober::probe`].
    pub fn decide(
        &mut self,
        question: &Question<'_>,
        mut runs: Vec<Observation>,
    ) -> Result<(Vec<Observation>, Verdict), CaseError> {
        self.calibrate_for(question)?;
        loop {
            match self.decision(&runs, question.mode)? {
                Decision::Is(verdict) => return Ok((runs, verdict)),
                Decision::RunAgain => runs.push(self.observe_run(question, runs.len())?),
            }
        }
    }

    /// Measures, as often as the rule's measure needs; none where it does not evaluate.
    ///
    /// # Errors
    /// As [`Prober::probe`].
    pub fn measure(&mut self, question: Question<'_>) -> Result<Option<Value>, CaseError> {
        self.calibrate_for(&question)?;
        if let Some((settled, verdict)) = self.settled(&question)? {
            let seen = self.note_settled(question, settled, verdict);
            return Ok(self.rule().and_then(|rule| middle(rule, std::slice::from_ref(&seen))));
        }
        let first = self.observe(&question)?;
        let runs = self.end_runs(&question, first)?;
        let (runs, verdict) = self.decide(&question, runs)?;
        let value = self.rule().and_then(|rule| middle(rule, &runs)).filter(|_| runs.iter().all(succeeded));
        self.note_runs(question.purpose, &question.subject, question.mode, runs, &verdict);
        Ok(value)
    }

    /// Returns by how much a measure must differ to be a jump: by what lies between the good end and the limit, but by
    /// more than noise.
    #[must_use]
    pub fn step(&self, mode: Mode) -> Option<Value> {
        let scale = self.base.scales.iter().find(|(other, _)| *other == mode).and_then(|(_, scale)| *scale)?;
        let limit = Limit::new(self.rule()?, Some(scale))?;
        Some(limit.at().abs_diff(scale.good).max(scale.noise))
    }

    /// Writes down what runs of one evaluation mean; returns the one that stands for them.
    pub fn note_runs(
        &mut self,
        purpose: Purpose,
        subject: &Subject,
        mode: Mode,
        runs: Vec<Observation>,
        verdict: &Verdict,
    ) -> Observation {
        let typical = typical(self.rule(), &runs).clone();
        self.tell(&Event::Judged { purpose, verdict: verdict.clone() });
        for observation in runs {
            let (subject, verdict) = (subject.clone(), verdict.clone());
            let remembered = self.remembered;
            self.record(Record { subject, mode, verdict, observation, settled_by: None, remembered });
        }
        typical
    }
}

/// Returns the run that stands for all: the one with the median, where something is measured.
pub(super) fn typical<'r>(rule: Option<&Rule>, runs: &'r [Observation]) -> &'r Observation {
    let middle = rule.and_then(|rule| middle(rule, runs).map(|middle| (rule, middle)));
    runs.iter()
        .find(|run| middle.is_some_and(|(rule, middle)| rule.measure.of(run) == Some(middle)))
        .or(runs.first())
        .expect("there is no decision without a run")
}

/// Returns the median of runs that were all measured.
fn middle(rule: &Rule, runs: &[Observation]) -> Option<u64> {
    median(&runs.iter().map(|run| rule.measure.of(run)).collect::<Option<Vec<_>>>()?)
}

/// Tells whether an evaluation came to its end, and was not asked for what the rule is about.
pub(super) fn is_unmeasured(rule: &Rule, run: &Observation) -> bool {
    succeeded(run) && rule.measure.of(run).is_none()
}

fn refs(runs: &[Observation]) -> Vec<&Observation> {
    runs.iter().collect()
}

fn succeeded(run: &Observation) -> bool {
    run.outcome.class == Class::Success
}

//! One probe: known from the journal, or run, written down, and judged.

mod repeats;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use nix_culprit_core::event::{Event, EventSink, Mode, Purpose, Remaining};
use nix_culprit_core::explain::{Explanation, Way};
use nix_culprit_core::flake::{AttrPath, Lock};
use nix_culprit_core::growth::Decision;
use nix_culprit_core::ids::{CommitId, DrvPath};
use nix_culprit_core::outcome::{Class, Criterion, Observation, Verdict};
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::read_set::Reads;
use nix_culprit_core::report::model::{self, Probe, Subject};

use super::CaseError;
use super::ahead::{Ahead, Done, Ending, Order, Places};
use super::assignment::Assignment;
use super::evaluator::{Evaluated, Evaluator, EvaluatorError, OwnWay, Settled, Target, Yields};
use super::instrumented::{How, Instrumented};
use super::journal::Journal;
use super::meter::Label;
use super::settings::{Confirmation, Fetching, ReadSets};
use crate::sys::limit::{Budget, Seen, Wish};
use repeats::{Base, is_unmeasured, typical};

/// How long a probe beside others may go on at least when it is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A probe as the report tells of it.
#[derive(Debug, Clone)]
pub struct Record {
    /// What it ran on.
    pub subject: Subject,
    /// How it was run.
    pub mode: Mode,
    /// What it says.
    pub verdict: Verdict,
    /// What was seen.
    pub observation: Observation,
    /// The commit whose probe settled it, so that it was not run.
    pub settled_by: Option<CommitId>,
    /// Whether it was run in an earlier case, and not in this one.
    pub remembered: bool,
}

impl Record {
    /// Returns what the report tells.
    #[must_use]
    pub fn as_told(&self) -> Probe {
        let Self { subject, mode, verdict, observation, settled_by, remembered } = self.clone();
        let mode = match mode {
            Mode::Fast => model::Mode::Fast,
            Mode::Pure => model::Mode::Pure,
            Mode::Faithful => model::Mode::Faithful,
        };
        Probe { subject, mode, verdict, observation, settled_by, remembered }
    }
}

/// What is to be probed, and for what.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// What it runs on, as the report tells of it.
    pub subject: Subject,
    /// Which revision each lock node has.
    pub assignment: &'a Assignment,
    /// How it is run.
    pub mode: Mode,
    /// Whether what an earlier probe saw will do.
    pub round: Round,
    /// How far the search has come, if it is part of one.
    pub remaining: Option<Remaining>,
}

/// What a probe may use of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Memory.
    pub memory: Bytes,
    /// Time, if it is less than the whole.
    pub time: Option<Duration>,
    /// How large the heap is at the beginning, if that is not left to Nix: it does not collect garbage before that.
    pub heap: Option<Bytes>,
}

/// Whether what an earlier probe of the case saw will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// It will, also one of another commit that looked at nothing that differs, or one of another case.
    Search,
    /// It will, if it is one of this very commit in this case.
    Run,
    /// Only what an earlier confirmation saw, before an interruption.
    Confirmation,
}

/// Asks, remembers and judges.
pub struct Prober<'a> {
    evaluator: &'a mut dyn Evaluator,
    journal: &'a mut Journal,
    sink: &'a mut dyn EventSink,
    asked: Target,
    target: Target,
    criterion: Option<Criterion>,
    base: Base,
    /// The budget of memory.
    full: Bytes,
    /// What the next probe may use of it.
    memory: Bytes,
    /// The same of time, if it is less than the whole.
    time: Option<Duration>,
    /// How large its heap is at the beginning, if that is not left to Nix.
    heap: Option<Bytes>,
    read_sets: ReadSets,
    fetching: Fetching,
    /// What was told that is worth telling once.
    told: BTreeSet<String>,
    /// Whether the last observation is one of an earlier case.
    remembered: bool,
    ahead: Option<Ahead>,
    /// How long the last evaluation took that nobody else made.
    last: Duration,
    /// Whether what is found will be confirmed by the user's own command.
    confirmation: Confirmation,
    /// The probes that only a confirmation will do for, and that were told of.
    confirmed: BTreeSet<String>,
    records: Vec<Record>,
}

impl<'a> Prober<'a> {
    /// Begins with what the journal knows.
    pub fn new(
        evaluator: &'a mut dyn Evaluator,
        journal: &'a mut Journal,
        sink: &'a mut dyn EventSink,
        asked: Target,
        criterion: Option<Criterion>,
        memory: Bytes,
    ) -> Self {
        let target = journal
            .target()
            .map_or_else(|| asked.clone(), |attr| Target::Attr(AttrPath(attr.to_vec()), Yields::Derivation));
        Self {
            evaluator,
            journal,
            sink,
            asked,
            target,
            criterion,
            base: Base::default(),
            full: memory,
            memory,
            time: None,
            heap: None,
            read_sets: ReadSets::Used,
            fetching: Fetching::WhereNeeded,
            told: BTreeSet::new(),
            remembered: false,
            ahead: None,
            last: Duration::ZERO,
            confirmation: Confirmation::Unwanted,
            confirmed: BTreeSet::new(),
            records: Vec::new(),
        }
    }

    /// Tells the journal and the terminal.
    pub fn tell(&mut self, event: &Event) {
        self.journal.tell(event);
        self.sink.tell(event);
    }

    /// Returns the sink alone, for what is not worth keeping.
    pub fn sink(&mut self) -> &mut dyn EventSink {
        self.sink
    }

    /// Returns what is evaluated.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Returns what counts as bad, once it is known.
    #[must_use]
    pub const fn criterion(&self) -> Option<&Criterion> {
        self.criterion.as_ref()
    }

    /// Returns the budget of memory.
    #[must_use]
    pub const fn full(&self) -> Bytes {
        self.full
    }

    /// Lowers the budget of memory.
    pub fn lower(&mut self, budget: Bytes) {
        self.full = self.full.min(budget);
        self.memory = self.memory.min(budget);
    }

    /// Returns the whole budget.
    #[must_use]
    pub const fn whole(&self) -> Allowance {
        Allowance { memory: self.full, time: None, heap: None }
    }

    /// Returns what the next probes may use of the budget.
    #[must_use]
    pub const fn allowance(&self) -> Allowance {
        Allowance { memory: self.memory, time: self.time, heap: self.heap }
    }

    /// Sets what the next probes may use of the budget.
    pub fn allow(&mut self, allowance: Allowance) {
        self.memory = allowance.memory;
        self.time = allowance.time;
        self.heap = allowance.heap;
        self.evaluator.limit_time(allowance.time);
        self.evaluator.begin_with(allowance.heap);
    }

    /// Sets whether probes of a search may be settled by what others read.
    pub const fn use_read_sets(&mut self, read_sets: ReadSets) {
        self.read_sets = read_sets;
    }

    /// Returns what an evaluation looked at in a commit of a clone, if that is known and to be used.
    #[must_use]
    pub fn reads(&self, clone: &Path, commit: &CommitId) -> Option<Reads> {
        match self.read_sets {
            ReadSets::Used => self.evaluator.reads(clone, commit),
            ReadSets::Unused => None,
        }
    }

    /// Sets whether the user's own command always fetches its inputs.
    pub const fn fetch(&mut self, fetching: Fetching) {
        self.fetching = fetching;
    }

    /// Returns whether the user's own command always fetches its inputs.
    #[must_use]
    pub const fn fetching(&self) -> Fetching {
        self.fetching
    }

    /// Sets whether what is found will be confirmed.
    pub const fn expect(&mut self, confirmation: Confirmation) {
        self.confirmation = confirmation;
    }

    /// Tells whether a probe of a search may be the confirmation as well: by the user's own command, if that needs not
    /// fetch. Where something is measured, all of a search is better measured in one way.
    #[must_use]
    pub fn confirms_early(&self) -> bool {
        let is_wanted = self.confirmation == Confirmation::Wanted && self.fetching == Fetching::WhereNeeded;
        is_wanted && self.rule().is_none() && self.lacks(Mode::Faithful).is_none()
    }

    /// Begins to find out what confirmations will need to know of these assignments, beside what is done meanwhile.
    pub fn foresee(&mut self, assignments: &[&Assignment]) {
        let is_wanted = self.confirmation == Confirmation::Wanted && self.fetching == Fetching::WhereNeeded;
        if is_wanted && self.ahead.as_ref().is_some_and(Ahead::has_cores) {
            assignments.iter().for_each(|assignment| self.evaluator.foresee(assignment));
        }
    }

    /// Tells whether there is a core for what is done beside an evaluation, and no time is measured, which it would disturb.
    #[must_use]
    pub fn has_cores_beside(&self) -> bool {
        let is_time = self.rule().is_some_and(|rule| rule.measure.is_time());
        !is_time && self.ahead.as_ref().is_some_and(Ahead::has_cores)
    }

    /// Takes note of a lock whose hashes Nix wrote, although no probe of it is made.
    pub fn note(&mut self, assignment: &Assignment) {
        self.evaluator.note(assignment);
    }

    /// Returns an assignment's lock as Nix would write it, as far as that is known without fetching.
    #[must_use]
    pub fn as_locked(&mut self, assignment: &Assignment) -> Lock {
        self.evaluator.as_locked(assignment).unwrap_or_else(|_| assignment.lock.clone())
    }

    /// Returns all derivations that one needs, which was written to a store in this way, itself included.
    pub fn closure(&mut self, drv_path: &DrvPath, mode: Mode) -> Option<BTreeSet<String>> {
        self.evaluator.closure(drv_path, mode)
    }

    /// Says in which way the user's own command is run on an assignment, and tells once why it has to fetch.
    pub fn own_mode(&mut self, assignment: &Assignment) -> Mode {
        if self.fetching == Fetching::Always {
            return Mode::Faithful;
        }
        match self.evaluator.own_way(assignment) {
            OwnWay::Pure => Mode::Pure,
            OwnWay::Faithful { why } => {
                if let Some(why) = why.filter(|why| self.told.insert(why.clone())) {
                    let text = format!("your own command fetches its inputs, which takes longer: {why}");
                    self.tell(&Event::Warned { text });
                }
                Mode::Faithful
            }
        }
    }

    /// Probes by the user's own command: without fetching where that can be had.
    ///
    /// # Errors
    /// As [`Prober::probe`].
    pub fn probe_own(&mut self, question: Question<'_>) -> Result<(Observation, Verdict, Mode), CaseError> {
        let mode = self.own_mode(question.assignment);
        if mode == Mode::Pure {
            let (observation, verdict) = self.probe(Question { mode, ..question.clone() })?;
            if !needs_fetching(observation.outcome.class) {
                return Ok((observation, verdict, mode));
            }
        }
        let (observation, verdict) = self.probe(Question { mode: Mode::Faithful, ..question })?;
        Ok((observation, verdict, Mode::Faithful))
    }

    /// Says why a way of asking cannot be had here, if it cannot.
    #[must_use]
    pub fn lacks(&self, mode: Mode) -> Option<String> {
        self.evaluator.lacks(mode)
    }

    /// Settles what counts as bad.
    pub fn settle(&mut self, criterion: Criterion) {
        self.criterion = Some(criterion);
    }

    /// Tells whether the last probe was run, and not known by other means.
    #[must_use]
    pub fn ran(&self) -> bool {
        self.records.last().is_some_and(|last| last.settled_by.is_none() && !last.remembered)
    }

    /// Returns all probes so far.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Probes, as often as it takes to decide, and says what it means.
    ///
    /// # Errors
    /// When Nix could not be asked, the user stopped it, or the journal could not be written.
    pub fn probe(&mut self, question: Question<'_>) -> Result<(Observation, Verdict), CaseError> {
        self.calibrate_for(&question)?;
        if let Some((settled, verdict)) = self.settled(&question)? {
            return Ok((self.note_settled(question, settled, verdict.clone()), verdict));
        }
        let first = self.observe(&question)?;
        let (runs, verdict) = self.decide(&question, vec![first])?;
        // A probe that confirms may have been made in the search; it is one probe.
        if question.round == Round::Confirmation && !self.confirmed.insert(self.key(&question)) {
            return Ok((typical(self.rule(), &runs).clone(), verdict));
        }
        Ok((self.note_runs(question.purpose, &question.subject, question.mode, runs, &verdict), verdict))
    }

    /// Writes down what another probe told of this one; returns what it saw.
    fn note_settled(&mut self, question: Question<'_>, settled: Settled, verdict: Verdict) -> Observation {
        let Settled { by, observation } = settled;
        let (purpose, subject, mode) = (question.purpose, question.subject, question.mode);
        self.tell(&Event::Judged { purpose, verdict: verdict.clone() });
        let settled_by = Some(by);
        let seen = observation.clone();
        self.record(Record { subject, mode, verdict, observation: seen, settled_by, remembered: false });
        observation
    }

    /// Keeps a probe for the report, and writes it down for one that is made of the journal.
    fn record(&mut self, record: Record) {
        self.tell(&Event::Noted { probe: Box::new(record.as_told()) });
        self.records.push(record);
    }

    /// Says what a probe of a search would come to, if that is known without running it.
    fn settled(&mut self, question: &Question<'_>) -> Result<Option<(Settled, Verdict)>, CaseError> {
        // How long it takes is nothing that another one tells.
        let is_time = self.rule().is_some_and(|rule| rule.measure.is_time());
        let is_unused = self.read_sets == ReadSets::Unused;
        if question.round != Round::Search || question.purpose.commit.is_none() || is_unused || is_time {
            return Ok(None);
        }
        let key = self.key(question);
        if self.journal.known(&key).is_some() {
            return Ok(None);
        }
        let known = self.journal.settled(&key).cloned();
        let is_new = known.is_none();
        let found = || self.evaluator.settled(question.assignment, question.mode, &self.target, self.memory);
        let Some(settled) = known.or_else(found) else { return Ok(None) };
        if self.rule().is_some_and(|rule| is_unmeasured(rule, &settled.observation)) {
            return Ok(None);
        }
        let decision = self.decision(std::slice::from_ref(&settled.observation), question.mode)?;
        let Decision::Is(verdict) = decision else { return Ok(None) };
        if is_new {
            let (purpose, by) = (question.purpose.clone(), settled.by.clone());
            self.tell(&Event::Settled { key, purpose, by, observation: settled.observation.clone() });
            self.journal.check()?;
        }
        Ok(Some((settled, verdict)))
    }

    /// Probes without a judgement; the caller notes it when it knows what it means.
    ///
    /// # Errors
    /// As [`Prober::probe`].
    pub fn observe(&mut self, question: &Question<'_>) -> Result<Observation, CaseError> {
        self.observe_run(question, 0)
    }

    /// As [`Prober::observe`], the first run or a repetition of it.
    fn observe_run(&mut self, question: &Question<'_>, run: usize) -> Result<Observation, CaseError> {
        self.evaluator.note(question.assignment);
        let mut key = self.key(question);
        let mut purpose = question.purpose.clone();
        if run > 0 {
            key = format!("{key}-{run}");
            purpose.words = format!("{}, run {}", purpose.words, run + 1);
        }
        self.remembered = self.journal.is_remembered(&key) && question.round == Round::Search;
        let known = self.journal.known(&key).filter(|_| self.remembered || !self.journal.is_remembered(&key));
        if let Some(known) = known {
            let known = known.clone();
            self.learn(&known, question.mode);
            return Ok(known);
        }
        self.evaluator.count(self.counting(&question.subject));
        if run == 0
            && let Some(evaluated) = self.look_up(question, &key)?
        {
            self.remembered = true;
            self.found(evaluated.attr);
            self.learn(&evaluated.observation, question.mode);
            return Ok(evaluated.observation);
        }
        self.evaluator.label(Label { key: key.clone(), words: purpose.words.clone() });
        let (mode, remaining) = (question.mode, question.remaining);
        self.tell(&Event::ProbeStarted { key: key.clone(), purpose: purpose.clone(), mode, remaining });
        self.journal.check()?;
        let evaluated = match self.taken_from_ahead(&key) {
            Some(evaluated) => evaluated,
            None => self.evaluate(question)?,
        };
        self.complain();
        let observation = evaluated.observation;
        let finished = Event::ProbeFinished { key, purpose, mode, observation: observation.clone() };
        self.tell(&finished);
        self.journal.check()?;
        match observation.outcome.class {
            Class::Interrupted => return Err(CaseError::Stopped),
            Class::NixUnusable if question.mode != Mode::Pure => {
                let message = observation.outcome.message.unwrap_or_else(|| "it did not say why".to_owned());
                return Err(CaseError::NixUnusable { message });
            }
            _ => {}
        }
        self.found(evaluated.attr);
        self.learn(&observation, question.mode);
        Ok(observation)
    }

    /// Lets others probe ahead of a search.
    pub fn work_ahead(&mut self, ahead: Ahead) {
        self.ahead = Some(ahead);
    }

    /// Returns how many probes can be made ahead of time: none where time is measured, which others disturb.
    #[must_use]
    pub fn places_ahead(&self) -> Places {
        let none = Places { searching: 0, beside: 0 };
        let is_time = self.rule().is_some_and(|rule| rule.measure.is_time());
        self.ahead.as_ref().filter(|_| !is_time).map_or(none, |ahead| ahead.places(self.memory))
    }

    /// Tells whether somebody works ahead.
    #[must_use]
    pub fn is_ahead(&self) -> bool {
        self.ahead.as_ref().is_some_and(Ahead::is_busy)
    }

    /// Says once where fewer evaluations of a search fit the memory than were asked for.
    pub fn tell_places(&mut self) {
        let places = self.places_ahead().searching;
        let is_time = self.rule().is_some_and(|rule| rule.measure.is_time());
        let wanted = self.ahead.as_ref().filter(|_| !is_time).map_or(0, Ahead::wanted);
        if places < wanted {
            let (jobs, fit, each) = (wanted + 1, places + 1, self.memory);
            let text = format!(
                "of {jobs} evaluations at the same time as asked for, the memory carries {fit}: each may use {each}"
            );
            if self.told.insert(text.clone()) {
                self.tell(&Event::Warned { text });
            }
        }
    }

    /// Returns how many probes can be made beside one that is asked for, where they are needed anyway: none where
    /// they would get in each other's way.
    pub fn places_beside(&mut self, assignment: &Assignment) -> usize {
        let places = self.places_ahead().beside;
        if places > 0 && self.evaluator.works_alone(assignment) { 0 } else { places }
    }

    /// Has a probe made beside the next one, if it will be asked for anyway, and cores and memory carry both.
    pub fn beside(&mut self, question: &Question<'_>) {
        let places = self.places_beside(question.assignment);
        self.beside_in(question, places);
    }

    /// As [`Prober::beside`], where this thread only waits for another probe: that one's place is free, too.
    pub fn beside_waiting(&mut self, question: &Question<'_>) {
        let places = self.places_beside(question.assignment);
        self.beside_in(question, if places > 0 { places + 1 } else { 0 });
    }

    fn beside_in(&mut self, question: &Question<'_>, places: usize) {
        // Of what is repeated to measure it, nothing is gained.
        if places == 0 || self.rule().is_some() {
            return;
        }
        let is_search = question.round == Round::Search;
        let remembers = |prober: &mut Self| {
            let Prober { evaluator, target, memory, .. } = prober;
            is_search && evaluator.remembered(question.assignment, question.mode, target, *memory).is_some()
        };
        if self.journal.known(&self.key(question)).is_none() && !remembers(self) {
            self.evaluator.note(question.assignment);
            self.begin_ahead(question, places);
        }
    }

    /// Returns how a probe ends that is being made beside what is asked for.
    #[must_use]
    pub fn underway(&self, question: &Question<'_>) -> Option<Ending> {
        self.ahead.as_ref()?.underway(&self.key(question))
    }

    /// Has probes made ahead, in so many places, that a search will probably ask for after `now`; all others are stopped.
    pub fn look_ahead(&mut self, now: &Question<'_>, later: &[Question<'_>], places: usize) {
        let keys: BTreeSet<String> = std::iter::once(now).chain(later).map(|question| self.key(question)).collect();
        let Some(ahead) = &mut self.ahead else { return };
        ahead.keep_only(&|key| keys.contains(key));
        for question in later {
            let key = self.key(question);
            let is_known = self.journal.known(&key).is_some() || self.journal.settled(&key).is_some();
            let settles = self.read_sets == ReadSets::Used
                && self.evaluator.settled(question.assignment, question.mode, &self.target, self.memory).is_some();
            if !is_known && !settles {
                self.begin_ahead(question, places);
            }
        }
    }

    fn begin_ahead(&mut self, question: &Question<'_>, places: usize) {
        let order = Order {
            key: self.key(question),
            purpose: question.purpose.clone(),
            assignment: question.assignment.clone(),
            mode: question.mode,
            target: self.target.clone(),
            memory: self.memory,
            time: self.time,
            heap: self.heap,
            counting: self.counting(&question.subject),
        };
        if let Some(ahead) = &mut self.ahead {
            ahead.begin(order, places);
        }
    }

    /// Stops all who work ahead, and writes down what they found out and nobody asked for: it may be asked for yet.
    ///
    /// # Errors
    /// When the journal could not be written.
    pub fn end_ahead(&mut self) -> Result<(), CaseError> {
        let done = self.ahead.as_mut().map(Ahead::end).unwrap_or_default();
        for Done { order, evaluated, .. } in done {
            let Order { key, purpose, mode, .. } = order;
            self.tell(&Event::ProbeFinished { key, purpose, mode, observation: evaluated.observation });
        }
        Ok(self.journal.check()?)
    }

    /// Returns what somebody who works ahead saw of a probe, once it has ended.
    fn taken_from_ahead(&mut self, key: &str) -> Option<Evaluated> {
        // An evaluation that goes on for so much longer than the last one may be one that runs out of time, which it has
        // to do alone.
        let patience = self.last.saturating_mul(5).saturating_add(PATIENCE);
        let Done { order, evaluated, looked_at } = self.ahead.as_mut()?.take(key, Some(patience))?;
        self.evaluator.keep(&order, &evaluated, looked_at.clone());
        // It may have been begun when the target had still to be looked for; a later case asks for what was found.
        if order.target != self.target {
            let found = Order { target: self.target.clone(), ..order.clone() };
            self.evaluator.keep(&found, &evaluated, looked_at.clone());
        }
        if let Some(looked_at) = looked_at {
            self.evaluator.adopt(&order.assignment, order.mode, &order.target, order.memory, &evaluated, looked_at);
        }
        Some(evaluated)
    }

    /// Evaluates; once more alone where it ran out of time beside others.
    fn evaluate(&mut self, question: &Question<'_>) -> Result<Evaluated, CaseError> {
        let is_shared = self.ahead.as_ref().is_some_and(Ahead::is_busy);
        let evaluated = self.evaluator.evaluate(question.assignment, question.mode, &self.target, self.memory)?;
        self.last = evaluated.observation.wall;
        if !is_shared || evaluated.observation.outcome.class != Class::TimeOut {
            return Ok(evaluated);
        }
        self.end_ahead()?;
        Ok(self.evaluator.evaluate(question.assignment, question.mode, &self.target, self.memory)?)
    }

    /// Keeps which attribute was found, where it had to be looked for.
    fn found(&mut self, attr: Option<AttrPath>) {
        if let (Target::Among(_), Some(attr)) = (&self.target, attr) {
            self.tell(&Event::Target { attr: attr.0.clone() });
            self.target = Target::Attr(attr, Yields::Derivation);
        }
    }

    /// Returns the digest of all that determines a probe's result within a case.
    fn key(&self, question: &Question<'_>) -> String {
        let key = question.assignment.key(question.mode, question.round, self.memory, &self.asked);
        self.time.map_or_else(|| key.clone(), |time| format!("{key}-{}ms", time.as_millis()))
    }

    /// Says what an earlier case saw of the very same probe, if that will do.
    fn look_up(&mut self, question: &Question<'_>, key: &str) -> Result<Option<Evaluated>, CaseError> {
        // How long it takes here and now is nothing that another day tells.
        if question.round != Round::Search || self.rule().is_some_and(|rule| rule.measure.is_time()) {
            return Ok(None);
        }
        let evaluated = self.evaluator.remembered(question.assignment, question.mode, &self.target, self.memory);
        self.complain();
        if let Some(Evaluated { observation, .. }) = &evaluated {
            let (key, purpose, mode) = (key.to_owned(), question.purpose.clone(), question.mode);
            self.tell(&Event::Remembered { key, purpose, mode, observation: observation.clone() });
            self.journal.check()?;
        }
        Ok(evaluated)
    }

    fn complain(&mut self) {
        if let Some(text) = self.evaluator.complaint() {
            self.tell(&Event::Warned { text });
        }
    }

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

    /// Learns from a success whether the target is a derivation; only the fast way finds that out.
    fn learn(&mut self, observation: &Observation, mode: Mode) {
        if let Target::Attr(_, yields) = &mut self.target
            && mode == Mode::Fast
            && observation.outcome.class == Class::Success
        {
            *yields = Yields::of(observation.drv_path.as_ref());
        }
    }
}

/// Tells whether an end in the pure way can come from its store, which has nothing but the inputs.
pub(super) const fn needs_fetching(class: Class) -> bool {
    matches!(
        class,
        Class::FetchFailure
            | Class::HashMismatch
            | Class::NixUnusable
            | Class::BuildFailure
            | Class::ImportFromDerivation
            | Class::Killed
    )
}

/// Tells whether the cause can lie outside of the code, so that such an end is no failure to search for.
pub(super) const fn is_from_outside(class: Class) -> bool {
    match class {
        Class::FetchFailure | Class::HashMismatch | Class::Interrupted | Class::NixUnusable | Class::Killed => true,
        Class::Success
        | Class::OutOfMemory
        | Class::InfiniteRecursion
        | Class::CallDepth
        | Class::StackOverflow
        | Class::EvaluationError
        | Class::Refused
        | Class::NixTooOld
        | Class::BuildFailure
        | Class::ImportFromDerivation
        | Class::TimeOut => false,
    }
}

#[cfg(test)]
mod tests {
    use nix_culprit_core::flake::Candidate;

    use super::super::fake::{Told, Truth, assign, commit};
    use super::*;

    /// Has only the second candidate, and keeps what it was asked for.
    struct Second(Vec<Target>);

    impl Evaluator for Second {
        fn evaluate(
            &mut self,
            _: &Assignment,
            _: Mode,
            target: &Target,
            _: Bytes,
        ) -> Result<Evaluated, EvaluatorError> {
            self.0.push(target.clone());
            let attr = match target {
                Target::Among(_) => Some("packages.default".parse().unwrap()),
                Target::Attr(..) => None,
            };
            Ok(Evaluated { observation: Truth::Good.observation(), attr, repeatable: true })
        }
    }

    #[test]
    fn the_attribute_that_was_found_is_kept_also_for_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        let among = ["devShells.default", "packages.default"].map(|attr| Candidate::Attr(attr.parse().unwrap()));
        let among = Target::Among(among.to_vec());
        let found = Target::Attr("packages.default".parse().unwrap(), Yields::Derivation);
        let mut nix = Second(Vec::new());
        for run in 0..3 {
            let mut journal = Journal::open(&folder.path().join("journal.jsonl")).unwrap();
            let mut told = Told::default();
            let mut prober = Prober::new(&mut nix, &mut journal, &mut told, among.clone(), None, Bytes(1 << 30));
            for at in [0, run] {
                let assignment = assign(&commit(at)).unwrap();
                let question = Question {
                    purpose: Purpose { words: "pkgs".to_owned(), commit: None },
                    subject: Subject::BadLock,
                    assignment: &assignment,
                    mode: Mode::Fast,
                    round: Round::Search,
                    remaining: None,
                };
                assert_eq!(prober.probe(question).unwrap().1, Verdict::Good);
            }
            assert_eq!(prober.target(), &found);
            assert_eq!(prober.records().len(), 2, "what is known is told in the report, too");
        }
        // What was seen before the attribute was known is the same probe still.
        assert_eq!(nix.0, [among, found.clone(), found]);
    }
}

//! One probe: known from the journal, or run, written down, and judged.

mod ahead;
mod allowance;
mod known;
mod needed;
mod own;
mod question;
mod repeats;
mod why;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use nix_culprit_core::event::{Event, EventSink, Mode};
use nix_culprit_core::flake::AttrPath;
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::{Class, Criterion, Observation, Verdict};
use nix_culprit_core::quantity::Bytes;

use super::CaseError;
use super::ahead::Ahead;
use super::assignment::Assignment;
use super::evaluator::{Evaluator, Target, Yields};
use super::journal::Journal;
use super::meter::Label;
use super::settings::{Confirmation, Fetching, ReadSets};
use needed::Needed;
use repeats::{Base, typical};

pub use allowance::Allowance;
pub use own::{is_from_outside, needs_fetching};
pub use question::{Question, Record, Round};

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
    /// The commit that was begun before it was known whether a search will ask for it, and the probe's key.
    foreseen: Option<(CommitId, String)>,
    /// What will be asked for, in this order, and has not been begun.
    needed: VecDeque<Needed>,
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
            foreseen: None,
            needed: VecDeque::new(),
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

    /// Takes note of a lock whose hashes Nix wrote, although no probe of it is made.
    pub fn note(&mut self, assignment: &Assignment) {
        self.evaluator.note(assignment);
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

    /// Keeps a probe for the report, and writes it down for one that is made of the journal.
    fn record(&mut self, record: Record) {
        self.tell(&Event::Noted { probe: Box::new(record.as_told()) });
        self.records.push(record);
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
        self.is_asked_for(&key);
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

    fn complain(&mut self) {
        if let Some(text) = self.evaluator.complaint() {
            self.tell(&Event::Warned { text });
        }
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

#[cfg(test)]
mod tests {
    use nix_culprit_core::event::Purpose;
    use nix_culprit_core::flake::Candidate;
    use nix_culprit_core::report::model::Subject;

    use super::super::evaluator::{Evaluated, EvaluatorError};
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

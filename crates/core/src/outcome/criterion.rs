//! From what was seen in a probe to what it says about the commit.
//!
//! Owns the criteria and their spelling in `--bad-when`. Must not look at anything but the observation.

use std::fmt;
use std::str::FromStr;

use regex::Regex;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Class, End, Observation, Outcome, Signature, Verdict, claim};
use crate::growth::{Decision, Limit, Rule, RuleError, Scale};

/// Says why a text is no criterion.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CriterionError {
    /// Not one of the words.
    #[error(
        "`{0}` is no criterion; there are: same, any-failure, out-of-memory, timeout, another class, message~REGEX, \
         and rules such as 'nrThunks > +20%'"
    )]
    Unknown(String),
    /// It has a sign, but is no rule about a measure.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// The regular expression after `message~` is not one.
    #[error("`{pattern}` is no regular expression")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        source: regex::Error,
    },
}

/// Says that the user's script asked to end the search, or was ended by a signal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AbortedByScript {
    /// It exited with a status of 128 or more, which ends a bisection in git too.
    #[error("the script exited with status {0}; 0 means good, 125 skip, any other below 128 bad")]
    Status(i32),
    /// A signal ended it.
    #[error("the script was ended by signal {0}")]
    Signal(i32),
}

/// A regular expression that a message must match somewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MessagePattern(Regex);

impl TryFrom<String> for MessagePattern {
    type Error = CriterionError;

    fn try_from(pattern: String) -> Result<Self, CriterionError> {
        match Regex::new(&pattern) {
            Ok(regex) => Ok(Self(regex)),
            Err(source) => Err(CriterionError::Pattern { pattern, source }),
        }
    }
}

impl From<MessagePattern> for String {
    fn from(pattern: MessagePattern) -> Self {
        pattern.0.as_str().to_owned()
    }
}

impl PartialEq for MessagePattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for MessagePattern {}

/// Turns an observation into a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "bad-when", content = "of")]
pub enum Criterion {
    /// Bad is the failure of the bad end; every other failure is skipped.
    SameSignature(Signature),
    /// Bad is every failure but those that can come from outside: a fetch, a kill from outside.
    AnyFailure,
    /// Bad is this kind of end; every other failure is skipped.
    Class(Class),
    /// Bad is a failure whose message matches; every other failure is skipped.
    Message(MessagePattern),
    /// Bad is what became heavier than this rule allows; failures are skipped.
    Growth(Rule),
    /// The user's script says so by its exit status, as in git.
    Script,
}

/// What the user asked for with `--bad-when`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadWhen {
    /// The failure that the bad end shows: only known once that was probed.
    Same,
    /// This, whatever the bad end shows.
    Fixed(Criterion),
}

impl BadWhen {
    /// Returns the criterion, given what the bad end came to; `roots` as in [`Signature::of`].
    #[must_use]
    pub fn criterion(self, bad_end: &Outcome, roots: &[&str]) -> Criterion {
        match self {
            Self::Same => Criterion::SameSignature(Signature::of(bad_end, roots)),
            Self::Fixed(criterion) => criterion,
        }
    }
}

impl FromStr for BadWhen {
    type Err = CriterionError;

    /// Reads `same`, `any-failure` (`any`), `out-of-memory` (`oom`), `timeout` (`time-out`), another failing
    /// class in words joined by `-`, `message~REGEX`, or a rule such as `nrThunks > +20%`.
    fn from_str(text: &str) -> Result<Self, CriterionError> {
        if let Some(pattern) = text.strip_prefix("message~") {
            return MessagePattern::try_from(pattern.to_owned())
                .map(|pattern| Self::Fixed(Criterion::Message(pattern)));
        }
        if Rule::looks_like(text) {
            return Ok(Self::Fixed(Criterion::Growth(text.parse()?)));
        }
        let class = match text {
            "same" => return Ok(Self::Same),
            "any" | "any-failure" => return Ok(Self::Fixed(Criterion::AnyFailure)),
            "oom" => Some(Class::OutOfMemory),
            "timeout" => Some(Class::TimeOut),
            name => Class::ALL
                .into_iter()
                .filter(|class| class.is_about_code() && !matches!(class, Class::Success | Class::Killed))
                .find(|class| class.words().replace(' ', "-") == name),
        };
        class.map(|class| Self::Fixed(Criterion::Class(class))).ok_or_else(|| CriterionError::Unknown(text.to_owned()))
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameSignature(signature) => write!(f, "{signature}"),
            Self::AnyFailure => f.write_str("any failure"),
            Self::Class(class) => write!(f, "{class}"),
            Self::Message(pattern) => write!(f, "a failure with a message matching /{}/", pattern.0),
            Self::Growth(rule) => write!(f, "{rule}"),
            Self::Script => f.write_str("the script says so"),
        }
    }
}

impl Criterion {
    /// Says what an observation means for its commit; `roots` as in [`Signature::of`].
    ///
    /// Success is good, except where a script decides. An outcome that is not about code is never bad; see
    /// [`Class::is_about_code`].
    ///
    /// A rule about growth is decided by [`Criterion::decide`]; here a success is good.
    ///
    /// # Errors
    /// When the script asked to end the search.
    pub fn verdict(&self, observation: &Observation, roots: &[&str]) -> Result<Verdict, AbortedByScript> {
        let outcome = &observation.outcome;
        if *self == Self::Script {
            return script_verdict(observation);
        }
        if outcome.class == Class::Success {
            return Ok(Verdict::Good);
        }
        let bad = outcome.class.is_about_code()
            && match self {
                Self::SameSignature(signature) => signature.matches(&Signature::of(outcome, roots)),
                Self::AnyFailure => !outcome.may_come_from_outside(),
                Self::Class(class) => outcome.class == *class,
                Self::Message(pattern) => outcome.message.as_ref().is_some_and(|message| pattern.0.is_match(message)),
                Self::Growth(_) | Self::Script => false,
            };
        Ok(if bad { Verdict::Bad } else { Verdict::Skip(outcome.to_string()) })
    }
}

impl Criterion {
    /// Returns the rule, where it is one about growth.
    #[must_use]
    pub const fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Growth(rule) => Some(rule),
            Self::SameSignature(_) | Self::AnyFailure | Self::Class(_) | Self::Message(_) | Self::Script => None,
        }
    }

    /// Says what several runs of one evaluation mean, given what the good end has; `roots` as in [`Signature::of`].
    ///
    /// Only a rule about growth looks at more than the first run, or at the scale.
    ///
    /// # Errors
    /// As [`Criterion::verdict`].
    pub fn decide(
        &self,
        runs: &[&Observation],
        scale: Option<Scale>,
        roots: &[&str],
    ) -> Result<Decision, AbortedByScript> {
        let Some(first) = runs.first() else { return Ok(Decision::RunAgain) };
        match self.rule().and_then(|rule| Limit::new(rule, scale)) {
            Some(limit) => Ok(limit.decide(runs)),
            None => self.verdict(first, roots).map(Decision::Is),
        }
    }
}

impl Outcome {
    /// Tells whether a failure can have its cause outside the evaluated code.
    ///
    /// A mere claim is enough here: it costs a skip, where believing nothing would call a commit bad because the
    /// network was down.
    #[must_use]
    pub fn may_come_from_outside(&self) -> bool {
        let outside = |class: Class| !class.is_about_code() || matches!(class, Class::FetchFailure | Class::Killed);
        outside(self.class) || self.message.as_deref().and_then(claim).is_some_and(outside)
    }
}

fn script_verdict(observation: &Observation) -> Result<Verdict, AbortedByScript> {
    match (observation.outcome.class, observation.end) {
        (_, End::Exited(0)) => Ok(Verdict::Good),
        (_, End::Exited(125)) => Ok(Verdict::Skip("the script asked to skip".to_owned())),
        (_, End::Exited(1..=127)) => Ok(Verdict::Bad),
        // The guard spoke before the script could: it used up what the user gave it.
        (Class::OutOfMemory | Class::TimeOut, _) => Ok(Verdict::Bad),
        (_, End::Exited(status)) => Err(AbortedByScript::Status(status)),
        (_, End::Signalled(signal)) => Err(AbortedByScript::Signal(signal)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outcome::Position;
    use crate::quantity::Bytes;

    fn observation(class: Class, message: &str, end: End) -> Observation {
        let message = Some(message.to_owned()).filter(|message| !message.is_empty());
        let position = message.as_ref().map(|_| Position { file: "/in/x.nix".to_owned(), line: 1, column: 2 });
        Observation {
            outcome: Outcome { class, message, position },
            end,
            peak: Bytes::MIB,
            wall: Duration::from_secs(1),
            cpu: None,
            counters: None,
            curve: Vec::new(),
            drv_path: None,
        }
    }

    fn failed(class: Class, message: &str) -> Observation {
        observation(class, message, End::Exited(1))
    }

    fn fixed(text: &str) -> Criterion {
        match text.parse() {
            Ok(BadWhen::Fixed(criterion)) => criterion,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn verdict(criterion: &Criterion, observation: &Observation) -> Verdict {
        criterion.verdict(observation, &["/in"]).unwrap()
    }

    #[test]
    fn by_default_only_the_failure_of_the_bad_end_is_bad() {
        let bad_end = failed(Class::OutOfMemory, "");
        let criterion = "same".parse::<BadWhen>().unwrap().criterion(&bad_end.outcome, &["/in"]);
        assert_eq!(verdict(&criterion, &bad_end), Verdict::Bad);
        assert_eq!(verdict(&criterion, &observation(Class::Success, "", End::Exited(0))), Verdict::Good);
        let other = verdict(&criterion, &failed(Class::EvaluationError, "attribute 'x' missing"));
        assert_eq!(other, Verdict::Skip("evaluation error: attribute 'x' missing (at /in/x.nix:1:2)".to_owned()));
    }

    #[test]
    fn nothing_but_success_is_good_and_nothing_that_is_not_about_code_is_bad() {
        let criteria = ["any", "oom", "message~.*"].map(fixed);
        for class in Class::ALL {
            let seen = failed(class, "x");
            let same = Criterion::SameSignature(Signature::of(&seen.outcome, &[]));
            for criterion in criteria.iter().chain([&same]) {
                let verdict = criterion.verdict(&seen, &[]).unwrap();
                assert_eq!(verdict == Verdict::Good, class == Class::Success, "{criterion}: {class}");
                assert!(verdict != Verdict::Bad || class.is_about_code(), "{criterion}: {class}");
            }
        }
    }

    #[test]
    fn any_failure_leaves_out_what_may_come_from_outside() {
        for (seen, bad) in [
            (failed(Class::EvaluationError, "attribute 'x' missing"), true),
            (failed(Class::Refused, "x"), true),
            (failed(Class::TimeOut, ""), true),
            (failed(Class::FetchFailure, "x"), false),
            (failed(Class::Killed, "x"), false),
            (failed(Class::EvaluationError, "unable to download 'x'"), false),
            (failed(Class::EvaluationError, "cannot connect to socket at 'x'"), false),
        ] {
            assert_eq!(verdict(&Criterion::AnyFailure, &seen) == Verdict::Bad, bad, "{}", seen.outcome);
        }
    }

    #[test]
    fn a_class_or_a_message_can_be_asked_for() {
        assert_eq!(verdict(&fixed("timeout"), &failed(Class::TimeOut, "")), Verdict::Bad);
        assert!(matches!(verdict(&fixed("timeout"), &failed(Class::OutOfMemory, "")), Verdict::Skip(_)));
        let message = fixed("message~^attribute '\\w+'");
        assert_eq!(verdict(&message, &failed(Class::EvaluationError, "attribute 'x' missing")), Verdict::Bad);
        assert!(matches!(verdict(&message, &failed(Class::EvaluationError, "x")), Verdict::Skip(_)));
    }

    #[test]
    fn a_script_speaks_as_in_git() {
        let run = |end| Criterion::Script.verdict(&observation(Class::EvaluationError, "", end), &[]);
        assert_eq!(run(End::Exited(0)), Ok(Verdict::Good));
        for status in [1, 2, 124, 126, 127] {
            assert_eq!(run(End::Exited(status)), Ok(Verdict::Bad));
        }
        assert!(matches!(run(End::Exited(125)), Ok(Verdict::Skip(_))));
        assert_eq!(run(End::Exited(128)), Err(AbortedByScript::Status(128)));
        assert_eq!(run(End::Exited(255)), Err(AbortedByScript::Status(255)));
        assert_eq!(run(End::Signalled(15)), Err(AbortedByScript::Signal(15)));
        let over_budget = observation(Class::OutOfMemory, "", End::Signalled(9));
        assert_eq!(Criterion::Script.verdict(&over_budget, &[]), Ok(Verdict::Bad));
    }

    #[test]
    fn criteria_are_read_from_words() {
        assert_eq!(fixed("oom"), fixed("out-of-memory"));
        assert_eq!(fixed("timeout"), fixed("time-out"));
        assert_eq!(fixed("any"), Criterion::AnyFailure);
        assert_eq!(fixed("infinite-recursion"), Criterion::Class(Class::InfiniteRecursion));
        for text in ["", "success", "interrupted", "nix-unusable", "oom ", "message=x"] {
            assert!(matches!(text.parse::<BadWhen>(), Err(CriterionError::Unknown(_))), "{text}");
        }
        let error = "message~(".parse::<BadWhen>().unwrap_err();
        assert_eq!(error.to_string(), "`(` is no regular expression");
    }

    #[test]
    fn a_rule_about_growth_is_a_criterion() {
        let rule = fixed("nrThunks > +20%");
        assert_eq!(rule.to_string(), "nrThunks > +20%");
        assert!(matches!("nrThunks > much".parse::<BadWhen>(), Err(CriterionError::Rule(_))));
        assert!(matches!("message~a>b".parse::<BadWhen>(), Ok(BadWhen::Fixed(Criterion::Message(_)))));
        // As long as nothing is known of the good end, what succeeds is good.
        let seen = observation(Class::Success, "", End::Exited(0));
        assert_eq!(rule.decide(&[&seen], None, &[]), Ok(Decision::Is(Verdict::Good)));
        let failed = rule.decide(&[&failed(Class::OutOfMemory, "")], None, &[]);
        assert!(matches!(failed, Ok(Decision::Is(Verdict::Skip(_)))));
        assert_eq!(fixed("oom").decide(&[], None, &[]), Ok(Decision::RunAgain));
    }

    #[test]
    fn a_criterion_survives_the_journal() {
        let same = Criterion::SameSignature(Signature::of(&failed(Class::EvaluationError, "x").outcome, &[]));
        for criterion in
            [same, fixed("any"), fixed("oom"), fixed("message~a|b"), fixed("peak > +30%"), Criterion::Script]
        {
            let json = serde_json::to_string(&criterion).unwrap();
            assert_eq!(serde_json::from_str::<Criterion>(&json).unwrap(), criterion, "{json}");
        }
        assert!(serde_json::from_str::<Criterion>(r#"{"bad-when":"message","of":"("}"#).is_err());
    }
}

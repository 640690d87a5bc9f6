//! From what was seen in a probe to what it says about the commit.
//!
//! Owns the criteria and their spelling in `--bad-when`. Must not look at anything but the observation.

use std::fmt;
use std::str::FromStr;

use regex::Regex;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Class, End, Observation, Outcome, Signature, Verdict, claim};

/// Says why a text is no criterion.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CriterionError {
    /// Not one of the words.
    #[error(
        "`{0}` is no criterion; there are: same, any-failure, out-of-memory, timeout, another class, message~REGEX"
    )]
    Unknown(String),
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
    /// class in words joined by `-`, or `message~REGEX`.
    fn from_str(text: &str) -> Result<Self, CriterionError> {
        if let Some(pattern) = text.strip_prefix("message~") {
            return MessagePattern::try_from(pattern.to_owned())
                .map(|pattern| Self::Fixed(Criterion::Message(pattern)));
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
                Self::AnyFailure => !comes_from_outside(outcome),
                Self::Class(class) => outcome.class == *class,
                Self::Message(pattern) => outcome.message.as_ref().is_some_and(|message| pattern.0.is_match(message)),
                Self::Script => false,
            };
        Ok(if bad { Verdict::Bad } else { Verdict::Skip(outcome.to_string()) })
    }
}

/// Tells whether a failure can have its cause outside the evaluated code. A mere claim is enough here: it
/// costs a skip, where believing nothing would call a commit bad because the network was down.
fn comes_from_outside(outcome: &Outcome) -> bool {
    let outside = |class: Class| !class.is_about_code() || matches!(class, Class::FetchFailure | Class::Killed);
    outside(outcome.class) || outcome.message.as_deref().and_then(claim).is_some_and(outside)
}

fn script_verdict(observation: &Observation) -> Result<Verdict, AbortedByScript> {
    match (observation.outcome.class, observation.end) {
        (_, End::Exited(0)) => Ok(Verdict::Good),
        (_, End::Exited(125)) => Ok(Verdict::Skip("the script asked to skip".to_owned())),
        (_, End::Exited(1..=127)) => Ok(Verdict::Bad),
        // Then it was the guard, not the script, that spoke.
        (class @ (Class::OutOfMemory | Class::TimeOut), _) => {
            Ok(Verdict::Skip(format!("the script ended in: {class}")))
        }
        (_, End::Exited(status)) => Err(AbortedByScript::Status(status)),
        (_, End::Signalled(signal)) => Err(AbortedByScript::Signal(signal)),
    }
}

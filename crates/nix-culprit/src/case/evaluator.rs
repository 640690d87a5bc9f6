//! What a probe asks: which target, of which assignment, in which way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::event::Mode;
use nix_culprit_core::flake::{AttrPath, Candidate, Lock};
use nix_culprit_core::ids::{CommitId, DrvPath, NodeKey};
use nix_culprit_core::outcome::Observation;
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::read_set::Reads;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ahead::Order;
use super::assignment::Assignment;
use super::instrumented::{How, Instrumented};
use super::meter::Label;
use super::trees::LookedAt;
use crate::sys::limit::{Budget, Seen, Wish};
use crate::sys::nix::EvalQuestion;

/// What is evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The first of these that is there.
    Among(Vec<Candidate>),
    /// This attribute of the outputs.
    Attr(AttrPath, Yields),
}

/// What an attribute evaluates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Yields {
    /// A derivation, or it is not known yet.
    Derivation,
    /// Anything else; it is evaluated wholly.
    Value,
}

impl Yields {
    /// Returns what a success says of it.
    #[must_use]
    pub const fn of(drv_path: Option<&DrvPath>) -> Self {
        match drv_path {
            Some(_) => Self::Derivation,
            None => Self::Value,
        }
    }
}

impl Target {
    /// Returns the candidates, best first.
    #[must_use]
    pub fn candidates(&self) -> Vec<Candidate> {
        match self {
            Self::Among(candidates) => candidates.clone(),
            Self::Attr(attr, _) => vec![Candidate::Attr(attr.clone())],
        }
    }

    /// Returns what the user's own `nix eval --raw` is asked for.
    #[must_use]
    pub fn question(&self) -> EvalQuestion {
        let attr = self.attr();
        match self {
            Self::Attr(_, Yields::Value) => {
                EvalQuestion { attr: attr.to_string(), apply: Some("value: builtins.deepSeq value \"\"") }
            }
            Self::Attr(_, Yields::Derivation) | Self::Among(_) => {
                EvalQuestion { attr: format!("{attr}.drvPath"), apply: None }
            }
        }
    }

    /// Returns the attribute that is meant, or the best guess where that is not known yet.
    #[must_use]
    pub fn attr(&self) -> AttrPath {
        match self {
            Self::Attr(attr, _) => attr.clone(),
            Self::Among(candidates) => candidates
                .iter()
                .find_map(|candidate| match candidate {
                    Candidate::Attr(attr) => Some(attr.clone()),
                    Candidate::BelowOnly { .. } => None,
                })
                .unwrap_or(AttrPath(Vec::new())),
        }
    }
}

/// What came of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// What was seen.
    pub observation: Observation,
    /// The attribute that was evaluated, if it succeeded and had to be looked for.
    pub attr: Option<AttrPath>,
    /// Whether the end was reached for the code's sake alone, so that it would be reached again.
    pub repeatable: bool,
}

/// What an evaluation would come to, without running it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The commit whose evaluation tells.
    pub by: CommitId,
    /// What was seen there; without the derivation, which can differ by the folder's name.
    pub observation: Observation,
}

/// In which way the user's own command is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnWay {
    /// With its inputs mounted at their store paths.
    Pure,
    /// With its inputs fetched.
    Faithful {
        /// Why they have to be, if there is more to say than that it is so here.
        why: Option<String>,
    },
}

/// Says why an assignment could not be evaluated at all.
#[derive(Debug, Error)]
pub enum EvaluatorError {
    /// Something on this machine is in the way.
    #[error("could not {doing}")]
    Machine {
        /// What was tried.
        doing: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no room left for what an evaluation needs; git does not say so by itself.
    #[error("the disk that holds {} is full", .0.display())]
    DiskFull(PathBuf),
    /// This way of asking cannot be had with this Nix.
    #[error("{0}")]
    Lacks(String),
    /// The flake does not have what is to be evaluated.
    #[error("the flake has none of {}", looked_for.join(", "))]
    NoTarget {
        /// What was looked for.
        looked_for: Vec<String>,
        /// The outputs it has.
        outputs: Vec<String>,
    },
}

impl EvaluatorError {
    /// Makes the error of something on this machine.
    pub fn machine(doing: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Machine { doing: doing.into(), source: source.into() }
    }
}

/// Whether Nix is asked what it counted.
///
/// It changes no memory, and costs no time before Nix 2.34, which then collects all garbage at its end: 0.1 s for a
/// heap of 360 MiB. So it is asked where it can matter: at the ends, and where what counts as bad is a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Evaluates assignments: the user's Nix, or a fake in tests.
pub trait Evaluator {
    /// Evaluates a target with at most this much memory. A failing evaluation is an observation, not an error.
    ///
    /// # Errors
    /// When it could not be looked at.
    fn evaluate(
        &mut self,
        assignment: &Assignment,
        mode: Mode,
        target: &Target,
        memory: Bytes,
    ) -> Result<Evaluated, EvaluatorError>;

    /// Takes the name under which the next evaluations are told to those who look on while they run.
    fn label(&mut self, _label: Label) {}

    /// Says what an evaluation would come to, if one of another commit tells: it looked at nothing that differs.
    fn settled(&mut self, _assignment: &Assignment, _mode: Mode, _target: &Target, _memory: Bytes) -> Option<Settled> {
        None
    }

    /// Says what the very same evaluation came to in an earlier case, if that is known.
    fn remembered(
        &mut self,
        _assignment: &Assignment,
        _mode: Mode,
        _target: &Target,
        _memory: Bytes,
    ) -> Option<Evaluated> {
        None
    }

    /// Lets the next evaluations use so much time, or the whole budget.
    fn limit_time(&mut self, _time: Option<Duration>) {}

    /// Lets the next evaluations begin with a heap of this size, where they are fast ones; none: as Nix does.
    fn begin_with(&mut self, _heap: Option<Bytes>) {}

    /// Returns what the last evaluation looked at, by lock node, where that is known.
    fn looked_at(&self) -> Option<BTreeMap<NodeKey, LookedAt>> {
        None
    }

    /// Takes in what another evaluator looked at, who worked beside this one.
    fn adopt(
        &mut self,
        _assignment: &Assignment,
        _mode: Mode,
        _target: &Target,
        _memory: Bytes,
        _evaluated: &Evaluated,
        _looked_at: BTreeMap<NodeKey, LookedAt>,
    ) {
    }

    /// Keeps for later cases what another evaluator saw, who worked beside this one.
    fn keep(&mut self, _order: &Order, _evaluated: &Evaluated, _looked_at: Option<BTreeMap<NodeKey, LookedAt>>) {}

    /// Returns what the user should know of the last evaluation, and what stops nothing.
    fn complaint(&mut self) -> Option<String> {
        None
    }

    /// Returns what an evaluation looked at in a commit of a clone, if that is known.
    fn reads(&self, _clone: &Path, _commit: &CommitId) -> Option<Reads> {
        None
    }

    /// Sets whether the next evaluations ask what Nix counted.
    fn count(&mut self, _counting: Counting) {}

    /// Takes note of an assignment that is probed or whose probe is known already.
    fn note(&mut self, _assignment: &Assignment) {}

    /// Tells whether two evaluations at the same time would fetch the same contents, or get in each other's way.
    fn works_alone(&mut self, _assignment: &Assignment) -> bool {
        false
    }

    /// Begins to find out what [`Evaluator::own_way`] will need to know of an assignment, while other things are done.
    fn foresee(&mut self, _assignment: &Assignment) {}

    /// As [`Evaluator::foresee`], only of what it will need to know of any assignment with the same clones.
    fn vouch(&mut self, _assignment: &Assignment) {}

    /// Says in which way the user's own command is run on an assignment: pure where that can be had, else faithful,
    /// with the reason.
    fn own_way(&mut self, _assignment: &Assignment) -> OwnWay {
        OwnWay::Faithful { why: None }
    }

    /// Returns an assignment's lock with all that Nix would find out by fetching; `Err` says why that is not known.
    ///
    /// # Errors
    /// A reason for people.
    fn as_locked(&mut self, _assignment: &Assignment) -> Result<Lock, String> {
        Err("it is not known here".to_owned())
    }

    /// Returns all derivations that one needs, which was written to a store in this way, itself included; nothing where
    /// they are in no store.
    fn closure(&mut self, _drv_path: &DrvPath, _mode: Mode) -> Option<BTreeSet<String>> {
        None
    }

    /// Evaluates a target that tells where it is, while somebody looks on; nothing where that cannot be had.
    ///
    /// # Errors
    /// When it could not be looked at.
    fn instrumented(
        &mut self,
        _assignment: &Assignment,
        _target: &Target,
        _budget: Budget,
        _how: How<'_>,
        _look: &mut dyn FnMut(Seen<'_>) -> Wish,
    ) -> Result<Option<Instrumented>, EvaluatorError> {
        Ok(None)
    }

    /// Says why a way of asking cannot be had here, if it cannot.
    fn lacks(&self, _mode: Mode) -> Option<String> {
        None
    }
}

//! Why an investigation could not be made. A failing evaluation is no error.

use std::path::PathBuf;

use nix_culprit_core::bisect::{GraphError, RangeError, UnknownCommit};
use nix_culprit_core::flake::{LockError, TargetError};
use nix_culprit_core::ids::CommitId;
use nix_culprit_core::outcome::{AbortedByScript, Outcome};
use nix_culprit_core::pins::PinsError;
use thiserror::Error;

use super::clones::CloneError;
use super::evaluator::EvaluatorError;
use super::history::HistoryError;
use super::journal::JournalError;
use super::store::StoreError;
use crate::sys::git::GitError;
use crate::sys::nix::NixError;

const ROOM: &str = "make room or mend the rights; then `nix-culprit resume` goes on";

/// Says why an investigation could not be made.
#[derive(Debug, Error)]
pub enum CaseError {
    /// The journal could not be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The case's folder could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing could be evaluated.
    #[error(transparent)]
    Evaluator(#[from] EvaluatorError),
    /// A history could not be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// There is no history to search.
    #[error(transparent)]
    Clone(#[from] CloneError),
    /// Nix is not what it should be.
    #[error(transparent)]
    Nix(#[from] NixError),
    /// Git did not do what it should.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The target cannot be read.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The history is no graph.
    #[error("the history cannot be searched")]
    Graph(#[from] GraphError),
    /// The ends do not make a range.
    #[error("the history cannot be searched")]
    Range(#[from] RangeError),
    /// A commit is not in the range.
    #[error("the history cannot be searched")]
    UnknownCommit(#[from] UnknownCommit),
    /// A lock could not be edited.
    #[error("could not make a lock for a probe")]
    Assign(#[from] LockError),
    /// A lock file cannot be read.
    #[error("{label} cannot be used")]
    Lock {
        /// Which lock file.
        label: String,
        /// Why.
        source: LockError,
    },
    /// There is no failure to keep.
    #[error("there is nothing to reduce: the flake ends in {outcome}")]
    NothingToReduce {
        /// What it ends in.
        outcome: String,
    },
    /// A commit cannot be taken apart.
    #[error("{} is the first commit, or changes nothing: it has no parts", commit.short())]
    NoParts {
        /// The commit.
        commit: CommitId,
    },
    /// There is no flake.
    #[error("there is no flake.nix in {0}")]
    NoFlake(PathBuf),
    /// Git does not track the flake, so Nix does not see it.
    #[error("{0} is not tracked by git, so Nix does not see it")]
    Untracked(PathBuf),
    /// There is no such file to evaluate.
    #[error("there is no file {0}")]
    NoFile(PathBuf),
    /// The pins of a project cannot be read.
    #[error("{label} cannot be used")]
    Pins {
        /// Which file.
        label: String,
        /// Why.
        source: PinsError,
    },
    /// A project has nothing that could be searched.
    #[error("{0} has neither npins/sources.json nor nix/sources.json, and no pin is named")]
    NoPins(PathBuf),
    /// A pin in the code is not there, or not clear.
    #[error("the pin `{name}`: {why}")]
    CodePin {
        /// The name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// There is no lock file.
    #[error("there is no flake.lock in {0}")]
    NoLock(PathBuf),
    /// A file of the user cannot be read.
    #[error("could not read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The inputs cannot be shown at their store paths.
    #[error("your own command would have to fetch its inputs: {why}")]
    NotPure {
        /// Why.
        why: String,
    },
    /// No good state is known.
    #[error("no good state is known: {why}")]
    NoGoodState {
        /// What was looked at.
        why: String,
    },
    /// The good end is not good.
    #[error("the good end, {label}, ended in: {outcome}")]
    GoodEnd {
        /// Which it is.
        label: String,
        /// What it ended in.
        outcome: String,
    },
    /// The bad end tells nothing about the code.
    #[error("the bad end, {label}, ended in: {outcome}")]
    BadEnd {
        /// Which it is.
        label: String,
        /// What it ended in.
        outcome: String,
    },
    /// Nix does not count what the rule is about.
    #[error("nix does not count `{name}`")]
    NoCounter {
        /// What the rule names.
        name: String,
        /// What Nix counts; nothing if it wrote no counters.
        known: Vec<String>,
    },
    /// A rule about growth, and two versions of Nix in place of two ends.
    #[error("`{rule}` is relative to what the good end has, which says nothing about another nix with the same lock")]
    RelativeRule {
        /// The rule.
        rule: String,
    },
    /// The ends are alike as far as can be measured.
    #[error(
        "the ends differ by no more than noise: {measure} is {good} at the good end and {bad} at the bad one, and \
             runs of the same evaluation differ by up to {noise}"
    )]
    Noise {
        /// What was measured.
        measure: String,
        /// At the good end.
        good: String,
        /// At the bad end.
        bad: String,
        /// What is no more than noise.
        noise: String,
    },
    /// An end of the history could not be measured.
    #[error("an end of the history does not evaluate, so nothing can be compared with it")]
    Unmeasured,
    /// The two revisions have no common history.
    #[error("{} and {} have no common history", .old.short(), .new.short())]
    Unrelated {
        /// The old end.
        old: CommitId,
        /// The new end.
        new: CommitId,
    },
    /// The old end is the newer one.
    #[error("{} comes after {}", .old.short(), .new.short())]
    Backwards {
        /// The end that should be older.
        old: CommitId,
        /// The end that should be newer.
        new: CommitId,
    },
    /// Where two branches part it is already as at the new end.
    #[error("{} lies on another branch, and where the branches part, at {}, it is already as at the new end", .old.short(), .base.short())]
    ChangedBefore {
        /// Where they part.
        base: CommitId,
        /// The old end.
        old: CommitId,
    },
    /// The input that is to be looked at has not changed.
    #[error("the input `{input}` does not differ between the two locks")]
    Unchanged {
        /// The input.
        input: String,
        /// Those that do.
        changed: Vec<String>,
    },
    /// There is no such input.
    #[error("the lock has no input `{input}`")]
    NoInput {
        /// The input.
        input: String,
        /// Those that there are.
        inputs: Vec<String>,
    },
    /// What an input would be that follows nothing is not known.
    #[error("it is not known what `{input}` is when it follows nothing: {why}")]
    NoOwnNode {
        /// The input.
        input: String,
        /// Why.
        why: String,
    },
    /// The input has no revision.
    #[error("the input `{input}` is locked to {reference}, which has no revision")]
    NoRevision {
        /// The input.
        input: String,
        /// What it is locked to.
        reference: String,
    },
    /// Nix does not work here.
    #[error("nix cannot be used: {message}")]
    NixUnusable {
        /// What it said.
        message: String,
    },
    /// The user's own check asked to stop.
    #[error("your check asked to stop")]
    Script(#[source] AbortedByScript),
    /// The user asked to stop.
    #[error("stopped")]
    Stopped,
}

impl CaseError {
    /// Tells whether the user asked to stop.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Stopped => true,
            Self::Git(error) => is_interrupted(error),
            Self::Clone(CloneError::Fetch { source, .. } | CloneError::Named { source, .. }) => is_interrupted(source),
            Self::Evaluator(EvaluatorError::Machine { source, .. }) => {
                source.downcast_ref::<GitError>().is_some_and(is_interrupted)
            }
            Self::History(HistoryError { source, .. }) => source.downcast_ref::<GitError>().is_some_and(is_interrupted),
            _ => false,
        }
    }

    /// Tells whether going on with the case can help, with nothing else asked of it.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Journal(_)
            | Self::Store(_)
            | Self::Read { .. }
            | Self::Script(_)
            | Self::Clone(CloneError::Fetch { .. })
            | Self::Evaluator(EvaluatorError::Machine { .. } | EvaluatorError::DiskFull(_)) => true,
            _ => self.is_stop(),
        }
    }

    /// Returns what to do next, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoFlake(_) => "run it in the folder of your flake, or name the folder".to_owned(),
            Self::Untracked(file) => format!("`git add {}`", file.display()),
            Self::NoPins(_) => {
                "name a revision in its code with --pin NAME=OLD..NEW, or the clone of a channel with --repo NAME=PATH"
                    .to_owned()
            }
            Self::NoLock(_) => "`nix flake lock` makes one; nix-culprit compares two of them".to_owned(),
            Self::NoGoodState { .. } => {
                "name one: --good with a lock file, or a revision or date of the flake's repository".to_owned()
            }
            Self::GoodEnd { .. } => {
                "name an older good state with --good, or a larger budget with --memory and --timeout".to_owned()
            }
            Self::BadEnd { .. } => "mend this first, or say with --bad-when what counts as bad".to_owned(),
            Self::NoCounter { known, .. } if known.is_empty() => "this nix wrote no counters at all".to_owned(),
            Self::NoCounter { known, .. } => format!("it counts: {}", known.join(", ")),
            Self::RelativeRule { .. } => {
                "name the limit itself, such as --bad-when 'nrThunks > 3000', or leave out --nix-good".to_owned()
            }
            Self::Noise { .. } => {
                "take what does not scatter, such as 'nrThunks > +10%', or try again when the machine is idle"
                    .to_owned()
            }
            Self::Backwards { .. } => {
                "swap --good and --bad; to find what repaired it, use `bisect --find-fix`".to_owned()
            }
            Self::ChangedBefore { .. } => {
                "the difference was never on this branch; take a good state from the same branch".to_owned()
            }
            Self::Unchanged { changed, .. } => format!("these differ: {}", changed.join(", ")),
            Self::NoInput { inputs, .. } => format!("its inputs are: {}", inputs.join(", ")),
            Self::NixUnusable { .. } | Self::Nix(_) => "`nix-culprit doctor` says what is missing".to_owned(),
            Self::Evaluator(EvaluatorError::NoTarget { outputs, .. }) => {
                format!("name one with --attr; the flake's outputs are: {}", outputs.join(", "))
            }
            Self::Clone(CloneError::Fetch { source: source @ GitError::Shallow(_), .. }) => return source.hint(),
            Self::Clone(CloneError::Fetch { input, .. }) => {
                format!("if you have a clone, name it: --repo {input}=PATH; `nix-culprit resume` goes on from here")
            }
            Self::Clone(CloneError::Lacks { clone, .. }) => {
                format!("`git -C {} fetch --all` may bring it", clone.display())
            }
            Self::Clone(CloneError::NoRepository { input, .. }) => {
                format!("if its history is in a git repository, name a clone: --repo {input}=PATH")
            }
            Self::Git(error) => return error.hint(),
            Self::Clone(CloneError::Named { source, .. } | CloneError::Incomplete { source, .. }) => {
                return source.hint();
            }
            Self::Journal(JournalError::InUse(_)) => "wait for it, or stop it".to_owned(),
            Self::Journal(JournalError::Line { .. }) => "begin anew: `nix-culprit find`".to_owned(),
            Self::Evaluator(EvaluatorError::Machine { source, .. }) if is_for_lack_of_room(&**source) => {
                ROOM.to_owned()
            }
            Self::Journal(JournalError::Io { .. })
            | Self::Store(StoreError::Io { .. })
            | Self::Evaluator(EvaluatorError::DiskFull(_)) => ROOM.to_owned(),
            _ => return None,
        })
    }
}

/// Says in one line what an end came to.
pub(super) fn outcome_words(outcome: &Outcome) -> String {
    match &outcome.message {
        Some(message) => format!("{}: {message}", outcome.class),
        None => outcome.class.to_string(),
    }
}

fn is_for_lack_of_room(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::StorageFull)
}

const fn is_interrupted(error: &GitError) -> bool {
    matches!(error, GitError::Interrupted { .. })
}

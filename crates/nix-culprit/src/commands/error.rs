//! What can go wrong in a command, and what to do next.

use std::path::PathBuf;

use nix_culprit_core::outcome::CriterionError;
use thiserror::Error;

use crate::case::{CaseError, ChangeError, JournalError, StoreError};
use crate::sys::child::ChildError;
use crate::sys::dirs::DirsError;

/// Says why a command could not do its work.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The investigation could not be made.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// The investigation was stopped or could not be made, and can be gone on with.
    #[error("{error}")]
    Unfinished {
        /// The name of the case.
        case: String,
        /// Why.
        error: CaseError,
    },
    /// A case could not be found.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A journal could not be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folders or the configuration could not be read.
    #[error(transparent)]
    Dirs(#[from] DirsError),
    /// What counts as bad cannot be read.
    #[error(transparent)]
    Criterion(#[from] CriterionError),
    /// The program to guard could not be run.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// Signals or streams could not be used.
    #[error("could not listen for signals")]
    Signals(#[source] std::io::Error),
    /// The flake is not a folder on this machine.
    #[error("`{0}` is no folder on this machine")]
    NotAFolder(String),
    /// The folder for the result holds something.
    #[error("the folder {0} is not empty")]
    NotEmpty(PathBuf),
    /// What should be gone on with is a reduction.
    #[error("{0} is a reduction")]
    IsReduction(String),
    /// The reduction took no step of this number.
    #[error("there is no step {number}; the last one is {last}")]
    NoSuchStep {
        /// What was asked for.
        number: usize,
        /// The last one.
        last: usize,
    },
    /// The man pages could not be written.
    #[error("the man pages could not be written to {folder}")]
    Man {
        /// Where to.
        folder: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Two ways of saying what counts as bad.
    #[error("a check of your own already says what is bad; leave out --bad-when")]
    TwoRules,
    /// A rule about the good end, where there is none.
    #[error("`{0}` is about what the good end has, and a single probe has none; give an amount, such as 300M")]
    NoGoodEnd(String),
    /// Jumps of nothing.
    #[error("--all-jumps is about what is measured: say what, such as --bad-when 'nrThunks > +20%'")]
    NoRule,
    /// The case has no report yet.
    #[error("the case {0} has no report yet")]
    NoReport(String),
    /// The case is a table of evaluations, which has no such form.
    #[error("the case {0} is a table, which has no such form")]
    IsTable(String),
    /// The case has nothing that plain git and nix could replay.
    #[error("the case {0} has nothing that a script could replay")]
    NoReplay(String),
    /// The case has searched no history.
    #[error("the case {0} has searched no history yet")]
    NoSearch(String),
    /// There is no such correction.
    #[error("there is no correction {number}: {count} work")]
    NoCorrection {
        /// What was asked for.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// The correction is not one of files.
    #[error("correction {0} cannot be written for you: it is no change of flake.nix or flake.lock in the working tree")]
    ByHand(usize),
    /// The correction cannot be written into flake.nix.
    #[error("correction {number} cannot be written into flake.nix, and nothing was written: {why}")]
    NotPinned {
        /// Its number.
        number: usize,
        /// Why not.
        why: String,
    },
    /// Nobody can be asked.
    #[error("nothing was written: there is nobody to ask")]
    NotAsked,
    /// The correction could not be written.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A file could not be written.
    #[error("could not write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The results could not be printed.
    #[error("could not print the result")]
    Print(#[source] std::io::Error),
    /// It is not said which input is to be searched.
    #[error("it is not said which input is to be searched")]
    NoInput,
    /// The file to evaluate is not in the project's folder.
    #[error("{0} is not in the project's folder")]
    Outside(PathBuf),
}

impl CommandError {
    /// Tells whether the user asked to stop.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Case(error) | Self::Unfinished { error, .. } => error.is_stop(),
            _ => false,
        }
    }

    /// Returns what to tell first: of an unfinished case, why it is. Whoever stopped it need not hear what was
    /// going on at that moment.
    #[must_use]
    pub fn root(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            error if error.is_stop() => &CaseError::Stopped,
            Self::Unfinished { error, .. } => error,
            other => other,
        }
    }

    /// Returns what to do next, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Case(error) => error.hint(),
            Self::Unfinished { case, error } if error.is_stop() => {
                Some(format!("`nix-culprit resume {case}` goes on and repeats no finished probe"))
            }
            Self::Unfinished { error, .. } => error.hint(),
            Self::Store(StoreError::NoCase(_)) => Some("`nix-culprit log --list` lists the cases".to_owned()),
            Self::Store(StoreError::NoCases) => Some("`nix-culprit find` begins one".to_owned()),
            Self::Store(StoreError::Io { .. }) | Self::Write { .. } => {
                Some("make room or mend the rights; then `nix-culprit resume` writes what is missing".to_owned())
            }
            Self::NoReport(case) | Self::NoSearch(case) => Some(format!("`nix-culprit resume {case}` goes on with it")),
            Self::IsTable(_) => Some("--format md or --format json shows it".to_owned()),
            Self::NoCorrection { .. } => Some("`nix-culprit fix` shows them with their numbers".to_owned()),
            Self::ByHand(_) => Some("do what it says beside its number".to_owned()),
            Self::NotPinned { .. } => Some("without --pin it is written into flake.lock".to_owned()),
            Self::NotAsked => Some("--yes writes without asking".to_owned()),
            Self::Change(ChangeError::Changed(_)) => {
                Some("the command beside the correction's number does the same to the file as it is now".to_owned())
            }
            Self::NoReplay(_) => Some("a script repeats the two evaluations that name a commit".to_owned()),
            Self::Journal(JournalError::Line { .. }) => Some("begin anew: `nix-culprit find`".to_owned()),
            Self::IsReduction(id) => Some(format!("`nix-culprit reduce --go-on {id}` goes on with it")),
            Self::NotEmpty(_) => Some("name a new folder with --output".to_owned()),
            Self::NoSuchStep { .. } => Some("`nix-culprit reduce --history` lists them".to_owned()),
            Self::NoInput => Some("name it with --input".to_owned()),
            Self::Outside(_) => Some("name the folder too: nix-culprit find FOLDER --file FILE".to_owned()),
            Self::NotAFolder(_) => {
                Some("clone the flake first; nix-culprit works on a folder with flake.nix and flake.lock".to_owned())
            }
            _ => None,
        }
    }
}

//! What happens during an investigation, and where it is told.
//!
//! Events flow one way: the case tells a sink, which is the journal, the terminal, or both.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::explain::{Explanation, Way};
use crate::ids::{CommitId, InputPath};
use crate::outcome::{Observation, Verdict};
use crate::quantity::Bytes;
use crate::report::model::Probe;
use crate::report::{Report, Timestamp};

/// In which way a probe asks Nix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Our expression calls the flake from the lock, with searched inputs as folders.
    Fast,
    /// The user's own command, as in the faithful way, in a store of the case's own, where inputs that have a clone
    /// are mounted at their true store paths.
    Pure,
    /// The user's own command on a copy of the flake with the assignment in its lock; Nix fetches the inputs.
    Faithful,
}

impl Mode {
    /// Returns the word for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Pure => "pure",
            Self::Faithful => "faithful",
        }
    }
}

/// What a probe is for, as told to people and written to the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purpose {
    /// A few words, such as `good end` or `only nixpkgs moved`.
    pub words: String,
    /// The commit that a search asked for, if it was a search.
    pub commit: Option<CommitId>,
}

/// How far a search has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remaining {
    /// Commits that can still be the first bad one.
    pub suspects: usize,
    /// Probes that are probably left.
    pub steps: usize,
    /// Time that is probably left, from the probes so far.
    pub time: Option<Duration>,
    /// When the oldest and the newest of these commits were committed.
    #[serde(default)]
    pub dates: Option<(Timestamp, Timestamp)>,
}

/// A probe that runs just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Digest of all that determines its result, as in the other events about it.
    pub key: String,
    /// What it is for, in a few words.
    pub words: String,
    /// What it uses of memory now.
    pub memory: Bytes,
    /// What it may use.
    pub budget: Bytes,
    /// How long it has run.
    pub time: Duration,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// A case was begun or is gone on with.
    Started {
        /// The folder of the flake.
        flake: String,
        /// The version of Nix.
        nix: String,
        /// What a probe may use of memory.
        memory: Bytes,
        /// What a probe may use of time.
        time: Duration,
        /// How the limits are enforced.
        layers: String,
    },
    /// Which locks are the two ends.
    Ends {
        /// Where the good lock comes from.
        good: String,
        /// Where the bad lock comes from.
        bad: String,
        /// How many inputs differ.
        changes: usize,
    },
    /// A probe is about to start.
    ProbeStarted {
        /// Digest of all that determines its result; empty in journals of earlier versions.
        #[serde(default)]
        key: String,
        /// What it is for.
        purpose: Purpose,
        /// In which way it asks.
        mode: Mode,
        /// How far the search has come, if it is part of one.
        remaining: Option<Remaining>,
    },
    /// A probe has ended.
    ProbeFinished {
        /// Digest of all that determines its result.
        key: String,
        /// What it was for.
        purpose: Purpose,
        /// In which way it asked.
        mode: Mode,
        /// What was seen.
        observation: Observation,
    },
    /// A probe was not run: the very same one was run in an earlier case.
    Remembered {
        /// Digest of all that determines its result.
        key: String,
        /// What it is for.
        purpose: Purpose,
        /// In which way it asked.
        mode: Mode,
        /// What was seen then.
        observation: Observation,
    },
    /// A probe was not run: a finished one of another commit looked at nothing that differs.
    Settled {
        /// Digest of all that determines its result.
        key: String,
        /// What it is for.
        purpose: Purpose,
        /// The commit whose probe settles it.
        by: CommitId,
        /// What that probe saw.
        observation: Observation,
    },
    /// What is evaluated was chosen from what the flake has.
    Target {
        /// The names on the way to it.
        attr: Vec<String>,
    },
    /// What the last finished or remembered probe means.
    Judged {
        /// What it was for.
        purpose: Purpose,
        /// What it means.
        verdict: Verdict,
    },
    /// What the report tells of a probe that was judged.
    Noted {
        /// The probe.
        probe: Box<Probe>,
    },
    /// More can be told than before.
    Learned {
        /// All that the report can tell, without its probes.
        report: Box<Report>,
    },
    /// The input that makes the difference was found.
    Isolated {
        /// The input.
        input: InputPath,
        /// How it was found.
        how: String,
    },
    /// A search has begun.
    Searching {
        /// The input whose history is searched.
        input: InputPath,
        /// Commits that can be the first bad one.
        suspects: usize,
    },
    /// The bad end is evaluated once more, in a way that tells where it is.
    Explaining {
        /// In which way.
        way: Way,
    },
    /// It was learned why the bad end fails, or what could not be learned.
    Explained {
        /// Digest of all that determines it.
        key: String,
        /// What was learned.
        explanation: Box<Explanation>,
    },
    /// A correction is about to be tried.
    Correcting {
        /// What it is.
        what: String,
    },
    /// A project is being reduced; not written to the journal.
    Reducing {
        /// What is being left out.
        what: String,
        /// The size of the smallest project so far, in bytes.
        size: usize,
        /// The size of the whole project, in bytes.
        from: usize,
        /// How many candidates were evaluated.
        tried: usize,
        /// How long candidates will be tried yet, at most.
        left: Duration,
    },
    /// A table is being filled; not written to the journal.
    Filling {
        /// How many of its cells are known.
        done: usize,
        /// How many it has.
        of: usize,
        /// Time that is probably left, from the cells so far.
        left: Option<Duration>,
    },
    /// What runs just now, told a few times a second, also when nothing does; not written to the journal.
    Running {
        /// The probes, in the order in which they began.
        runs: Vec<Run>,
    },
    /// A repository is being fetched; not written to the journal.
    Fetching {
        /// From where.
        url: String,
        /// What git says it does.
        phase: String,
        /// How much of it is done, if git says so.
        percent: Option<u8>,
    },
    /// Something the user should know, but which stops nothing.
    Warned {
        /// What it is.
        text: String,
    },
    /// The case came to its end.
    Finished {
        /// The answer in one line.
        answer: String,
    },
}

impl Event {
    /// Tells whether it is worth keeping in the journal.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        !matches!(self, Self::Fetching { .. } | Self::Reducing { .. } | Self::Filling { .. } | Self::Running { .. })
    }
}

/// Somebody who is told what happens, also from another thread.
pub trait EventSink: Send {
    /// Takes note of an event.
    fn tell(&mut self, event: &Event);
}

//! The journal of a case: append-only, one JSON line an event, written before the next probe starts, and on the disk before
//! what that one shows is used.
//!
//! It is read back tolerantly: a last line that was cut off by a crash is ignored.

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use nix_culprit_core::event::{Event, EventSink};
use nix_culprit_core::explain::Explanation;
use nix_culprit_core::outcome::{Class, Observation};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::evaluator::Settled;
use disk::Disk;

/// Says why a journal could not be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file could not be read or written.
    #[error("could not use the journal {path}")]
    Io {
        /// The journal.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another nix-culprit works on the case.
    #[error("another nix-culprit works on the case {0}")]
    InUse(PathBuf),
    /// A line other than the last is not what this version writes.
    #[error("line {line} of the journal {path} is not readable")]
    Line {
        /// The journal.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Seconds since 1970. No event has a field of this name: they share one JSON object.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Reads all entries of a journal, oldest first.
///
/// # Errors
/// When the file cannot be read or a line other than the last is damaged.
pub fn read(path: &Path) -> Result<Vec<Entry>, JournalError> {
    let content = fs::read(path).map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
    parse(path, whole_lines(&content))
}

/// Leaves off what a crash left of a last line.
fn whole_lines(content: &[u8]) -> &[u8] {
    let end = content.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    &content[..end]
}

fn parse(path: &Path, lines: &[u8]) -> Result<Vec<Entry>, JournalError> {
    let lines = lines.split_inclusive(|&byte| byte == b'\n').zip(1..);
    let entry = |(text, line): (&[u8], usize)| {
        serde_json::from_slice(text).map_err(|source| JournalError::Line { path: path.to_owned(), line, source })
    };
    lines.map(entry).collect()
}

/// A journal that is open for writing, with what it already knows.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    disk: Disk,
    known: BTreeMap<String, Observation>,
    settled: BTreeMap<String, Settled>,
    /// Which of the known probes were run in an earlier case.
    remembered: BTreeSet<String>,
    explained: BTreeMap<String, Explanation>,
    target: Option<Vec<String>>,
    failure: Option<JournalError>,
    /// Whether nothing failed so far: an entry behind one that was cut off could not be read.
    is_sound: bool,
}

impl Journal {
    /// Opens or creates the journal, and takes the case for this process until it is dropped.
    ///
    /// # Errors
    /// When the file cannot be used, is damaged, or another process has it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().create(true).append(true).read(true).open(path).map_err(io)?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(JournalError::InUse(path.to_owned())),
            Err(errno) => return Err(io(errno.into())),
        }
        let content = fs::read(path).map_err(io)?;
        let whole = whole_lines(&content);
        if whole.len() < content.len() {
            file.set_len(whole.len() as u64).map_err(io)?;
        }
        let mut journal = Self {
            path: path.to_owned(),
            file,
            disk: Disk::default(),
            known: BTreeMap::new(),
            settled: BTreeMap::new(),
            remembered: BTreeSet::new(),
            explained: BTreeMap::new(),
            target: None,
            failure: None,
            is_sound: true,
        };
        for entry in parse(path, whole)? {
            journal.remember(&entry.event);
        }
        Ok(journal)
    }

    /// Returns what an earlier run of the case saw for this probe.
    #[must_use]
    pub fn known(&self, key: &str) -> Option<&Observation> {
        self.known.get(key)
    }

    /// Tells whether a known probe was run in an earlier case only.
    #[must_use]
    pub fn is_remembered(&self, key: &str) -> bool {
        self.remembered.contains(key)
    }

    /// Returns what an earlier run of the case took for the result of this probe, which was not run.
    #[must_use]
    pub fn settled(&self, key: &str) -> Option<&Settled> {
        self.settled.get(key)
    }

    /// Returns what an earlier run of the case learned about a failure.
    #[must_use]
    pub fn explained(&self, key: &str) -> Option<&Explanation> {
        self.explained.get(key)
    }

    /// Returns which attribute an earlier run of the case chose.
    #[must_use]
    pub fn target(&self) -> Option<&[String]> {
        self.target.as_deref()
    }

    /// Reports the first failure to write, once; nothing is written after it.
    ///
    /// # Errors
    /// When an entry could not be written, such as on a full disk.
    pub fn check(&mut self) -> Result<(), JournalError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    fn remember(&mut self, event: &Event) {
        match event {
            Event::ProbeFinished { key, observation, .. } if is_finished(observation) => {
                self.known.insert(key.clone(), observation.clone());
                self.remembered.remove(key);
            }
            Event::Remembered { key, observation, .. } => {
                self.known.insert(key.clone(), observation.clone());
                self.remembered.insert(key.clone());
            }
            Event::Settled { key, by, observation, .. } => {
                let settled = Settled { by: by.clone(), observation: observation.clone() };
                self.settled.insert(key.clone(), settled);
            }
            Event::Explained { key, explanation } => {
                self.explained.insert(key.clone(), (**explanation).clone());
            }
            Event::Target { attr } => self.target = Some(attr.clone()),
            _ => {}
        }
    }

    fn append(&mut self, event: &Event) -> std::io::Result<()> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut line = serde_json::to_vec(&Entry { at, event: event.clone() })?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        let is_costly = matches!(
            event,
            Event::ProbeFinished { .. } | Event::Settled { .. } | Event::Remembered { .. } | Event::Explained { .. }
        );
        match event {
            _ if is_costly => self.disk.send(&self.file),
            Event::Finished { .. } => self.disk.wait(),
            _ => Ok(()),
        }
    }
}

impl EventSink for Journal {
    fn tell(&mut self, event: &Event) {
        if !event.is_lasting() || !self.is_sound {
            return;
        }
        match self.append(event) {
            Ok(()) => self.remember(event),
            Err(source) => {
                self.failure = Some(JournalError::Io { path: self.path.clone(), source });
                self.is_sound = false;
            }
        }
    }
}

impl Drop for Journal {
    /// Gives the case back even where a child that is just being started still holds the file.
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _lost = self.disk.wait();
        let _ = rustix::fs::flock(&self.file, rustix::fs::FlockOperation::Unlock);
    }
}

/// Tells whether a probe came to an end of its own, so that it need not be run again.
const fn is_finished(observation: &Observation) -> bool {
    !matches!(observation.outcome.class, Class::Interrupted | Class::NixUnusable | Class::FetchFailure | Class::Killed)
}

#[cfg(test)]
mod tests;

//! One evaluation that tells where it is, in the fast way, and what it read.
//!
//! Owns the way from a position on a stack to an input and a file in it. What the stack means is the core's part.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix_culprit_core::explain::{Place, Source, Sources};
use nix_culprit_core::ids::{InputPath, NodeKey};
use nix_culprit_core::outcome::{Outcome, Position};
use nix_culprit_core::quantity::Bytes;
use nix_culprit_core::read_set::Use;

use super::assignment::Assignment;
use super::evaluator::{EvaluatorError, Target};
use super::nix_evaluator::NixEvaluator;
use crate::sys::fifo::Fifo;
use crate::sys::limit::{Budget, Onlooker, Seen, Wish};
use crate::sys::nix::{Instrument, Scene, TRACE, TRACED_ENTRY};

/// The largest file that is looked at for names.
const LARGEST: u64 = 1 << 20;
/// How much text of files is held at most.
const MOST_TEXT: usize = 48 << 20;

/// How often somebody who looks on is told of the memory.
const GLANCE: Duration = Duration::from_millis(5);

/// How an evaluation is made to tell where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How<'a> {
    /// By a profile, which arrives as [`Seen::Pipe`].
    Profile {
        /// How often a second the stack is looked at; 0: at each call.
        hertz: u32,
    },
    /// By the trace at a limit of the call depth, on standard error.
    CallDepth(u32),
    /// By our tracer's lines on standard error, which begin with this.
    Tracer(&'a str),
    /// By the trace that it ends with anyway.
    Trace,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Instrumented {
    /// How it ended. Where the onlooker ended it, that says nothing.
    pub outcome: Outcome,
    /// The memory that it used at most.
    pub peak: Bytes,
    /// How long it took.
    pub wall: Duration,
    /// What it printed on standard error, head and tail.
    pub stderr: Vec<u8>,
    /// The folders of inputs.
    pub folders: Folders,
    /// The text files that it read.
    pub sources: Sources,
}

/// Which folders are which inputs.
#[derive(Debug, Clone, Default)]
pub struct Folders(Vec<(String, InputPath)>);

impl Folders {
    /// Returns the input and the file in it that a position means; none for what is within Nix, or unknown.
    #[must_use]
    pub fn place(&self, position: &Position, sources: &Sources) -> Option<Place> {
        let (input, path) = self.split(&position.file)?;
        let source = sources.line(&input, &path, position.line).map(|line| line.trim_end().to_owned());
        Some(Place { input, path, line: position.line, source })
    }

    /// Splits a file's name into the input and the path in it.
    #[must_use]
    pub fn split(&self, file: &str) -> Option<(InputPath, String)> {
        let below = |(folder, input): &(String, InputPath)| {
            let path = file.strip_prefix(folder.as_str())?.strip_prefix('/')?;
            Some((input.clone(), path.to_owned()))
        };
        self.0.iter().find_map(below)
    }
}

impl NixEvaluator {
    /// See [`super::evaluator::Evaluator::instrumented`].
    pub(super) fn tell_where(
        &mut self,
        assignment: &Assignment,
        target: &Target,
        budget: Budget,
        how: How<'_>,
        look: &mut dyn FnMut(Seen<'_>) -> Wish,
    ) -> Result<Option<Instrumented>, EvaluatorError> {
        let work = self.work().to_owned();
        let write = |name: &str, text: &str| {
            fs::write(work.join("scene").join(name), text)
                .map_err(|error| EvaluatorError::machine("write the scene of an evaluation", error))
        };
        let profile = work.join("profile");
        let fifo = match how {
            How::Profile { .. } => {
                Some(Fifo::new(&profile).map_err(|error| EvaluatorError::machine("make a pipe for a profile", error))?)
            }
            How::CallDepth(_) | How::Tracer(_) | How::Trace => None,
        };
        let (instrument, entry) = match how {
            How::Profile { hertz } => (Some(Instrument::Profile { file: &profile, hertz }), "entry.nix"),
            How::CallDepth(depth) => (Some(Instrument::CallDepth(depth)), "entry.nix"),
            How::Tracer(nonce) => {
                write("trace.nix", TRACE)?;
                write("entry-traced.nix", TRACED_ENTRY)?;
                (Some(Instrument::Tracer { nonce }), "entry-traced.nix")
            }
            How::Trace => (None, "entry.nix"),
        };
        let version = self.nix().version().clone();
        if instrument.is_some_and(|instrument| !instrument.works_with(&version)) {
            return Ok(None);
        }
        self.prepare(assignment, target)?;
        let scene = work.join("scene");
        let call = self.nix().fast(&Scene { folder: &scene, entry, readable: self.readable() });
        let call = instrument.map_or(call.clone(), |instrument| instrument.on(call));
        let mut onlooker = Onlooker { pipe: fifo.as_ref().map(Fifo::file), every: GLANCE, look };
        let finished = self.run_looked_at(&call, budget, &mut onlooker)?;
        self.expect_the_same(assignment);
        let folders = self.folders(assignment);
        let sources = self.sources(assignment);
        let (peak, wall, stderr) = (finished.peak, finished.wall, finished.stderr.clone());
        let outcome = self.outcome(finished, budget.memory);
        Ok(Some(Instrumented { outcome, peak, wall, stderr, folders, sources }))
    }

    fn folders(&self, assignment: &Assignment) -> Folders {
        let paths = assignment.lock.paths();
        let mut folders: Vec<(String, InputPath)> = Vec::new();
        for (key, folder) in self.shown_as() {
            if let Some(path) = paths.get(key) {
                folders.push((folder.display().to_string(), path.clone()));
            }
        }
        Folders(folders)
    }

    /// Reads the text files that the evaluation looked at, from the folders that it saw.
    fn sources(&self, assignment: &Assignment) -> Sources {
        let paths = assignment.lock.paths();
        let mut all = Vec::new();
        let mut room = MOST_TEXT;
        let mut take = |input: &InputPath, folder: &Path, path: &Path| {
            let wanted = path.extension().is_some_and(|extension| extension == "nix" || extension == "json");
            let (Some(name), true) = (path.to_str(), wanted) else { return };
            let file = folder.join(path);
            let small = fs::metadata(&file).is_ok_and(|about| about.is_file() && about.len() <= LARGEST);
            if small
                && let Ok(text) = fs::read_to_string(&file)
                && let Some(left) = room.checked_sub(text.len())
            {
                room = left;
                all.push(Source { input: input.clone(), path: name.to_owned(), text });
            }
        };
        let read = self.read_in_folders();
        for (key, folder) in self.shown_as() {
            let Some(input) = paths.get(key) else { continue };
            let names: Vec<PathBuf> = match read.get(key) {
                Some(reads) => {
                    reads.iter().filter(|(_, used)| **used == Use::Read).map(|(path, _)| path.clone()).collect()
                }
                // The flake's own copy, and checkouts: what was read there is not known.
                None => files_below(folder),
            };
            names.iter().for_each(|path| take(input, folder, path));
        }
        Sources::new(all)
    }
}

/// Lists the files below a folder, relative to it; where there are very many, some of them.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    const MOST: usize = 100_000;
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = entry.path();
            if kind.is_dir() && entry.file_name() != ".git" {
                open.push(path);
            } else if kind.is_file()
                && let Ok(below) = path.strip_prefix(folder)
            {
                found.push(below.to_owned());
            }
        }
        if found.len() > MOST {
            break;
        }
    }
    found.sort();
    found
}

/// What was looked at in each folder, by lock node.
pub(super) type ReadInFolders = BTreeMap<NodeKey, BTreeMap<PathBuf, Use>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_belongs_to_the_input_whose_folder_it_is_in() {
        let input: InputPath = "pkgs".parse().unwrap();
        let flake = InputPath(Vec::new());
        let folders = Folders(vec![
            ("/case/mount/0/source".to_owned(), input.clone()),
            ("/case/flake".to_owned(), flake.clone()),
        ]);
        assert_eq!(folders.split("/case/mount/0/source/lib/a.nix"), Some((input, "lib/a.nix".to_owned())));
        assert_eq!(folders.split("/case/flake/flake.nix"), Some((flake, "flake.nix".to_owned())));
        for other in ["/case/mount/0/sources/a.nix", "/case/mount/0/source", "«nix-internal»/derivation.nix", ""] {
            assert_eq!(folders.split(other), None, "{other}");
        }
    }
}

//! A range and what its commits change, read beside what is done before its search begins.
//!
//! Owns the thread. Decides nothing: what cannot be read here is asked for again by the search, which tells why.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nix_culprit_core::bisect::{Ends, Goal, Graph, Mode, Search, Settings, SkipPolicy};
use nix_culprit_core::changed_paths::ChangedPaths;
use nix_culprit_core::ids::CommitId;

use super::changes::changed_paths;
use super::history::Ancestry;
use super::likely::is_worth_reading;
use crate::sys::git::Repository;

/// A history that is probably searched, from an old commit to a new one.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    repository: Repository,
    old: CommitId,
    new: CommitId,
}

/// What was read, or is being read; the thread ends with it.
#[derive(Default)]
pub(super) struct EarlyReading {
    state: Mutex<State>,
    enough: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    stretches: Vec<Begun>,
    thread: Option<JoinHandle<()>>,
}

/// A stretch that is read; both answers are handed over once.
struct Begun {
    stretch: Stretch,
    history: Receiver<Vec<Ancestry>>,
    changed: Receiver<ChangedPaths>,
    /// What the commits change, once it was looked at.
    seen: Option<ChangedPaths>,
}

impl Begun {
    fn is(&self, repository: &Repository, old: &CommitId, new: &CommitId) -> bool {
        let Stretch { repository: own, old: own_old, new: own_new } = &self.stretch;
        (own.git_dir(), own_old, own_new) == (repository.git_dir(), old, new)
    }

    /// Waits until it is read, if it is to be.
    fn changed(&mut self) -> Option<&ChangedPaths> {
        if self.seen.is_none() {
            self.seen = self.changed.recv().ok();
        }
        self.seen.as_ref()
    }
}

impl fmt::Debug for EarlyReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EarlyReading")
    }
}

impl EarlyReading {
    /// Begins to read these histories, and what their commits change; a copy of that is kept in `folder`.
    pub(super) fn begin(&self, stretches: Vec<Stretch>, folder: &Path) {
        let mut state = self.state();
        if stretches.is_empty() || state.thread.is_some() {
            return;
        }
        let (folder, enough) = (folder.to_owned(), Arc::clone(&self.enough));
        let mut begun = Vec::new();
        for stretch in stretches {
            let ((tell_history, history), (tell_changed, changed)) = (channel(), channel());
            begun.push((stretch.clone(), tell_history, tell_changed));
            state.stretches.push(Begun { stretch, history, changed, seen: None });
        }
        let read = move || {
            let listed = begun.into_iter().filter_map(|(stretch, history, changed)| {
                let suspects = stretch.list(&history)?;
                Some((suspects, stretch, changed))
            });
            // All are listed first: a search waits for that, and can do without the rest.
            for (suspects, stretch, told) in listed.collect::<Vec<_>>() {
                if enough.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(changed) = changed_paths(&stretch.repository, &suspects, &folder) {
                    // Nobody wants it where no history is searched.
                    let _unwanted = told.send(changed);
                }
            }
        };
        // Without a thread the search reads it.
        state.thread = std::thread::Builder::new().name("early".to_owned()).spawn(read).ok();
    }

    /// Returns the commits that one has and another has not, if they were listed, or just are.
    pub(super) fn history(&self, repository: &Repository, old: &CommitId, new: &CommitId) -> Option<Vec<Ancestry>> {
        let state = self.state();
        let at = state.stretches.iter().position(|begun| begun.is(repository, old, new))?;
        state.stretches[at].history.recv().ok()
    }

    /// Looks at what the commits of a history change, once that is read.
    pub(super) fn look<T>(
        &self,
        repository: &Repository,
        old: &CommitId,
        new: &CommitId,
        look: impl FnOnce(&ChangedPaths) -> T,
    ) -> Option<T> {
        let mut state = self.state();
        let begun = state.stretches.iter_mut().find(|begun| begun.is(repository, old, new))?;
        begun.changed().map(look)
    }

    /// Returns what these commits change, if it was read, or just is; no other history is begun any more.
    pub(super) fn take(&self, commits: &[CommitId]) -> Option<ChangedPaths> {
        self.enough.store(true, Ordering::SeqCst);
        let mut state = self.state();
        let are_these = |begun: &mut Begun| begun.changed().is_some_and(|changed| changed.commits() == commits);
        let at = state.stretches.iter_mut().position(are_these)?;
        state.stretches[at].seen.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stretch {
    /// Names the history from an old commit to a new one.
    pub(super) fn new(repository: &Repository, old: &CommitId, new: &CommitId) -> Self {
        Self { repository: repository.clone(), old: old.clone(), new: new.clone() }
    }

    /// Lists the commits and tells them; returns those whose changes are worth reading.
    fn list(&self, told: &Sender<Vec<Ancestry>>) -> Option<Vec<CommitId>> {
        let history = self.repository.history(std::slice::from_ref(&self.old), &self.new).ok()?;
        let read = is_worth_reading(history.len()).then(|| history.clone());
        // Nobody wants it where no history is searched.
        let _unwanted = told.send(history);
        self.suspects(read?)
    }

    /// Returns the suspects as the search will list them before its first probe.
    fn suspects(&self, history: Vec<Ancestry>) -> Option<Vec<CommitId>> {
        let graph = Graph::new(history.into_iter().chain([(self.old.clone(), Vec::new())])).ok()?;
        let ends = Ends { old: vec![self.old.clone()], new: self.new.clone() };
        let settings = Settings { goal: Goal::FirstBad, mode: Mode::Full, skips: SkipPolicy::Regions };
        Some(Search::new(graph, ends, settings).ok()?.suspects().cloned().collect())
    }
}

impl Drop for EarlyReading {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::SeqCst);
        let _ended = self.state().thread.take().map(JoinHandle::join);
    }
}

#[cfg(test)]
mod tests {
    use nix_culprit_sample::{Options, generate};

    use super::*;
    use crate::sys::git::Git;
    use crate::sys::interrupt::Interrupt;

    #[test]
    fn what_is_read_early_is_what_the_search_would_read() {
        let folder = tempfile::tempdir().unwrap();
        let sample = generate(&folder.path().join("sample"), &Options { commits: 40, ..Options::default() }).unwrap();
        let git = Git::new("git", &Interrupt::new()).unwrap();
        let repository = Repository::open(&git, &sample.pkgs).unwrap();
        let [old, new] = [&sample.good, &sample.bad].map(|commit| commit.parse::<CommitId>().unwrap());
        let history = repository.history(std::slice::from_ref(&old), &new).unwrap();
        let commits = Stretch::new(&repository, &old, &new).suspects(history.clone()).unwrap();
        let sorted = |commits: Vec<CommitId>| commits.into_iter().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(sorted(commits.clone()), sorted(history.iter().map(|entry| entry.0.clone()).collect()));
        let case = folder.path().join("case");
        std::fs::create_dir(&case).unwrap();
        let early = EarlyReading::default();
        early.begin(vec![Stretch::new(&repository, &old, &new)], &case);
        assert!(early.history(&repository, &new, &old).is_none(), "of another range nothing is known");
        assert_eq!(early.history(&repository, &old, &new), Some(history));
        assert!(early.history(&repository, &old, &new).is_none(), "it is handed over once");
        assert!(early.take(&commits[1..]).is_none(), "of other commits nothing is known");
        let expected = changed_paths(&repository, &commits, &case).unwrap();
        let found = early.take(&commits).unwrap();
        assert_eq!(found.commits(), commits);
        for commit in &commits {
            assert_eq!(found.of(commit).collect::<Vec<_>>(), expected.of(commit).collect::<Vec<_>>());
        }
        assert!(early.take(&commits).is_none(), "it is handed over once");
    }
}

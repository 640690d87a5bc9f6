//! The NAR hashes of commits: those that Nix wrote into locks, and those that a case has computed. All evaluators of a
//! case share them, so that each is computed once, also while something else is going on.
//!
//! Owns when a hash from git's objects may be believed. Must not know what it is used for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use nix_culprit_core::ids::CommitId;
use nix_culprit_core::store_path::NarHash;

/// A clone, and in which way Nix fetches from its origin.
pub type Place = (PathBuf, String);

/// Computes a hash, in any thread; `Err` says to people why it is not known.
pub type Compute = Box<dyn FnOnce() -> Result<NarHash, String> + Send>;

type Slot = Arc<OnceLock<Result<NarHash, String>>>;

/// The hashes of a case; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Hashes {
    shared: Arc<Mutex<Shared>>,
    /// Held by the one that computes ahead of time: several would take all cores from the evaluations.
    turn: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    locked: BTreeMap<Place, BTreeMap<CommitId, NarHash>>,
    computed: BTreeMap<(PathBuf, CommitId), Slot>,
}

impl Hashes {
    /// Takes note of a hash that a lock has.
    pub fn note(&self, place: Place, commit: CommitId, hash: NarHash) {
        self.shared().locked.entry(place).or_default().insert(commit, hash);
    }

    /// Returns a commit's hash, which is computed once.
    ///
    /// # Errors
    /// A reason for people, the same each time.
    pub fn of(
        &self,
        clone: &Path,
        commit: &CommitId,
        compute: impl FnOnce() -> Result<NarHash, String>,
    ) -> Result<NarHash, String> {
        self.slot(clone, commit).get_or_init(compute).clone()
    }

    /// Begins to compute a commit's hash, if nobody has: whoever asks for it waits for that.
    pub fn begin(&self, clone: &Path, commit: &CommitId, compute: impl FnOnce() -> Result<Compute, String>) {
        let slot = self.slot(clone, commit);
        if slot.get().is_some() {
            return;
        }
        // What cannot be begun is asked when it is needed, and says why then.
        let Ok(compute) = compute() else { return };
        let turn = Arc::clone(&self.turn);
        let work = move || {
            let _mine = turn.lock().unwrap_or_else(PoisonError::into_inner);
            slot.get_or_init(compute);
        };
        let _without = std::thread::Builder::new().name("hash".to_owned()).spawn(work);
    }

    /// Holds git's objects against the hashes that locks have: where one differs, Nix has other trees than git.
    ///
    /// # Errors
    /// A reason for people not to believe what is computed.
    pub fn vouched(
        &self,
        place: &Place,
        mut hash: impl FnMut(&CommitId) -> Result<NarHash, String>,
    ) -> Result<(), String> {
        let known = self.vouchers(place);
        if known.is_empty() {
            return Err("no lock has its hash, so that nothing vouches for what git has".to_owned());
        }
        for (commit, expected) in known {
            if hash(&commit)? != expected {
                return Err(format!("at {} the lock has another hash than git's objects", commit.short()));
            }
        }
        Ok(())
    }

    /// Returns the commits whose computed hashes are held against those of locks.
    pub fn vouchers(&self, place: &Place) -> Vec<(CommitId, NarHash)> {
        /// The ends are two; more tell nothing new.
        const ENOUGH: usize = 2;
        let shared = self.shared();
        let known = shared.locked.get(place).into_iter().flatten().take(ENOUGH);
        known.map(|(id, hash)| (id.clone(), *hash)).collect()
    }

    fn slot(&self, clone: &Path, commit: &CommitId) -> Slot {
        Arc::clone(self.shared().computed.entry((clone.to_owned(), commit.clone())).or_default())
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn commit(digit: char) -> CommitId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    #[test]
    fn a_hash_is_computed_once_whoever_asks_and_however_often_it_is_begun() {
        let (hashes, count) = (Hashes::default(), Arc::new(AtomicUsize::new(0)));
        let compute = |count: &Arc<AtomicUsize>| -> Compute {
            let count = Arc::clone(count);
            Box::new(move || {
                count.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(20));
                Ok(NarHash([7; 32]))
            })
        };
        for _ in 0..3 {
            hashes.begin(Path::new("/clone"), &commit('a'), || Ok(compute(&count)));
        }
        let other = hashes.clone();
        for hashes in [&hashes, &other] {
            assert_eq!(hashes.of(Path::new("/clone"), &commit('a'), compute(&count)), Ok(NarHash([7; 32])));
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        hashes.begin(Path::new("/clone"), &commit('b'), || Err("there is no mount".to_owned()));
        let why = || hashes.of(Path::new("/clone"), &commit('b'), || Err("not there".to_owned()));
        assert_eq!((why(), why()), (Err("not there".to_owned()), Err("not there".to_owned())));
    }

    #[test]
    fn what_locks_have_vouches_for_what_git_has() {
        let place: Place = ("/clone".into(), "github".to_owned());
        let hashes = Hashes::default();
        let right = |_: &CommitId| Ok(NarHash([1; 32]));
        assert!(hashes.vouched(&place, right).is_err_and(|why| why.contains("nothing vouches")));
        hashes.note(place.clone(), commit('a'), NarHash([1; 32]));
        assert_eq!(hashes.vouched(&place, right), Ok(()));
        let other = ("/clone".into(), "a tarball".to_owned());
        assert!(hashes.vouched(&other, right).is_err(), "Nix fetches it in another way");
        hashes.note(place.clone(), commit('b'), NarHash([2; 32]));
        assert!(hashes.vouched(&place, right).is_err_and(|why| why.contains("another hash")));
    }
}

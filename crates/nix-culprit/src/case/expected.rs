//! What the next probe of a clone will probably look at: the same as the newest one did. All evaluators of a case share it.
//!
//! A wrong guess costs a little time, and nothing else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix_culprit_core::read_set::Reads;

use crate::sys::nix::ASKED;

/// What was looked at in each clone; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Expected(Arc<Mutex<BTreeMap<PathBuf, Arc<Reads>>>>);

impl Expected {
    /// Takes note of what a probe looked at in a clone.
    pub(super) fn note(&self, clone: &Path, reads: &Reads) {
        let mut uses = reads.uses.clone();
        // That one says that an evaluation asked for the commit itself: nobody else may look it up.
        uses.remove(Path::new(ASKED));
        if !uses.is_empty() {
            let reads = Arc::new(Reads { uses, ..Reads::default() });
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(clone.to_owned(), reads);
        }
    }

    /// Returns what the newest probe looked at in a clone.
    pub(super) fn of(&self, clone: &Path) -> Option<Arc<Reads>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(clone).cloned()
    }
}

#[cfg(test)]
mod tests {
    use nix_culprit_core::read_set::Use;

    use super::*;

    #[test]
    fn the_newest_probe_is_expected_again_but_for_what_says_that_it_asked_for_the_commit() {
        let (expected, clone) = (Expected::default(), Path::new("/clone"));
        assert_eq!(expected.of(clone), None);
        for name in ["old.nix", "new.nix"] {
            let mut reads = Reads::default();
            reads.note(Path::new(name), Use::Read);
            reads.note(Path::new(ASKED), Use::Missing);
            expected.clone().note(clone, &reads);
        }
        expected.note(clone, &Reads::default());
        let uses = expected.of(clone).unwrap().uses.clone();
        assert_eq!(uses, [(PathBuf::from("new.nix"), Use::Read)].into());
        assert_eq!(expected.of(Path::new("/other")), None);
    }
}

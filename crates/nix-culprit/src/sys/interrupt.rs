//! Whether somebody asked to stop: a signal from outside, or another thread.
//!
//! Owns the signal handlers of the program. Must not kill anything; the ones who run something look
//! here and do it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// How urgently somebody asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Nobody asked.
    No,
    /// Stop in order: let programs end by themselves for a moment.
    Stop,
    /// Stop at once.
    Force,
}

/// A flag that many can look at and raise; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    own: Arc<AtomicU8>,
    above: Vec<Arc<AtomicU8>>,
}

impl Interrupt {
    /// Makes a flag that only [`Interrupt::ask`] and [`Interrupt::force`] raise.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a flag that SIGINT, SIGTERM and SIGHUP raise too: the first asks, the second forces.
    ///
    /// Call it once, in `main`: from then on these signals no longer end the program.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn on_signals() -> io::Result<Self> {
        let interrupt = Self::new();
        let flag = Arc::clone(&interrupt.own);
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                let level = flag.load(Ordering::SeqCst);
                flag.fetch_max((level + 1).min(2), Ordering::SeqCst);
            }
        })?;
        Ok(interrupt)
    }

    /// Makes a flag of its own for one piece of work: it sees what is asked of this one, but not the other way.
    #[must_use]
    pub fn branch(&self) -> Self {
        let mut above = self.above.clone();
        above.push(Arc::clone(&self.own));
        Self { own: Arc::default(), above }
    }

    /// Asks to stop in order.
    pub fn ask(&self) {
        self.own.fetch_max(1, Ordering::SeqCst);
    }

    /// Asks to stop at once.
    pub fn force(&self) {
        self.own.fetch_max(2, Ordering::SeqCst);
    }

    /// Returns the most urgent thing that was asked, here or above.
    #[must_use]
    pub fn asked(&self) -> Asked {
        let own = std::iter::once(&self.own);
        match own.chain(&self.above).map(|flag| flag.load(Ordering::SeqCst)).max() {
            None | Some(0) => Asked::No,
            Some(1) => Asked::Stop,
            Some(_) => Asked::Force,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_sees_what_is_asked_above_but_keeps_its_own_to_itself() {
        let all = Interrupt::new();
        let (one, other) = (all.branch(), all.branch());
        one.ask();
        assert_eq!((all.asked(), one.asked(), other.asked()), (Asked::No, Asked::Stop, Asked::No));
        all.force();
        assert_eq!((one.clone().asked(), other.branch().asked()), (Asked::Force, Asked::Force));
    }
}

//! The guarded run where we do not know yet how to hold a process tree to its budget: it is refused.

use std::io;

use super::{Budget, Finished, Guard, Onlooker};
use crate::sys::child::{Call, ChildError};
use crate::sys::interrupt::Interrupt;

impl Guard {
    /// Refuses: a run without a working limit would be worse than none.
    ///
    /// # Errors
    /// Always.
    pub fn run(&self, call: &Call, _budget: Budget, _interrupt: &Interrupt) -> Result<Finished, ChildError> {
        Err(ChildError::start(call, io::Error::new(io::ErrorKind::Unsupported, "the guard works on Linux only so far")))
    }

    /// Refuses, as [`Guard::run`].
    ///
    /// # Errors
    /// Always.
    pub fn run_looked_at(
        &self,
        call: &Call,
        budget: Budget,
        interrupt: &Interrupt,
        _onlooker: &mut Onlooker<'_>,
    ) -> Result<Finished, ChildError> {
        self.run(call, budget, interrupt)
    }
}

//! What a probe may use of the budget.

use std::time::Duration;

use nix_culprit_core::quantity::Bytes;

use super::Prober;

/// What a probe may use of the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Memory.
    pub memory: Bytes,
    /// Time, if it is less than the whole.
    pub time: Option<Duration>,
    /// How large the heap is at the beginning, if that is not left to Nix: it does not collect garbage before that.
    pub heap: Option<Bytes>,
}

impl Prober<'_> {
    /// Returns the budget of memory.
    #[must_use]
    pub const fn full(&self) -> Bytes {
        self.full
    }

    /// Lowers the budget of memory.
    pub fn lower(&mut self, budget: Bytes) {
        self.full = self.full.min(budget);
        self.memory = self.memory.min(budget);
    }

    /// Returns the whole budget.
    #[must_use]
    pub const fn whole(&self) -> Allowance {
        Allowance { memory: self.full, time: None, heap: None }
    }

    /// Returns what the next probes may use of the budget.
    #[must_use]
    pub const fn allowance(&self) -> Allowance {
        Allowance { memory: self.memory, time: self.time, heap: self.heap }
    }

    /// Sets what the next probes may use of the budget.
    pub fn allow(&mut self, allowance: Allowance) {
        self.memory = allowance.memory;
        self.time = allowance.time;
        self.heap = allowance.heap;
        self.evaluator.limit_time(allowance.time);
        self.evaluator.begin_with(allowance.heap);
    }
}

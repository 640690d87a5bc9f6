//! The user's own command with the trace of its error: the loop on the stack that it ended with.

use nix_culprit_core::outcome::Observation;
use nix_culprit_core::profile::{Cycle, read_trace};
use nix_culprit_core::quantity::Bytes;

use super::NixEvaluator;
use crate::case::Assignment;
use crate::case::evaluator::{EvaluatorError, Target};
use crate::sys::nix::Instrument;

impl NixEvaluator {
    /// Tells whether this Nix can be made to end at a depth of calls.
    pub(in super::super) fn limits_call_depth(&self) -> bool {
        Instrument::CallDepth(1).works_with(self.tools.nix.version())
    }

    /// Evaluates by the user's own command, which ends at a depth of calls if one is given, and returns the cycle of
    /// derivations on the stack of its error.
    pub(in super::super) fn traced(
        &mut self,
        assignment: &Assignment,
        target: &Target,
        memory: Bytes,
        depth: Option<u32>,
    ) -> Result<(Observation, Option<Cycle>), EvaluatorError> {
        self.write_lock(&self.own_flake(), &assignment.lock)?;
        self.readable.clear();
        let dir = self.snapshot.dir.to_string_lossy();
        let call = self.tools.nix.faithful(&self.snapshot.root, &dir, &target.question());
        let call = depth.map_or(call.clone(), |depth| Instrument::CallDepth(depth).on(call));
        let (finished, _) = self.run(&call, memory)?;
        let cycle = read_trace(&finished.stderr, self.log()).cycle();
        Ok((self.observation(finished, memory), cycle))
    }
}

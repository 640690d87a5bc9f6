//! What an evaluation is doing, from what Nix tells of it: its stacks, the cycle on them, and where time goes.
//!
//! Owns the readers of profiles and traces, and the step from stacks to a cycle and its growth. Must not run
//! anything, and must not know which input a file belongs to. Readers take bytes of strangers in chunks of any
//! size, in bounded memory, and never fail on what they say.

mod cycle;
mod detect;
mod folded;
#[cfg(test)]
mod folded_tests;
mod frame;
mod growth;
mod lines;
mod repeat;
#[cfg(test)]
mod repeat_tests;
mod samples;
mod trace;
mod tracer;

pub use cycle::{Cycle, Repetitions, Step};
pub use detect::{find_cycle, find_cycle_of_calls};
pub use folded::{FoldedReader, Profile};
pub use frame::{Frame, FrameId, Frames, NameId, Stack, What};
pub use growth::{Confirmed, Finding, Growth, Mark, Point, Rung, Suspicion};
pub use samples::{Grown, Labelled, Samples, Seen, grown, grown_derivations};
pub use trace::{Trace, read_trace};
pub use tracer::TracerReader;

//! Generates the sample case: the seed case in small, for the demo, the tests and the benchmarks.
//!
//! Owns the sample's repositories and what is true of them. Needs only git; never runs Nix. The same options always
//! give the same commits.

mod app;
mod choice;
mod collection;
mod history;
mod import;
mod lock;
mod names;
mod nar;
mod overlay;
mod packages;
mod rng;
mod sample;

pub use app::Application;
pub use choice::{Choice, Matter, generate_choice};
pub use sample::{Options, Sample, SampleError, State, generate};

//! What is told of why an evaluation fails: the cycle as a loop of derivations, each edge with the line of code that
//! makes it, and the root of an error.
//!
//! Owns the words and the links from derivations to code. Finding a cycle in a stack is `profile`'s part. Must not
//! read files; it is given their text.

mod additions;
mod draw;
mod edges;
mod guide;
mod model;
mod names;
mod trace;

pub use additions::{Additions, read_additions};
pub use draw::{BY_THE_CULPRIT, Strokes, draw};
pub use edges::{Source, Sources};
pub use guide::{Guide, files_of_cycle};
pub use model::{
    Certainty, Cycle, Edge, ErrorRoot, Explanation, FrameTold, Fresh, Growth, Heavier, More, Place, Unit, Way, Why,
};
pub use names::{mentions, names_of, without_version};
pub use trace::{Entry, Trace};

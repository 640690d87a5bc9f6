//! Growth: an evaluation that still succeeds, and has become heavier.
//!
//! Owns what can be measured of an evaluation, the rules that call a measure bad (`nrThunks > +20%`), how much of a
//! difference is noise, two evaluations side by side, and the search for every jump of a measure. Must not run
//! anything: several observations come in where one is not enough.

mod compare;
mod jumps;
mod limit;
mod measure;
mod noise;
mod rule;

pub(crate) use compare::show_ratio;
pub use compare::{Grown, compare, suggestion};
pub use jumps::{Found, Jump, Jumps};
pub use limit::{Decision, Limit, Scale};
pub(crate) use measure::grouped;
pub use measure::{Measure, Repeats, Value};
pub use noise::{Spread, median};
pub use rule::{Bound, Rule, RuleError, Side};

//! The terminal: the only place that prints. Knows the core's events, not the case.

mod block;
mod error;
mod printer;
mod progress;
mod view;
mod width;

pub use error::report_error;
pub use printer::{Answer, Loudness, Paint, Printer};
pub use progress::Progress;

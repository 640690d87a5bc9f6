//! From the model of a case to what people read.
//!
//! Owns the [`Report`] and its renderings: the summary on the terminal, `report.md`, `report.json`
//! and `replay.sh`. Takes plain data only; must not know how a search or a lock file works, and
//! must not write anything anywhere.

pub mod date;
pub mod escape;
mod extract;
mod helps;
pub mod html;
pub mod journal;
pub mod json;
pub mod markdown;
pub mod model;
pub mod redact;
pub mod replay;
pub mod reproducer;
pub mod summary;
mod why;
mod words;

#[cfg(test)]
mod samples;

pub use date::Timestamp;
pub use model::Report;
pub use redact::Redactor;
pub use words::no_commit;

//! Flake references, attribute paths and lock files.
//!
//! Owns how they are read, written, compared and edited, as values. Must not fetch, evaluate or
//! touch a file: whoever has a lock file hands in its text.

mod adopt;
mod apart;
mod assign;
mod attrs;
mod diff;
mod lock;
mod parse;
mod reference;
mod table;
mod target;
mod url;
mod walk;
mod web;

#[cfg(test)]
pub(crate) mod sample;

pub use assign::Revision;
pub use attrs::Attrs;
pub use diff::{Change, ChangeKind, Link, Place, diff};
pub use lock::{Input, Lock, LockError, Node};
pub use reference::{At, FlakeRef, RefError, Source};
pub use table::{InputsTable, TableNode};
pub use target::{
    AttrPath, Candidate, Configuration, Installable, Lookup, TargetError, candidates, default_candidates,
};
pub use url::{Url, shown};
pub use web::{Forge, Web};

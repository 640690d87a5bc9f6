//! Pins of projects without a flake, as a lock: what npins and niv write, and revisions in Nix code.
//!
//! Owns reading them and writing them back with other revisions, all else byte for byte. Must not touch a file.

mod code;
mod edit;
mod format;
mod read;
mod write;

pub use code::{CodePin, find_code_pin, with_code_revision};
pub use format::{PinFormat, PinsError};
pub use read::{lock_of, node, read};
pub use write::write;

/// The key of a lock of pins for the project itself; no pin can have this name.
const ROOT: &str = "";

/// Where a node keeps its pin as it was written.
const PIN: &str = "pin";

#[cfg(test)]
mod tests;

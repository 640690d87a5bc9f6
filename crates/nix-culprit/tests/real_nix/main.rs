//! The tool against real Nix, every version that is at hand.
//!
//! `NIX_CULPRIT_TEST_NIX` names a folder with `VERSION/nix`; without it, what `script/nix-versions` made is used, and
//! without that all of this is skipped, with one line that says so.

#![expect(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod afterwards;
mod beside;
mod bisecting;
mod blobless;
mod browser;
mod checkouts;
mod complaints;
mod editing;
mod explaining;
mod extracting;
mod finding;
mod fixing;
mod forgery;
mod growth;
mod inputs;
mod interruption;
mod machine;
mod probing;
mod pure;
mod read_sets;
mod reducing;
mod remembering;
mod room;
mod standing_alone;
mod tabulating;
mod traces;
mod unprivileged;
mod watching;
mod without_flakes;

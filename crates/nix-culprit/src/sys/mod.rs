//! Everything that touches the system: processes, limits, nix, git, folders.

mod call;
pub mod child;
pub mod dirs;
pub mod fifo;
pub mod git;
pub mod interrupt;
mod kept;
pub mod limit;
pub mod nix;
pub mod touched;
pub mod treefs;
pub mod warden;

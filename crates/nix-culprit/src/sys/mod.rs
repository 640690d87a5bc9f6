//! Everything that touches the system: processes, limits, nix, git, folders.

pub mod cache;
mod call;
pub mod child;
#[cfg(target_os = "linux")]
mod descriptors;
pub mod dirs;
pub mod fifo;
#[cfg(target_os = "linux")]
mod fuse;
#[cfg(not(target_os = "linux"))]
#[path = "fuse_elsewhere.rs"]
mod fuse;
pub mod git;
pub mod heap;
pub mod interrupt;
mod kept;
pub mod limit;
#[cfg(target_os = "linux")]
pub mod namespace;
#[cfg(not(target_os = "linux"))]
#[path = "namespace_elsewhere.rs"]
pub mod namespace;
pub mod nix;
pub mod touched;
pub mod treefs;
pub mod warden;

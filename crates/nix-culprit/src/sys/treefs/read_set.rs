//! What a probe looked at in the commits that it was shown.
//!
//! Owns the record only. Must not draw conclusions from it; `nix_culprit_core::read_set` does.

use std::collections::BTreeMap;

use nix_culprit_core::ids::CommitId;
pub use nix_culprit_core::read_set::{Reads, Use};

/// What a probe looked at, by repository (as numbered by the mount) and commit.
pub type ReadSet = BTreeMap<(usize, CommitId), Reads>;

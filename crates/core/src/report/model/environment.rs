//! What was evaluated, and on what.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::CommitId;
use crate::quantity::Bytes;

/// What the probes ran on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Environment {
    /// The version of nix-culprit.
    pub tool_version: String,
    /// What `nix --version` says.
    pub nix_version: String,
    /// The program that was run.
    pub nix_program: String,
    /// Nix's name of the system, such as `x86_64-linux`.
    pub system: String,
    /// The limits that were in force.
    pub limits: Limits,
}

/// The limits that were in force in each probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// The memory budget of the process tree.
    pub memory: Bytes,
    /// The memory budget of the probes between the ends, where it was enough to tell good from bad.
    pub search_memory: Option<Bytes>,
    /// The wall time budget.
    pub time: Duration,
    /// The wall time budget of the probes between the ends, where it was enough to tell good from bad.
    #[serde(default)]
    pub search_time: Option<Duration>,
    /// The guard's own words for how they were enforced.
    pub layer: String,
}

/// What was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Flake {
    /// The flake's own description.
    pub description: Option<String>,
    /// Where it lies or comes from.
    pub url: String,
    /// The commit that its folder is at, if it is in git.
    pub revision: Option<CommitId>,
    /// The attribute path that is evaluated, such as `devShells.x86_64-linux.default`.
    pub target: String,
    /// The user's command, as text.
    pub command: String,
}

//! Which revision each lock node has in a probe.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nix_culprit_core::event::Mode;
use nix_culprit_core::flake::Lock;
use nix_culprit_core::ids::NodeKey;
use nix_culprit_core::quantity::Bytes;
use sha2::{Digest, Sha256};

use super::evaluator::Target;
use super::prober::Round;

/// A lock, and which of its nodes can be shown as folders from a clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The lock.
    pub lock: Lock,
    /// The git folder of the clone that has a node's revision.
    pub clones: BTreeMap<NodeKey, PathBuf>,
    /// The text of flake.nix, where it is not that of the case: for the user's own command, which reads both.
    pub flake: Option<String>,
}

impl Assignment {
    /// Returns the assignment with another flake.nix.
    #[must_use]
    pub fn with_flake(self, flake: String) -> Self {
        Self { flake: Some(flake), ..self }
    }

    /// Returns the digest of all that determines a probe's result within a case: the copy of the flake,
    /// the budget and the programs are the case's own.
    #[must_use]
    pub fn key(&self, mode: Mode, round: Round, memory: Bytes, target: &Target) -> String {
        let target: Vec<String> = target.candidates().iter().map(ToString::to_string).collect();
        let round: &[u8] = match round {
            Round::Search | Round::Run => &[],
            Round::Confirmation => b"again",
        };
        let digest = Sha256::new()
            .chain_update(round)
            .chain_update([0])
            .chain_update(memory.0.to_le_bytes())
            .chain_update(mode.words())
            .chain_update([0])
            .chain_update(target.join("\0"))
            .chain_update([0])
            .chain_update(self.lock.to_json())
            .chain_update(self.flake.as_deref().map(|flake| format!("\0{flake}")).unwrap_or_default())
            .finalize();
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

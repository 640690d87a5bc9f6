//! What a script of plain git and nix needs to see the same again.

use serde::{Deserialize, Serialize};

use crate::ids::{CommitId, InputPath};
use crate::outcome::Outcome;

/// What a script of plain git and nix needs to see the same again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReplayInput {
    /// The searched input.
    pub input: InputPath,
    /// Where its commits come from.
    pub source: ReplaySource,
    /// The folder of the flake inside the input's repository, if it is not at the top.
    pub dir: Option<String>,
    /// The inputs beneath the searched one, with the locked flake references they are kept at:
    /// from Nix 2.31 on, `--override-input` would lock them anew.
    pub frozen: Vec<FrozenInput>,
    /// The attribute to evaluate to a string, such as `devShells.x86_64-linux.default.drvPath`.
    pub attribute: String,
    /// Further arguments of the user's command that change the evaluation, such as `--impure`.
    pub arguments: Vec<String>,
    /// The bad end's lock file as text.
    pub lock: String,
    /// The older of the two decisive commits: the culprit's parent, or the last that is known to
    /// be before the commits that cannot be told apart.
    pub before: ReplayRun,
    /// The newer of the two decisive commits: the culprit, or the first known to be after them.
    pub after: ReplayRun,
}

/// Where a replay takes the searched input's commits from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ReplaySource {
    /// Nix fetches the two itself, by flake references such as `github:NixOS/nixpkgs/REV`.
    References {
        /// The flake reference of the older commit.
        before: String,
        /// The flake reference of the newer commit.
        after: String,
    },
    /// git clones this URL first.
    Clone {
        /// A URL that git understands.
        url: String,
    },
}

/// An input that a replay keeps where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FrozenInput {
    /// The input.
    pub input: InputPath,
    /// The flake reference with revision.
    pub reference: String,
}

/// One of the two evaluations of a replay, and what was seen in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReplayRun {
    /// The commit of the searched input.
    pub revision: CommitId,
    /// What it ended in.
    pub outcome: Outcome,
}

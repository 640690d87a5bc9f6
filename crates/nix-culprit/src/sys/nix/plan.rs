//! What the fast evaluation is told: each lock node with its locked attributes or its folder. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nix_culprit_core::flake::{AttrPath, Candidate, TableNode};
use nix_culprit_core::ids::NodeKey;
use serde::Serialize;

/// The expression that evaluates a plan; see docs/probes.md.
pub const CALL_FLAKE: &str = include_str!("call-flake.nix");

/// The expression that hands `plan.json`, beside it, to [`CALL_FLAKE`].
pub const ENTRY: &str = "import ./call-flake.nix { plan = builtins.readFile ./plan.json; }\n";

/// The expression that makes evaluated code tell of its derivations.
pub const TRACE: &str = include_str!("trace.nix");

/// As [`ENTRY`], with every derivation told by [`TRACE`] under the nonce that is given as an argument.
pub const TRACED_ENTRY: &str = "{ nonce }:\n(import ./trace.nix { inherit nonce; }).import ./call-flake.nix \
                                { plan = builtins.readFile ./plan.json; }\n";

/// The expression that evaluates the plan of a project without a flake.
pub const CALL_FILE: &str = include_str!("call-file.nix");

/// The expression that hands `plan.json`, beside it, to [`CALL_FILE`].
pub const FILE_ENTRY: &str = "import ./call-file.nix { plan = builtins.readFile ./plan.json; }\n";

/// All that one evaluation of a project without a flake needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilePlan {
    /// The copy of the project.
    pub root: PathBuf,
    /// The Nix file in it.
    pub file: PathBuf,
    /// The attribute of it.
    pub attr: AttrPath,
    /// Commits that are folders in place of what would be fetched.
    pub folders: Vec<CommitFolder>,
}

/// A folder that shows a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitFolder {
    /// The commit.
    pub rev: String,
    /// The folder.
    pub path: PathBuf,
}

/// The name that is looked up in a commit's folder when the evaluated code asks for the commit's hash or date.
pub const ASKED: &str = ".nix-culprit-commit-was-asked-for";

/// All that one evaluation needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The key of the root node.
    pub root: NodeKey,
    /// The nodes by key, the root among them.
    pub nodes: BTreeMap<NodeKey, PlannedNode>,
    /// What is evaluated: the first of these that is there.
    pub candidates: Vec<Candidate>,
}

/// One lock node, and the folder that stands for its tree, if one does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedNode {
    /// What the lock says.
    #[serde(flatten)]
    pub node: TableNode,
    /// The folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<Tree>,
}

/// A folder in place of a fetched tree, with what flakes can ask about their source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tree {
    /// The folder.
    pub out_path: PathBuf,
    /// The commit, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rev: Option<String>,
    /// The first seven digits of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_rev: Option<String>,
    /// Seconds since 1970.
    pub last_modified: i64,
    /// The same as `YYYYMMDDhhmmss` in UTC.
    pub last_modified_date: String,
}

impl Tree {
    /// Describes a folder that shows a commit, or the user's own tree if `rev` is none.
    #[must_use]
    pub fn new(out_path: PathBuf, rev: Option<&str>, last_modified: i64) -> Self {
        let date = jiff::Timestamp::from_second(last_modified).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Self {
            out_path,
            short_rev: rev.map(|rev| rev.chars().take(7).collect()),
            rev: rev.map(str::to_owned),
            last_modified,
            last_modified_date: date.strftime("%Y%m%d%H%M%S").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expression_leaves_the_trace_that_is_looked_for() {
        assert!(CALL_FLAKE.contains(&format!("\"/{ASKED}\"")));
    }

    #[test]
    fn a_tree_says_its_date_as_nix_does() {
        let tree = Tree::new("/x/source".into(), Some("0123456789"), 1_692_446_400);
        assert_eq!(tree.last_modified_date, "20230819120000");
        assert_eq!(tree.short_rev.as_deref(), Some("0123456"));
    }
}

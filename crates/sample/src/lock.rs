//! Lock files (version 7) exactly as Nix writes them, for inputs of type `git`.
//! Nix's own writer: keys in order, two spaces, a newline at the end.

use serde_json::{Map, Value, json};

use crate::nar::{self, Tree};

/// One input at one commit.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) url: String,
    pub(crate) rev: String,
    pub(crate) rev_count: u64,
    pub(crate) last_modified: u64,
    pub(crate) nar_hash: String,
    /// Inputs of the input: name, and the input of the root that it follows.
    pub(crate) follows: Vec<(&'static str, &'static str)>,
}

impl Node {
    pub(crate) fn hash_of(tree: &Tree) -> String {
        nar::hash(tree)
    }
}

/// The text of the lock file for the given inputs.
pub(crate) fn text(nodes: &[Node]) -> String {
    let mut nodes: Vec<&Node> = nodes.iter().collect();
    nodes.sort_unstable_by_key(|node| node.name);
    let mut all: Vec<(&str, Value)> = nodes.iter().map(|node| (node.name, entry(node))).collect();
    let inputs: Map<String, Value> = nodes.iter().map(|node| (node.name.to_owned(), json!(node.name))).collect();
    all.push(("root", json!({ "inputs": inputs })));
    all.sort_by_key(|(name, _)| *name);
    let all: Map<String, Value> = all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    format!("{:#}\n", json!({ "nodes": all, "root": "root", "version": 7 }))
}

pub(crate) fn entry(node: &Node) -> Value {
    let mut value = Map::new();
    if !node.follows.is_empty() {
        let inputs: Map<String, Value> =
            node.follows.iter().map(|(name, target)| ((*name).to_owned(), json!([target]))).collect();
        value.insert("inputs".to_owned(), Value::Object(inputs));
    }
    value.insert(
        "locked".to_owned(),
        json!({
            "lastModified": node.last_modified,
            "narHash": node.nar_hash,
            "ref": "main",
            "rev": node.rev,
            "revCount": node.rev_count,
            "type": "git",
            "url": node.url,
        }),
    );
    value.insert("original".to_owned(), json!({ "ref": "main", "type": "git", "url": node.url }));
    Value::Object(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_written_as_nix_writes_it() {
        let node = Node {
            name: "overlay",
            url: "file:///s/overlay.git".to_owned(),
            rev: "d29c0726e384f9a679a63526fbdc51ab6e3da56d".to_owned(),
            rev_count: 20,
            last_modified: 1_689_033_600,
            nar_hash: "sha256-gWNvu9XXje1YIhWhFv/0VmHvOEco/9v7StTnJ0X+D7s=".to_owned(),
            follows: vec![("pkgs", "pkgs")],
        };
        let expected = r#"{
  "nodes": {
    "overlay": {
      "inputs": {
        "pkgs": [
          "pkgs"
        ]
      },
      "locked": {
        "lastModified": 1689033600,
        "narHash": "sha256-gWNvu9XXje1YIhWhFv/0VmHvOEco/9v7StTnJ0X+D7s=",
        "ref": "main",
        "rev": "d29c0726e384f9a679a63526fbdc51ab6e3da56d",
        "revCount": 20,
        "type": "git",
        "url": "file:///s/overlay.git"
      },
      "original": {
        "ref": "main",
        "type": "git",
        "url": "file:///s/overlay.git"
      }
    },
    "root": {
      "inputs": {
        "overlay": "overlay"
      }
    }
  },
  "root": "root",
  "version": 7
}
"#;
        assert_eq!(text(&[node]), expected);
    }
}

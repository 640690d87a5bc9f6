//! Locks for the tests of this module: real ones, written ones, and random ones.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::flake::lock::Lock;
use crate::ids::InputPath;

/// Written by Nix 2.34.8: follows, a shallow input, a relative path with a parent.
pub(crate) const NIX_2_34: &str = include_str!("samples/nix-2.34.lock");
/// Written by Nix 2.8.0.
pub(crate) const NIX_2_8: &str = include_str!("samples/nix-2.8.lock");

pub(crate) fn path(text: &str) -> InputPath {
    let Ok(path) = text.parse();
    path
}

/// A lock of GitHub inputs: `a b=1 b/c=2 b/d>a` has inputs `a`, `b`, `b/c`, and `b/d` that follows `a`.
pub(crate) fn lock(words: &str) -> Lock {
    let mut nodes = Map::from_iter([("root".to_owned(), json!({ "inputs": {} }))]);
    for word in words.split_whitespace() {
        let (name, rev) = word.split_once('=').unwrap_or((word, "0"));
        let (name, follows) = name.split_once('>').map_or((name, None), |(name, to)| (name, Some(to)));
        let (above, last) = name.rsplit_once('/').unwrap_or(("root", name));
        let link = match follows {
            Some(to) => json!(to.split('/').collect::<Vec<_>>()),
            None => json!(name),
        };
        nodes[above]["inputs"][last] = link;
        if follows.is_none() {
            let rev = rev.repeat(40)[..40].to_owned();
            nodes.insert(
                name.to_owned(),
                json!({ "inputs": {}, "original": { "type": "indirect", "id": last },
                "locked": { "type": "github", "owner": "o", "repo": last, "rev": rev, "narHash": "sha256-x", "lastModified": 1 } }),
            );
        }
    }
    Lock::parse(&json!({ "version": 7, "root": "root", "nodes": nodes }).to_string()).unwrap()
}

/// Random locks without broken follows: few names, so that two of them have much in common.
pub(crate) fn any_lock() -> impl Strategy<Value = Lock> {
    let node = (any::<prop::sample::Index>(), 0..4_usize, 0..3_u8, prop::bool::weighted(0.8));
    let edge = (any::<prop::sample::Index>(), 0..4_usize, any::<prop::sample::Index>(), 0..3_u8);
    let parts = (prop::collection::vec(node, 0..8), prop::collection::vec(edge, 0..6), "[k-m]");
    parts
        .prop_map(|(nodes, edges, prefix)| {
            let key = |index: usize| if index == 0 { "root".to_owned() } else { format!("{prefix}{index}") };
            let name = |index: usize| ["a", "b", "c", "d"][index];
            let mut all: Vec<Value> = vec![json!({ "inputs": {} })];
            let mut paths: Vec<Vec<&str>> = vec![vec![]];
            for (above, last, rev, flake) in nodes {
                let above = above.index(all.len());
                let last = name(last);
                if all[above]["inputs"].get(last).is_some() {
                    continue;
                }
                all[above]["inputs"][last] = json!(key(all.len()));
                paths.push(paths[above].iter().copied().chain([last]).collect());
                let rev = rev.to_string().repeat(40);
                all.push(json!({ "inputs": {}, "flake": flake, "original": { "type": "indirect", "id": last },
                    "locked": { "type": "github", "owner": "o", "repo": last, "rev": rev, "narHash": rev } }));
            }
            for (above, last, target, kind) in edges {
                let (above, target) = (above.index(all.len()), target.index(all.len()));
                let last = name(last);
                if all[above]["inputs"].get(last).is_none() {
                    all[above]["inputs"][last] = if kind == 0 && target > 0 {
                        json!(key(target))
                    } else {
                        let further = (kind == 2).then_some(last);
                        json!(paths[target].iter().copied().chain(further).collect::<Vec<_>>())
                    };
                }
            }
            let nodes: Map<String, Value> = all.into_iter().enumerate().map(|(i, node)| (key(i), node)).collect();
            Lock::parse(&json!({ "version": 7, "root": "root", "nodes": nodes }).to_string()).unwrap()
        })
        .prop_filter("all follows lead somewhere", |lock| lock.inputs().is_ok())
}

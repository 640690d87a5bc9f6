use proptest::prelude::*;

use super::*;
use crate::flake::diff::diff;
use crate::flake::sample::{NIX_2_8, NIX_2_34, any_lock, lock, path};

fn error(text: &str) -> String {
    Lock::parse(text).unwrap_err().to_string()
}

#[test]
fn a_lock_that_nix_wrote_is_written_back_byte_for_byte() {
    for text in [NIX_2_34, NIX_2_8] {
        assert_eq!(Lock::parse(text).unwrap().to_json(), text);
    }
    let odd = r#"{"version":7,"root":"r","nodes":{"r":{"zeta":{"b":1,"a":[]}}},"more":"\u001b é"}"#;
    insta::assert_snapshot!(Lock::parse(odd).unwrap().to_json(), @r#"
    {
      "more": "\u001b é",
      "nodes": {
        "r": {
          "zeta": {
            "a": [],
            "b": 1
          }
        }
      },
      "root": "r",
      "version": 7
    }
    "#);
}

#[test]
fn version_five_keeps_its_hashes_beside_the_reference() {
    let text = |version| {
        format!(
            r#"{{"version":{version},"root":"root","nodes":{{"root":{{"inputs":{{"a":"a"}}}},
            "a":{{"info":{{"narHash":"sha256-x","lastModified":5}},"locked":{{"type":"git","url":"/r"}},"original":{{"type":"indirect","id":"a"}}}}}}}}"#
        )
    };
    for version in 5..=7 {
        let lock = Lock::parse(&text(version)).unwrap();
        let locked = lock.nodes[&NodeKey("a".into())].locked.as_ref().unwrap();
        assert_eq!((locked.text("narHash"), locked.number("lastModified")), (Some("sha256-x"), Some(5)));
        assert!(lock.to_json().contains("\"version\": 7") && !lock.to_json().contains("info"));
    }
    assert_eq!(error(&text(4)), "the lock file's version is 4; versions 5 to 7 are supported");
    assert_eq!(error(&text(8)), "the lock file's version is 8; versions 5 to 7 are supported");
}

#[test]
fn a_malformed_lock_is_refused_with_the_place() {
    insta::assert_snapshot!([
        "", "{\n  \"nodes\": }", "[]", "{}", r#"{"version":"7"}"#, r#"{"version":7}"#,
        r#"{"version":7,"root":"root"}"#,
        r#"{"version":7,"root":"root","nodes":{}}"#,
        r#"{"version":7,"root":"root","nodes":{"root":[]}}"#,
        r#"{"version":7,"root":"root","nodes":{"root":{"inputs":{"a":"gone"}}}}"#,
        r#"{"version":7,"root":"root","nodes":{"root":{"inputs":{"a":5}}}}"#,
        r#"{"version":7,"root":"root","nodes":{"root":{"flake":"no"}}}"#,
        r#"{"version":7,"root":"root","nodes":{"root":{"locked":[]}}}"#,
        r#"{"version":7,"root":"root","nodes":{"root":{"parent":""}}}"#,
    ].map(error).join("\n"), @r#"
    the lock file is not valid JSON at line 1, column 0: EOF while parsing a value
    the lock file is not valid JSON at line 2, column 12: expected value
    in the lock file, the top level should be an object
    the lock file's version is missing; versions 5 to 7 are supported
    the lock file's version is "7"; versions 5 to 7 are supported
    in the lock file, `root` should be the key of a node
    in the lock file, `nodes` should be an object
    the lock file's root node `root` is missing
    in the lock file, node `root` should be an object
    the input `a` of node `root` in the lock file refers to the missing node `gone`
    in the lock file, `a` of node `root` should be the key of a node or a list of names
    in the lock file, `flake` of node `root` should be true or false
    in the lock file, `locked` of node `root` should be an object
    in the lock file, `parent` of node `root` should be a list of names
    "#);
    assert!(error(&"[".repeat(100_000)).contains("not valid JSON"));
}

#[test]
fn inputs_are_resolved_through_follows() {
    let lock = lock("nixpkgs p p/nixpkgs>nixpkgs p/sub p/sub/n>p/nixpkgs q>p/sub self> ");
    for (from, to) in
        [("p/nixpkgs", "nixpkgs"), ("p/sub/n", "nixpkgs"), ("q", "p/sub"), ("q/n", "nixpkgs"), ("", "root")]
    {
        assert_eq!(lock.resolve(&path(from)).unwrap(), NodeKey(to.into()), "{from}");
    }
    let message = lock.resolve(&path("p/other")).unwrap_err().to_string();
    assert_eq!(message, "the lock file has no input `p/other`: node `p` has none named `other`");
}

#[test]
fn follows_that_go_round_in_a_circle_are_named() {
    let lock = lock("a>b b>c/x c c/x>a d>a");
    let message = lock.resolve(&path("d")).unwrap_err().to_string();
    assert_eq!(message, "inputs of the lock file follow each other in a circle: `b` -> `c/x` -> `a` -> `b`");
    assert!(matches!(lock.inputs(), Err(LockError::FollowsCycle(_))));
    assert!(matches!(lock.inputs_table(), Err(LockError::FollowsCycle(_))));
    assert!(diff(&lock, &lock).is_empty());
}

#[test]
fn a_long_chain_of_follows_and_one_that_branches_end_soon() {
    let links = |target: fn(usize) -> Vec<String>, count: usize| {
        let mut lock = lock("z z/z>z");
        for number in 0..count {
            let root = lock.nodes.get_mut(&NodeKey("root".into())).unwrap();
            root.inputs.insert(format!("f{number}"), Input::Follows(InputPath(target(number))));
        }
        lock
    };
    let name = |number: usize| if number == 0 { "z".to_owned() } else { format!("f{}", number - 1) };
    let chain = links(|number| vec![if number == 0 { "z".into() } else { format!("f{}", number - 1) }], 50_000);
    assert_eq!(chain.resolve(&path(&name(50_000))).unwrap(), NodeKey("z".into()));
    // Each leads through the one before, and on to `z/z`, which is `z` again: twice the work each, if nothing is kept.
    let branching =
        links(|number| vec![if number == 0 { "z".into() } else { format!("f{}", number - 1) }, "z".into()], 5_000);
    assert_eq!(branching.inputs().unwrap().len(), 5_002);
}

#[test]
fn a_lock_with_shared_nodes_and_a_circle_is_walked_once() {
    let text = r#"{"version":6,"root":"root","nodes":{"root":{"inputs":{"a":"a","b":"b"}},
        "a":{"inputs":{"n":"n","back":"root"},"locked":{"type":"path","path":"/a"}},"b":{"inputs":{"a":"a","n":"n"}},"n":{"inputs":{"a":"a"}}}}"#;
    let lock = Lock::parse(text).unwrap();
    let inputs: Vec<String> = lock.inputs().unwrap().iter().map(|(path, key)| format!("{path}={key}")).collect();
    assert_eq!(inputs, ["a=a", "b=b", "a/back=root", "a/n=n", "b/a=a", "b/n=n", "a/n/a=a"]);
    let tree = lock.as_tree();
    assert_eq!(tree.nodes[&NodeKey("b".into())].inputs["n"], Input::Follows(path("a/n")));
    assert_eq!(tree.inputs().unwrap(), lock.inputs().unwrap());
}

#[test]
fn the_table_has_all_follows_resolved_and_what_is_to_be_fetched() {
    let table = Lock::parse(NIX_2_34).unwrap().inputs_table().unwrap();
    let node = |key: &str| &table.nodes[&NodeKey(key.into())];
    assert_eq!(node("root").fetch, None);
    assert_eq!(node("root").inputs["data"], NodeKey("data".into()));
    assert_eq!(node("overlay_2").inputs["pkgs"], NodeKey("pkgs".into()));
    assert!(!node("data").flake && node("pkgs").flake);
    assert_eq!(node("pkgs").fetch.as_ref().unwrap().text("type"), Some("git"));
    let sub = node("sub");
    assert_eq!((&sub.parent, sub.path.as_deref(), &sub.fetch), (&Some(NodeKey("root".into())), Some("./sub"), &None));
    let text = serde_json::to_string(&table).unwrap();
    assert_eq!(serde_json::from_str::<crate::flake::InputsTable>(&text).unwrap(), table);
}

/// The obvious way: by recursion, without keeping anything.
fn slow_resolve(lock: &Lock, path: &[String], fuel: u32) -> Option<NodeKey> {
    let mut key = lock.root.clone();
    for name in path {
        key = match lock.nodes[&key].inputs.get(name)? {
            Input::Node(key) => key.clone(),
            Input::Follows(to) => slow_resolve(lock, &to.0, fuel.checked_sub(1)?)?,
        };
    }
    Some(key)
}

fn use_all(text: &str) {
    let Ok(lock) = Lock::parse(text) else { return };
    let again = Lock::parse(&lock.to_json()).unwrap();
    assert_eq!(again.to_json(), lock.to_json());
    assert!(diff(&lock, &lock).is_empty());
    let other = Lock::parse(NIX_2_34).unwrap();
    let _ = (lock.inputs(), lock.inputs_table(), lock.paths());
    for (one, two) in [(&lock, &other), (&other, &lock)] {
        for change in diff(one, two) {
            let _ = one.with_input_from(change.path(), two);
            assert!(!change.to_string().chars().any(char::is_control));
        }
    }
}

proptest! {
    #[test]
    fn resolving_agrees_with_the_obvious_way(lock in any_lock(), names in prop::collection::vec("[a-d]", 0..5)) {
        let expected = slow_resolve(&lock, &names, 12);
        prop_assert_eq!(lock.resolve(&InputPath(names)).ok(), expected);
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}|[\\[\\]{}:,\"0-9a-z]{0,60}") {
        use_all(&text);
    }

    #[test]
    fn any_damage_to_a_lock_is_read_or_refused(
        lock in any_lock(), real in any::<bool>(), from in any::<prop::sample::Index>(),
        length in 0..30_usize, put in "[\\[\\]{}:,\"a-d0-9]{0,8}|null|true|\"root\"|\"\\\\u001b\"",
    ) {
        let mut text: Vec<char> = if real { NIX_2_34.to_owned() } else { lock.to_json() }.chars().collect();
        let from = from.index(text.len());
        text.splice(from..(from + length).min(text.len()), put.chars());
        use_all(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_input_put_elsewhere_is_read_or_refused(
        lock in any_lock(), node in any::<prop::sample::Index>(), name in "[a-d]",
        to in prop_oneof![prop::collection::vec("[a-d]", 0..4).prop_map(|path| Input::Follows(InputPath(path))),
                          "k[0-4]|root".prop_map(|key| Input::Node(NodeKey(key)))],
    ) {
        let mut lock = lock;
        let count = lock.nodes.len();
        lock.nodes.values_mut().nth(node.index(count)).unwrap().inputs.insert(name, to);
        use_all(&lock.to_json());
    }
}

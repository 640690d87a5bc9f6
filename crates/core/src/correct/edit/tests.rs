//! Edits of flakes in many shapes: what is asked for is said, and nothing else changes.

use proptest::prelude::*;
use rnix::SyntaxKind;

use super::shapes::{NAMES, Tree, Writer, inputs, read};
use super::*;

fn path(text: &str) -> InputPath {
    let Ok(path) = text.parse();
    path
}

fn url(input: &str, url: &str) -> FlakeEdit {
    FlakeEdit::SetUrl { input: path(input), url: url.to_owned() }
}

fn follows(input: &str, target: &str) -> FlakeEdit {
    FlakeEdit::SetFollows { input: path(input), target: path(target) }
}

fn own(input: &str) -> FlakeEdit {
    FlakeEdit::DropFollows { input: path(input) }
}

#[track_caller]
fn becomes(before: &str, edit: &FlakeEdit, after: &str) {
    assert_eq!(apply(before, edit).as_deref(), Ok(after), "{before}");
    assert_eq!(apply(after, edit).as_deref(), Ok(after), "again");
}

#[test]
fn an_address_is_replaced_where_it_stands() {
    for (before, after) in [
        ("{ inputs.a.url = \"github:o/a\"; }", "{ inputs.a.url = \"github:o/new\"; }"),
        (
            "{ inputs = { a = { url = github:o/a; flake = false; }; }; }",
            "{ inputs = { a = { url = \"github:o/new\"; flake = false; }; }; }",
        ),
        ("{ inputs.\"a\" . url =/* x */''github:o/a'' ; }", "{ inputs.\"a\" . url =/* x */\"github:o/new\" ; }"),
        ("{ inputs.a.follows = \"b/c\"; }", "{ inputs.a.url = \"github:o/new\"; }"),
        ("{ inputs.a = { url = \"x\"; follows = \"b\"; }; }", "{ inputs.a = { url = \"github:o/new\"; }; }"),
    ] {
        becomes(before, &url("a", "github:o/new"), after);
    }
    becomes(
        "{\n  inputs.a.inputs.b.follows = \"b\"; # in step\n}\n",
        &url("a/b", "github:o/b?x=${y}"),
        "{\n  inputs.a.inputs.b.url = \"github:o/b?x=\\${y}\"; # in step\n}\n",
    );
}

#[test]
fn what_is_not_there_comes_beside_what_is_like_it() {
    let edit = url("a/in", "github:o/b");
    for (before, after) in [
        // Flat, nested, on one line, and with nothing at all.
        (
            "{\n  inputs.a.url = \"a\"; # the a\n  inputs.c.url = \"c\";\n  outputs = x: x;\n}\n",
            "{\n  inputs.a.url = \"a\"; # the a\n  inputs.a.inputs.\"in\".url = \"github:o/b\";\n  inputs.c.url = \"c\";\n  outputs = x: x;\n}\n",
        ),
        (
            "{\r\n\tinputs = {\r\n\t\ta.url = \"a\"; /* x */\r\n\t\tc.url = \"c\";\r\n\t};\r\n}\r\n",
            "{\r\n\tinputs = {\r\n\t\ta.url = \"a\"; /* x */\r\n\t\ta.inputs.\"in\".url = \"github:o/b\";\r\n\t\tc.url = \"c\";\r\n\t};\r\n}\r\n",
        ),
        (
            "{\n  inputs = {\n    a = {\n      url = \"a\";\n    };\n  };\n}",
            "{\n  inputs = {\n    a = {\n      url = \"a\";\n      inputs.\"in\".url = \"github:o/b\";\n    };\n  };\n}",
        ),
        ("{ inputs = {a.url=\"a\";}; }", "{ inputs = {a.url=\"a\"; a.inputs.\"in\".url = \"github:o/b\"; }; }"),
        ("{inputs={};}", "{inputs={ a.inputs.\"in\".url = \"github:o/b\"; };}"),
        ("{outputs=x: x;}", "{ inputs.a.inputs.\"in\".url = \"github:o/b\"; outputs=x: x;}"),
        (
            "{\n  # What it gives\n  outputs = { self, a }: { };\n}\n",
            "{\n  inputs.a.inputs.\"in\".url = \"github:o/b\";\n  # What it gives\n  outputs = { self, a }: { };\n}\n",
        ),
        (
            "{\n  description = \"x\";\n\n  outputs = { self, a }: { };\n}\n",
            "{\n  description = \"x\";\n  inputs.a.inputs.\"in\".url = \"github:o/b\";\n\n  outputs = { self, a }: { };\n}\n",
        ),
    ] {
        becomes(before, &edit, after);
    }
    becomes(
        "{ inputs.a = {\n    url = \"a\";\n    inputs.c.follows = \"c\";\n  }; }",
        &follows("a/b", "x/b"),
        "{ inputs.a = {\n    url = \"a\";\n    inputs.c.follows = \"c\";\n    inputs.b.follows = \"x/b\";\n  }; }",
    );
}

#[test]
fn what_follows_no_more_leaves_nothing_behind() {
    for (before, after) in [
        ("{\n  inputs.a.url = \"a\";\n  inputs.a.inputs.b.follows = \"b\";\n}", "{\n  inputs.a.url = \"a\";\n}"),
        (
            "{\n  inputs.a.url = \"a\";\n  inputs.a.inputs.b.follows = \"b\"; # why\n}",
            "{\n  inputs.a.url = \"a\";\n  # why\n}",
        ),
        ("{ inputs.a = { url = \"a\"; inputs.b.follows = \"b\"; }; }", "{ inputs.a = { url = \"a\"; }; }"),
        (
            "{\n  inputs.a = {\n    url = \"a\";\n    inputs = {\n      b = {\n        follows = \"b\";\n      };\n    };\n  };\n}",
            "{\n  inputs.a = {\n    url = \"a\";\n  };\n}",
        ),
        (
            "{ inputs.a = { url = \"a\"; inputs = { b.follows = \"b\"; c.follows = \"c\"; }; }; }",
            "{ inputs.a = { url = \"a\"; inputs = { c.follows = \"c\"; }; }; }",
        ),
        ("{ inputs.a = { inputs.b.follows = \"b\"; }; }", "{ inputs.a = { }; }"),
        ("{ inputs.a.url = \"a\"; }", "{ inputs.a.url = \"a\"; }"),
    ] {
        becomes(before, &own("a/b"), after);
    }
}

#[test]
fn what_code_says_is_left_alone_with_the_reason() {
    let edit = url("a/b", "u");
    for (flake, why) in [
        ("{ inputs = import ./inputs.nix; }", "`inputs` is computed"),
        ("{ inputs = { } // x; }", "`inputs` is computed"),
        ("{ inputs.a = f x; }", "`inputs.a` is computed"),
        ("{ inputs = { a.inputs.b.url = \"x${y}\"; }; }", "`inputs.a.inputs.b.url` is computed"),
        ("{ inputs = { ${n}.url = \"x\"; }; }", "a name in `inputs` is computed"),
        ("{ inputs.\"${n}\".url = \"x\"; }", "a name in `inputs` is computed"),
        ("{ ${n} = 1; }", "a name in `the flake` is computed"),
        ("{ inherit (x) inputs; }", "`inputs` is inherited"),
        ("{ inputs = { inherit a; }; }", "`inputs.a` is inherited"),
        ("{ inputs.a.inputs.b = { inherit (x) url; }; }", "`inputs.a.inputs.b.url` is inherited"),
        ("rec { inputs.a.url = \"x\"; }", "`the flake` is a recursive set"),
        ("{ inputs = rec { a.url = \"x\"; }; }", "`inputs` is a recursive set"),
        (
            "{ inputs.a.inputs.b.url = \"x\"; inputs.a = { inputs.b.url = \"y\"; }; }",
            "`inputs.a.inputs.b.url` is defined more than once",
        ),
        (
            "{ inputs.a.inputs.b = { type = \"github\"; rev = \"5\"; }; }",
            "`inputs.a.inputs.b` is written as attributes, such as `type` and `rev`, and not as a `url`",
        ),
        ("{ inputs.a = \"x\"; }", "`inputs.a` is computed"),
        ("let x = 1; in { }", "it is not a plain attribute set"),
        ("{ inputs.a.url = ", "it is not a plain attribute set"),
        ("", "it is not a plain attribute set"),
    ] {
        assert_eq!(apply(flake, &edit).unwrap_err().to_string(), why, "{flake}");
    }
    let other = "{ inputs = { a.url = \"x\"; b = f x; inherit c; }; inherit (x) outputs; }";
    assert!(apply(other, &edit).is_ok(), "what code says of others is no matter");
    let more = "{ inputs.a = { url = \"a\"; inputs.b = { follows = \"b\"; inputs.c.follows = \"c\"; }; }; }";
    assert_eq!(apply(more, &own("a/b")), Err(CannotEdit::Remains("inputs.a.inputs.b".to_owned())));
    assert!(matches!(apply("{ inputs.a.follows = \"b\"; }", &own("a")), Err(CannotEdit::OfTheFlake(_))));
    // Without its only mention, the flake would have one input less.
    assert_eq!(apply("{ inputs.a.inputs.b.follows = \"b\"; }", &own("a/b")), Err(CannotEdit::Unusual));
}

#[test]
fn what_cannot_be_edited_can_be_written_by_hand() {
    assert_eq!(url("a b/in", "u\"").by_hand(), "inputs.\"a b\".inputs.\"in\".url = \"u\\\"\";");
    assert_eq!(follows("a/b", "c/d").by_hand(), "inputs.a.inputs.b.follows = \"c/d\";");
    assert_eq!(own("a/b").by_hand(), "take out `inputs.a.inputs.b.follows`");
}

/// The comments of a flake, in order.
fn comments(text: &str) -> Vec<String> {
    let root = rnix::Root::parse(text).syntax();
    let tokens = root.descendants_with_tokens().filter_map(rnix::NodeOrToken::into_token);
    tokens.filter(|token| token.kind() == SyntaxKind::TOKEN_COMMENT).map(|token| token.text().to_owned()).collect()
}

fn edits() -> impl Strategy<Value = FlakeEdit> {
    let name = || proptest::sample::select(&NAMES[..]).prop_map(str::to_owned);
    let deep = || proptest::collection::vec(name(), 2..4).prop_map(InputPath);
    let any = || proptest::collection::vec(name(), 1..3).prop_map(InputPath);
    prop_oneof![
        (any(), "github:o/[a-z]{1,4}").prop_map(|(input, url)| FlakeEdit::SetUrl { input, url }),
        (deep(), any()).prop_map(|(input, target)| FlakeEdit::SetFollows { input, target }),
        proptest::collection::vec(name(), 2).prop_map(|input| FlakeEdit::DropFollows { input: InputPath(input) }),
    ]
}

/// Makes the edit of what a flake says.
fn edited(mut tree: Tree, edit: &FlakeEdit) -> Tree {
    let way: Vec<&str> = edit.input().0.iter().flat_map(|name| ["inputs", name]).collect();
    let before = tree.clone();
    let said = tree.at(&way);
    match edit {
        FlakeEdit::DropFollows { .. } if !said.contains_key("follows") => return before,
        FlakeEdit::SetUrl { url, .. } => {
            said.remove("follows");
            said.insert("url".to_owned(), Tree::Text(url.clone()));
        }
        FlakeEdit::SetFollows { target, .. } => {
            if !said.contains_key("follows") {
                said.remove("url");
            }
            said.insert("follows".to_owned(), Tree::Text(target.to_string()));
        }
        FlakeEdit::DropFollows { .. } => _ = said.remove("follows"),
    }
    tree
}

/// Returns what lies between the common beginning and the common end of two texts.
fn apart<'t>(one: &'t str, two: &'t str) -> (&'t str, &'t str) {
    let start = one.bytes().zip(two.bytes()).take_while(|(one, two)| one == two).count();
    let most = one.len().min(two.len()) - start;
    let end = one.bytes().rev().zip(two.bytes().rev()).take_while(|(one, two)| one == two).count().min(most);
    (&one[start..one.len() - end], &two[start..two.len() - end])
}

proptest! {
    #[test]
    fn an_edit_says_what_was_asked_for_and_changes_nothing_else(
        said in inputs(),
        tape in proptest::collection::vec(any::<u8>(), 0..120),
        edit in edits(),
    ) {
        let text = Writer::new(tape).flake(&said, &NAMES[..2]);
        let before = read(&text);
        let after = match apply(&text, &edit) {
            Ok(after) => after,
            Err(CannotEdit::Remains(_) | CannotEdit::Unusual) if matches!(edit, FlakeEdit::DropFollows { .. }) => {
                return Ok(());
            }
            Err(why) => return Err(TestCaseError::fail(format!("{why}: {text}"))),
        };
        prop_assert_eq!(read(&after).pruned(0), edited(before, &edit).pruned(0), "{}\n{}", text, after);
        prop_assert_eq!(apply(&after, &edit), Ok(after.clone()), "again");
        let (gone, come) = apart(&text, &after);
        prop_assert_eq!(come.contains('\r'), come.contains('\n') && text.contains("\r\n"), "{:?}", come);
        let signs = gone.matches('=').count();
        match edit {
            FlakeEdit::SetUrl { .. } | FlakeEdit::SetFollows { .. } => {
                prop_assert_eq!(comments(&text), comments(&after));
                prop_assert!(signs <= 1, "{:?} became {:?}", gone, come);
            }
            FlakeEdit::DropFollows { .. } => {
                let (mut kept, all) = (comments(&after), comments(&text));
                kept.retain(|comment| !all.contains(comment));
                prop_assert!(kept.is_empty() && come.is_empty(), "{:?} became {:?}", gone, come);
            }
        }
    }

    #[test]
    fn any_text_is_edited_or_refused(text in "([{}=;.\"'$ \\n]|inputs|a|url|follows|rec|inherit|#|/\\*){0,30}", edit in edits()) {
        if let Ok(after) = apply(&text, &edit) {
            prop_assert_eq!(apply(&after, &edit), Ok(after.clone()));
        }
    }
}

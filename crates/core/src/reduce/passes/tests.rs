use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn project(files: &[(&str, &str)]) -> Project {
    Project::new(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())))
}

/// What each single piece of a pass makes of the file `x.nix`.
fn each(pass: Pass, text: &str) -> Vec<String> {
    each_of(pass, &[("x.nix", text)], "x.nix")
}

fn each_of(pass: Pass, files: &[(&str, &str)], path: &str) -> Vec<String> {
    let before = project(files);
    let after = |piece: Piece| before.edited(&piece.edits);
    let texts = pass.pieces(&before).into_iter().filter_map(after);
    texts.map(|project| project.text(Path::new(path)).unwrap_or("gone").to_owned()).collect()
}

/// What all pieces of the outermost level make of `x.nix` together.
fn together(pass: Pass, text: &str) -> Option<String> {
    let before = project(&[("x.nix", text)]);
    let pieces: Vec<Piece> = pass.pieces(&before).into_iter().filter(|piece| piece.level == 0).collect();
    let after = before.edited(pieces.iter().flat_map(|piece| &piece.edits))?;
    Some(after.text(Path::new("x.nix"))?.to_owned())
}

#[test]
fn attributes_bindings_and_inherited_names_go_one_by_one() {
    assert_eq!(each(Pass::Attributes, "{ a = 1; b.c = 2; }"), ["{ b.c = 2; }", "{ a = 1; }"]);
    assert_eq!(each(Pass::Attributes, "let x = 1; in y"), ["let in y"]);
    assert_eq!(each(Pass::Attributes, "{ inherit (s) a b; }"), ["{ }", "{ inherit (s) b; }", "{ inherit (s) a; }"],);
    assert_eq!(together(Pass::Attributes, "{ a = { b = 1; }; c = 2; }").unwrap(), "{ }");
}

#[test]
fn arguments_go_with_one_comma_each_in_whatever_set() {
    for rest in ["", ", ..."] {
        let text = format!("{{ a, b ? 1, c{rest} }}: z");
        let before = project(&[("x.nix", &text)]);
        let pieces = Pass::Arguments.pieces(&before);
        assert_eq!(pieces.len(), 3);
        for chosen in 1..8usize {
            let edits = pieces.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1);
            let after = before.edited(edits.flat_map(|(_, piece)| &piece.edits));
            let after = after.unwrap_or_else(|| panic!("{text} without {chosen:b} parses"));
            let after = after.text(Path::new("x.nix")).unwrap().replace("}: z", "");
            for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
                assert_eq!(after.contains(name), chosen >> at & 1 == 0, "{after} {chosen:b}");
            }
        }
    }
}

#[test]
fn an_expression_gives_way_to_one_of_its_parts() {
    let last = |text| each(Pass::Last, text);
    let first = |text| each(Pass::First, text);
    assert_eq!(last("with x; y"), ["y"]);
    assert_eq!(last("assert x; y"), ["y"]);
    assert_eq!(last("let a = 1; in a b")[0], "a b");
    assert_eq!(first("a // b"), ["a"]);
    assert_eq!(last("a // b"), ["b"]);
    assert_eq!(last("f (g x)"), ["(g x)", "f g x", "f (x)"]);
    assert_eq!(first("rec { a = 1; }"), [" { a = 1; }"]);
    assert_eq!(last("x: y: z"), ["y: z", "x: z"]);
    let inner = |text| each(Pass::Inner, text);
    assert_eq!(inner("f { a = g 1; b = 2; }"), ["g 1"]);
    assert_eq!(inner("[ (f x) ]"), ["(f x)"]);
    assert_eq!(inner("{ a = 1; }"), ["1"]);
    assert_eq!(inner("if a then b else c"), ["b"]);
    // The name of an attribute is no expression.
    assert_eq!(first("{ a.b = c.d; }"), ["{ a.b = c; }"]);
}

#[test]
fn an_expression_gives_way_to_a_trivial_one_but_a_name_of_an_attribute_does_not() {
    assert_eq!(each(Pass::Trivial, "abc.def"), ["{}", "[]", "\"\"", "null", "{}.def", "[].def", "\"\".def"]);
    assert_eq!(each(Pass::Trivial, "x"), [""; 0]);
}

#[test]
fn what_is_bound_stands_where_it_is_used_if_that_is_shorter() {
    let each = |text| each(Pass::Inline, text);
    assert_eq!(each("let aa = f x y z; in g aa bb"), ["let in g (f x y z) bb"]);
    assert_eq!(each("let bb = 2; in g bb bb"), ["let in g 2 2"]);
    assert_eq!(each("let aa = 1; in { inherit aa; }"), ["let in { aa = 1; }"]);
    // It would be longer, or another value there.
    assert_eq!(each("let aa = { b = [ 1 2 3 ]; }; in g aa aa aa"), [""; 0]);
    assert_eq!(each("let aa = f aa; in 1"), [""; 0]);
    assert_eq!(each("let aa = 1; inherit aa; in 2"), [""; 0]);
}

#[test]
fn a_function_that_is_called_where_it_stands_gives_way_to_its_body() {
    let each = |text| each(Pass::Calls, text);
    assert_eq!(each("(x: f x 1) (g 2)"), ["f (g 2) 1"]);
    assert_eq!(each("(f: g (s: f s)) h"), ["g (s: h s)", "(f: g (f)) h"]);
    assert_eq!(each("(x: x + (x: x) 1) 2"), ["2 + (x: x) 1", "(x: x + 1) 2"]);
    assert_eq!(each("(x: [ x x x ]) { a = 1; b = 2; }"), [""; 0]);
}

#[test]
fn what_is_for_each_system_is_left_for_the_one_that_is_evaluated() {
    let fixed = |text: &str| {
        let before = project(&[("x.nix", text)]).evaluated_at(&["packages".to_owned(), "s-1".to_owned()]);
        let after = Pass::Fixed.pieces(&before).into_iter().filter_map(|piece| before.edited(&piece.edits));
        after.map(|after| after.text(Path::new("x.nix")).unwrap().to_owned()).collect::<Vec<_>>()
    };
    let text = "lib.genAttrs all.the.systems (system: all.${system} system)";
    assert_eq!(fixed(text)[1], "{ s-1 = all.s-1 \"s-1\"; }");
    assert_eq!(fixed("(genAttrs systems (system: { inherit system; })).a")[..1], ["{ system = \"a\"; }"]);
    assert_eq!(fixed("{ a = f x; b = 2; }.a"), ["f x"]);
}

#[test]
fn a_file_that_is_imported_once_is_put_there() {
    let files = [
        ("flake.nix", "{ outputs = _: p: [ (p.call ./nix/a.nix { }) (import ./nix/b.nix) ./c.nix ./c.nix ]; }"),
        ("nix/a.nix", "# Makes it.\n{ x }: [ x ./data.toml ]"),
        ("nix/b.nix", "{ b = ../c.nix; }"),
        ("c.nix", "1"),
    ];
    assert_eq!(
        each_of(Pass::Inclusion, &files, "flake.nix"),
        [
            "{ outputs = _: p: [ (p.call ({ x }: [ x ./nix/data.toml ]) { }) (import ./nix/b.nix) ./c.nix ./c.nix ]; }",
            "{ outputs = _: p: [ (p.call ./nix/a.nix { }) ({ b = ./c.nix; }) ./c.nix ./c.nix ]; }",
        ]
    );
    assert_eq!(each_of(Pass::Inclusion, &files, "nix/a.nix")[0], "gone");
}

#[test]
fn a_set_with_one_entry_is_a_path() {
    assert_eq!(each(Pass::Paths, "{ a = { b = { c = 1; }; }; }"), ["{ a.b = { c = 1; }; }", "{ a = { b.c = 1; }; }"]);
    assert_eq!(each(Pass::Paths, "{ a = rec { b = 1; }; c = { inherit d; }; e = { }; }"), [""; 0]);
}

#[test]
fn a_lock_needs_no_white_space() {
    let lock = "{\n  \"nodes\": {},\n  \"root\": \"a b\"\n}\n";
    assert_eq!(each_of(Pass::Lock, &[("flake.lock", lock)], "flake.lock"), [r#"{"nodes":{},"root":"a b"}"#]);
    assert_eq!(each_of(Pass::Lock, &[("package.lock", lock)], "package.lock"), [""; 0]);
}

#[test]
fn strings_lose_their_lines_and_what_is_inserted() {
    assert_eq!(each(Pass::Strings, r#""a${b}""#), [r#""${b}""#, r#""a""#]);
    assert_eq!(each(Pass::Strings, "''\n  one\n  two\n''").len(), 3);
}

#[test]
fn comments_go_and_white_space_shrinks() {
    assert_eq!(together(Pass::Comments, "# x\n{   a = 1; /* y */ }").unwrap(), "\n{ a = 1;  }");
}

#[test]
fn data_stays_valid() {
    let json = [("x.json", r#"{"a": [1, 2], "b": {"c": null}}"#)];
    let after = each_of(Pass::Data, &json, "x.json");
    assert_eq!(after.len(), 5);
    for text in &after {
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok(), "{text}");
    }
    let toml = "[[package]]\nname = \"a\"\nfiles = [{ file = \"x\", hash = \"y\" }]\n\n[[package]]\nname = \"b\"\n";
    let after = each_of(Pass::Data, &[("poetry.lock", toml)], "poetry.lock");
    assert!(after.contains(&"[[package]]\nname = \"b\"\n".replacen("[[", "\n[[", 1)) || after.len() > 6, "{after:?}");
    for text in &after {
        assert!(text.parse::<toml_edit::DocumentMut>().is_ok(), "{text}");
    }
}

#[test]
fn several_values_of_a_data_file_go_together() {
    let before = project(&[("x.json", r#"[0, 1, 2, [3, 4]]"#)]);
    let pieces = Pass::Data.pieces(&before);
    let chosen: Vec<_> = pieces.iter().filter(|piece| piece.level == 0).skip(1).collect();
    let all = pieces.iter().filter(|piece| piece.level == 1).chain(chosen.iter().copied());
    let after = before.edited(all.flat_map(|piece| &piece.edits)).unwrap();
    assert_eq!(after.text(Path::new("x.json")).unwrap(), "[\n  0\n]\n");
}

#[test]
fn an_input_goes_with_its_argument_and_its_part_of_the_lock() {
    let flake = "{ inputs.a.url = \"x\"; inputs = { b.url = \"y\"; b.flake = false; }; outputs = { self, a, b }: z; }";
    let lock = r#"{"nodes":{"root":{"inputs":{"a":"a","b":"b"}},"a":{},"b":{}},"root":"root","version":7}"#;
    let files = [("flake.nix", flake), ("flake.lock", lock)];
    let flakes = each_of(Pass::Inputs, &files, "flake.nix");
    assert_eq!(flakes[0], "{ inputs = { b.url = \"y\"; b.flake = false; }; outputs = { self, b }: z; }");
    assert_eq!(flakes[1], "{ inputs.a.url = \"x\"; inputs = { }; outputs = { self, a }: z; }");
    let locks = each_of(Pass::Inputs, &files, "flake.lock");
    let lock: serde_json::Value = serde_json::from_str(&locks[0]).unwrap();
    assert_eq!(lock["nodes"]["root"]["inputs"], serde_json::json!({ "b": "b" }));
    // Then nothing leads to its node.
    let after = each_of(Pass::Inputs, &[("flake.nix", "{ }"), ("flake.lock", &locks[0])], "flake.lock");
    let lock: serde_json::Value = serde_json::from_str(&after[0]).unwrap();
    assert_eq!(lock["nodes"], serde_json::json!({ "root": { "inputs": { "b": "b" } }, "b": {} }));
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("bb".to_owned()),
        Just("1".to_owned()),
        Just("\"s${a}t\"".to_owned()),
        Just("./x.nix".to_owned()),
        Just("''\n  one ${bb}\n  two\n''".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(5, 60, 4, |inner| {
        let one = inner.clone();
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(f, x)| format!("({f} {x})")),
            two.clone().prop_map(|(f, x)| format!("({f} // {x})")),
            two.clone().prop_map(|(f, x)| format!("(with {f}; {x})")),
            two.clone().prop_map(|(f, x)| format!("(let a = {f}; cc = {x}; in cc)")),
            two.clone().prop_map(|(f, x)| format!("rec {{ a = {f}; b.c = {x}; inherit (a) d e; }}")),
            two.clone().prop_map(|(f, x)| format!("[ {f} {x} # note\n ]")),
            two.clone().prop_map(|(f, x)| format!("({{ a, b ? {f}, c }}: {x})")),
            two.clone().prop_map(|(f, x)| format!("(args@{{ a, ... }}: if {f} then {x} else a)")),
            two.prop_map(|(f, x)| format!("(assert {f} ? a; {x}.b or 1)")),
            one.prop_map(|x| format!("(x: !{x})")),
        ]
    })
}

proptest! {
    /// Every pass, alone and with all that it proposes on a level, yields text that parses, or nothing; and ends.
    #[test]
    fn every_candidate_parses_is_shorter_and_every_pass_has_an_end(text in expression(), pick in any::<u64>()) {
        for pass in Pass::ALL {
            let mut now = project(&[("x.nix", &text)]);
            for round in 0.. {
                prop_assert!(round < 2000, "{:?} goes on and on", pass);
                let pieces = pass.pieces(&now);
                let Some(first) = pieces.get(usize::try_from(pick).unwrap_or(0) % pieces.len().max(1)) else { break };
                let level: Vec<_> = pieces.iter().filter(|piece| piece.level == first.level).collect();
                for chosen in [vec![first], level] {
                    let Some(after) = now.edited(chosen.iter().flat_map(|piece| &piece.edits)) else { continue };
                    if let Some(after) = after.text(Path::new("x.nix")) {
                        prop_assert!(rnix::Root::parse(after).errors().is_empty(), "{:?}: {}", pass, after);
                    }
                }
                let Some(after) = now.edited(&first.edits) else { break };
                prop_assert!(after.size() < now.size() || after.files().count() < now.files().count(), "{:?}", pass);
                now = after;
            }
        }
    }

    #[test]
    fn no_text_makes_a_pass_panic(text in "[a-z{}\\[\\]()\";:=.,?@/ \n$'#]{0,60}", data in "[\\[\\]{}\"a:=, \n0-9.]{0,40}") {
        let project = project(&[("flake.nix", &text), ("flake.lock", &data), ("x.json", &data), ("x.toml", &data)]);
        for pass in Pass::ALL {
            for piece in pass.pieces(&project) {
                let _whatever = project.edited(&piece.edits);
            }
        }
    }
}

#[test]
fn what_a_flake_says_of_its_inputs_goes_only_with_the_input() {
    let flake = "{ inputs.a.url = \"xyzzy\"; inputs = { b.url = \"plugh\"; }; outputs = _: [ ]; }";
    let before = project(&[("flake.nix", flake)]);
    for pass in Pass::ALL {
        for piece in pass.pieces(&before).iter().filter(|_| pass != Pass::Inputs) {
            let Some(after) = before.edited(&piece.edits) else { continue };
            let after = after.text(Path::new("flake.nix")).unwrap();
            if !after.contains("outputs") {
                continue; // All of the flake gave way, which no evaluation takes.
            }
            assert!(after.contains("a.url = \"xyzzy\"") && after.contains("b.url = \"plugh\""), "{pass:?}: {after}");
        }
    }
}

#[test]
fn what_nothing_needs_goes_at_once_also_where_it_needs_each_other() {
    let text = "let a = b; b = a; inherit (c) d e; c = { }; in x: e";
    assert_eq!(together(Pass::Unused, text).unwrap(), "let inherit (c) e; c = { }; in x: e");
    assert_eq!(together(Pass::Unused, "let inherit (c) d; c = { }; in 1").unwrap(), "let in 1");
    assert_eq!(together(Pass::Unused, "let inherit ({ }); in 1").unwrap(), "let in 1");
}

#[test]
fn an_argument_goes_with_what_is_given_for_it() {
    let files = [
        ("top.nix", "let b = 1; in p: p.call ./sub/f.nix { inherit b; a = 2; } // p.call ./g.nix { a = 3; }"),
        ("sub/f.nix", "{ a, b }: b"),
        ("g.nix", "{ a }: a"),
    ];
    let before = project(&files);
    let pieces = Pass::Pairs.pieces(&before);
    let after: Vec<Project> = pieces.iter().filter_map(|piece| before.edited(&piece.edits)).collect();
    // `b` of `f.nix` and `a` of `g.nix` are used there; of any function, `a` is one that uses it.
    let [after] = after.as_slice() else { panic!("{after:?}") };
    assert_eq!(after.text(Path::new("sub/f.nix")).unwrap(), "{ b }: b");
    let top = after.text(Path::new("top.nix")).unwrap();
    assert_eq!(top, "let b = 1; in p: p.call ./sub/f.nix { inherit b; } // p.call ./g.nix { a = 3; }");
}

#[test]
fn what_would_leave_a_name_without_its_binding_is_not_tried() {
    assert_eq!(each(Pass::Attributes, "let a = 1; b = 2; in a"), ["let a = 1; in a"]);
    assert_eq!(each(Pass::Arguments, "{ a, b }: a"), ["{ a }: a"]);
}

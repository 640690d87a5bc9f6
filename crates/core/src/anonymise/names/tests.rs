use proptest::prelude::*;

use super::*;

fn project(files: &[(&str, &str)]) -> Project {
    Project::new(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())))
}

fn known(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn shown(project: &Project) -> String {
    project.files().map(|(path, text)| format!("{}: {}\n", path.display(), String::from_utf8_lossy(text))).collect()
}

const LOCK: &str = r#"{"nodes":{"nixpkgs":{"locked":{"owner":"acme","repo":"secretpkgs","type":"github"}},"root":{"inputs":{"nixpkgs":"nixpkgs"}}},"root":"root","version":7}"#;

#[test]
fn a_name_is_the_same_everywhere_and_what_others_know_stays() {
    let before = project(&[
        (
            "flake.nix",
            "{ description = \"Rockets of ACME Corp\"; inputs.nixpkgs.url = \"github:acme/secretpkgs\"; outputs = { self, nixpkgs }:\n# by wile\n{ rocket = nixpkgs.mkDerivation { name = \"rocket-1.2\"; src = ./modules/rocket.nix; deps = [ nixpkgs.flit-core ]; }; }; }",
        ),
        ("flake.lock", LOCK),
        ("modules/rocket.nix", "x: x.\"rocket\" + ''fuel ${x.rocket}''"),
        ("pyproject.toml", "[tool.poetry]\nname = \"rocket\"\ndependencies = { fuel = \"^1.0\" }\n"),
        ("data.json", "{\"rocket\": [\"wile@acme.example\", \"a\\nrocket\"]}"),
    ]);
    let names = Names::of(&before, &known(&["flit-core", "modules", "deps"]));
    assert_eq!(names.fetched(), ["acme", "secretpkgs"]);
    let after = names.in_project(&before, &Parts::new()).unwrap();
    insta::assert_snapshot!(shown(&after), @r#"
    flake.lock: {"nodes":{"nixpkgs":{"locked":{"owner":"acme","repo":"secretpkgs","type":"github"}},"root":{"inputs":{"nixpkgs":"nixpkgs"}}},"root":"root","version":7}
    flake.nix: { description = "name5 of name6 name7"; inputs.nixpkgs.url = "github:acme/secretpkgs"; outputs = { self, nixpkgs }:
    # by name3
    { name2 = nixpkgs.mkDerivation { name = "name2-1.2"; src = ./modules/name2.nix; deps = [ nixpkgs.flit-core ]; }; }; }
    modules/name2.nix: x: x."name2" + ''name8 ${x.name2}''
    name1.json: {"name2": ["name3@acme.name4", "a\nname2"]}
    pyproject.toml: [tool.poetry]
    name = "name2"
    dependencies = { name8 = "^1.0" }
    "#);
    assert_eq!(names.in_text("attribute 'rocket' missing", &Parts::new()), "attribute 'name2' missing");
    let rocket = names.names().iter().position(|name| name.text == "rocket").unwrap();
    let kept = names.in_project(&before, &Parts::from([rocket])).unwrap();
    assert!(shown(&kept).contains("modules/rocket.nix: x: x.\"rocket\""), "{}", shown(&kept));
}

#[test]
fn without_inputs_nothing_has_to_stay() {
    let lock = r#"{"nodes":{"root":{}},"root":"root","version":7}"#;
    let before = project(&[("flake.nix", "{ outputs = { self }: { acme = 1; }; }"), ("flake.lock", lock)]);
    let names = Names::of(&before, &BTreeSet::new());
    assert_eq!(names.fetched(), [""; 0]);
    let after = names.in_project(&before, &Parts::new()).unwrap();
    assert_eq!(after.text(Path::new("flake.nix")).unwrap(), "{ outputs = { self }: { name1 = 1; }; }");
}

#[test]
fn what_is_no_text_stays_and_a_stand_in_is_no_word_that_is_there() {
    let before = Project::new([
        ("secret.bin".into(), vec![0xff, 0, 1]),
        ("x.nix".into(), b"{ name1 = acme: acme; name2 = 1; }".to_vec()),
    ]);
    let names = Names::of(&before, &known(&["name3"]));
    let stand_ins: BTreeSet<&str> = names.names().iter().map(|name| name.stand_in.as_str()).collect();
    assert_eq!(stand_ins.len(), names.names().len());
    assert!(!["name1", "name2", "name3"].iter().any(|taken| stand_ins.contains(taken)), "{stand_ins:?}");
    let after = names.in_project(&before, &Parts::new()).unwrap();
    assert!(after.files().any(|(_, content)| content == [0xff, 0, 1]));
}

/// Code that parses, of some words.
fn code() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("acme"),
        Just("acme-app"),
        Just("wile"),
        Just("mkThing"),
        Just("secret'"),
        Just("name2"),
        Just("x_y_z")
    ];
    let leaf = prop_oneof![
        word.clone().prop_map(str::to_owned),
        word.clone().prop_map(|word| format!("\"{word}\"")),
        word.clone().prop_map(|word| format!("''\n  {word} \\n{word}\n''")),
        word.clone().prop_map(|word| format!("./dir/{word}.nix", word = word.trim_matches('\''))),
        Just("1.5e10".to_owned()),
        Just("https://acme.example/wile".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            (word.clone(), inner.clone(), inner.clone()).prop_map(|(w, a, b)| format!("let {w} = {a}; in {b}")),
            (word.clone(), inner.clone()).prop_map(|(w, a)| format!("{{ {w} = {a}; inherit (x) {w}-2; }}")),
            (word.clone(), inner.clone()).prop_map(|(w, a)| format!("({w}: {{ {w}, ... }}: {a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[ ({a}) ({b}) /* acme */ ]")),
            inner.prop_map(|a| format!("\"${{{a}}}-acme\\nwile\"")),
        ]
    })
}

proptest! {
    /// The result parses, no name is left, two names never become one, and the exchange can be undone.
    #[test]
    fn the_exchange_is_consistent_and_takes_nothing_away(
        code in code(),
        path in "(acme|dir)/(wile|x)\\.nix",
        kept in proptest::collection::btree_set(0usize..6, 0..3),
    ) {
        let before = project(&[(&path, &code), ("acme.json", "{\"acme\": \"wile\"}")]);
        prop_assume!(parse(&code).is_some());
        let names = Names::of(&before, &known(&["mkThing"]));
        let after = names.in_project(&before, &kept).unwrap();
        for (path, content) in after.files() {
            prop_assert!(is_valid(path, std::str::from_utf8(content).unwrap()));
        }
        let left = all_words(&after);
        for (number, name) in names.names().iter().enumerate() {
            prop_assert_eq!(left.contains(&name.text), kept.contains(&number), "{}", name.text);
        }
        prop_assert_eq!(left.contains(&"mkThing".to_owned()), code.contains("mkThing"));
        let back = Names {
            names: names.names().iter().map(|name| Name { text: name.stand_in.clone(), stand_in: name.text.clone() }).collect(),
            fetched: vec![],
        };
        prop_assert_eq!(back.in_project(&after, &Parts::new()).unwrap(), before);
    }
}

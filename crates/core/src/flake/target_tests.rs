use proptest::prelude::*;

use super::*;

fn names(text: &str) -> Vec<String> {
    text.parse::<AttrPath>().unwrap().0
}

#[test]
fn attribute_paths_are_read_with_quotes() {
    assert_eq!(names("devShells.\"x.y\".z"), ["devShells", "x.y", "z"]);
    assert_eq!(names("a.\"\".b"), ["a", "", "b"]);
    assert_eq!(names("python3\".\"11"), ["python3.11"]);
    assert!(names("").is_empty());
    for (text, message) in [
        ("a..b", "the attribute path `a..b` has an empty name; an empty name is written `\"\"`"),
        ("a.", "the attribute path `a.` has an empty name; an empty name is written `\"\"`"),
        ("a.\"b", "the attribute path `a.\"b` has a quotation mark that is not closed"),
    ] {
        assert_eq!(text.parse::<AttrPath>().unwrap_err().to_string(), message);
    }
}

#[test]
fn attribute_paths_are_written_with_quotes_where_nix_wants_them() {
    let path = AttrPath(["packages", "x86_64-linux", "7zip", "a.b", "if", "", "q\"${x}"].map(str::to_owned).to_vec());
    assert_eq!(path.to_string(), "packages.x86_64-linux.\"7zip\".\"a.b\".\"if\".\"\".\"q\"${x}\"");
    assert_eq!(path.to_nix(), "packages.x86_64-linux.\"7zip\".\"a.b\".\"if\".\"\".\"q\\\"\\${x}\"");
}

#[test]
fn installables_are_taken_apart() {
    let read = |text: &str| text.parse::<Installable>().unwrap();
    let shell = read(".#devShells.x86_64-linux.default");
    assert_eq!(shell.flake, FlakeRef::parse(".").unwrap());
    assert_eq!(shell.attr.unwrap().to_string(), "devShells.x86_64-linux.default");
    let outputs = read("github:o/r?dir=x#hello^dev,out");
    assert_eq!((outputs.outputs.as_deref(), outputs.attr.unwrap().to_string().as_str()), (Some("dev,out"), "hello"));
    assert_eq!(read("nixpkgs").attr, None);
    assert_eq!(read("#x").flake, FlakeRef::parse(".").unwrap());
    assert_eq!(read(".#.a.b").lookup, Lookup::Exact);
    assert_eq!(read(".#%22x.y%22").attr.unwrap().0, ["x.y"]);
    let error = "https+x://me:pw@h#a".parse::<Installable>().unwrap_err().to_string();
    assert_eq!(error, "the installable `https+x://***@h#a` does not name a flake");
}

#[test]
fn candidates_come_in_the_order_in_which_nix_tries_them() {
    let shown = |all: Vec<Candidate>| all.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        shown(candidates(&".".parse().unwrap(), "s")),
        [
            "devShells.s.default",
            "devShell.s",
            "packages.s.default",
            "defaultPackage.s",
            "nixosConfigurations.<the only one>.config.system.build.toplevel"
        ]
    );
    assert_eq!(
        shown(candidates(&".#x".parse().unwrap(), "s")),
        [
            "devShells.s.x",
            "packages.s.x",
            "legacyPackages.s.x",
            "x",
            "nixosConfigurations.x.config.system.build.toplevel"
        ]
    );
    for (text, built) in [
        (".#.nixosConfigurations.box", "nixosConfigurations.box.config.system.build.toplevel"),
        (".#.darwinConfigurations.box", "darwinConfigurations.box.system"),
        (".#.homeConfigurations.\"me@box\"", "homeConfigurations.\"me@box\".activationPackage"),
    ] {
        assert_eq!(shown(candidates(&text.parse().unwrap(), "s")), [built, &text[3..]]);
    }
    let inside = ".#.nixosConfigurations.box.config";
    assert_eq!(shown(candidates(&inside.parse().unwrap(), "s")), ["nixosConfigurations.box.config"]);
    assert_eq!(shown(candidates(&".#.x".parse().unwrap(), "s")), ["x"]);
}

proptest! {
    #[test]
    fn a_written_path_is_read_back(names in prop::collection::vec("[a-z.0-9 $\\\\{}#^-]{0,6}", 1..4)) {
        let path = AttrPath(names);
        prop_assert_eq!(path.to_string().parse::<AttrPath>(), Ok(path));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,30}|[.#^\"a-c%:/?]{0,20}") {
        let _ = (text.parse::<AttrPath>(), text.parse::<Installable>());
    }
}

#[test]
fn a_configuration_stands_for_what_its_program_builds() {
    let shown = |kind: Configuration, name: &str| kind.built(name).to_string();
    assert_eq!(shown(Configuration::Nixos, "box"), "nixosConfigurations.box.config.system.build.toplevel");
    assert_eq!(shown(Configuration::Nixos, "a.b"), "nixosConfigurations.\"a.b\".config.system.build.toplevel");
    assert_eq!(shown(Configuration::Home, "me@box"), "homeConfigurations.\"me@box\".activationPackage");
    assert_eq!(shown(Configuration::Darwin, "mac"), "darwinConfigurations.mac.system");
}

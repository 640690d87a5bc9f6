//! `fix`: corrections that edit flake.nix beside its lock, with repositories in which they help.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::machine::{RealNix, every_nix_with_flakes, newest_nix, system};
use crate::room::Room;
use crate::traces::Listing;

/// A package set that loses what `helper` takes from it, and a flake that has both.
struct Place {
    room: Room,
    /// The commits of the package set: the second one is the culprit.
    pkgs: Vec<String>,
}

const PKGS: &str = "{ outputs = { self }: { VALUES }; }\n";
const HELPER: &str = "{
  inputs.pkgs.url = \"git+file://PKGS?ref=main\";
  outputs = { self, pkgs }: { lib.name = \"helper-${pkgs.old}\"; };
}
";
const APP: &str = "{
  inputs = {
    pkgs.url = \"git+file://PKGS?ref=main\";
    # It has to be of the same package set.
    helper = {
      url = \"git+file://HELPER?ref=main\";
      inputs.pkgs.follows = \"pkgs\"; # for now
    };
  };

  outputs = { self, pkgs, helper }: {
    packages.SYSTEM.default = derivation {
      name = \"${helper.lib.name}-${pkgs.new}\";
      system = \"SYSTEM\";
      builder = \"/bin/sh\";
    };
  };
}
";

fn commit(room: &Room, repository: &Path, files: &[(&str, &str)], title: &str) -> String {
    for (name, text) in files {
        fs::write(repository.join(name), text).unwrap();
    }
    let folder = repository.to_str().unwrap();
    room.git(&["-C", folder, "add", "-A"]);
    room.git(&["-C", folder, "commit", "-q", "-m", title]);
    room.git(&["-C", folder, "rev-parse", "HEAD"])
}

impl Place {
    fn new(nix: &RealNix, flake: &str) -> Self {
        let room = Room::new(nix);
        let [pkgs, helper] = ["pkgs", "helper"].map(|name| room.path(name));
        fs::remove_dir_all(&room.app).unwrap();
        let all = [&room.app, &pkgs, &helper];
        all.iter().for_each(|repository| fs::create_dir(repository).unwrap());
        for repository in all {
            room.git(&["init", "-q", "-b", "main", repository.to_str().unwrap()]);
        }
        let text = |text: &str| {
            let [pkgs, helper] = [&pkgs, &helper].map(|path| path.to_str().unwrap().to_owned());
            text.replace("PKGS", &pkgs).replace("HELPER", &helper).replace("SYSTEM", &system())
        };
        let values = ["old = \"1\"; new = \"1\";", "new = \"2\";", "new = \"3\";"];
        let mut commits = Vec::new();
        for (number, values) in values.into_iter().enumerate() {
            let title = ["start", "the old one is gone", "the third"][number];
            commits.push(commit(&room, &pkgs, &[("flake.nix", &PKGS.replace("VALUES", values))], title));
            if number == 0 {
                commit(&room, &helper, &[("flake.nix", &text(HELPER))], "start");
                lock(&room, &helper);
                commit(&room, &helper, &[], "lock");
                commit(&room, &room.app, &[("flake.nix", &text(flake))], "start");
                lock(&room, &room.app);
                commit(&room, &room.app, &[], "lock");
            }
        }
        Self { room, pkgs: commits }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.room.app.join(name)).unwrap()
    }

    /// Puts the flake and its lock back.
    fn write(&self, [flake, lock]: &[String; 2]) {
        fs::write(self.room.app.join("flake.nix"), flake).unwrap();
        fs::write(self.room.app.join("flake.lock"), lock).unwrap();
    }

    /// Locks all inputs anew.
    fn update(&self) {
        fs::remove_file(self.room.app.join("flake.lock")).unwrap();
        lock(&self.room, &self.room.app);
    }

    fn nix(&self, arguments: &[&str]) -> String {
        self.room.succeed(self.room.nix.program(), arguments)
    }

    fn target() -> String {
        format!(".#packages.{}.default.drvPath", system())
    }
}

fn lock(room: &Room, flake: &Path) {
    room.succeed(room.nix.program(), &["flake", "lock", &format!("path:{}", flake.display())]);
}

fn works(report: &Value) -> &Vec<Value> {
    report["corrections"]["works"].as_array().unwrap_or_else(|| panic!("{:#}", report["corrections"]))
}

/// The number of the correction of a kind, from 1, and what is told of it.
fn of_kind<'r>(report: &'r Value, kind: &str) -> (usize, &'r Value) {
    let at = works(report).iter().position(|one| one["action"]["kind"] == kind);
    let at = at.unwrap_or_else(|| panic!("no {kind}: {:#}", report["corrections"]));
    (at + 1, &works(report)[at])
}

/// Has the commit that an input is kept at written into the flake; an update of all inputs leaves it there.
fn is_kept(place: &Place, report: &Value) {
    let Place { room, pkgs } = place;
    let (number, _) = of_kind(report, "keep");
    let before = place.text("flake.nix");
    room.run(&["fix", "--apply", &number.to_string(), "--pin", "--yes"]).exits_with(0);
    let line = before.lines().find(|line| line.contains("/pkgs?")).unwrap();
    let pinned = line.replace("?ref=main", &format!("?ref=main&rev={}", pkgs[0]));
    assert_eq!(place.text("flake.nix"), before.replace(line, &pinned), "{}", room.nix.version);
    let locked = place.text("flake.lock");
    let strict = place.nix(&["eval", "--raw", "--no-update-lock-file", &Place::target()]);
    assert_eq!(place.text("flake.lock"), locked, "{}", room.nix.version);
    place.update();
    assert_eq!(place.nix(&["eval", "--raw", &Place::target()]), strict, "{}", room.nix.version);
    assert!(place.text("flake.lock").contains(&pkgs[0]));
}

#[test]
fn an_input_is_kept_or_gets_a_package_set_of_its_own_by_an_edit_that_nix_takes_as_it_is_with_every_nix() {
    for nix in every_nix_with_flakes() {
        let place = Place::new(&nix, APP);
        place.update();
        let Place { room, pkgs } = &place;
        room.run(&["find", "--quiet", "--memory", "512M"]).exits_with(0);
        let before = Listing::of(&[&room.app]);
        let report = room.run(&["fix", "--json"]).exits_with(0).json();
        Listing::of(&[&room.app]).is_same_as(&before);
        assert_eq!(report["result"]["commit"]["revision"], pkgs[1], "{}", nix.version);
        let original = ["flake.nix", "flake.lock"].map(|name| place.text(name));
        for kind in ["own", "apart"] {
            let (number, correction) = of_kind(&report, kind);
            assert_eq!(correction["action"]["input"], json!(["helper", "pkgs"]));
            assert_eq!(correction["action"]["to"]["revision"], pkgs[0]);
            assert_eq!(correction["proof"]["kind"], "own", "{} {correction:#}", nix.version);
            assert_eq!(correction["steps"][0]["file"], "flake.nix");
            let number = number.to_string();
            let run = room.run(&["fix", "--apply", &number, "--yes"]).exits_with(0);
            assert!(run.stdout.contains("--- a/flake.nix") && run.stdout.contains("--- a/flake.lock"), "{run}");
            let line = original[0].lines().find(|line| line.contains("follows")).unwrap();
            let url = format!("git+file://{}?ref=main&rev={}", room.path("pkgs").display(), pkgs[0]);
            let instead = match kind {
                "own" => "      # for now".to_owned(),
                _ => format!("      inputs.pkgs.url = \"{url}\"; # for now"),
            };
            assert_eq!(place.text("flake.nix"), original[0].replace(line, &instead), "{}", nix.version);
            // The user's own Nix takes both as they are, and has nothing to add.
            let locked = place.text("flake.lock");
            let strict = place.nix(&["eval", "--raw", "--no-update-lock-file", &Place::target()]);
            assert_eq!(strict, place.nix(&["eval", "--raw", &Place::target()]), "{kind} {}", nix.version);
            assert_eq!(place.text("flake.lock"), locked, "{kind} {}", nix.version);
            place.write(&original);
        }
        is_kept(&place, &report);
        place.write(&original);
        // What it says to do by hand does the same.
        let (_, own) = of_kind(&report, "own");
        assert_eq!(own["steps"][0]["text"], "take out `inputs.helper.inputs.pkgs.follows`");
        room.edit("flake.nix", "inputs.pkgs.follows = \"pkgs\";", "");
        let command = own["steps"][1]["command"].as_str().unwrap();
        room.succeed("sh", &["-ec", &command.replacen("nix ", &format!("{} ", nix.program().display()), 1)]);
        place.nix(&["eval", "--raw", "--no-update-lock-file", &Place::target()]);
    }
}

#[test]
fn an_input_with_a_package_set_of_its_own_follows_that_of_the_flake() {
    let Some(nix) = newest_nix() else { return };
    let place = Place::new(&nix, &APP.replace("      inputs.pkgs.follows = \"pkgs\"; # for now\n", ""));
    let Place { room, pkgs } = &place;
    let newest = format!("git+file://{}?ref=main&rev={}", room.path("pkgs").display(), pkgs[2]);
    place.nix(&["flake", "lock", "--override-input", "helper/pkgs", &newest]);
    room.run(&["find", "--quiet", "--memory", "512M"]).exits_with(0);
    let report = room.run(&["fix", "--json"]).exits_with(0).json();
    let (number, follow) = of_kind(&report, "follow");
    assert_eq!(follow["action"]["target"], json!(["pkgs"]));
    assert_eq!(follow["proof"]["kind"], "own", "{follow:#}");
    assert_eq!(follow["steps"][0]["text"], "inputs.helper.inputs.pkgs.follows = \"pkgs\";");
    let before = place.text("flake.nix");
    room.run(&["fix", "--apply", &number.to_string(), "--yes"]).exits_with(0);
    let url = before.lines().find(|line| line.contains("/helper?")).unwrap();
    let both = format!("{url}\n      inputs.pkgs.follows = \"pkgs\";");
    assert_eq!(place.text("flake.nix"), before.replace(url, &both));
    place.nix(&["eval", "--raw", "--no-update-lock-file", &Place::target()]);
}

#[test]
fn a_flake_that_says_it_in_an_unusual_way_is_left_alone_and_the_text_is_told() {
    let Some(nix) = newest_nix() else { return };
    let unusual =
        APP.replace("inputs.pkgs.follows = \"pkgs\";", "inputs.pkgs = { follows = \"pkgs\"; flake = true; };");
    let place = Place::new(&nix, &unusual);
    place.update();
    let Place { room, .. } = &place;
    room.run(&["find", "--quiet", "--memory", "512M"]).exits_with(0);
    let report = room.run(&["fix", "--json"]).exits_with(0).json();
    let (number, own) = of_kind(&report, "own");
    let why = "flake.nix has to be written by hand: more is said of `inputs.helper.inputs.pkgs` than that it follows";
    assert_eq!(own["proof"], json!({ "kind": "fast", "why": why }));
    let before = Listing::of(&[&room.app]);
    let refused = room.run(&["fix", "--apply", &number.to_string(), "--yes"]).exits_with(129);
    assert!(refused.stderr.contains("cannot be written for you"), "{refused}");
    assert!(refused.stdout.contains("take out `inputs.helper.inputs.pkgs.follows`"), "{refused}");
    let pinned = room.run(&["fix", "--apply", &number.to_string(), "--yes", "--pin"]).exits_with(129);
    assert!(pinned.stderr.contains("cannot be written for you"), "{pinned}");
    Listing::of(&[&room.app]).is_same_as(&before);
}

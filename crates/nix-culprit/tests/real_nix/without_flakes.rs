//! Projects without a flake on real Nix: pins of npins and niv, revisions in code, and channels.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::finding::names_the_culprit;
use crate::machine::{every_nix, newest_nix};
use crate::room::Room;
use crate::traces::{Listing, nothing_goes_on};

const APP: &str = r#"{ system ? builtins.currentSystem }:
let
  pkgs = import PKGS { inherit system; overlays = [ (import (OVERLAY + "/overlay.nix")) ]; };
in
{ app = pkgs.callPackage ./package.nix { }; }
"#;

/// A loader such as the programs generate, in a few words.
fn loader(hash: &str, pins: &str) -> String {
    format!(
        "builtins.mapAttrs (name: pin: pin // {{ outPath = builtins.fetchTarball {{ inherit (pin) url; sha256 = pin.{hash}; }}; \
         }}) (builtins.fromJSON (builtins.readFile ./sources.json)){pins}\n"
    )
}

struct Project<'a> {
    room: &'a Room,
    folder: PathBuf,
    archives: PathBuf,
}

impl<'a> Project<'a> {
    /// A git repository with these sources of the two inputs.
    fn new(room: &'a Room, pkgs: &str, overlay: &str) -> Self {
        let folder = room.path("project");
        fs::create_dir(&folder).unwrap();
        for file in ["package.nix", "dependencies.json"] {
            fs::copy(room.app.join(file), folder.join(file)).unwrap();
        }
        fs::write(folder.join("default.nix"), APP.replace("PKGS", pkgs).replace("OVERLAY", overlay)).unwrap();
        let project = Self { room, folder, archives: room.path("archives") };
        fs::create_dir(&project.archives).unwrap();
        project.git(&["init", "-q"]);
        project
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.room.git(&[&["-C", self.folder.to_str().unwrap()], arguments].concat())
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "state"]);
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Makes the archive of a commit, and returns the hash of what is in it.
    fn archive(&self, repository: &Path, rev: &str) -> String {
        let archive = self.archives.join(format!("{rev}.tar.gz"));
        let git_dir = repository.to_str().unwrap();
        let output = archive.to_str().unwrap();
        self.room.git(&["--git-dir", git_dir, "archive", "--format=tar.gz", "--prefix=x/", "-o", output, rev]);
        let tree = self.archives.join(rev);
        let script = format!(
            "mkdir '{0}' && tar -xzf '{1}' -C '{0}' && '{2}' --dump '{0}/x' | sha256sum | cut -c -64",
            tree.display(),
            output,
            self.room.nix.programs.join("nix-store").display()
        );
        let mut command = self.room.command("sh");
        let output = command.args(["-c", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn url(&self, rev: &str) -> String {
        format!("file://{}/{rev}.tar.gz", self.archives.display())
    }

    /// Archives of all that a confirmation can ask for.
    fn archives(&self) -> Inputs {
        let sample = &self.room.sample;
        let locked = fs::read(self.room.app.join("flake.lock")).unwrap();
        let lock: Value = serde_json::from_slice(&locked).unwrap();
        let overlay = lock["nodes"]["overlay"]["locked"]["rev"].as_str().unwrap().to_owned();
        let mut parents =
            self.room.git(&["--git-dir", sample.pkgs.to_str().unwrap(), "rev-parse", &format!("{}^@", sample.culprit)]);
        parents.push_str(&format!("\n{}", sample.culprit));
        parents.lines().for_each(|rev| drop(self.archive(&sample.pkgs, rev)));
        let overlay_hash = self.archive(&sample.overlay, &overlay);
        Inputs { overlay, overlay_hash }
    }
}

struct Inputs {
    overlay: String,
    overlay_hash: String,
}

fn npins(project: &Project<'_>, inputs: &Inputs, rev: &str) -> String {
    let sample = &project.room.sample;
    let pin = |repository: &Path, rev: &str, hash: &str| {
        json!({
            "type": "Git", "repository": { "type": "Git", "url": format!("file://{}", repository.display()) },
            "branch": "main", "revision": rev, "url": project.url(rev), "hash": hash,
        })
    };
    let pins = json!({
        "overlay": pin(&sample.overlay, &inputs.overlay, &inputs.overlay_hash),
        "pkgs": pin(&sample.pkgs, rev, &"0".repeat(64)),
    });
    format!("{:#}\n", json!({ "pins": pins, "version": 3 }))
}

fn niv(project: &Project<'_>, inputs: &Inputs, rev: &str) -> String {
    let pin = |rev: &str, hash: &str| json!({ "rev": rev, "sha256": hash, "type": "tarball", "url": project.url(rev) });
    let pins = json!({
        "overlay": pin(&inputs.overlay, &inputs.overlay_hash),
        "pkgs": pin(rev, &"0".repeat(64)),
    });
    format!("{pins:#}\n")
}

#[track_caller]
fn is_confirmed(report: &Value, room: &Room) {
    names_the_culprit(report, room);
    let confirmation = &report["confirmation"];
    assert_eq!(confirmation["kind"], "faithful", "with {}: {confirmation:#}", room.nix.version);
    assert_eq!(confirmation["culprit"]["outcome"]["class"], "out-of-memory");
    assert_eq!(confirmation["parent"]["outcome"]["class"], "success");
}

#[test]
fn an_update_of_npins_is_searched_and_confirmed_with_every_nix() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        let project = Project::new(&room, "(import ./npins).pkgs", "(import ./npins).overlay");
        let inputs = project.archives();
        project.write("npins/default.nix", &loader("hash", ".pins"));
        project.write("npins/sources.json", &npins(&project, &inputs, &room.sample.good));
        project.commit();
        project.write("npins/sources.json", &npins(&project, &inputs, &room.sample.bad));
        let before = Listing::of(&[&project.folder]);
        let folder = project.folder.to_str().unwrap();
        let report = room.run_small(&["find", folder, "--file", "default.nix", "-A", "app", "--json"]);
        let report = report.exits_with(0).json();
        Listing::of(&[&project.folder]).is_same_as(&before);
        nothing_goes_on(&room);
        is_confirmed(&report, &room);
        assert_eq!(report["flake"]["command"], "nix-instantiate 'default.nix' -A 'app'");
        assert_eq!(report["good"]["revision"], room.sample.good);
    }
}

#[test]
fn an_update_of_niv_is_searched_and_tabulated() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let project = Project::new(&room, "(import ./nix).pkgs", "(import ./nix).overlay");
    let inputs = project.archives();
    project.write("nix/default.nix", &loader("sha256", ""));
    project.write("nix/sources.json", &niv(&project, &inputs, &room.sample.good));
    project.commit();
    project.write("nix/sources.json", &niv(&project, &inputs, &room.sample.bad));
    let folder = project.folder.to_str().unwrap();
    let repositories = ["pkgs", "overlay"].map(|name| {
        let path = if name == "pkgs" { &room.sample.pkgs } else { &room.sample.overlay };
        format!("{name}={}", path.display())
    });
    let of_project = [folder, "-f", "default.nix", "-A", "app", "--repo", &repositories[0], "--repo", &repositories[1]];
    let report = room.run_small(&[&["find", "--json"], &of_project[..]].concat()).exits_with(0).json();
    is_confirmed(&report, &room);
    let table = room.run_small(&[&["matrix", "--json"], &of_project[..]].concat()).exits_with(0).json();
    let outcomes: Vec<_> = table["cells"].as_array().unwrap().iter().map(|cell| &cell["seen"]["outcome"]).collect();
    assert_eq!(outcomes, ["success", "out-of-memory"], "{table:#}");
}

#[test]
fn a_revision_in_code_is_searched() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let url = |rev: &str| format!("file://{}/{rev}.tar.gz", room.path("archives").display());
    let pkgs = format!("(fetchTarball \"{}\")", url(&room.sample.bad));
    let project = Project::new(&room, &pkgs, "./overlay");
    project.archives();
    room.git(&["clone", "-q", room.sample.overlay.to_str().unwrap(), project.folder.join("overlay").to_str().unwrap()]);
    fs::remove_dir_all(project.folder.join("overlay/.git")).unwrap();
    let lock: Value = serde_json::from_slice(&fs::read(room.app.join("flake.lock")).unwrap()).unwrap();
    let overlay = lock["nodes"]["overlay"]["locked"]["rev"].as_str().unwrap();
    export(&room, overlay, &project.folder.join("overlay"));
    project.commit();
    let folder = project.folder.to_str().unwrap();
    let pin = format!("pkgs={}..{}", room.sample.good, &room.sample.bad[..12]);
    let repo = format!("pkgs={}", room.sample.pkgs.display());
    let arguments = ["find", "--json", folder, "--file", "default.nix", "-A", "app", "--pin", &pin, "--repo", &repo];
    is_confirmed(&room.run_small(&arguments).exits_with(0).json(), &room);
    nothing_goes_on(&room);
}

/// Writes the tree of a commit of the overlay into a folder.
fn export(room: &Room, rev: &str, into: &Path) {
    let script = "rm -rf \"$3\" && mkdir \"$3\" && git --git-dir \"$1\" archive \"$2\" | tar -x -C \"$3\"";
    let overlay = room.sample.overlay.as_os_str();
    let status = Command::new("sh").args(["-c", script, "export"]).arg(overlay).arg(rev).arg(into).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_channel_is_searched_in_a_clone_with_every_nix() {
    for nix in every_nix() {
        let room = Room::new(&nix);
        let project = Project::new(&room, "<pkgs>", "./overlay");
        let lock: Value = serde_json::from_slice(&fs::read(room.app.join("flake.lock")).unwrap()).unwrap();
        export(&room, lock["nodes"]["overlay"]["locked"]["rev"].as_str().unwrap(), &project.folder.join("overlay"));
        project.commit();
        let repo = format!("pkgs={}", room.sample.pkgs.display());
        let folder = project.folder.to_str().unwrap();
        let (good, bad) = (&room.sample.good, &room.sample.bad);
        let ends = ["--good", good, "--bad", bad];
        let arguments = ["bisect", "--json", "--repo", &repo, folder, "--file", "default.nix", "-A", "app"];
        let report = room.run_small(&[&arguments[..], &ends[..]].concat()).exits_with(0).json();
        is_confirmed(&report, &room);
        nothing_goes_on(&room);
    }
}

#[test]
fn what_is_wrong_with_a_project_is_said() {
    let Some(nix) = newest_nix() else { return };
    let room = Room::new(&nix);
    let project = Project::new(&room, "<pkgs>", "./overlay");
    project.commit();
    let folder = project.folder.to_str().unwrap();
    let repo = format!("pkgs={}", room.sample.pkgs.display());
    let check = |arguments: &[&str], message: &str| {
        let run = room.run_small(&[&["probe", folder], arguments].concat()).exits_with(129);
        assert!(run.stderr.contains(message), "{arguments:?}: {run}");
    };
    check(&["--file", "default.nix"], "has neither npins/sources.json nor nix/sources.json");
    check(&["--file", "none.nix"], "there is no file");
    check(&["--file", "/etc/passwd"], "is not in the project's folder");
    check(&["--file", "default.nix", "-A", "nope", "--repo", &repo], "has none of nope");
    check(
        &["--file", "default.nix", "--pin", "pkgs=a..0123456"],
        "no Nix file of the project has the revision 0123456",
    );
    check(&["--file", "default.nix", "--pin", "pkgs"], "NAME=OLD..NEW");
    check(&["--pin", "pkgs=a..b"], "--file");
    check(&["--file", "default.nix", "--nixos", "box"], "cannot be used with");
    project.write("code.nix", &format!("\"{}\"", room.sample.bad));
    project.commit();
    let pin = format!("pkgs=a..{}", &room.sample.bad[..9]);
    check(&["--file", "default.nix", "--pin", &pin], "does not say from which repository");
    project.write("npins/sources.json", r#"{"pins":{},"version":99}"#);
    check(&["--file", "default.nix"], "has neither");
    project.commit();
    check(&["--file", "default.nix", "--repo", &repo], "the version of npins/sources.json is 99; 3 to 7 are known");
    project.write("new.nix", "{ }");
    check(&["--file", "new.nix", "--repo", &repo], "is not tracked by git");
}

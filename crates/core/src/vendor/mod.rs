//! The inputs of a flake as files of the flake itself, so that it stands alone.
//!
//! A lock of paths inside of the flake is understood by new Nix only (2.26), so nothing is locked: a file in the flake
//! calls the inputs as Nix does, which any Nix with flakes evaluates. Owns that file and the edit of `flake.nix`. Must
//! not know where the inputs' files come from.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::flake::{InputsTable, Lock, TableNode};
use crate::ids::NodeKey;
use crate::reduce::Project;
use crate::syntax::{bytes, name_nodes, parse, written_name, written_text};

/// Says why inputs cannot become files of a flake.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VendorError {
    /// There is no `flake.nix` that could be edited.
    #[error("flake.nix is not written as inputs and outputs")]
    Flake,
    /// The lock cannot be used.
    #[error("the lock leads nowhere")]
    Lock,
    /// An input lies outside of the one that it is relative to.
    #[error("the input `{0}` is a path that leads out of the input that it is in")]
    Outside(NodeKey),
}

/// The files of inputs, by lock node: paths from the top of the input's tree.
pub type Files = BTreeMap<NodeKey, Vec<(PathBuf, Vec<u8>)>>;

/// A flake that has its inputs in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendored {
    /// The project.
    pub project: Project,
    /// The folder of each input's files, from the top of the project.
    pub folders: BTreeMap<NodeKey, PathBuf>,
}

/// The flake of a lock without inputs.
const EMPTY_LOCK: &str = "{\n  \"nodes\": {\n    \"root\": {}\n  },\n  \"root\": \"root\",\n  \"version\": 7\n}\n";

/// Calls a flake as Nix does.
const CALL: &str = r#"  # As Nix calls the flake of an input.
  flake = dir: info: inputs:
    let
      outputs = (import (dir + "/flake.nix")).outputs (inputs // { self = result; });
      result = outputs // info // { outPath = dir; inherit inputs outputs; sourceInfo = info // { outPath = dir; }; _type = "flake"; };
    in
    result;
  files = dir: info: info // { outPath = dir; sourceInfo = info // { outPath = dir; }; };
"#;

/// Puts the files of inputs into a project whose `flake.nix` is in the folder `dir`.
///
/// # Errors
/// When `flake.nix` or the lock is not as it has to be.
pub fn vendor(project: &Project, dir: &Path, lock: &Lock, files: &Files) -> Result<Vendored, VendorError> {
    let table = lock.inputs_table().map_err(|_| VendorError::Lock)?;
    let flake = dir.join("flake.nix");
    let place = free_folder(project, dir);
    let text = project.text(&flake).and_then(|text| edited(text, Some(&place))).ok_or(VendorError::Flake)?;
    let mut all: BTreeMap<PathBuf, Vec<u8>> =
        project.files().map(|(path, content)| (path.to_owned(), content.to_vec())).collect();
    all.insert(flake, text.into_bytes());
    all.insert(dir.join("flake.lock"), EMPTY_LOCK.as_bytes().to_vec());
    let names = folder_names(&table);
    let mut folders = BTreeMap::new();
    for (key, content) in files {
        let Some(name) = names.get(key) else { continue };
        let folder = dir.join(&place).join(name);
        let own = Path::new(table.nodes.get(key).map_or("", |node| &node.dir)).join("flake.nix");
        all.extend(content.iter().map(|(path, content)| {
            // Where it would fetch its own inputs from is not asked any more, and is nobody's business.
            let text = std::str::from_utf8(content).ok().filter(|_| *path == own).and_then(|text| edited(text, None));
            (folder.join(path), text.map_or_else(|| content.clone(), String::into_bytes))
        }));
        folders.insert(key.clone(), folder);
    }
    all.insert(dir.join(&place).join("default.nix"), calls(&table, lock, &names)?.into_bytes());
    Ok(Vendored { project: Project::new(all), folders })
}

/// A name for the folder of all inputs that the project does not have beside `flake.nix`.
fn free_folder(project: &Project, dir: &Path) -> String {
    let is_free = |name: &String| !project.files().any(|(path, _)| path.starts_with(dir.join(name)));
    let names = std::iter::once("inputs".to_owned()).chain((2..).map(|number| format!("inputs{number}")));
    names.into_iter().find(is_free).unwrap_or_default()
}

/// Names a folder for each node that has a tree of its own.
fn folder_names(table: &InputsTable) -> BTreeMap<NodeKey, String> {
    let mut taken: BTreeSet<String> = BTreeSet::from(["default.nix".to_owned()]);
    let own = table.nodes.iter().filter(|(key, node)| **key != table.root && node.parent.is_none());
    own.map(|(key, _)| {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
        let mut name: String = key.0.chars().map(plain).collect();
        while name.is_empty() || !taken.insert(name.clone()) {
            name.push('_');
        }
        (key.clone(), name)
    })
    .collect()
}

/// The file that calls the inputs, and returns those of the flake.
fn calls(table: &InputsTable, lock: &Lock, names: &BTreeMap<NodeKey, String>) -> Result<String, VendorError> {
    let mut text = String::from("# The inputs of the flake beside it, from the files that were evaluated.\nlet\n");
    text.push_str(CALL);
    text.push_str("  nodes = {\n");
    for (key, node) in table.nodes.iter().filter(|(key, _)| **key != table.root) {
        let folder = folder_of(table, key, node, names)?;
        let info = info(lock, key);
        let name = written_name(&key.0);
        match node.flake {
            true => {
                text.push_str(&format!("    {name} = flake (toString ./{folder}) {{{info} }} {{{} }};\n", inputs(node)))
            }
            false => text.push_str(&format!("    {name} = files (toString ./{folder}) {{{info} }};\n")),
        }
    }
    let root = table.nodes.get(&table.root).ok_or(VendorError::Lock)?;
    text.push_str(&format!("  }};\nin\n{{{} }}\n", inputs(root)));
    Ok(text)
}

fn inputs(node: &TableNode) -> String {
    let input = |(name, key): (&String, &NodeKey)| format!(" {} = nodes.{};", written_name(name), written_name(&key.0));
    node.inputs.iter().map(input).collect()
}

/// What code can ask of where an input comes from.
fn info(lock: &Lock, key: &NodeKey) -> String {
    let locked = lock.nodes.get(key).and_then(|node| node.locked.as_ref());
    let mut text = String::new();
    if let Some(rev) = locked.and_then(|locked| locked.text("rev")) {
        let short: String = rev.chars().take(7).collect();
        text.push_str(&format!(" rev = {}; shortRev = {};", written_text(rev), written_text(&short)));
    }
    if let Some(modified) = locked.and_then(|locked| locked.number("lastModified")) {
        let date = i64::try_from(modified).ok().and_then(|modified| jiff::Timestamp::from_second(modified).ok());
        text.push_str(&format!(" lastModified = {modified};"));
        if let Some(date) = date {
            text.push_str(&format!(" lastModifiedDate = \"{}\";", date.strftime("%Y%m%d%H%M%S")));
        }
    }
    if let Some(hash) = locked.and_then(|locked| locked.text("narHash")) {
        text.push_str(&format!(" narHash = {};", written_text(hash)));
    }
    text
}

/// The folder that a node's flake is in, from the folder of all inputs.
fn folder_of(
    table: &InputsTable,
    key: &NodeKey,
    node: &TableNode,
    names: &BTreeMap<NodeKey, String>,
) -> Result<String, VendorError> {
    let (above, below) = match &node.parent {
        None => (names.get(key).ok_or(VendorError::Lock)?.clone(), String::new()),
        Some(parent) if *parent == table.root => return Err(VendorError::Outside(key.clone())),
        Some(parent) => {
            let above = table.nodes.get(parent).ok_or(VendorError::Lock)?;
            (folder_of(table, parent, above, names)?, node.path.clone().unwrap_or_default())
        }
    };
    let mut folder = above;
    for part in below.split('/').chain(node.dir.split('/')).filter(|part| !part.is_empty() && *part != ".") {
        let plain = part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if part == ".." || !plain {
            return Err(VendorError::Outside(key.clone()));
        }
        folder = format!("{folder}/{part}");
    }
    Ok(folder)
}

/// Returns a `flake.nix` that asks for no inputs, and gets those in a folder beside it, if one is given.
fn edited(text: &str, place: Option<&str>) -> Option<String> {
    let top = parse(text)?.first_child()?;
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut wrapped = place.is_none();
    for entry in top.children() {
        let names = name_nodes(&entry);
        let first = names.first().map(|name| name.text().to_string());
        let range = |node: &rnix::SyntaxNode| bytes(node).0..bytes(node).1;
        match (first.as_deref(), place) {
            (Some("inputs"), _) => edits.push((range(&entry), String::new())),
            (Some("outputs"), Some(place)) if names.len() == 1 => {
                let value = entry.last_child()?;
                let call = format!("{{ self }}: ({}) (import ./{place} // {{ inherit self; }})", value.text());
                edits.push((range(&value), call));
                wrapped = true;
            }
            _ => {}
        }
    }
    let mut after = text.to_owned();
    for (range, with) in edits.into_iter().rev() {
        after.replace_range(range, &with);
    }
    (wrapped && parse(&after).is_some()).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"{"nodes":{
        "overlay":{"inputs":{"pkgs":["pkgs"]},"locked":{"type":"git","url":"file:///o","rev":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","lastModified":1692446400}},
        "pkgs":{"flake":false,"locked":{"type":"git","url":"file:///p","dir":"sub"}},
        "root":{"inputs":{"overlay":"overlay","pkgs":"pkgs"}}},"root":"root","version":7}"#;

    fn project(files: &[(&str, &str)]) -> Project {
        Project::new(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())))
    }

    fn files() -> Files {
        let key = |name: &str| NodeKey(name.to_owned());
        Files::from([
            (
                key("overlay"),
                vec![(
                    "flake.nix".into(),
                    b"{ inputs.pkgs.url = \"/home/me\"; outputs = { self, pkgs }: { }; }".to_vec(),
                )],
            ),
            (key("pkgs"), vec![("sub/default.nix".into(), b"{ }".to_vec())]),
        ])
    }

    #[test]
    fn the_inputs_become_files_and_are_called_as_the_lock_has_them() {
        let flake = "{\n  inputs.pkgs.url = \"x\";\n  inputs = { overlay.url = \"y\"; };\n  outputs = inputs@{ self, pkgs, ... }: { a = 1; };\n}\n";
        let before = project(&[("flake.nix", flake), ("flake.lock", LOCK), ("inputs/mine", "")]);
        let lock = Lock::parse(LOCK).unwrap();
        let Vendored { project, folders } = vendor(&before, Path::new(""), &lock, &files()).unwrap();
        let paths: Vec<_> = project.files().map(|(path, _)| path.display().to_string()).collect();
        let expected = [
            "flake.lock",
            "flake.nix",
            "inputs/mine",
            "inputs2/default.nix",
            "inputs2/overlay/flake.nix",
            "inputs2/pkgs/sub/default.nix",
        ];
        assert_eq!(paths, expected);
        assert_eq!(
            folders.values().map(|path| path.display().to_string()).collect::<Vec<_>>(),
            ["inputs2/overlay", "inputs2/pkgs"]
        );
        let expected = "{ self }: (inputs@{ self, pkgs, ... }: { a = 1; }) (import ./inputs2 // { inherit self; })";
        let flake = project.text(Path::new("flake.nix")).unwrap();
        assert!(flake.contains(expected) && !flake.contains("url"), "{flake}");
        let overlay = project.text(Path::new("inputs2/overlay/flake.nix")).unwrap();
        assert_eq!(overlay, "{  outputs = { self, pkgs }: { }; }");
        let calls = project.text(Path::new("inputs2/default.nix")).unwrap();
        let (_, nodes) = calls.split_once("  nodes = {").unwrap();
        insta::assert_snapshot!(nodes, @r#"

            overlay = flake (toString ./overlay) { rev = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; shortRev = "aaaaaaa"; lastModified = 1692446400; lastModifiedDate = "20230819120000"; } { pkgs = nodes.pkgs; };
            pkgs = files (toString ./pkgs/sub) { };
          };
        in
        { overlay = nodes.overlay; pkgs = nodes.pkgs; }
        "#);
        assert!(Lock::parse(project.text(Path::new("flake.lock")).unwrap()).unwrap().inputs_table().is_ok());
        assert!(parse(calls).is_some());
    }

    #[test]
    fn what_is_not_written_as_a_flake_is_refused() {
        let lock = Lock::parse(LOCK).unwrap();
        for flake in ["import ./other.nix", "{ outputs.a = 1; }", "{ inputs = { }; }", "{"] {
            let before = project(&[("flake.nix", flake)]);
            assert_eq!(vendor(&before, Path::new(""), &lock, &files()), Err(VendorError::Flake), "{flake}");
        }
        let outside = LOCK.replace("\"dir\":\"sub\"", "\"dir\":\"../sub\"");
        let before = project(&[("flake.nix", "{ outputs = x: x; }")]);
        let refused = vendor(&before, Path::new(""), &Lock::parse(&outside).unwrap(), &files());
        assert_eq!(refused, Err(VendorError::Outside(NodeKey("pkgs".to_owned()))));
    }
}

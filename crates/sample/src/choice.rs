//! A small flake with three changed inputs, of which one, two together, or an edge makes the difference.
//!
//! The inputs are `lib`, `theme` and `frame`; `frame` uses `panel`, which uses a `lib` of its own, until `frame` says
//! that it follows the one of `frame`. Every repository counts its commits in `value.nix`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::SampleError;
use crate::history::START;
use crate::import::{self, Commit, Importer, Line};
use crate::lock::{self, Node};
use crate::nar::Tree;
use crate::sample::url;

/// What makes the difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Matter {
    /// A commit of `lib`.
    One,
    /// A commit of `lib` together with one of `theme`.
    Two,
    /// That `frame/panel/lib` follows `frame/lib`, whatever is updated besides.
    Edge,
    /// A commit of `lib`, but only where `frame/panel/lib` follows it.
    Followed,
}

/// The flake on disk, and what is true of it.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The flake: a repository with a working tree, whose `flake.lock` has been updated.
    pub app: PathBuf,
    /// The commit of `lib` that matters, where one does.
    pub lib: String,
    /// The commit of `theme` that matters, where one does.
    pub theme: String,
}

/// Commits of each input.
const COMMITS: usize = 8;
/// The commits that the locks pin.
const OLD: usize = 1;
const NEW: usize = 7;
/// The commits that matter.
const LIB: usize = 5;
const THEME: usize = 3;
/// From this commit on `frame` says what `panel` follows.
const FOLLOWS: usize = 4;

const COUNT: &str = "{\n  outputs = _: { value = import ./value.nix; };\n}\n";
const PANEL: &str =
    "{\n  inputs.lib.url = \"git+@lib@?ref=main\";\n  outputs = { self, lib }: { inherit (lib) value; };\n}\n";
const FRAME: &str = "{
  inputs.lib.url = \"git+@lib@?ref=main\";
  inputs.panel.url = \"git+@panel@?ref=main\";@follows@
  outputs = { self, lib, panel }: {
    value = import ./value.nix;
    panel = panel.value;
  };
}
";
const APP: &str = "{
  inputs = {
    lib.url = \"git+@lib@?ref=main\";
    theme.url = \"git+@theme@?ref=main\";
    frame.url = \"git+@frame@?ref=main\";
    frame.inputs.lib.follows = \"lib\";
  };
  outputs = { self, lib, theme, frame }: {
    devShells = builtins.listToAttrs (map (system: {
      name = system;
      value.default =
        if @rule@
        then throw \"the panel does not fit into the frame\"
        else derivation { name = \"app\"; inherit system; builder = \"/bin/sh\"; };
    }) [ \"x86_64-linux\" \"aarch64-linux\" ]);
  };
}
";

/// One repository with all its commits.
struct Input {
    path: PathBuf,
    hashes: Vec<String>,
    trees: Vec<Tree>,
}

impl Input {
    fn write(path: PathBuf, flake: &dyn Fn(usize) -> String) -> Result<Self, SampleError> {
        let mut importer = Importer::start(&path)?;
        let mut trees = Vec::new();
        for number in 0..COMMITS {
            let text = |path: &str, text: String| (path.to_owned(), text.into_bytes());
            let tree = Tree::from([text("flake.nix", flake(number)), text("value.nix", format!("{number}\n"))]);
            importer.commit(&Commit {
                line: Line::Main,
                parents: number.checked_sub(1).into_iter().collect(),
                author: "Ada Berg <adaberg@example.org>".to_owned(),
                time: time(number),
                message: format!("count to {number}\n"),
                files: tree.clone().into_iter().collect(),
            })?;
            trees.push(tree);
        }
        Ok(Self { path, hashes: importer.finish()?, trees })
    }

    /// The lock node of one of its commits, with these inputs.
    fn node(&self, name: &'static str, number: usize, inputs: &[(&str, Value)]) -> Value {
        let mut node = lock::entry(&Node {
            name,
            url: url(&self.path),
            rev: self.hashes[number].clone(),
            rev_count: number as u64 + 1,
            last_modified: time(number),
            nar_hash: Node::hash_of(&self.trees[number]),
            follows: Vec::new(),
        });
        if !inputs.is_empty() {
            let inputs = inputs.iter().map(|(name, link)| ((*name).to_owned(), link.clone()));
            node["inputs"] = Value::Object(inputs.collect());
        }
        node
    }
}

const fn time(number: usize) -> u64 {
    START + number as u64 * 86_400
}

/// Makes the flake and its inputs in a folder, which must be there.
pub fn generate_choice(dir: &Path, matter: Matter) -> Result<Choice, SampleError> {
    let dir = dir.canonicalize().map_err(|source| SampleError::File { path: dir.to_path_buf(), source })?;
    let place = |name: &str| dir.join(format!("{name}.git"));
    let with_urls = |text: &str| {
        let known = ["lib", "theme", "frame", "panel"].map(|name| (format!("@{name}@"), url(&place(name))));
        known.into_iter().fold(text.to_owned(), |text, (mark, url)| text.replace(&mark, &url))
    };
    let lib = Input::write(place("lib"), &|_| COUNT.to_owned())?;
    let theme = Input::write(place("theme"), &|_| COUNT.to_owned())?;
    let panel = Input::write(place("panel"), &|_| with_urls(PANEL))?;
    let frame = Input::write(place("frame"), &|number| {
        let follows = if number >= FOLLOWS { "\n  inputs.panel.inputs.lib.follows = \"lib\";" } else { "" };
        with_urls(&FRAME.replace("@follows@", follows))
    })?;
    let lock = |lib_at: usize, others_at: usize, edge: Value| {
        let mut nodes = Map::new();
        let mut add = |key: &str, node| nodes.insert(key.to_owned(), node);
        add("root", json!({ "inputs": { "lib": "lib", "theme": "theme", "frame": "frame" } }));
        add("lib", lib.node("lib", lib_at, &[]));
        add("theme", theme.node("theme", others_at, &[]));
        add("frame", frame.node("frame", others_at, &[("lib", json!(["lib"])), ("panel", json!("panel"))]));
        if edge.is_string() {
            add("lib_2", lib.node("lib", OLD, &[]));
        }
        add("panel", panel.node("panel", OLD, &[("lib", edge)]));
        let mut text = json!({ "nodes": nodes, "root": "root", "version": 7 });
        text.sort_all_objects();
        format!("{text:#}\n")
    };
    let (own, follows) = (json!("lib_2"), json!(["frame", "lib"]));
    let (good, bad, rule) = match matter {
        Matter::One => (lock(OLD, OLD, own.clone()), lock(NEW, NEW, own), format!("lib.value >= {LIB}")),
        Matter::Two => {
            let rule = format!("lib.value >= {LIB} && theme.value >= {THEME}");
            (lock(OLD, OLD, own.clone()), lock(NEW, NEW, own), rule)
        }
        Matter::Edge => (lock(NEW, OLD, own), lock(NEW, NEW, follows), format!("frame.panel >= {LIB}")),
        Matter::Followed => (lock(OLD, OLD, own), lock(NEW, NEW, follows), format!("frame.panel >= {LIB}")),
    };
    let app = dir.join("app");
    let file = |source| SampleError::File { path: app.clone(), source };
    std::fs::create_dir_all(&app).map_err(file)?;
    import::run(&app, &["init", "-q", "--template=", "-b", "main"])?;
    let flake = with_urls(&APP.replace("@rule@", &rule));
    let mut importer = Importer::into(&app, &app.join(".git"))?;
    importer.commit(&Commit {
        line: Line::Main,
        parents: Vec::new(),
        author: "Ada Berg <adaberg@example.org>".to_owned(),
        time: time(OLD),
        message: "add a flake\n".to_owned(),
        files: vec![("flake.nix".to_owned(), flake.into_bytes()), ("flake.lock".to_owned(), good.into_bytes())],
    })?;
    importer.finish()?;
    import::run(&app, &["reset", "-q", "--hard", "main"])?;
    std::fs::write(app.join("flake.lock"), bad).map_err(file)?;
    Ok(Choice { app, lib: lib.hashes[LIB].clone(), theme: theme.hashes[THEME].clone() })
}

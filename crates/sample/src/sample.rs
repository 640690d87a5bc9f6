//! What the crate offers: options in, a sample on disk and the truth about it out.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::app::{self, Application, Kind};
use crate::history::{self, Pinned};
use crate::import::{self, Importer};
use crate::lock::{self, Node};
use crate::overlay;
use crate::packages::Catalogue;

/// Dependencies of the grown application.
const DEPENDENCIES: usize = 40;

/// What the sample should be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The seed of everything that is left to chance.
    pub seed: u64,
    /// Commits in the package-set repository; at least 30 are made.
    pub commits: usize,
    /// How many files the package set's tree has at least; 0 adds none to the about 400 that it has anyway.
    pub widen: usize,
    /// How many of the files that were added by `widen` the development shell needs; each is a package and makes the
    /// evaluation about a millisecond longer. More than there are stand for all.
    pub closure: usize,
    /// At how many commits the evaluation becomes heavier, instead of eating all memory at one: each makes about half
    /// as many thunks more as there are at the start. 0 makes the usual sample.
    pub jumps: usize,
    /// Where the culprit lies between the good commit (0.0) and the end (1.0); derived from the seed when absent.
    pub culprit: Option<f64>,
    /// How large the application is. A grown one needs none of the files of `closure`.
    pub application: Application,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seed: 1,
            commits: 3000,
            widen: 0,
            closure: 0,
            jumps: 0,
            culprit: None,
            application: Application::Small,
        }
    }
}

/// What a commit of the package set does to the application's `devShells.<system>.default` when the overlay is at its
/// locked commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It evaluates.
    Good,
    /// Evaluation grows without bound.
    Bad,
    /// It fails to evaluate for a reason that has nothing to do with the culprit.
    Broken,
}

/// A sample on disk, and what is true of it.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The package-set repository (bare).
    pub pkgs: PathBuf,
    /// The overlay's repository (bare).
    pub overlay: PathBuf,
    /// The application's flake: a repository with a working tree, whose `flake.lock` has been updated.
    pub app: PathBuf,
    /// The package-set commit that the committed lock pins.
    pub good: String,
    /// The package-set commit that the updated lock pins.
    pub bad: String,
    /// The commit that is to be found.
    pub culprit: String,
    /// Its only parent, which is good.
    pub culprit_parent: String,
    /// The pull request by which the culprit came to the main line.
    pub pull_request: u32,
    /// The merge of that pull request.
    pub merge: String,
    /// The overlay's commit that both locks pin.
    pub overlay_locked: String,
    /// The overlay's first commit that evaluates with the culprit.
    pub overlay_fixed: String,
    /// The commits at which the evaluation becomes heavier, oldest first.
    pub jumps: Vec<String>,
    /// What each commit of the package set does, in the order in which they were made (parents first).
    pub truth: Vec<(String, State)>,
}

/// Why no sample could be made.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The folder for the sample holds something already.
    #[error("the folder {} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot use the file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// git could not be run.
    #[error("cannot run git {arguments}")]
    Git {
        /// Its arguments.
        arguments: String,
        /// Why.
        source: io::Error,
    },
    /// git ran and failed; it has said why on stderr.
    #[error("git {arguments} failed")]
    GitFailed {
        /// Its arguments.
        arguments: String,
    },
    /// The history has no room for everything that it must have.
    #[error("{commits} commits are too few")]
    TooShort {
        /// The number asked for.
        commits: usize,
    },
}

/// Makes a sample in a folder, which must be empty or absent.
pub fn generate(dir: &Path, options: &Options) -> Result<Sample, SampleError> {
    let at = |source| SampleError::File { path: dir.to_path_buf(), source };
    std::fs::create_dir_all(dir).map_err(at)?;
    if std::fs::read_dir(dir).map_err(at)?.next().is_some() {
        return Err(SampleError::NotEmpty { path: dir.to_path_buf() });
    }
    let dir = dir.canonicalize().map_err(at)?;
    let [pkgs, overlay, tools, systems] =
        ["pkgs.git", "overlay.git", "tools.git", "systems.git"].map(|name| dir.join(name));

    let mut importer = Importer::start(&pkgs)?;
    let history = history::write(options, &mut importer)?;
    let hashes = importer.finish()?;
    let mut importer = Importer::start(&overlay)?;
    // So that partial clones of it can be made, as of a host's repository.
    for setting in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
        import::run(&pkgs, &["config", setting, "true"])?;
    }
    let overlay_history = overlay::write(
        &mut importer,
        if options.jumps == 0 { overlay::LockedAt::Harmful } else { overlay::LockedAt::Repaired },
    )?;
    let overlay_hashes = importer.finish()?;
    let mut importer = Importer::start(&tools)?;
    let tools_history = overlay::write_tools(&mut importer)?;
    let tools_hashes = importer.finish()?;
    let mut importer = Importer::start(&systems)?;
    let systems_pinned = overlay::write_systems(&mut importer)?;
    let systems_hashes = importer.finish()?;

    let shared = [
        Node {
            follows: vec![("pkgs", "pkgs")],
            ..node("overlay", &overlay, &overlay_hashes, &overlay_history.locked)?
        },
        node("systems", &systems, &systems_hashes, &systems_pinned)?,
    ];
    let lock = |pinned: &Pinned, tools_pinned: usize| -> Result<String, SampleError> {
        let mut nodes = shared.to_vec();
        nodes.push(node("pkgs", &pkgs, &hashes, pinned)?);
        nodes.push(node("tools", &tools, &tools_hashes, &tools_history[tools_pinned])?);
        Ok(lock::text(&nodes))
    };
    let app = dir.join("app");
    let urls = app::Urls { pkgs: &url(&pkgs), overlay: &url(&overlay), tools: &url(&tools), systems: &url(&systems) };
    let locks = app::Locks {
        older: lock(&history.older, 0)?,
        good: lock(&history.good, 1)?,
        good_time: history.good.time,
        bad: lock(&history.bad, 5)?,
    };
    let dependencies = Catalogue::new(options.seed).poetry_lock(DEPENDENCIES);
    let kind = match options.application {
        Application::Small => Kind::Small { closure: &history.closure },
        Application::Grown => Kind::Grown { dependencies: &dependencies },
    };
    app::write(&app, &urls, &kind, &locks)?;

    let sample = Sample {
        pkgs,
        overlay,
        app,
        good: hashes[history.good.number].clone(),
        bad: hashes[history.bad.number].clone(),
        culprit: hashes[history.culprit].clone(),
        culprit_parent: hashes[history.culprit_parent].clone(),
        pull_request: history.pull_request,
        merge: hashes[history.merge].clone(),
        overlay_locked: overlay_hashes[overlay_history.locked.number].clone(),
        overlay_fixed: overlay_hashes[overlay_history.fixed].clone(),
        jumps: history.jumps.iter().map(|number| hashes[*number].clone()).collect(),
        truth: hashes.into_iter().zip(history.states).collect(),
    };
    write_json(&dir.join("sample.json"), &sample.to_json())?;
    let truth: Vec<Value> = sample.truth.iter().map(|(commit, state)| json!([commit, state.as_str()])).collect();
    write_json(&dir.join("truth.json"), &Value::Array(truth))?;
    Ok(sample)
}

impl State {
    /// The state as `truth.json` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Bad => "bad",
            State::Broken => "broken",
        }
    }
}

impl Sample {
    fn to_json(&self) -> Value {
        json!({
            "pkgs": self.pkgs,
            "overlay": self.overlay,
            "app": self.app,
            "good": self.good,
            "bad": self.bad,
            "culprit": self.culprit,
            "culprit_parent": self.culprit_parent,
            "pull_request": self.pull_request,
            "merge": self.merge,
            "overlay_locked": self.overlay_locked,
            "overlay_fixed": self.overlay_fixed,
            "jumps": self.jumps,
        })
    }
}

fn node(name: &'static str, repository: &Path, hashes: &[String], pinned: &Pinned) -> Result<Node, SampleError> {
    let rev = hashes[pinned.number].clone();
    let count = import::run(repository, &["rev-list", "--count", &rev])?;
    Ok(Node {
        name,
        url: url(repository),
        rev_count: count
            .parse()
            .map_err(|_| SampleError::GitFailed { arguments: format!("rev-list --count {rev}") })?,
        rev,
        last_modified: pinned.time,
        nar_hash: Node::hash_of(&pinned.tree),
        follows: Vec::new(),
    })
}

pub(crate) fn url(repository: &Path) -> String {
    format!("file://{}", repository.display())
}

fn write_json(path: &Path, value: &Value) -> Result<(), SampleError> {
    std::fs::write(path, format!("{value:#}\n"))
        .map_err(|source| SampleError::File { path: path.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nar::{self, Tree};

    fn read(folder: &Path, prefix: &str, tree: &mut Tree) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                read(&entry.path(), &format!("{path}/"), tree);
            } else {
                tree.insert(path, std::fs::read(entry.path()).unwrap());
            }
        }
    }

    /// The generator computes the hashes from what it means to write; this takes them from what git wrote.
    #[test]
    fn every_hash_in_the_locks_is_the_one_of_the_tree_that_git_checks_out() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { commits: 300, widen: 500, ..Options::default() };
        let sample = generate(&dir.path().join("sample"), &options).unwrap();
        let updated: Value = serde_json::from_slice(&std::fs::read(sample.app.join("flake.lock")).unwrap()).unwrap();
        let committed: Value =
            serde_json::from_str(&import::run(&sample.app, &["show", "HEAD:flake.lock"]).unwrap()).unwrap();
        for (lock, label) in [(committed, "committed"), (updated, "updated")] {
            for input in ["pkgs", "overlay", "tools", "systems"] {
                let locked = &lock["nodes"][input]["locked"];
                let checkout = dir.path().join(format!("{label}-{input}"));
                std::fs::create_dir(&checkout).unwrap();
                let work_tree = format!("--work-tree={}", checkout.display());
                let repository = locked["url"].as_str().unwrap().trim_start_matches("file://");
                let rev = locked["rev"].as_str().unwrap();
                import::run(Path::new(repository), &[&work_tree, "checkout", "-q", "-f", rev, "--", "."]).unwrap();
                let mut tree = Tree::new();
                read(&checkout, "", &mut tree);
                assert_eq!(locked["narHash"], nar::hash(&tree), "{label} {input}");
            }
        }
    }
}

//! The application's flake: its history, its committed lock, and its working tree with the updated lock.

use std::path::Path;

use crate::SampleError;
use crate::import::{self, Commit, Importer, Line};

const FLAKE: &str = include_str!("tree/app/flake.nix");
const PACKAGE: &str = include_str!("tree/app/package.nix");
const SHELL: &str = include_str!("tree/app/shell.nix");
/// The shell with packages of the package set's files that only make it wide, each worth about a millisecond.
const WIDE_SHELL: &str = include_str!("tree/app/wide-shell.nix");
const DEPENDENCIES: &str = include_str!("tree/app/dependencies.json");

/// Where the application's inputs are, as URLs.
pub(crate) struct Urls<'a> {
    pub(crate) pkgs: &'a str,
    pub(crate) overlay: &'a str,
    pub(crate) tools: &'a str,
    pub(crate) systems: &'a str,
}

/// The lock files: the first one, the one in the flake's HEAD with its time, the updated one.
pub(crate) struct Locks {
    pub(crate) older: String,
    pub(crate) good: String,
    pub(crate) good_time: u64,
    pub(crate) bad: String,
}

/// Writes the application's repository and working tree.
///
/// `closure` holds the paths of package files that the shell needs besides.
pub(crate) fn write(folder: &Path, urls: &Urls<'_>, closure: &[String], locks: &Locks) -> Result<(), SampleError> {
    std::fs::create_dir_all(folder).map_err(|source| SampleError::File { path: folder.to_path_buf(), source })?;
    import::run(folder, &["init", "-q", "--template=", "-b", "main"])?;
    let flake = FLAKE
        .replace("@pkgs@", urls.pkgs)
        .replace("@overlay@", urls.overlay)
        .replace("@tools@", urls.tools)
        .replace("@systems@", urls.systems);
    let flake = if closure.is_empty() {
        flake
    } else {
        flake.replace("inherit tools;", "inherit tools;\n          root = pkgs;")
    };
    let package = |version: &str| PACKAGE.replace("@version@", version);
    let text = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let shell: Vec<(String, Vec<u8>)> = if closure.is_empty() {
        vec![text("shell.nix", SHELL)]
    } else {
        let list = serde_json::to_string_pretty(closure).unwrap_or_default();
        vec![text("shell.nix", WIDE_SHELL), text("shell-packages.nix", SHELL), text("closure.json", &list)]
    };
    let commits = [
        ("start", vec![text("README.md", "# feedview\n"), text(".gitignore", "/result\n")]),
        ("add dependencies", vec![text("dependencies.json", DEPENDENCIES), text("package.nix", &package("0.1"))]),
        ("add a flake", [vec![text("flake.nix", &flake), text("flake.lock", &locks.older)], shell].concat()),
        ("update inputs", vec![text("flake.lock", &locks.good)]),
        ("version 0.2", vec![text("package.nix", &package("0.2"))]),
    ];
    let mut importer = Importer::into(folder, &folder.join(".git"))?;
    for (number, (title, files)) in commits.into_iter().enumerate() {
        importer.commit(&Commit {
            line: Line::Main,
            parents: number.checked_sub(1).into_iter().collect(),
            author: "Ada Berg <adaberg@example.org>".to_owned(),
            time: locks.good_time + number as u64 * 3_600 - 2 * 3_600,
            message: format!("{title}\n"),
            files,
        })?;
    }
    importer.finish()?;
    import::run(folder, &["reset", "-q", "--hard", "main"])?;
    for (name, content) in [("flake.lock", locks.bad.as_str()), ("notes.txt", "Ask why the shell eats all memory.\n")] {
        let path = folder.join(name);
        std::fs::write(&path, content).map_err(|source| SampleError::File { path, source })?;
    }
    let result = folder.join("result");
    std::os::unix::fs::symlink("/nonexistent/feedview-0.1", &result)
        .map_err(|source| SampleError::File { path: result, source })
}

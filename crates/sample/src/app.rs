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

/// The grown application: its files, and where the texts with marks are.
const GROWN: [(&str, &str); 8] = [
    ("flake.nix", include_str!("tree/app/grown/flake.nix")),
    ("nix/application.nix", include_str!("tree/app/grown/nix/application.nix")),
    ("nix/docs.nix", include_str!("tree/app/grown/nix/docs.nix")),
    ("nix/overrides.nix", include_str!("tree/app/grown/nix/overrides.nix")),
    ("nix/service.nix", include_str!("tree/app/grown/nix/service.nix")),
    ("nix/settings.nix", include_str!("tree/app/grown/nix/settings.nix")),
    ("nix/shell.nix", include_str!("tree/app/grown/nix/shell.nix")),
    ("pyproject.toml", include_str!("tree/app/grown/pyproject.toml")),
];

/// How large the application is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Application {
    /// As small as shows the failure.
    #[default]
    Small,
    /// As it is after some years: 40 dependencies in a lock file of their own, 15 outputs, and 60 bindings of `let`.
    Grown,
}

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

/// What the application is made of.
pub(crate) enum Kind<'a> {
    /// The small one, and the paths of package files that the shell needs besides.
    Small { closure: &'a [String] },
    /// The grown one, with the text of its `poetry.lock`.
    Grown { dependencies: &'a str },
}

/// Writes the application's repository and working tree.
pub(crate) fn write(folder: &Path, urls: &Urls<'_>, kind: &Kind<'_>, locks: &Locks) -> Result<(), SampleError> {
    std::fs::create_dir_all(folder).map_err(|source| SampleError::File { path: folder.to_path_buf(), source })?;
    import::run(folder, &["init", "-q", "--template=", "-b", "main"])?;
    let marked = |text: &str| {
        text.replace("@pkgs@", urls.pkgs)
            .replace("@overlay@", urls.overlay)
            .replace("@tools@", urls.tools)
            .replace("@systems@", urls.systems)
    };
    let text = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    let lock = |lock: &str| text("flake.lock", lock);
    let (first, flake, version) = match kind {
        Kind::Small { closure } => {
            let package = |version: &str| text("package.nix", &PACKAGE.replace("@version@", version));
            let first = vec![text("dependencies.json", DEPENDENCIES), package("0.1")];
            (first, small(&marked(FLAKE), closure), package("0.2"))
        }
        Kind::Grown { dependencies } => {
            let versioned = |version: &str| {
                let files =
                    GROWN.iter().map(|(path, content)| text(path, &marked(content).replace("@version@", version)));
                files.collect::<Vec<_>>()
            };
            let project = |version: &str| versioned(version).pop().expect("the project file is the last");
            let mut files = versioned("0.1");
            files.pop();
            (vec![text("poetry.lock", dependencies), project("0.1")], files, project("0.2"))
        }
    };
    let commits = [
        ("start", vec![text("README.md", "# feedview\n"), text(".gitignore", "/result\n")]),
        ("add dependencies", first),
        ("add a flake", [vec![lock(&locks.older)], flake].concat()),
        ("update inputs", vec![lock(&locks.good)]),
        ("version 0.2", vec![version]),
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

/// The small application's flake and shell.
fn small(flake: &str, closure: &[String]) -> Vec<(String, Vec<u8>)> {
    let text = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
    if closure.is_empty() {
        return vec![text("flake.nix", flake), text("shell.nix", SHELL)];
    }
    let flake = flake.replace("inherit tools;", "inherit tools;\n          root = pkgs;");
    let list = serde_json::to_string_pretty(closure).unwrap_or_default();
    vec![
        text("flake.nix", &flake),
        text("shell.nix", WIDE_SHELL),
        text("shell-packages.nix", SHELL),
        text("closure.json", &list),
    ]
}

#[cfg(test)]
mod tests {
    use rnix::{SyntaxKind, SyntaxNode};

    use super::*;

    fn nodes(text: &str) -> Vec<SyntaxNode> {
        let parsed = rnix::Root::parse(text);
        assert_eq!(parsed.errors(), []);
        parsed.syntax().descendants().collect()
    }

    #[test]
    fn the_grown_application_has_as_many_outputs_and_bindings_as_it_says() {
        let nix = GROWN.iter().filter(|(path, _)| path.ends_with(".nix"));
        let bindings = nix.flat_map(|(_, text)| nodes(text)).filter(|node| {
            let of_let = node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::NODE_LET_IN);
            of_let && node.kind() == SyntaxKind::NODE_ATTRPATH_VALUE
        });
        assert!(bindings.count() >= 60);
        let body = nodes(GROWN[0].1).into_iter().find(|node| node.kind() == SyntaxKind::NODE_LET_IN).unwrap();
        let outputs = body.last_child().unwrap();
        assert_eq!(outputs.children().filter(|node| node.kind() == SyntaxKind::NODE_ATTRPATH_VALUE).count(), 15);
    }
}

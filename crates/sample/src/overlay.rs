//! The small repositories beside the package set: the overlay that makes the culprit harmful, and two inputs that do
//! not matter.

use crate::SampleError;
use crate::history::START;
use crate::import::{Commit, Importer, Line};
use crate::nar::Tree;
use crate::{history::Pinned, names};

const FLAKE: &str = include_str!("tree/overlay/flake.nix");
const OVERLAY: &str = include_str!("tree/overlay/overlay.nix");
const DEFAULT: &str = include_str!("tree/overlay/default.nix");
const BUILD_SYSTEMS: &str = include_str!("tree/overlay/build-systems.nix");
const OVERRIDES: &str = include_str!("tree/overlay/overrides/default.nix");

/// The package that must not be overridden, taken from a fresh package set.
const WHEEL: &str = "
  # Whatever the lock file says of it, wheel is built from its source, by the
  # tools of a package set that knows nothing of these corrections.
  wheel =
    (pkgs.python3.pkgs.override {
      python = self.python;
    }).wheel.overridePythonAttrs
      (old: {
        format = \"setuptools\";
      });
";

/// Packages whose build the overlay corrects, in the order in which commits add them.
const CORRECTED: [&str; 12] = [
    "idna",
    "certifi",
    "urllib3",
    "click",
    "rich",
    "pygments",
    "mdurl",
    "markdown-it",
    "feedparser",
    "sgmllib",
    "tomli",
    "charset-normalizer",
];
/// The commit that is locked, and the one that stops overriding wheel.
const LOCKED: usize = 19;
const FIXED: usize = 24;
const COMMITS: usize = 31;
const WEEK: u64 = 7 * 86_400;

/// The overlay's two commits that matter, by number.
pub(crate) struct Overlay {
    pub(crate) locked: Pinned,
    pub(crate) fixed: usize,
}

/// Which of its commits both locks pin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LockedAt {
    /// The one that makes the culprit harmful.
    Harmful,
    /// The one that evaluates with every commit of the package set.
    Repaired,
}

/// Writes the overlay's history: a straight line.
pub(crate) fn write(importer: &mut Importer, locked_at: LockedAt) -> Result<Overlay, SampleError> {
    let mut locked = None;
    let pinned = match locked_at {
        LockedAt::Harmful => LOCKED,
        LockedAt::Repaired => FIXED,
    };
    for number in 0..COMMITS {
        // A week a commit, so that the locked one is a little older than the package set's first.
        let time = START + number as u64 * WEEK - 20 * WEEK;
        let tree = tree(number);
        commit(importer, number, time, &title(number), &tree)?;
        if number == pinned {
            locked = Some(Pinned { number, time, tree });
        }
    }
    let locked = locked.ok_or(SampleError::TooShort { commits: COMMITS })?;
    Ok(Overlay { locked, fixed: FIXED })
}

fn title(number: usize) -> String {
    match number {
        0 => "make Python applications from their lock files".to_owned(),
        FIXED => "overrides: leave the bootstrap packages alone".to_owned(),
        1..=12 => format!("overrides: correct {}", CORRECTED[number - 1]),
        14 => "overrides: build wheel from its source".to_owned(),
        _ => format!("readme: answer question {number}"),
    }
}

fn tree(number: usize) -> Tree {
    let corrected = &CORRECTED[..number.min(CORRECTED.len())];
    let mut overrides: String = corrected
        .iter()
        .map(|name| format!("  {name} = super.{name}.overridePythonAttrs (old: {{\n    corrected = true;\n  }});\n\n"))
        .collect();
    if (14..FIXED).contains(&number) {
        overrides.push_str(WHEEL.trim_start_matches('\n'));
    }
    let questions: String =
        (0..number).map(|n| format!("\n## Question {n}\n\nIt depends on the lock file.\n")).collect();
    let systems: Vec<String> =
        corrected.iter().step_by(3).map(|name| format!("  \"{name}\": [\"flit-core\"]")).collect();
    let file = |path: &str, text: String| (path.to_owned(), text.into_bytes());
    Tree::from([
        file("README.md", format!("# lock2py\n\nPython applications from their lock files.\n{questions}")),
        file("build-systems.json", format!("{{\n{}\n}}\n", systems.join(",\n"))),
        file("build-systems.nix", BUILD_SYSTEMS.to_owned()),
        file("default.nix", DEFAULT.to_owned()),
        file("flake.nix", FLAKE.to_owned()),
        file("overlay.nix", OVERLAY.to_owned()),
        file("overrides/default.nix", OVERRIDES.replace("@overrides@", overrides.trim_end_matches('\n'))),
    ])
}

/// Writes the history of an input that changes but does not matter; returns its commits.
pub(crate) fn write_tools(importer: &mut Importer) -> Result<Vec<Pinned>, SampleError> {
    let mut all = Vec::new();
    for number in 0..6 {
        let time = START + number as u64 * 500_000;
        let flake = "{\n  description = \"Small helpers\";\n\n  outputs =\n    { self }:\n    {\n      lib.shellName = import ./shell-name.nix;\n    };\n}\n";
        let notes: String = (0..number).map(|n| format!("Note {n}.\n")).collect();
        let tree = Tree::from([
            ("flake.nix".to_owned(), flake.as_bytes().to_vec()),
            ("notes.md".to_owned(), format!("# Notes\n\n{notes}").into_bytes()),
            ("shell-name.nix".to_owned(), b"name: \"${name}-shell\"\n".to_vec()),
        ]);
        commit(importer, number, time, &format!("notes: edition {number}"), &tree)?;
        all.push(Pinned { number, time, tree });
    }
    Ok(all)
}

/// Writes the history of an input that never changes: one commit.
pub(crate) fn write_systems(importer: &mut Importer) -> Result<Pinned, SampleError> {
    let flake = "{\n  description = \"The systems that we build for\";\n\n  outputs = { self }: { };\n}\n";
    let tree = Tree::from([
        ("default.nix".to_owned(), b"[\n  \"x86_64-linux\"\n  \"aarch64-linux\"\n]\n".to_vec()),
        ("flake.nix".to_owned(), flake.as_bytes().to_vec()),
    ]);
    commit(importer, 0, START - 900_000, "list the systems", &tree)?;
    Ok(Pinned { number: 0, time: START - 900_000, tree })
}

fn commit(importer: &mut Importer, number: usize, time: u64, title: &str, tree: &Tree) -> Result<(), SampleError> {
    let parents = number.checked_sub(1).into_iter().collect();
    let files = tree.iter().map(|(path, content)| (path.clone(), content.clone())).collect();
    let author = names::author(number % 3 + 40);
    let message = format!("{title}\n");
    importer.commit(&Commit { line: Line::Main, parents, author, time, message, files })?;
    Ok(())
}

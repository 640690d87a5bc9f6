//! The state of the package-set repository at one commit: which edits have been made, and which files it has.
//! Knows nothing of branches and commits.

mod edit;
mod render;

use std::rc::Rc;

pub(crate) use edit::{BREAKS, Break, CULPRIT_STEP, Edit, STEPS};

use crate::State;
use crate::nar::Tree;
use crate::packages::{AT_START, Catalogue};

/// Subjects of the documentation, each a file in `doc/`.
const DOCS: [&str; 8] = ["contributing", "overlays", "overrides", "cross", "python", "releases", "review", "style"];
/// Files of the library that get a new comment now and then.
const LIBRARY: [(&str, &str); 3] = [
    ("lib/attrsets.nix", include_str!("../tree/pkgs/lib/attrsets.nix")),
    ("lib/fixed-points.nix", include_str!("../tree/pkgs/lib/fixed-points.nix")),
    ("lib/modules.nix", include_str!("../tree/pkgs/lib/modules.nix")),
];
const MODULES: [(&str, &str); 2] = [
    ("nixos/services.nix", include_str!("../tree/pkgs/nixos/services.nix")),
    ("nixos/users.nix", include_str!("../tree/pkgs/nixos/users.nix")),
];
const FIXED: [(&str, &str); 10] = [
    ("flake.nix", include_str!("../tree/pkgs/flake.nix")),
    ("default.nix", include_str!("../tree/pkgs/default.nix")),
    ("lib/default.nix", include_str!("../tree/pkgs/lib/default.nix")),
    ("lib/customisation.nix", include_str!("../tree/pkgs/lib/customisation.nix")),
    ("nixos/default.nix", include_str!("../tree/pkgs/nixos/default.nix")),
    ("python/package-set.nix", include_str!("../tree/pkgs/python/package-set.nix")),
    ("python/build-package.nix", include_str!("../tree/pkgs/python/build-package.nix")),
    ("python/hooks/default.nix", include_str!("../tree/pkgs/python/hooks/default.nix")),
    ("python/hooks/setuptools-build.sh", include_str!("../tree/pkgs/python/hooks/setuptools-build.sh")),
    ("python/hooks/pyproject-build.sh", include_str!("../tree/pkgs/python/hooks/pyproject-build.sh")),
];

/// A file of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    System(usize),
    Python(usize),
    List,
    PythonList,
    Doc(usize),
    Readme,
    Maintainers,
    Index,
    Module(usize),
    Builder,
    Stdenv,
    InstallHook,
    Library(usize),
    Interpreter,
    Fixed(usize),
    /// One of the files that only make the tree wide.
    Wide(usize),
}

/// The state at one commit.
#[derive(Debug, Clone)]
pub(crate) struct Collection {
    catalogue: Rc<Catalogue>,
    wide: usize,
    bumps: Vec<u16>,
    python_bumps: Vec<u16>,
    present: Vec<bool>,
    docs: [u16; DOCS.len()],
    library: [u16; LIBRARY.len()],
    modules: [u16; MODULES.len()],
    readme: u16,
    maintainers: u16,
    index: u16,
    builder: u16,
    interpreter: u16,
    bootstrap: u8,
    heavier: u16,
    broken: Option<Break>,
}

impl Collection {
    /// The state at the first commit; `widen` is the number of files that the tree should have at least.
    pub(crate) fn new(catalogue: Rc<Catalogue>, widen: usize) -> Self {
        let mut state = Collection {
            bumps: vec![0; catalogue.system.len()],
            python_bumps: vec![0; catalogue.python.len()],
            present: (0..catalogue.system.len()).map(|number| number < AT_START).collect(),
            catalogue,
            wide: 0,
            docs: [0; DOCS.len()],
            library: [0; LIBRARY.len()],
            modules: [0; MODULES.len()],
            readme: 0,
            maintainers: 0,
            index: 0,
            builder: 0,
            interpreter: 0,
            bootstrap: 0,
            heavier: 0,
            broken: None,
        };
        state.wide = widen.saturating_sub(state.files().len());
        state
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(crate) fn state(&self) -> State {
        if self.broken.is_some() {
            State::Broken
        } else if self.bootstrap >= CULPRIT_STEP {
            State::Bad
        } else {
            State::Good
        }
    }

    pub(crate) fn is_present(&self, number: usize) -> bool {
        self.present[number]
    }

    pub(crate) fn broken(&self) -> Option<Break> {
        self.broken
    }

    /// Makes an edit; returns the files that differ.
    pub(crate) fn apply(&mut self, edit: Edit) -> Vec<File> {
        match edit {
            Edit::Bump(number) => {
                self.bumps[number] += 1;
                vec![File::System(number)]
            }
            Edit::BumpPython(number) => {
                self.python_bumps[number] += 1;
                vec![File::Python(number)]
            }
            Edit::Add(number) => {
                self.present[number] = true;
                vec![File::List, File::System(number)]
            }
            Edit::Doc(number) => {
                self.docs[number] += 1;
                vec![File::Doc(number)]
            }
            Edit::Readme => {
                self.readme += 1;
                vec![File::Readme]
            }
            Edit::Maintainers => {
                self.maintainers += 1;
                vec![File::Maintainers]
            }
            Edit::Index => {
                self.index += 1;
                vec![File::Index]
            }
            Edit::Module(number) => {
                self.modules[number] += 1;
                vec![File::Module(number)]
            }
            Edit::Builder => {
                self.builder += 1;
                vec![File::Builder]
            }
            Edit::Library(number) => {
                self.library[number] += 1;
                vec![File::Library(number)]
            }
            Edit::Interpreter => {
                self.interpreter += 1;
                vec![File::Interpreter]
            }
            Edit::Break(how) => {
                self.broken = Some(how);
                vec![self.broken_file(how)]
            }
            Edit::Repair(how) => {
                self.broken = None;
                vec![self.broken_file(how)]
            }
            Edit::Heavier => {
                self.heavier += 1;
                vec![File::Stdenv]
            }
            Edit::Bootstrap(step) => {
                self.bootstrap = self.bootstrap.max(step);
                self.bootstrap_files(step)
            }
        }
    }

    /// Every file of the tree.
    pub(crate) fn files(&self) -> Vec<File> {
        let mut files: Vec<File> = (0..self.present.len()).filter(|&n| self.present[n]).map(File::System).collect();
        files.extend((0..self.python_bumps.len()).map(File::Python));
        files.extend((0..DOCS.len()).map(File::Doc));
        files.extend((0..MODULES.len()).map(File::Module));
        files.extend((0..LIBRARY.len()).map(File::Library));
        files.extend((0..FIXED.len()).map(File::Fixed));
        files.extend([File::List, File::PythonList, File::Readme, File::Maintainers, File::Index, File::Builder]);
        files.extend([File::Stdenv, File::InstallHook, File::Interpreter]);
        files.extend((0..self.wide).map(File::Wide));
        files
    }

    /// The paths of the files that only make the tree wide.
    pub(crate) fn wide_paths(&self) -> impl Iterator<Item = String> {
        (0..self.wide).map(|number| self.render(File::Wide(number)).0)
    }

    /// The whole tree.
    pub(crate) fn tree(&self) -> Tree {
        self.files().into_iter().map(|file| self.render(file)).collect()
    }

    fn broken_file(&self, how: Break) -> File {
        match how {
            Break::ListSyntax => File::List,
            Break::PackageSyntax | Break::Throw => File::System(self.catalogue.position("curl")),
            Break::MissingAttribute => File::System(self.catalogue.position("sqlite")),
            Break::MissingArgument => File::System(self.catalogue.position("jq")),
            Break::UndefinedVariable => File::Stdenv,
        }
    }

    fn bootstrap_files(&self, step: u8) -> Vec<File> {
        let python = |name: &str| {
            let position = self.catalogue.python.iter().position(|package| package.name == name);
            position.map(File::Python)
        };
        let file = match step {
            1 => python("installer"),
            2 => python("packaging"),
            CULPRIT_STEP => python("setuptools"),
            4 => python("bootstrapped-pip"),
            _ => Some(File::Doc(4)),
        };
        file.into_iter().collect()
    }
}

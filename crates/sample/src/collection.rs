//! The state of the package-set repository at one commit, the edits that lead from one state to another, and the
//! text of every file in a state. Knows nothing of branches and commits.

use std::rc::Rc;

use crate::nar::Tree;
use crate::packages::{AT_START, Catalogue};
use crate::{State, names};

/// Subjects of the documentation, each a file in `doc/`.
const DOCS: [&str; 8] = ["contributing", "overlays", "overrides", "cross", "python", "releases", "review", "style"];
/// Files of the library that get a new comment now and then.
const LIBRARY: [(&str, &str); 3] = [
    ("lib/attrsets.nix", include_str!("tree/pkgs/lib/attrsets.nix")),
    ("lib/fixed-points.nix", include_str!("tree/pkgs/lib/fixed-points.nix")),
    ("lib/modules.nix", include_str!("tree/pkgs/lib/modules.nix")),
];
const MODULES: [(&str, &str); 2] = [
    ("nixos/services.nix", include_str!("tree/pkgs/nixos/services.nix")),
    ("nixos/users.nix", include_str!("tree/pkgs/nixos/users.nix")),
];
const FIXED: [(&str, &str); 10] = [
    ("flake.nix", include_str!("tree/pkgs/flake.nix")),
    ("default.nix", include_str!("tree/pkgs/default.nix")),
    ("lib/default.nix", include_str!("tree/pkgs/lib/default.nix")),
    ("lib/customisation.nix", include_str!("tree/pkgs/lib/customisation.nix")),
    ("nixos/default.nix", include_str!("tree/pkgs/nixos/default.nix")),
    ("python/package-set.nix", include_str!("tree/pkgs/python/package-set.nix")),
    ("python/build-package.nix", include_str!("tree/pkgs/python/build-package.nix")),
    ("python/hooks/default.nix", include_str!("tree/pkgs/python/hooks/default.nix")),
    ("python/hooks/setuptools-build.sh", include_str!("tree/pkgs/python/hooks/setuptools-build.sh")),
    ("python/hooks/pyproject-build.sh", include_str!("tree/pkgs/python/hooks/pyproject-build.sh")),
];

/// The number of bootstrap steps; they are the commits of the culprit's branch.
pub(crate) const STEPS: u8 = 5;
/// The bootstrap step that is the culprit.
pub(crate) const CULPRIT_STEP: u8 = 3;

/// A way in which the collection fails to evaluate for a reason that has nothing to do with the culprit. Each one is
/// met before any Python package when the application is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// The list of packages does not parse.
    ListSyntax,
    /// A package's file does not parse.
    PackageSyntax,
    /// A package uses an attribute that its dependency does not have.
    MissingAttribute,
    /// A package asks for an argument that nobody gives.
    MissingArgument,
    /// A package throws.
    Throw,
    /// The standard environment uses a variable that it does not define.
    UndefinedVariable,
}

pub(crate) const BREAKS: [Break; 6] = [
    Break::ListSyntax,
    Break::PackageSyntax,
    Break::MissingAttribute,
    Break::MissingArgument,
    Break::Throw,
    Break::UndefinedVariable,
];

/// One change, as an author sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    Bump(usize),
    BumpPython(usize),
    Add(usize),
    Doc(usize),
    Readme,
    Maintainers,
    Index,
    Module(usize),
    Builder,
    Library(usize),
    Interpreter,
    Break(Break),
    Repair(Break),
    Bootstrap(u8),
}

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
            Edit::Bootstrap(step) => {
                self.bootstrap = self.bootstrap.max(step);
                self.bootstrap_files(step)
            }
        }
    }

    /// What the author writes as title. Ask before the edit is applied.
    pub(crate) fn title(&self, edit: Edit) -> String {
        let (system, python) = (&self.catalogue.system, &self.catalogue.python);
        match edit {
            Edit::Bump(number) => {
                let bumps = usize::from(self.bumps[number]);
                let version = |bumps| self.catalogue.system_version(number, bumps);
                format!("{}: {} -> {}", system[number].name, version(bumps), version(bumps + 1))
            }
            Edit::BumpPython(number) => {
                let bumps = usize::from(self.python_bumps[number]);
                let version = |bumps| self.catalogue.python_version(number, bumps);
                format!("python3.pkgs.{}: {} -> {}", python[number].name, version(bumps), version(bumps + 1))
            }
            Edit::Add(number) => {
                let bumps = usize::from(self.bumps[number]);
                format!("{}: init at {}", system[number].name, self.catalogue.system_version(number, bumps))
            }
            Edit::Doc(number) => format!("doc/{}: say it more clearly", DOCS[number]),
            Edit::Readme => "readme: refresh".to_owned(),
            Edit::Maintainers => format!("maintainers: add {}", names::user(usize::from(self.maintainers) + 20)),
            Edit::Index => "python3.pkgs: update the index".to_owned(),
            Edit::Module(0) => "nixos/services: restart the logger at another pace".to_owned(),
            Edit::Module(number) => format!("{}: add a note", MODULES[number].0.trim_end_matches(".nix")),
            Edit::Builder => "stdenv: check inputs more carefully".to_owned(),
            Edit::Library(number) => format!("{}: comment", LIBRARY[number].0.trim_end_matches(".nix")),
            Edit::Interpreter => {
                let from = usize::from(self.interpreter);
                format!("python3: 3.11.{} -> 3.11.{}", from + 4, from + 5)
            }
            Edit::Break(Break::ListSyntax) => "all-packages: sort".to_owned(),
            Edit::Break(Break::PackageSyntax) => "curl: tidy the list of inputs".to_owned(),
            Edit::Break(Break::MissingAttribute) => "sqlite: use the static readline".to_owned(),
            Edit::Break(Break::MissingArgument) => "jq: use the other regular expressions".to_owned(),
            Edit::Break(Break::Throw) => "curl: drop the old protocol support".to_owned(),
            Edit::Break(Break::UndefinedVariable) => "stdenv: hand the platform to builders".to_owned(),
            Edit::Repair(Break::ListSyntax) => "all-packages: fix a missing semicolon".to_owned(),
            Edit::Repair(Break::PackageSyntax | Break::Throw) => "curl: fix evaluation".to_owned(),
            Edit::Repair(Break::MissingAttribute) => "sqlite: fix evaluation".to_owned(),
            Edit::Repair(Break::MissingArgument) => "jq: fix evaluation".to_owned(),
            Edit::Repair(Break::UndefinedVariable) => "stdenv: fix evaluation".to_owned(),
            Edit::Bootstrap(1) => "python3.pkgs.installer: say why it comes early".to_owned(),
            Edit::Bootstrap(2) => "python3.pkgs.packaging: bootstrap without pip".to_owned(),
            Edit::Bootstrap(CULPRIT_STEP) => {
                "python3.pkgs.setuptools: build a wheel, without bootstrapped-pip".to_owned()
            }
            Edit::Bootstrap(4) => "python3.pkgs.bootstrapped-pip: say who still needs it".to_owned(),
            Edit::Bootstrap(_) => "doc/python: how the bootstrap works now".to_owned(),
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

    /// The whole tree.
    pub(crate) fn tree(&self) -> Tree {
        self.files().into_iter().map(|file| self.render(file)).collect()
    }

    /// The path and the content of a file in this state.
    pub(crate) fn render(&self, file: File) -> (String, Vec<u8>) {
        let (path, text) = match file {
            File::System(number) => (self.catalogue.system_path(number), self.system_text(number)),
            File::Python(number) => (self.catalogue.python_path(number), self.python_text(number)),
            File::List => {
                let mut text = self.catalogue.system_list(|number| self.present[number]);
                if self.broken == Some(Break::ListSyntax) {
                    text = text.replacen(" { };", " { }", 1);
                }
                ("top-level/all-packages.nix".to_owned(), text)
            }
            File::PythonList => ("python/packages.nix".to_owned(), self.catalogue.python_list()),
            File::Doc(number) => (format!("doc/{}.md", DOCS[number]), self.doc_text(number)),
            File::Readme => (
                "README.md".to_owned(),
                format!(
                    "# A small collection of packages\n\nMade for trying things out. Edition {}.\n",
                    self.readme + 1
                ),
            ),
            File::Maintainers => {
                let people = (0..usize::from(self.maintainers) + 20)
                    .map(|n| format!("  {{ name = \"{}\"; number = {n}; }}\n", names::user(n)));
                ("maintainers/list.nix".to_owned(), format!("[\n{}]\n", people.collect::<String>()))
            }
            File::Index => ("python/index.nix".to_owned(), self.catalogue.index_file(usize::from(self.index))),
            File::Module(number) => {
                let (path, text) = MODULES[number];
                let times = self.modules[number];
                let text = text.replace("@note@", &format!("Reviewed {times} times."));
                (path.to_owned(), text.replace("@restart@", &(times % 60 + 5).to_string()))
            }
            File::Builder => (
                "stdenv/builder.sh".to_owned(),
                include_str!("tree/pkgs/stdenv/builder.sh")
                    .replace("@builder_note@", &format!("Builder {}.", self.builder)),
            ),
            File::Stdenv => {
                let mut text = include_str!("tree/pkgs/stdenv/default.nix").to_owned();
                if self.broken == Some(Break::UndefinedVariable) {
                    text = text.replacen("builder = \"/bin/sh\";", "builder = hostPlatform.shell;", 1);
                }
                ("stdenv/default.nix".to_owned(), text)
            }
            File::InstallHook => {
                ("python/hooks/install.sh".to_owned(), include_str!("tree/pkgs/python/hooks/install.sh").to_owned())
            }
            File::Library(number) => {
                let (path, text) = LIBRARY[number];
                let notes =
                    (0..self.library[number]).map(|n| format!("# Reviewed, edition {n}.\n")).collect::<String>();
                (path.to_owned(), format!("{text}{notes}"))
            }
            File::Interpreter => (
                "python/default.nix".to_owned(),
                include_str!("tree/pkgs/python/default.nix")
                    .replace("@version@", &format!("3.11.{}", self.interpreter + 4)),
            ),
            File::Fixed(number) => (FIXED[number].0.to_owned(), FIXED[number].1.to_owned()),
            File::Wide(number) => {
                let name = format!("{}-{number}", names::stem(number % names::STEMS));
                let hash = names::source_hash(&name);
                let text = format!(
                    "{{ stdenv }}:\n\nstdenv.mkDerivation {{\n  pname = \"{name}\";\n  version = \"0\";\n  source = \"{hash}\";\n}}\n"
                );
                (format!("attic/{}/{name}/package.nix", &hash[..2]), text)
            }
        };
        (path, text.into_bytes())
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

    fn system_text(&self, number: usize) -> String {
        let text = self.catalogue.system_file(number, usize::from(self.bumps[number]));
        match self.broken {
            Some(how) if self.broken_file(how) == File::System(number) => match how {
                Break::PackageSyntax => text.replacen("  ];\n", "", 1),
                Break::MissingAttribute => text.replacen("    readline\n", "    readline.static\n", 1),
                Break::MissingArgument => text.replace("onig", "oniguruma"),
                Break::Throw => text.replacen(
                    "  pname =",
                    "  protocol = throw \"curl: the old protocol has been removed\";\n  pname =",
                    1,
                ),
                Break::ListSyntax | Break::UndefinedVariable => text,
            },
            _ => text,
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

    fn python_text(&self, number: usize) -> String {
        let bumps = usize::from(self.python_bumps[number]);
        let after = |step: u8| self.bootstrap >= step;
        let text = |tools: &[&str], needs: &[&str], comment: &str| {
            self.catalogue.python_text(number, bumps, "bootstrap", tools, needs, comment)
        };
        match self.catalogue.python[number].name.as_str() {
            "bootstrapped-pip" if after(4) => text(&[], &[], "Only pyproject-hooks' tests still need this."),
            "bootstrapped-pip" | "flit-core" => text(&[], &[], ""),
            "installer" if after(1) => {
                text(&["flit-core"], &[], "Every package is installed by this: it must not need one.")
            }
            "packaging" if after(2) => text(&["flit-core"], &[], ""),
            "packaging" => text(&["bootstrapped-pip", "flit-core"], &[], ""),
            "installer" | "wheel" => text(&["flit-core"], &[], ""),
            "pyproject-hooks" => text(&["setuptools"], &[], ""),
            "build" => text(&["flit-core"], &["packaging", "pyproject-hooks"], ""),
            "setuptools" if after(CULPRIT_STEP) => text(&["wheel"], &[], ""),
            "setuptools" => text(&["bootstrapped-pip"], &[], ""),
            _ => self.catalogue.python_file(number, bumps),
        }
    }

    fn doc_text(&self, number: usize) -> String {
        let subject = DOCS[number];
        let mut text = format!("# {subject}\n\nThis is chapter {} on {subject}.\n", number + 1);
        for revision in 0..self.docs[number] % 40 {
            text.push_str(&format!("\nRemark {revision}: {subject} in other words.\n"));
        }
        if number == 4 && self.bootstrap >= STEPS {
            text.push_str("\n## Bootstrap\n\nflit-core comes first, then wheel, then setuptools.\n");
        }
        text
    }
}

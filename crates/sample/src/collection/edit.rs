//! The edits that lead from one state of the collection to the next, and their titles. Does not change a state.

use super::{Collection, DOCS, LIBRARY, MODULES};
use crate::names;

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
    /// The evaluation becomes heavier.
    Heavier,
}

impl Collection {
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
            Edit::Heavier => format!("stdenv: check edition {} too", self.heavier + 1),
            Edit::Bootstrap(1) => "python3.pkgs.installer: say why it comes early".to_owned(),
            Edit::Bootstrap(2) => "python3.pkgs.packaging: bootstrap without pip".to_owned(),
            Edit::Bootstrap(CULPRIT_STEP) => {
                "python3.pkgs.setuptools: build a wheel, without bootstrapped-pip".to_owned()
            }
            Edit::Bootstrap(4) => "python3.pkgs.bootstrapped-pip: say who still needs it".to_owned(),
            Edit::Bootstrap(_) => "doc/python: how the bootstrap works now".to_owned(),
        }
    }
}

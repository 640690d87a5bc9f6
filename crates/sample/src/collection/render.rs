//! The text of each file of the collection in a given state.

use super::edit::{Break, CULPRIT_STEP, STEPS};
use super::{Collection, DOCS, FIXED, File, LIBRARY, MODULES};
use crate::names;

/// What makes the evaluation heavier: so many thunks, and 11 KiB of text for each.
const HEAVIER: usize = 1_500;
const EDITIONS: &str = "rec {
  # What every package is checked against; each edition has more of it.
  editions =
    let
      text = builtins.concatStringsSep \"\" (builtins.genList (n: \"0123456789abcdef\") 700);
    in
    builtins.foldl' (sum: n: sum + builtins.stringLength \"${text}${toString n}\") 0 (
      builtins.genList (n: n) @count@
    );

";

impl Collection {
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
                include_str!("../tree/pkgs/stdenv/builder.sh")
                    .replace("@builder_note@", &format!("Builder {}.", self.builder)),
            ),
            File::Stdenv => {
                let mut text = include_str!("../tree/pkgs/stdenv/default.nix").to_owned();
                if self.broken == Some(Break::UndefinedVariable) {
                    text = text.replacen("builder = \"/bin/sh\";", "builder = hostPlatform.shell;", 1);
                }
                if self.heavier > 0 {
                    let count = HEAVIER * usize::from(self.heavier);
                    text = text.replacen("rec {\n", &EDITIONS.replace("@count@", &count.to_string()), 1).replacen(
                        "builder = \"/bin/sh\";",
                        "builder = builtins.seq editions \"/bin/sh\";",
                        1,
                    );
                }
                ("stdenv/default.nix".to_owned(), text)
            }
            File::InstallHook => {
                ("python/hooks/install.sh".to_owned(), include_str!("../tree/pkgs/python/hooks/install.sh").to_owned())
            }
            File::Library(number) => {
                let (path, text) = LIBRARY[number];
                let notes =
                    (0..self.library[number]).map(|n| format!("# Reviewed, edition {n}.\n")).collect::<String>();
                (path.to_owned(), format!("{text}{notes}"))
            }
            File::Interpreter => (
                "python/default.nix".to_owned(),
                include_str!("../tree/pkgs/python/default.nix")
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

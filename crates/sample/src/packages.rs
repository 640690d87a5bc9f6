//! The catalogue: which packages the package-set repository has, what each depends on, and the text of each file.
//! It knows nothing of history: versions are handed in.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::names;
use crate::rng::Rng;

/// Packages that are there from the first commit; the rest of the catalogue can be added by later commits.
pub(crate) const AT_START: usize = 300;
/// Packages that commits can add.
pub(crate) const LATER: usize = 400;
/// Python packages with a file of their own.
const PYTHON: usize = 70;
/// Entries of the index of Python packages.
const INDEX: usize = 14_000;

/// A package and what it needs, as positions in the catalogue's list.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    needs: Vec<usize>,
    tools: Vec<usize>,
    base: [usize; 3],
    maintainer: usize,
}

/// All packages, in an order in which each comes after what it needs.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) system: Vec<Package>,
    pub(crate) python: Vec<Package>,
    index: Vec<(String, [usize; 3])>,
}

/// Names and needs of the packages that other parts of the sample speak about.
const SYSTEM: [(&str, &str); 24] = [
    ("make", ""),
    ("pkg-config", "make"),
    ("zlib", ""),
    ("bzip2", ""),
    ("xz", ""),
    ("libffi", ""),
    ("ncurses", ""),
    ("readline", "ncurses"),
    ("openssl", "zlib"),
    ("expat", ""),
    ("pcre", "bzip2 zlib"),
    ("nghttp", "openssl"),
    ("brotli", ""),
    ("libssh", "openssl zlib"),
    ("curl", "brotli libssh nghttp openssl zlib"),
    ("sqlite", "readline zlib"),
    ("onig", ""),
    ("jq", "onig"),
    ("gettext", "ncurses"),
    ("git", "curl expat gettext openssl pcre zlib"),
    ("libxml", "xz zlib"),
    ("libarchive", "bzip2 libxml openssl xz zlib"),
    ("cmake", "curl expat libarchive ncurses zlib"),
    ("ninja", "cmake"),
];

/// The Python packages that bootstrap the others have texts of their own in `bootstrap`.
const MAINTAINED: [(&str, &str); 21] = [
    ("bootstrapped-pip", ""),
    ("flit-core", ""),
    ("installer", ""),
    ("packaging", ""),
    ("pyproject-hooks", ""),
    ("build", ""),
    ("setuptools", ""),
    ("wheel", ""),
    ("certifi", ""),
    ("idna", ""),
    ("charset-normalizer", ""),
    ("urllib3", ""),
    ("requests", "certifi charset-normalizer idna urllib3"),
    ("click", ""),
    ("mdurl", ""),
    ("markdown-it", "mdurl"),
    ("pygments", ""),
    ("rich", "markdown-it pygments"),
    ("sgmllib", ""),
    ("feedparser", "sgmllib"),
    ("tomli", ""),
];

impl Catalogue {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x7061_636b);
        let mut system = named(&SYSTEM, &mut rng);
        for number in system.len()..AT_START + LATER {
            let name = match rng.below(3) {
                0 => format!("lib{}", names::stem(number)),
                _ => names::stem(number),
            };
            let needs = some_of(number.min(AT_START), 4, &mut rng);
            let tools = if rng.chance(400) { vec![1] } else { vec![] };
            system.push(package(name, needs, tools, &mut rng));
        }
        let mut python = named(&MAINTAINED, &mut rng);
        for number in python.len()..PYTHON {
            let needs = some_of(number - 8, 3, &mut rng).into_iter().map(|need| need + 8).collect();
            python.push(package(format!("py{}", names::stem(2000 + number)), needs, vec![], &mut rng));
        }
        let index = (0..INDEX)
            .map(|number| {
                let series = 1 + number / names::STEMS;
                (format!("{}-{series}", names::stem(number % names::STEMS)), version_base(&mut rng))
            })
            .collect();
        Catalogue { system, python, index }
    }

    /// The position of a package of the system list.
    ///
    /// # Panics
    /// When the catalogue has no such package: the names are ours.
    pub(crate) fn position(&self, name: &str) -> usize {
        self.system.iter().position(|package| package.name == name).expect("the catalogue lists every name that we use")
    }

    pub(crate) fn system_path(&self, number: usize) -> String {
        let name = &self.system[number].name;
        format!("pkgs/{}/{name}/package.nix", name.get(..2).unwrap_or(name))
    }

    pub(crate) fn python_path(&self, number: usize) -> String {
        format!("python/packages/{}.nix", self.python[number].name)
    }

    /// The file of a package of the system list.
    pub(crate) fn system_file(&self, number: usize, bumps: usize) -> String {
        let package = &self.system[number];
        let name = |list: &[usize]| list.iter().map(|&n| self.system[n].name.as_str()).collect::<Vec<_>>();
        let (needs, tools) = (name(&package.needs), name(&package.tools));
        let version = version(package.base, bumps);
        let mut arguments = vec!["stdenv"];
        arguments.extend(&needs);
        arguments.extend(&tools);
        let mut text = format!("{{\n  {},\n}}:\n\nstdenv.mkDerivation {{\n", arguments.join(",\n  "));
        let _ = write!(
            text,
            "  pname = \"{}\";\n  version = \"{version}\";\n  source = \"{}\";\n",
            package.name,
            names::source_hash(&format!("{} {version}", package.name))
        );
        list(&mut text, "nativeBuildInputs", &tools);
        list(&mut text, "buildInputs", &needs);
        let _ = write!(
            text,
            "\n  meta = {{\n    description = \"The {} package\";\n    maintainers = [ \"{}\" ];\n  }};\n}}\n",
            package.name,
            names::user(package.maintainer)
        );
        text
    }

    /// The file of an ordinary Python package.
    pub(crate) fn python_file(&self, number: usize, bumps: usize) -> String {
        let package = &self.python[number];
        let needs: Vec<&str> = package.needs.iter().map(|&n| self.python[n].name.as_str()).collect();
        let format = if number.is_multiple_of(3) { "pyproject" } else { "setuptools" };
        self.python_text(number, bumps, format, &[], &needs, "")
    }

    /// The file of a Python package with the given build: format, tools, dependencies, and a comment on top.
    pub(crate) fn python_text(
        &self,
        number: usize,
        bumps: usize,
        format: &str,
        tools: &[&str],
        needs: &[&str],
        comment: &str,
    ) -> String {
        let package = &self.python[number];
        let version = version(package.base, bumps);
        let mut arguments = vec!["buildPythonPackage"];
        arguments.extend(tools);
        arguments.extend(needs);
        let mut text = String::new();
        for line in comment.lines() {
            let _ = writeln!(text, "# {line}");
        }
        let _ = write!(
            text,
            "{{\n  {},\n}}:\n\nbuildPythonPackage {{\n  pname = \"{}\";\n  version = \"{version}\";\n  format = \"{format}\";\n  source = \"{}\";\n",
            arguments.join(",\n  "),
            package.name,
            names::source_hash(&format!("py {} {version}", package.name))
        );
        list(&mut text, "nativeBuildInputs", tools);
        list(&mut text, "dependencies", needs);
        text.push_str("}\n");
        text
    }

    /// The list of all Python packages with a file of their own.
    pub(crate) fn python_list(&self) -> String {
        let mut names: Vec<&str> = self.python.iter().map(|package| package.name.as_str()).collect();
        names.sort_unstable();
        let mut text = String::from("{ callPackage }:\n\n{\n");
        for name in names {
            let _ = writeln!(text, "  {name} = callPackage ./packages/{name}.nix {{ }};");
        }
        text.push_str("}\n");
        text
    }

    /// A lock file of an application that depends on this many Python packages, `wheel` among them.
    pub(crate) fn poetry_lock(&self, count: usize) -> String {
        // What bootstraps the others is not what applications depend on; but some say `wheel`, in vain.
        let wheel = MAINTAINED.iter().position(|(name, _)| *name == "wheel").unwrap_or_default();
        let mut numbers: Vec<usize> = (wheel..self.python.len()).take(count).collect();
        numbers.sort_unstable_by_key(|&number| &self.python[number].name);
        let mut text = String::from("# This file is generated; do not change it by hand.\n\n");
        for number in numbers {
            let package = &self.python[number];
            let version = self.python_version(number, 0);
            let category = ["main", "web", "store"][number % 3];
            let _ = write!(
                text,
                "[[package]]\nname = \"{}\"\nversion = \"{version}\"\ndescription = \"The {} package\"\ncategory = \"{}\"\noptional = false\npython-versions = \">=3.7\"\nfiles = [\n",
                package.name,
                package.name,
                if number == wheel { "main" } else { category },
            );
            let stem = package.name.replace('-', "_");
            for file in [format!("{stem}-{version}-py3-none-any.whl"), format!("{stem}-{version}.tar.gz")] {
                let hash = names::source_hash(&file);
                let _ = writeln!(text, "    {{file = \"{file}\", hash = \"sha256:{hash}\"}},");
            }
            text.push_str("]\n\n");
            if !package.needs.is_empty() {
                text.push_str("[package.dependencies]\n");
                for &need in &package.needs {
                    let _ = writeln!(text, "{} = \"*\"", self.python[need].name);
                }
                text.push('\n');
            }
        }
        text.push_str("[metadata]\nlock-version = \"2.0\"\npython-versions = \"^3.11\"\ncontent-hash = \"");
        text.push_str(&names::source_hash("poetry.lock"));
        text.push_str("\"\n");
        text
    }

    /// The list of the packages of the system list that are present.
    pub(crate) fn system_list(&self, present: impl Fn(usize) -> bool) -> String {
        let entries: BTreeMap<&str, usize> = (0..self.system.len())
            .filter(|&number| present(number))
            .map(|number| (self.system[number].name.as_str(), number))
            .collect();
        let mut text = String::from("{ callPackage }:\n\n{\n");
        for (name, number) in entries {
            let _ = writeln!(text, "  {name} = callPackage ../{} {{ }};", self.system_path(number));
        }
        text.push_str("}\n");
        text
    }

    /// The index of Python packages after a number of updates, each of which moves about one entry in 32.
    pub(crate) fn index_file(&self, updates: usize) -> String {
        let mut entries: Vec<String> = self
            .index
            .iter()
            .enumerate()
            .map(|(number, (name, base))| {
                let bumps = (updates + number * 7 % 32) / 32;
                format!("  \"{name}\" = \"{}\";\n", version(*base, bumps))
            })
            .collect();
        entries.sort_unstable();
        format!("{{\n{}}}\n", entries.concat())
    }

    /// A package's version after a number of bumps.
    pub(crate) fn system_version(&self, number: usize, bumps: usize) -> String {
        version(self.system[number].base, bumps)
    }

    /// A Python package's version after a number of bumps.
    pub(crate) fn python_version(&self, number: usize, bumps: usize) -> String {
        version(self.python[number].base, bumps)
    }
}

fn named(table: &[(&str, &str)], rng: &mut Rng) -> Vec<Package> {
    let position = |name: &str| table.iter().position(|(other, _)| *other == name);
    table
        .iter()
        .map(|(name, needs)| {
            let needs = needs.split_whitespace().filter_map(position).collect();
            package((*name).to_owned(), needs, vec![], rng)
        })
        .collect()
}

fn package(name: String, needs: Vec<usize>, tools: Vec<usize>, rng: &mut Rng) -> Package {
    Package { name, needs, tools, base: version_base(rng), maintainer: rng.below(names::PEOPLE) }
}

fn version_base(rng: &mut Rng) -> [usize; 3] {
    [rng.below(9), rng.below(14), rng.below(6)]
}

fn version([major, minor, patch]: [usize; 3], bumps: usize) -> String {
    let patches = patch + bumps;
    format!("{major}.{}.{}", minor + patches / 7, patches % 7)
}

/// Up to `most` different numbers below `bound`, in order, `pkg-config` (1) left out.
fn some_of(bound: usize, most: usize, rng: &mut Rng) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..rng.between(0, most)).map(|_| rng.below(bound)).filter(|&n| n != 1).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn list(text: &mut String, name: &str, items: &[&str]) {
    if !items.is_empty() {
        let _ = write!(text, "\n  {name} = [\n    {}\n  ];\n", items.join("\n    "));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_package_has_a_name_of_its_own() {
        for seed in 0..5 {
            let catalogue = Catalogue::new(seed);
            let distinct = |names: Vec<&str>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
            assert!(distinct(catalogue.system.iter().map(|package| package.name.as_str()).collect()));
            let python = catalogue.python.iter().map(|package| package.name.as_str());
            assert!(distinct(python.chain(catalogue.index.iter().map(|(name, _)| name.as_str())).collect()));
        }
    }

    #[test]
    fn a_package_needs_only_packages_that_are_there_from_the_start_and_come_before_it() {
        let catalogue = Catalogue::new(3);
        for (number, package) in catalogue.system.iter().enumerate() {
            let needs = package.needs.iter().chain(&package.tools);
            assert!(needs.into_iter().all(|&need| need < number && need < AT_START), "{}", package.name);
        }
        for (number, package) in catalogue.python.iter().enumerate().skip(MAINTAINED.len()) {
            assert!(package.needs.iter().all(|&need| need < number), "{}", package.name);
        }
    }

    #[test]
    fn a_bump_changes_the_version_and_never_goes_back() {
        let versions: Vec<String> = (0..9).map(|bumps| version([1, 2, 5], bumps)).collect();
        assert_eq!(versions[..4], ["1.2.5", "1.2.6", "1.3.0", "1.3.1"]);
        assert_eq!(versions[8], "1.3.6");
    }
}

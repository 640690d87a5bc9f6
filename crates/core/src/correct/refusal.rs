//! What nixpkgs says when it refuses a package: which package, why, and which setting of its own it names.
//!
//! Owns the words of its `check-meta.nix` and `problems.nix`, in the form before 26.11 (`Package ‘N’ in F:L …, refusing
//! to evaluate.`) and since (`Refusing to evaluate package 'N' in F:L because it …`). Must not decide whether a message
//! is believed: that is the outcome's part.

use std::fmt;

use crate::outcome::{Class, Outcome};

/// A package that nixpkgs refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The package's name with its version.
    pub package: String,
    /// Why it is refused.
    pub grounds: Grounds,
}

/// Why a package is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grounds {
    /// It lacks what a variable of the environment gives.
    Lacks(Permission),
    /// Problems of these names are written down for it, which code alone can accept.
    Problems(Vec<String>),
    /// Something else, which no setting allows, or none that is known here.
    Other,
}

/// What nixpkgs can be allowed by a variable of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Packages whose license is not free.
    Unfree,
    /// Packages that are marked as broken.
    Broken,
    /// Packages with known vulnerabilities.
    Insecure,
    /// Packages that are not meant for this system.
    UnsupportedSystem,
    /// Packages that were not built from source.
    NonSource,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Unfree, Self::Broken, Self::Insecure, Self::UnsupportedSystem, Self::NonSource];

    /// Returns the variable of the environment that gives it, if it is 1.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Unfree => "NIXPKGS_ALLOW_UNFREE",
            Self::Broken => "NIXPKGS_ALLOW_BROKEN",
            Self::Insecure => "NIXPKGS_ALLOW_INSECURE",
            Self::UnsupportedSystem => "NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM",
            Self::NonSource => "NIXPKGS_ALLOW_NONSOURCE",
        }
    }

    /// Says what the variable permits, and what it does not change.
    #[must_use]
    pub const fn permits(self) -> &'static str {
        match self {
            Self::Unfree => "It permits every package of the evaluation that has an unfree license.",
            Self::Broken => {
                "It permits every package of the evaluation that is marked as broken; whether one of them builds, or \
                 works, is another matter."
            }
            Self::Insecure => {
                "It permits every package of the evaluation with known vulnerabilities; they stay as vulnerable as \
                 they are."
            }
            Self::UnsupportedSystem => {
                "It permits every package of the evaluation that is not meant for this system; whether one of them \
                 builds, or works, is another matter."
            }
            Self::NonSource => "It permits every package of the evaluation that was not built from source.",
        }
    }

    /// Returns the setting of nixpkgs that permits one package, or what is nearest to that.
    #[must_use]
    pub fn setting(self, package: &str) -> String {
        let name = without_version(package);
        match self {
            Self::Unfree => predicate("allowUnfreePredicate", name),
            Self::NonSource => predicate("allowNonSourcePredicate", name),
            Self::Insecure => format!("permittedInsecurePackages = [ \"{package}\" ];"),
            Self::Broken => "allowBroken = true;".to_owned(),
            Self::UnsupportedSystem => "allowUnsupportedSystem = true;".to_owned(),
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unfree => "its license is unfree",
            Self::Broken => "it is marked as broken",
            Self::Insecure => "it has known vulnerabilities",
            Self::UnsupportedSystem => "it is not meant for this system",
            Self::NonSource => "it was not built from source",
        })
    }
}

impl Refusal {
    /// Reads the refusal that an evaluation ended in, if it did.
    #[must_use]
    pub fn of(outcome: &Outcome) -> Option<Self> {
        if outcome.class != Class::Refused {
            return None;
        }
        let message = outcome.message.as_deref()?;
        let (rest, quotes) = match message.strip_prefix("Refusing to evaluate package ") {
            Some(rest) => (rest, ['\'', '\'']),
            None => (message.strip_prefix("Package ")?, ['‘', '’']),
        };
        let (package, rest) = rest.strip_prefix(quotes[0])?.split_once(quotes[1])?;
        if !is_name(package) {
            return None;
        }
        // What comes behind is advice, which can name anything.
        let said = rest.split(", refusing to evaluate").next().unwrap_or(rest);
        Some(Self { package: package.to_owned(), grounds: grounds(said) })
    }

    /// Says in code what would allow what no variable does, if something would.
    #[must_use]
    pub fn setting(&self) -> Option<String> {
        match &self.grounds {
            Grounds::Lacks(permission) => Some(permission.setting(&self.package)),
            Grounds::Problems(names) => {
                let name = without_version(&self.package);
                let one = |problem: &String| format!("problems.handlers.\"{name}\".\"{problem}\" = \"warn\";");
                Some(names.iter().map(one).collect::<Vec<_>>().join(" "))
            }
            Grounds::Other => None,
        }
    }
}

/// The words for each reason; what stands first in the message counts, since paths and licenses can have any words.
const WORDS: [(&str, Permission); 6] = [
    (" has an unfree license", Permission::Unfree),
    (" is marked as broken", Permission::Broken),
    (" is marked as insecure", Permission::Insecure),
    (" is not available on the requested hostPlatform", Permission::UnsupportedSystem),
    (" is not supported on ", Permission::UnsupportedSystem), // to 22.05
    (" contains elements not built from source", Permission::NonSource),
];

/// How 26.11 begins a list of problems.
const PROBLEMS: &str = " has problems: ";

fn grounds(said: &str) -> Grounds {
    let words = WORDS.iter().filter_map(|(words, permission)| Some((said.find(words)?, *permission)));
    let first = words.min_by_key(|(at, _)| *at);
    match (said.find(PROBLEMS), first) {
        (Some(at), first) if first.is_none_or(|(other, _)| at < other) => problems(&said[at + PROBLEMS.len()..]),
        (_, Some((_, permission))) => Grounds::Lacks(permission),
        (_, None) => Grounds::Other,
    }
}

/// Reads `- broken: This package is broken. - name (kind "removal"): …`, on one line as messages are kept.
fn problems(listed: &str) -> Grounds {
    let listed = listed.split(" See also ").next().unwrap_or(listed);
    let mut names: Vec<String> = Vec::new();
    for item in format!(" {listed}").split(" - ").skip(1) {
        let name = item.split([':', ' ']).next().unwrap_or_default();
        // A dash in somebody's sentence begins no problem.
        let begins = item[name.len()..].starts_with(':') || item[name.len()..].starts_with(" (kind ");
        if begins && is_name(name) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    match names.as_slice() {
        [] => Grounds::Other,
        [only] if only == "broken" => Grounds::Lacks(Permission::Broken),
        _ => Grounds::Problems(names),
    }
}

/// Tells whether it is a name as Nix allows for derivations: it is put into code that people copy.
fn is_name(text: &str) -> bool {
    let may_be = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_' | '?' | '=');
    !text.is_empty() && text.chars().all(may_be)
}

/// Returns a package's name as nixpkgs' `lib.getName` does: what stands before the first dash without a letter behind it.
fn without_version(package: &str) -> &str {
    let is_end = |at: usize| !package[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic());
    let end = package.match_indices('-').map(|(at, _)| at).find(|at| is_end(*at));
    &package[..end.unwrap_or(package.len())]
}

fn predicate(setting: &str, name: &str) -> String {
    format!("{setting} = pkg: builtins.elem (nixpkgs.lib.getName pkg) [ \"{name}\" ];")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(message: &str) -> Outcome {
        Outcome { class: Class::Refused, message: Some(message.to_owned()), position: None }
    }

    fn of(message: &str) -> Option<(String, Grounds)> {
        Refusal::of(&refused(message)).map(|refusal| (refusal.package, refusal.grounds))
    }

    #[test]
    fn each_reason_is_known_in_both_forms() {
        for (words, permission) in [
            ("has an unfree license (‘unfree’)", Permission::Unfree),
            ("is marked as broken", Permission::Broken),
            ("is marked as insecure", Permission::Insecure),
            (
                "is not available on the requested hostPlatform: hostPlatform.system = \"x86_64-linux\" \
                 package.meta.platforms = [ \"aarch64-darwin\" ]",
                Permission::UnsupportedSystem,
            ),
            ("is not supported on ‘x86_64-linux’", Permission::UnsupportedSystem),
            ("contains elements not built from source (‘binaryNativeCode’)", Permission::NonSource),
        ] {
            let place = "/nix/store/0-source/pkgs/a b/default.nix:40";
            let old =
                format!("Package ‘x-tools-1.0’ in {place} {words}, refusing to evaluate. a) To temporarily allow");
            let new = format!("Refusing to evaluate package 'x-tools-1.0' in {place} because it {words} a) To temp");
            for message in [old, new] {
                let expected = ("x-tools-1.0".to_owned(), Grounds::Lacks(permission));
                assert_eq!(of(&message), Some(expected), "{message}");
            }
        }
    }

    #[test]
    fn the_problems_of_newer_package_sets_are_read_by_name() {
        let message = |list: &str| {
            format!(
                "Refusing to evaluate package 'x-1.2' in /pkgs/x.nix:40 because it has problems: {list} See also \
                 https://nixos.org/manual - To allow evaluation regardless, use: - Nixpkgs import: import nixpkgs"
            )
        };
        let broken = of(&message("- broken: This package is broken."));
        assert_eq!(broken, Some(("x-1.2".to_owned(), Grounds::Lacks(Permission::Broken))));
        let both = message("- broken: It does - so they say - nothing. - going (kind \"removal\"): Gone soon: in May");
        let refusal = Refusal::of(&refused(&both)).unwrap();
        assert_eq!(refusal.grounds, Grounds::Problems(vec!["broken".to_owned(), "going".to_owned()]));
        let expected = "problems.handlers.\"x\".\"broken\" = \"warn\"; problems.handlers.\"x\".\"going\" = \"warn\";";
        assert_eq!(refusal.setting().as_deref(), Some(expected));
    }

    #[test]
    fn what_stands_first_is_the_reason() {
        let odd = "Package ‘x-1’ in /is marked as broken.nix:1 has an unfree license (‘a, is marked as insecure’), \
                   refusing to evaluate.";
        assert_eq!(of(odd), Some(("x-1".to_owned(), Grounds::Lacks(Permission::Unfree))));
        let advice =
            "Package ‘x-1’ in /x.nix:1 has a blocklisted license (‘y’), refusing to evaluate. is marked as broken";
        assert_eq!(of(advice), Some(("x-1".to_owned(), Grounds::Other)));
        assert_eq!(Refusal::of(&refused(advice)).unwrap().setting(), None);
    }

    #[test]
    fn what_is_no_refusal_is_none() {
        assert_eq!(of("attribute 'x' missing"), None);
        // No derivation has such a name, and it would be shown as code.
        assert_eq!(of("Package ‘x\"; y = 1‘’ in /x.nix:1 is marked as broken, refusing to evaluate."), None);
        let said = "Refusing to evaluate package 'x-1' in /x.nix:1 because it is marked as broken";
        let error = Outcome { class: Class::EvaluationError, ..refused(said) };
        assert_eq!(Refusal::of(&error), None);
    }

    #[test]
    fn a_setting_names_the_package_as_nixpkgs_does() {
        for (package, name) in [("hello-2.12", "hello"), ("x-tools-1.0", "x-tools"), ("a--b", "a"), ("plain", "plain")]
        {
            assert_eq!(without_version(package), name);
        }
        let one = Permission::Insecure.setting("openssl-1.1.1w");
        assert_eq!(one, "permittedInsecurePackages = [ \"openssl-1.1.1w\" ];");
        let one = Permission::Unfree.setting("hello-2.12");
        assert_eq!(one, "allowUnfreePredicate = pkg: builtins.elem (nixpkgs.lib.getName pkg) [ \"hello\" ];");
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(
            start in prop::sample::select(vec!["Package ‘", "Refusing to evaluate package '", ""]), rest in "\\PC{0,60}",
            words in prop::sample::select(vec!["’ in x has problems: - a: b", "' has problems: -", " is marked as broken"]),
        ) {
            let refusal = Refusal::of(&refused(&format!("{start}{rest}{words}{rest}")));
            prop_assert!(refusal.is_none_or(|refusal| refusal.setting().is_none_or(|setting| !setting.is_empty())));
        }
    }
}

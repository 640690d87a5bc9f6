//! Which Nix it is, from what it prints about itself. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A version of Nix, with the name of the implementation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// `Nix`, `Lix` or `Determinate Nix`.
    pub family: String,
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The version as printed.
    pub text: String,
}

impl Version {
    /// Reads what `nix --version` prints, such as `nix (Nix) 2.26.3` or `nix (Lix, like Nix) 2.91.1`.
    #[must_use]
    pub fn parse(printed: &str) -> Option<Self> {
        let line = printed.lines().find(|line| line.contains('('))?;
        let text = line.split_whitespace().last()?.to_owned();
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        let inside = line.split_once('(')?.1.split_once(')')?.0;
        let family = if inside.starts_with("Lix") {
            "Lix"
        } else if inside.starts_with("Determinate") {
            "Determinate Nix"
        } else if inside.starts_with("Nix") {
            "Nix"
        } else {
            return None;
        };
        Some(Self { family: family.to_owned(), major, minor, text })
    }

    /// Tells whether it is at least this version.
    #[must_use]
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// Tells whether it has flakes and `--log-format internal-json`; both came with 2.4.
    #[must_use]
    pub fn has_flakes(&self) -> bool {
        self.at_least(2, 4)
    }

    /// Tells whether it may hash a source anew although the lock has its hash, unless its cache knows the store path. So
    /// does 2.26; 2.8 and 2.34 do not. Of those around it that is not known, and a needless cache does no harm.
    #[must_use]
    pub fn hashes_sources_again(&self) -> bool {
        self.family == "Nix" && self.at_least(2, 20) && !self.at_least(2, 34)
    }

    /// Tells whether it can write a profile of an evaluation, which came with 2.30; Lix, which parted before, cannot.
    #[must_use]
    pub fn has_profiler(&self) -> bool {
        self.family != "Lix" && self.at_least(2, 30)
    }

    /// Tells whether it takes `--max-call-depth`, which came with 2.20 and with the first Lix, 2.90.
    #[must_use]
    pub fn limits_call_depth(&self) -> bool {
        self.at_least(2, 20)
    }

    /// Tells whether it takes `path:FOLDER?dir=SUB`, which came with 2.26; Lix, which parted before, does not.
    #[must_use]
    pub fn takes_folder_below_path(&self) -> bool {
        self.family != "Lix" && self.at_least(2, 26)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_recognised() {
        for (printed, shown, flakes, below) in [
            ("nix (Nix) 2.3.7\n", "Nix 2.3.7", false, false),
            ("nix (Nix) 2.34.8\n", "Nix 2.34.8", true, true),
            ("nix (Nix) 2.25pre20240910_abc\n", "Nix 2.25pre20240910_abc", true, false),
            ("nix (Lix, like Nix) 2.91.1\nSystem type: x\n", "Lix 2.91.1", true, false),
            ("nix (Determinate Nix 3.6.8) 2.30.2\n", "Determinate Nix 2.30.2", true, true),
        ] {
            let version = Version::parse(printed).unwrap();
            assert_eq!(version.to_string(), shown);
            assert_eq!(version.has_flakes(), flakes);
            assert_eq!(version.takes_folder_below_path(), below);
        }
        assert_eq!(Version::parse("bash: nix: command not found"), None);
        assert_eq!(Version::parse("nix (Nix) two"), None);
        assert_eq!(Version::parse("true (GNU coreutils) 9.1\nCopyright (C) 2022"), None);
    }
}
